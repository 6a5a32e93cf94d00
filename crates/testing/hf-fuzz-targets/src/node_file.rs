//! Node files, from whoever runs a node.
//!
//! 1. Any text becomes a node's configuration or problems with places.
//! 2. What is read keeps what the rest of the program relies on: roles in order and once each, no feed in the clear beyond this
//!    machine, lengths of time in their ranges, a zone where a role needs one.

use std::time::Duration;

use hf_config::node::{NodeConfig, Role};
use hf_config::{is_node_file, read_node};

use crate::places::check_problem;

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match read_node("node.toml", &text) {
        Ok(node) => {
            assert!(is_node_file(&text), "it reads as a node file and is taken for none");
            check_node(&node);
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a problem");
            let _ = is_node_file(&text);
            for problem in &problems.0 {
                assert_eq!(problem.file, "node.toml");
                check_problem(problem, &text);
            }
        }
    }
}

fn check_node(node: &NodeConfig) {
    assert!(!node.roles.is_empty() && node.roles.is_sorted_by(|a, b| a < b), "{:?}", node.roles);
    let stands = node.roles.iter().any(|role| matches!(role, Role::Checker | Role::Balancer));
    assert!(node.zone.is_some() || !stands, "{node:?}");
    assert!(node.estate.is_none() || node.roles.contains(&Role::Control), "{node:?}");
    assert!((Duration::from_millis(100)..=Duration::from_secs(10)).contains(&node.beat), "{node:?}");
    assert!(node.balancer.drain <= Duration::from_hours(1), "{node:?}");
    assert!(!node.dns.listen.is_empty());
    assert!(node.peers.iter().all(|peer| peer.port() != 0), "{node:?}");
    let mut feed = node.peers.iter().chain([&node.feed_listen]);
    assert!(node.tls.is_some() || feed.all(|address| address.ip().is_loopback()), "in the clear: {node:?}");
}
