//! Suites that are programs of their own, in `balancer/`: each prints its table and ends with 0 when all is well.

use std::process::Command;

use hf_e2e::process::{must, output};

use super::node::{Node, root};
use super::recorder::Recorder;

const TWO_ZONES: &str = "endpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }, { address = \"ADDRESS:9002\", zone = \"az2\" }]\n";

/// What RFC 9113 says that a server must do with frames that are wrong.
#[test]
fn http2_is_spoken_as_its_rfc_says() {
    let pools = format!("[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\n{TWO_ZONES}");
    let mut node = Node::start(2, &pools, "", 8080, |_| ());
    node.passes("http2_rules.py", &[]);
    node.nothing_went_wrong();
}

/// Every kind of call; open streams live through a shift, calls do not notice it.
#[test]
fn grpc_goes_on_through_a_shift() {
    let pools =
        format!("[[pool]]\nname = \"grpc\"\nlisten = \"0.0.0.0:8080\"\nendpoint_http = \"2\"\n{TWO_ZONES}");
    let mut node = Node::start(3, &pools, "drain = \"30s\"", 8080, |_| ());
    node.passes("grpc_calls.py", &[]);
    node.nothing_went_wrong();
}

/// Messages of every size, close codes, and 1012 after the grace of a shift.
#[test]
fn websockets_are_carried_and_told_when_a_zone_leaves() {
    let pools = format!("[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\n{TWO_ZONES}");
    let mut node = Node::start(4, &pools, "drain = \"3s\"", 8080, |_| ());
    node.passes("websocket_talk.py", &[]);
    node.nothing_went_wrong();
}

/// Varnish's test program has a client and a server of its own; its cases stand in `balancer/vtc`.
#[test]
fn http1_is_spoken_as_varnishtest_expects() {
    let pools = "[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\nendpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }]\n\
                 ejection = { failures = 0, failure_share = \"0%\" }\nbounds = { kept_per_endpoint = 1 }\n";
    for (number, case) in [(8, "http1.vtc"), (9, "ends.vtc")] {
        // One worker: the endpoint's one kept connection serves all clients.
        let mut node = Node::start(number, pools, "workers = 1", 8080, |_| ());
        let mut command = Command::new("varnishtest");
        for (name, value) in [
            ("balancer_addr", &*node.address),
            ("balancer_port", "8080"),
            ("server_addr", &*node.address),
            ("server_port", "9001"),
        ] {
            command.arg(format!("-D{name}={value}"));
        }
        let told = output(command.arg(root().join("crates/testing/hf-e2e/balancer/vtc").join(case)));
        node.ended_well(case, &told);
        node.nothing_went_wrong();
    }
}

/// nghttp2's load generator: no stream fails among many, over few connections and many.
#[test]
fn h2load_sees_no_failure() {
    let pools = format!("[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\n{TWO_ZONES}");
    let mut node = Node::start(10, &pools, "", 8080, |_| ());
    let _recorders = [Recorder::start(node.at(9001)), Recorder::start(node.at(9002))];
    for (clients, streams, more) in [("1", "100", &[][..]), ("50", "10", &[]), ("50", "1", &["--h1"])] {
        let mut command = Command::new("h2load");
        command.args(["-n", "5000", "-c", clients, "-m", streams]).args(more);
        let told = must(command.arg(format!("http://{}/", node.at(8080))));
        assert!(told.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"), "{told}");
    }
    node.nothing_went_wrong();
}
