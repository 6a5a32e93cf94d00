//! `[balancer]` and `[assign]`: what they say, and what pools need of the node.

use super::*;

#[test]
fn a_balancer_node_says_all_it_can() {
    edit(
        "drain = \"1m\"",
        "drain = \"2h\"\nworkers = 0\ncertificates = [{ certificate = \"a.pem\" }, { certificate = \"b.pem\", key = \"b.key\" }, { certificate = \"b.pem\", key = \"c.key\" }]\nendpoint_authorities = \"\"\naccess_log = true\nticket_key = \"t\"",
        expect![[r#"
            node.toml:25:9: `drain` is 0s to 1h, this is 2h; change it
            node.toml:26:11: `workers` is 1 to 256, this is 0; change it
            node.toml:27:17: a certificate needs `key`; add it
            node.toml:27:86: this certificate is listed twice; remove one of the two
            node.toml:28:24: a path is not empty; write one
            node.toml:29:14: `access_log` is a string in quotes, this is true or false; change it
            node.toml:30:1: the section balancer has no `ticket_key`; remove it, there are `address`, `workers`, `drain`, `certificates`, `endpoint_authorities`, `handover_socket`, `ticket_key_file`, `access_log`
        "#]],
    );
    edit(
        "drain = \"1m\"",
        "certificates = []",
        expect![[r#"
        node.toml:25:16: at least one certificate; add it, or remove `certificates`
    "#]],
    );
    let text = WHOLE.replace(
        "drain = \"1m\"",
        "workers = 4\ncertificates = [{ certificate = \"a.pem\", key = \"a.key\" }]\nendpoint_authorities = \"ca.pem\"\n\
         handover_socket = \"h.sock\"\nticket_key_file = \"t.key\"\naccess_log = \"stdout\"",
    );
    let config = read_node("node.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    expect![[r#"BalancerConfig { address: Some(10.1.1.4), workers: Some(4), drain: 30s, certificates: [Certificate { certificate: "a.pem", key: "a.key" }], endpoint_authorities: Some("ca.pem"), handover_socket: Some("h.sock"), ticket_key_file: Some("t.key"), access_log: Some(Stdout) }"#]].assert_eq(&format!("{:?}", config.balancer));
}

/// Pools that end TLS or want tickets need files of the node that carries them.
#[test]
fn what_pools_need_of_a_balancer_node() {
    let estate = |keys: &str| {
        let toml = format!(
            "[[region]]\nid = \"r\"\n[[zone]]\nid = \"euw2-az1\"\nregion = \"r\"\n[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8443\"\n{keys}\n\
             endpoints = [{{ address = \"10.0.0.1:80\", zone = \"euw2-az1\" }}]\n[[hosted_zone]]\nname = \"x.test.\"\n[[record]]\nname = \"www.x.test.\"\ntype = \"A\"\n\
             answers = [{{ pool = \"web\" }}]\n[[assignment]]\nservice = \"chat\"\nrecord = \"www.x.test.\"\nask_at = \"https://a.test\"\n\
             places = [{{ pool = \"web\", url = \"https://w.test\" }}]\n"
        );
        let bundle = crate::estate::EstateBundle { toml, ..Default::default() };
        crate::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let check = |keys: &str, node: &str, expected: Expect| {
        let found = match check_node_in("node.toml", node, &estate(keys)) {
            Ok(()) => "fine\n".to_owned(),
            Err(problems) => format!("{problems}\n"),
        };
        expected.assert_eq(&found);
    };
    check(
        "",
        WHOLE,
        expect![[r#"
        fine
    "#]],
    );
    check(
        "tls = true\nassigned = \"chat\"",
        WHOLE,
        expect![[r#"
        node.toml:23:1: pool `web` ends TLS here (`tls = true`), and this node has no certificate; add certificates = [{ certificate = …, key = … }] to [balancer]
        node.toml:23:1: pool `web` wants tickets (`assigned`), and this node cannot check them; add `ticket_key_file` to [balancer]
    "#]],
    );
    let with_files = WHOLE.replace(
        "drain = \"1m\"",
        "certificates = [{ certificate = \"a\", key = \"b\" }]\nticket_key_file = \"t\"",
    );
    check(
        "tls = true\nassigned = \"chat\"",
        &with_files,
        expect![[r#"
        fine
    "#]],
    );
    check(
        "",
        &WHOLE.replace("\"status\"]", "\"status\", \"assign\"]"),
        expect![[r#"
        node.toml:23:1: service `chat` is assigned with tickets, and this node cannot sign them; add `ticket_key_file` to [balancer]
    "#]],
    );
}

#[test]
fn a_node_that_assigns_says_where() {
    let node = |more: &str| {
        format!("[node]\nid = \"n\"\ndata_dir = \"d\"\nroles = [\"assign\", \"status\"]\n{more}")
    };
    let good = |more: &str, expected: Expect| {
        let config = read_node("node.toml", &node(more)).unwrap_or_else(|problems| panic!("{problems}"));
        expected.assert_eq(&format!("{:?}", config.assign));
    };
    good("", expect!["AssignConfig { listen: 127.0.0.1:7603, tls: None, trusted: [] }"]);
    good(
        "[assign]\nlisten = \"0.0.0.0:443\"\ntls = { certificate = \"a.pem\", key = \"a.key\" }\ntrusted = [\"10.0.0.0/8\", \"2001:db8::/32\"]",
        expect![[
            r#"AssignConfig { listen: 0.0.0.0:443, tls: Some(Certificate { certificate: "a.pem", key: "a.key" }), trusted: [Cidr { base: 10.0.0.0, bits: 8 }, Cidr { base: 2001:db8::, bits: 32 }] }"#
        ]],
    );
    check(
        &node(
            "[assign]\nlisten = \"127.0.0.1:7601\"\ntls = { certificate = \"a.pem\" }\ntrusted = [\"10.0.0.0/8\", \"x\", \"10.0.0.0/8\"]\nkey = 1",
        ),
        expect![[r#"
            node.toml:6:10: 127.0.0.1:7601 meets the listener 127.0.0.1:7601 of this node; choose another port
            node.toml:7:7: the assign role's tls needs `key`; add it
            node.toml:8:26: "x" is not a network; write an address, '/' and a number of bits, such as 10.1.0.0/16
            node.toml:8:31: 10.0.0.0/8 is listed twice; remove one of the two
            node.toml:9:1: the section assign has no `key`; remove it, there are `listen`, `tls`, `trusted`
        "#]],
    );
    check(
        &node("[status]\nlisten = \"0.0.0.0:7603\""),
        expect![[r#"
        node.toml: 127.0.0.1:7603, where [assign] listens unless told otherwise, meets the listener 0.0.0.0:7603 of this node; set `listen`
    "#]],
    );
    // Who does not assign has nothing in the way there.
    let other = node("[status]\nlisten = \"0.0.0.0:7603\"").replace("\"assign\", ", "");
    assert!(read_node("node.toml", &other).is_ok());
}
