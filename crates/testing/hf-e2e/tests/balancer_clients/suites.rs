//! Suites that are programs of their own, in `balancer/`: each prints its table and ends with 0 when all is well.

use crate::node::Node;

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
