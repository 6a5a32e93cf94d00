//! What the tests of several modules need: a small estate and a node file's content.

use std::fmt::Write as _;
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_config::node::{NodeConfig, Role};
use hf_control::Intent;
use hf_model::{EstateId, NodeId, Revision};

/// One pool of this name in the zones a, b (also `b-alias`) and c.
pub fn estate(pool: &str) -> EstateBundle {
    let mut toml = "[[region]]\nid = \"r\"\n".to_owned();
    for zone in ["a", "b", "c"] {
        let alias = if zone == "b" { "aliases = [\"b-alias\"]\n" } else { "" };
        let _ = write!(toml, "[[zone]]\nid = \"{zone}\"\nregion = \"r\"\n{alias}");
    }
    toml.push_str("[[health_check]]\nname = \"up\"\nkind = \"tcp\"\n");
    let _ = write!(
        toml,
        "[[pool]]\nname = \"{pool}\"\nprotocol = \"tcp\"\nhealth_check = \"up\"\nendpoints = [\n\
         {{ address = \"127.0.0.1:1\", zone = \"a\" }},\n\
         {{ address = \"127.0.0.1:2\", zone = \"b\" }},\n\
         {{ address = \"127.0.0.1:3\", zone = \"c\" }},\n]\n"
    );
    EstateBundle { toml, ..EstateBundle::default() }
}

/// Whose estate it is.
pub const ESTATE: EstateId = EstateId([7; 16]);

/// An intent with that estate.
pub fn intent(revision: u64, pool: &str) -> Intent {
    Intent { estate_id: ESTATE, revision: Revision(revision), estate: estate(pool), ..Intent::default() }
}

/// A data-plane node on loopback, every port chosen by the system.
pub fn config(name: &str) -> NodeConfig {
    let any = "127.0.0.1:0".parse().expect("an address");
    NodeConfig {
        id: NodeId::new(name).expect("a node id"),
        zone: None,
        data_dir: "data".into(),
        roles: vec![Role::Status],
        estate: None,
        api_listen: any,
        api: hf_config::node::ApiConfig::default(),
        status_listen: any,
        status: hf_config::node::StatusConfig::default(),
        feed_listen: any,
        dns: hf_config::node::DnsConfig::on(vec![any]),
        balancer: hf_config::node::BalancerConfig {
            drain: Duration::from_secs(1),
            ..hf_config::node::BalancerConfig::default()
        },
        assign: hf_config::node::AssignConfig { listen: any, ..hf_config::node::AssignConfig::default() },
        beat: Duration::from_secs(1),
        peers: vec![],
        tls: None,
        ledger: hf_config::node::LedgerConfig::Embedded,
        break_glass_keys: vec![],
        sources: hf_config::node::SourcesConfig::default(),
        checker: hf_config::node::CheckerConfig::default(),
        haproxy: hf_config::node::HaproxyConfig::default(),
        render: vec![],
        notify: vec![],
        stores: hf_config::node::StoresConfig::default(),
        xds: None,
    }
}
