#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"
[node]
id = "node-1"
zone = "euw2-az1"
data_dir = "data"
roles = ["balancer", "control", "dns", "checker", "status"]
estate = "estate.toml"
peers = ["10.1.2.4:7602", "[2001:db8::4]:7602"]
beat = "500ms"

[api]
listen = "127.0.0.1:7600"

[status]
listen = "0.0.0.0:7601"

[feed]
listen = "10.1.1.4:7602"

[dns]
listen = ["10.1.1.4:53", "[2001:db8::3]:53"]

[balancer]
address = "10.1.1.4"
drain = "1m"

[tls]
ca = "ca.pem"
certificate = "node-1.pem"
key = "node-1.key"

[ledger]
engine = "redb"

[[break_glass_key]]
name = "ada"
public_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
"#;

fn check(text: &str, expected: Expect) {
    let found = match read_node("node.toml", text) {
        Ok(config) => format!("{config:#?}\n"),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

fn edit(from: &str, to: &str, expected: Expect) {
    assert_eq!(WHOLE.matches(from).count(), 1, "{from:?} is not once in the example");
    check(&WHOLE.replace(from, to), expected);
}

#[test]
fn a_whole_file() {
    check(
        WHOLE,
        expect![[r#"
            NodeConfig {
                id: node-1,
                zone: Some(
                    euw2-az1,
                ),
                data_dir: "data",
                roles: [
                    Control,
                    Checker,
                    Dns,
                    Balancer,
                    Status,
                ],
                estate: Some(
                    "estate.toml",
                ),
                api_listen: 127.0.0.1:7600,
                api: ApiConfig {
                    access: None,
                    tls: None,
                },
                status_listen: 0.0.0.0:7601,
                feed_listen: 10.1.1.4:7602,
                dns: DnsConfig {
                    listen: [
                        10.1.1.4:53,
                        [2001:db8::3]:53,
                    ],
                    tls: None,
                    zone_dir: None,
                    geo_database: None,
                    latency_file: None,
                    tsig_keys: [],
                    seal_file: None,
                    nsid: None,
                    cookie_secret_file: None,
                    rate_limit: None,
                    explain_networks: [],
                    workers: None,
                    xdp: None,
                    dnstap: None,
                    udp_payload_max: 1232,
                },
                balancer: BalancerConfig {
                    address: Some(
                        10.1.1.4,
                    ),
                    workers: None,
                    drain: 60s,
                    certificates: [],
                    endpoint_authorities: None,
                    handover_socket: None,
                    ticket_key_file: None,
                    access_log: None,
                },
                assign: AssignConfig {
                    listen: 127.0.0.1:7603,
                    tls: None,
                    trusted: [],
                },
                beat: 500ms,
                peers: [
                    10.1.2.4:7602,
                    [2001:db8::4]:7602,
                ],
                tls: Some(
                    TlsConfig {
                        ca: "ca.pem",
                        certificate: "node-1.pem",
                        key: "node-1.key",
                    },
                ),
                ledger: Embedded,
                break_glass_keys: [
                    OperatorKey {
                        name: "ada",
                        public_key: [
                            0,
                            1,
                            2,
                            3,
                            4,
                            5,
                            6,
                            7,
                            8,
                            9,
                            10,
                            11,
                            12,
                            13,
                            14,
                            15,
                            16,
                            17,
                            18,
                            19,
                            20,
                            21,
                            22,
                            23,
                            24,
                            25,
                            26,
                            27,
                            28,
                            29,
                            30,
                            31,
                        ],
                    },
                ],
                sources: SourcesConfig {
                    resolvers: [],
                    directory: "data/endpoints",
                },
                checker: CheckerConfig {
                    allow_commands: [],
                },
            }
        "#]],
    );
}

/// Whatever may be left out has the default that the type's documentation names.
#[test]
fn defaults() {
    check(
        "node = { id = \"n\", data_dir = \"/var/lib/holdfast\", roles = [\"dns\"] }",
        expect![[r#"
            NodeConfig {
                id: n,
                zone: None,
                data_dir: "/var/lib/holdfast",
                roles: [
                    Dns,
                ],
                estate: None,
                api_listen: 127.0.0.1:7600,
                api: ApiConfig {
                    access: None,
                    tls: None,
                },
                status_listen: 127.0.0.1:7601,
                feed_listen: 127.0.0.1:7602,
                dns: DnsConfig {
                    listen: [
                        127.0.0.1:5300,
                    ],
                    tls: None,
                    zone_dir: None,
                    geo_database: None,
                    latency_file: None,
                    tsig_keys: [],
                    seal_file: None,
                    nsid: None,
                    cookie_secret_file: None,
                    rate_limit: None,
                    explain_networks: [],
                    workers: None,
                    xdp: None,
                    dnstap: None,
                    udp_payload_max: 1232,
                },
                balancer: BalancerConfig {
                    address: None,
                    workers: None,
                    drain: 30s,
                    certificates: [],
                    endpoint_authorities: None,
                    handover_socket: None,
                    ticket_key_file: None,
                    access_log: None,
                },
                assign: AssignConfig {
                    listen: 127.0.0.1:7603,
                    tls: None,
                    trusted: [],
                },
                beat: 1s,
                peers: [],
                tls: None,
                ledger: Embedded,
                break_glass_keys: [],
                sources: SourcesConfig {
                    resolvers: [],
                    directory: "/var/lib/holdfast/endpoints",
                },
                checker: CheckerConfig {
                    allow_commands: [],
                },
            }
        "#]],
    );
}

#[test]
fn what_a_node_needs() {
    check(
        "",
        expect![[r#"
        node.toml:1:1: a node file needs `node`; add it
    "#]],
    );
    check(
        "[node]",
        expect![[r#"
        node.toml:1:1: a node needs `data_dir`; add it
        node.toml:1:1: a node needs `id`; add it
        node.toml:1:1: a node needs `roles`; add it
    "#]],
    );
    check(
        "[node]\nid = \"n\"\ndata_dir = \"\"\nroles = []",
        expect![[r#"
            node.toml:3:12: a path is not empty; write one
            node.toml:4:9: a node has at least one role; there are `control`, `checker`, `dns`, `balancer`, `status`, `assign`
        "#]],
    );
    edit(
        "zone = \"euw2-az1\"\n",
        "",
        expect![[r#"
        node.toml:2:1: a node with the role checker stands in a zone; add `zone`
    "#]],
    );
    edit(
        "\"balancer\", \"control\", ",
        "",
        expect![[r#"
        node.toml:7:10: only a node with the role control watches an estate file; remove `estate` or add the role
    "#]],
    );
    edit(
        "\"balancer\", ",
        "\"cook\", \"dns\",",
        expect![[r#"
            node.toml:6:10: no role is called "cook"; there are `control`, `checker`, `dns`, `balancer`, `status`, `assign`
            node.toml:6:35: role dns is listed twice; remove one of the two
        "#]],
    );
    check(
        "[[zone]]\nid = \"a\"",
        expect![[r#"
        node.toml: this is an estate file; a node file has [node] with id, data_dir and roles
    "#]],
    );
}

#[test]
fn what_is_wrong_in_values() {
    edit(
        "beat = \"500ms\"",
        "beat = \"11s\"",
        expect![[r#"
        node.toml:9:8: `beat` is 100ms to 10s, this is 11s; change it
    "#]],
    );
    edit(
        "drain = \"1m\"",
        "drian = \"1m\"",
        expect![[r#"
            node.toml:25:1: the section balancer has no `drian`; write `drain` or remove it
        "#]],
    );
    edit(
        "engine = \"redb\"",
        "engine = \"sqlite\"\nfile = 1",
        expect![[r#"
            node.toml:33:10: "sqlite" is not a ledger; use embedded or etcd
            node.toml:34:1: the section ledger has no `file`; remove it, there are `engine`, `endpoints`, `prefix`, `user`, `password_file`, `ca`, `certificate`, `key`
        "#]],
    );
    edit(
        "address = \"10.1.1.4\"",
        "address = \"10.1.1.4:80\"",
        expect![[r#"
            node.toml:24:11: "10.1.1.4:80" is not an address; write one such as 10.1.1.4
        "#]],
    );
    edit(
        "wdHh8=",
        "wdHg==",
        expect![[r#"
        node.toml:37:14: a public key is 32 bytes in base64 (44 characters); copy it from the output of the key's maker
    "#]],
    );
    edit(
        "wdHh8=",
        "wdHh8",
        expect![[r#"
        node.toml:37:14: a public key is 32 bytes in base64 (44 characters); copy it from the output of the key's maker
    "#]],
    );
    edit(
        "name = \"ada\"",
        "name = \"\"",
        expect![[r#"
        node.toml:36:8: an operator's name has 1 to 128 bytes and no control characters; change it
    "#]],
    );
    edit(
        "key = \"node-1.key\"\n",
        "",
        expect![[r#"
        node.toml:27:1: the section tls needs `key`; add it
    "#]],
    );
    edit(
        "[ledger]",
        "[leger]",
        expect![[r#"
        node.toml:32:2: a node file has no `leger`; write `ledger` or remove it
    "#]],
    );
}

#[test]
fn listeners_and_peers() {
    edit(
        "listen = \"0.0.0.0:7601\"",
        "listen = \"0.0.0.0:7600\"",
        expect![[r#"
            node.toml:15:10: 0.0.0.0:7600 meets the listener 127.0.0.1:7600 of this node; choose another port
        "#]],
    );
    edit(
        "listen = \"0.0.0.0:7601\"",
        "listen = \"7601\"",
        expect![[r#"
            node.toml:15:10: "7601" is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080
        "#]],
    );
    edit(
        "listen = [\"10.1.1.4:53\", \"[2001:db8::3]:53\"]",
        "listen = []",
        expect![[r#"
            node.toml:21:10: at least one address to listen on; add it
        "#]],
    );
    edit(
        "listen = [\"10.1.1.4:53\", \"[2001:db8::3]:53\"]",
        "listen = [\"10.1.1.4:53\", \"10.1.1.4:53\"]",
        expect![[r#"
            node.toml:21:26: 10.1.1.4:53 meets the listener 10.1.1.4:53 of this node; choose another port
        "#]],
    );
    edit(
        "\"[2001:db8::4]:7602\"",
        "\"10.1.2.4:7602\", \"10.1.2.5:0\"",
        expect![[r#"
        node.toml:8:27: peer 10.1.2.4:7602 is listed twice; remove one of the two
        node.toml:8:44: a peer's port is 1 to 65535, this one is 0; write where its feed listens
    "#]],
    );
    let tls = WHOLE.find("[tls]").unwrap()..WHOLE.find("[ledger]").unwrap();
    let mut without_tls = WHOLE.to_owned();
    without_tls.replace_range(tls, "");
    check(
        &without_tls,
        expect![[r#"
            node.toml:8:10: the way to peer 10.1.2.4:7602 leaves this machine; add [tls]
            node.toml:8:27: the way to peer [2001:db8::4]:7602 leaves this machine; add [tls]
            node.toml:18:10: the feed at 10.1.1.4:7602 is open to the network; add [tls], or listen on 127.0.0.1
        "#]],
    );
}

/// A service that this node does not run is in nobody's way.
#[test]
fn only_own_services_listen() {
    let text =
        "[node]\nid = \"n\"\ndata_dir = \"d\"\nroles = [\"status\"]\n[status]\nlisten = \"127.0.0.1:5300\"\n";
    assert_eq!(read_node("node.toml", text).unwrap().status_listen.port(), 5300);
    check(
        &text.replace("status\"]", "status\", \"dns\"]"),
        expect![[r#"
        node.toml: 127.0.0.1:5300, where [dns] listens unless told otherwise, meets the listener 127.0.0.1:5300 of this node; set `listen`
    "#]],
    );
}

/// Tests open any free port: port 0 is in nobody's way.
#[test]
fn any_free_port() {
    let text = "[node]\nid = \"n\"\ndata_dir = \"d\"\nroles = [\"status\"]\n\
                [api]\nlisten = \"127.0.0.1:0\"\n[status]\nlisten = \"127.0.0.1:0\"\n[feed]\nlisten = \"127.0.0.1:0\"\n";
    assert_eq!(read_node("node.toml", text).unwrap().status_listen.port(), 0);
}

#[test]
fn files_are_told_apart() {
    assert!(is_node_file(WHOLE));
    assert!(is_node_file("  [node]\nid = = 1"));
    assert!(!is_node_file("[[zone]]\nid = \"node\""));
    assert!(!is_node_file("[[zone]\n"));
}

proptest! {
    /// Any text gets an answer.
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = read_node("node.toml", &text);
        let _ = is_node_file(&text);
    }

    /// So does a right file with some characters cut out.
    #[test]
    fn damaged_files_are_answered(at in any::<prop::sample::Index>(), length in 0usize..40, put in "[\\[\\]\"=0-9a-z{}, \n]{0,4}") {
        let at = at.index(WHOLE.len());
        let mut text = WHOLE.to_owned();
        text.replace_range(at..(at + length).min(WHOLE.len()), &put);
        let _ = read_node("node.toml", &text);
    }
}

#[test]
fn a_zone_that_the_estate_does_not_have_is_told_at_its_place() {
    let toml =
        "[[region]]\nid = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\naliases = [\"other\"]\n";
    let bundle = crate::estate::EstateBundle { toml: toml.to_owned(), ..Default::default() };
    let estate = crate::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let node = |zone: &str| {
        let text = format!("[node]\nid = \"n\"\nzone = \"{zone}\"\ndata_dir = \"d\"\nroles = [\"dns\"]\n");
        crate::check_node_in("node.toml", &text, &estate).map_err(|problems| problems.to_string())
    };
    assert_eq!(node("az1"), Ok(()));
    assert_eq!(node("other"), Ok(()));
    assert_eq!(node("az9"), Err("node.toml:3:8: no zone `az9` in the estate; it has az1".to_owned()));
}

/// Only what `[ledger]` became.
fn check_ledger(section: &str, expected: Expect) {
    let text = WHOLE.replace("engine = \"redb\"", section);
    let found = match read_node("node.toml", &text) {
        Ok(config) => format!("{:#?}\n", config.ledger),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_ledger_in_etcd() {
    check_ledger(
        "",
        expect![[r#"
        Embedded
    "#]],
    );
    check_ledger(
        "engine = \"embedded\"",
        expect![[r#"
        Embedded
    "#]],
    );
    check_ledger(
        "engine = \"etcd\"\nendpoints = [\"http://10.0.0.1:2379\"]",
        expect![[r#"
        Etcd(
            EtcdConfig {
                endpoints: [
                    10.0.0.1:2379,
                ],
                prefix: "/holdfast/",
                login: None,
                tls: None,
            },
        )
    "#]],
    );
    check_ledger(
        r#"engine = "etcd"
endpoints = ["https://10.0.0.1:2379", "https://[2001:db8::1]:2379/"]
prefix = "/teams/shop/"
user = "holdfast"
password_file = "etcd.password"
ca = "etcd-ca.pem"
certificate = "etcd.pem"
key = "etcd.key""#,
        expect![[r#"
            Etcd(
                EtcdConfig {
                    endpoints: [
                        10.0.0.1:2379,
                        [2001:db8::1]:2379,
                    ],
                    prefix: "/teams/shop/",
                    login: Some(
                        EtcdLogin {
                            user: "holdfast",
                            password_file: "etcd.password",
                        },
                    ),
                    tls: Some(
                        EtcdTls {
                            ca: "etcd-ca.pem",
                            own: Some(
                                Certificate {
                                    certificate: "etcd.pem",
                                    key: "etcd.key",
                                },
                            ),
                        },
                    ),
                },
            )
        "#]],
    );
    check_ledger(
        "engine = \"etcd\"\nendpoints = [\"http://127.0.0.1:2379\"]\nuser = \"a\"\npassword_file = \"b\"",
        expect![[r#"
            Etcd(
                EtcdConfig {
                    endpoints: [
                        127.0.0.1:2379,
                    ],
                    prefix: "/holdfast/",
                    login: Some(
                        EtcdLogin {
                            user: "a",
                            password_file: "b",
                        },
                    ),
                    tls: None,
                },
            )
        "#]],
    );
}

#[test]
fn what_is_wrong_with_a_ledger() {
    check_ledger(
        "engine = \"etcd\"",
        expect![[r#"
        node.toml:32:1: the section ledger needs `endpoints`; add it
    "#]],
    );
    check_ledger(
        "engine = \"etcd\"\nendpoints = []",
        expect![[r#"
        node.toml:34:13: at least one member of etcd; add it
    "#]],
    );
    check_ledger(
        "engine = \"etcd\"\nendpoints = \"https://10.0.0.1:2379\"",
        expect![[r#"
        node.toml:34:13: `endpoints` is a list in square brackets, this is a string; change it
    "#]],
    );
    check_ledger(
        "endpoints = [\"https://10.0.0.1:2379\"]\nuser = \"a\"",
        expect![[r#"
        node.toml:33:13: `endpoints` belongs to a ledger in etcd; set engine = "etcd" or remove it
        node.toml:34:8: `user` belongs to a ledger in etcd; set engine = "etcd" or remove it
    "#]],
    );
    check_ledger(
        "engine = \"consul\"\nprefix = \"x\"\nfile = 1",
        expect![[r#"
        node.toml:33:10: "consul" is not a ledger; use embedded or etcd
        node.toml:35:1: the section ledger has no `file`; remove it, there are `engine`, `endpoints`, `prefix`, `user`, `password_file`, `ca`, `certificate`, `key`
    "#]],
    );
    let etcd = |rest: &str, expected: Expect| {
        let ca = if rest.contains("http://") { "" } else { "ca = \"ca.pem\"\n" };
        let endpoints =
            if rest.contains("endpoints") { "" } else { "endpoints = [\"https://10.0.0.1:2379\"]\n" };
        check_ledger(&format!("engine = \"etcd\"\n{ca}{endpoints}{rest}"), expected);
    };
    etcd(
        r#"endpoints = ["10.0.0.1:2379", "https://etcd-1:2379", "https://10.0.0.1:0", "https://10.0.0.1:2379/v3"]"#,
        expect![[r#"
            node.toml:35:14: "10.0.0.1:2379" is not an endpoint of etcd; write one such as https://10.0.0.1:2379
            node.toml:35:31: "etcd-1:2379" is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080
            node.toml:35:54: an endpoint's port is 1 to 65535, this one is 0; write where etcd listens
            node.toml:35:76: "10.0.0.1:2379/v3" is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080
        "#]],
    );
    etcd(
        r#"endpoints = ["https://10.0.0.1:2379", "https://10.0.0.1:2379/", "http://10.0.0.2:2379"]"#,
        expect![[r#"
            node.toml:34:39: endpoint 10.0.0.1:2379 is listed twice; remove one of the two
            node.toml:34:65: endpoints are all http:// or all https://; change some
        "#]],
    );
    let many: Vec<String> = (1..=17).map(|at| format!("\"https://10.0.0.{at}:2379\"")).collect();
    etcd(
        &format!("endpoints = [{}]", many.join(", ")),
        expect![[r#"
        node.toml:35:421: at most 16 of `endpoints`, there are 17; remove some
    "#]],
    );
    for prefix in ["holdfast/", "/holdfast", "/", "//", "/a//b/", "/a b/", ""] {
        let text = WHOLE.replace(
            "engine = \"redb\"",
            &format!("engine = \"etcd\"\nendpoints = [\"http://127.0.0.1:1\"]\nprefix = \"{prefix}\""),
        );
        let problems = read_node("node.toml", &text).unwrap_err().to_string();
        assert!(problems.contains("35:10: a prefix begins and ends with `/`"), "{prefix:?}: {problems}");
    }
    etcd(
        "user = \"a\"",
        expect![[r#"
        node.toml:32:1: `user` needs `password_file`: the file that holds the password; add it
    "#]],
    );
    etcd(
        "password_file = \"a\"",
        expect![[r#"
        node.toml:32:1: `password_file` needs `user`; add it
    "#]],
    );
    etcd(
        "user = \"\"\npassword_file = \"\"",
        expect![[r#"
        node.toml:36:8: a user's name has 1 to 128 bytes and no control characters; change it
        node.toml:37:17: a path is not empty; write one
    "#]],
    );
    etcd(
        "key = \"a\"",
        expect![[r#"
        node.toml:32:1: `key` needs `certificate`; add it
    "#]],
    );
    etcd(
        "certificate = \"a\"",
        expect![[r#"
        node.toml:32:1: `certificate` needs `key`; add it
    "#]],
    );
    etcd(
        "endpoints = [\"http://10.0.0.1:2379\"]\nca = \"ca.pem\"",
        expect![[r#"
        node.toml:35:6: certificates are for endpoints over https; write https://, or remove this
    "#]],
    );
    etcd(
        "endpoints = [\"http://10.0.0.1:2379\"]\nuser = \"a\"\npassword_file = \"b\"",
        expect![[r#"
        node.toml:35:8: the password would go to 10.0.0.1:2379 in the clear; write https:// and add `ca`
    "#]],
    );
    check_ledger(
        "engine = \"etcd\"\nendpoints = [\"https://10.0.0.1:2379\"]",
        expect![[r#"
        node.toml:32:1: endpoints over https need `ca`, the authority of etcd's certificates; add it
    "#]],
    );
}

/// Only what guards the API.
fn check_api(section: &str, expected: Expect) {
    let found = match read_node("node.toml", &WHOLE.replace("listen = \"127.0.0.1:7600\"", section)) {
        Ok(config) => format!("{} {:#?}\n", config.api_listen, config.api),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn the_api_is_plain_on_loopback_and_guarded_elsewhere() {
    check_api(
        "",
        expect![[r#"
        127.0.0.1:7600 ApiConfig {
            access: None,
            tls: None,
        }
    "#]],
    );
    check_api(
        "listen = \"10.1.1.4:7600\"",
        expect![[r#"
            node.toml:12:10: the API at 10.1.1.4:7600 is open to the network, where tokens would travel in the clear; add tls = { certificate, key }, or set plain = true where the network itself keeps them
        "#]],
    );
    check_api(
        "listen = \"10.1.1.4:7600\"\nplain = true\naccess = \"/etc/holdfast/access.toml\"",
        expect![[r#"
            10.1.1.4:7600 ApiConfig {
                access: Some(
                    "/etc/holdfast/access.toml",
                ),
                tls: None,
            }
        "#]],
    );
    check_api(
        "listen = \"10.1.1.4:7600\"\ntls = { certificate = \"n.pem\", key = \"n.key\", client_ca = \"ca.pem\", require_client_certificate = true }",
        expect![[r#"
            10.1.1.4:7600 ApiConfig {
                access: None,
                tls: Some(
                    ApiTls {
                        certificate: "n.pem",
                        key: "n.key",
                        client_ca: Some(
                            "ca.pem",
                        ),
                        require_client_certificate: true,
                    },
                ),
            }
        "#]],
    );
}

#[test]
fn what_is_wrong_with_the_api() {
    check_api(
        "plain = 1\naccess = \"\"\ntls = { certificate = \"n.pem\", require_client_certificate = true }\nports = 1",
        expect![[r#"
            node.toml:12:9: `plain` is true or false, this is a whole number; change it
            node.toml:13:10: a path is not empty; write one
            node.toml:14:7: the API's tls needs `key`; add it
            node.toml:14:61: a client certificate is known by its authority; add `client_ca`
            node.toml:15:1: the section api has no `ports`; remove it, there are `listen`, `plain`, `access`, `tls`
        "#]],
    );
    check_api(
        "plain = true\ntls = { certificate = \"n.pem\", key = \"n.key\" }",
        expect![[r#"
            node.toml:12:9: with `tls` the API is not plain; remove one of the two
        "#]],
    );
    check_api(
        "[api.tls]\ncertificate = \"n.pem\"\nkey = \"n.key\"\nclient_ca = 1",
        expect![[r#"
            node.toml:15:13: `client_ca` is a string in quotes, this is a whole number; change it
        "#]],
    );
}

const DNS_NODE: &str = "node = { id = \"n\", data_dir = \"d\", roles = [\"dns\"] }\n";

/// A DNS node with `section` as its `[dns]`: how it answers, or what is wrong.
fn check_dns(section: &str, expected: Expect) {
    let found = match read_node("node.toml", &format!("{DNS_NODE}[dns]\n{section}")) {
        Ok(node) => format!("{:#?}\n", node.dns),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn how_dns_answers() {
    check_dns(
        r#"
tls = { listen = ["127.0.0.1:853"], certificate = "c.pem", key = "k.pem" }
zone_dir = "zones"
geo_database = "geo.mmdb"
latency_file = "latency"
tsig_keys = [{ name = "Xfer.", secret_file = "x" }, { name = "old.", algorithm = "hmac-sha1", secret_file = "o" }]
seal_file = "seal"
nsid = ""
cookie_secret_file = "cookie"
rate_limit = { per_second = 10 }
explain_networks = ["10.0.0.0/8"]
workers = 3
xdp = { interface = "eth0" }
dnstap = { to = "file", path = "tap" }
udp_payload_max = 4096
"#,
        expect![[r#"
            DnsConfig {
                listen: [
                    127.0.0.1:5300,
                ],
                tls: Some(
                    DnsTls {
                        listen: [
                            127.0.0.1:853,
                        ],
                        certificate: "c.pem",
                        key: "k.pem",
                    },
                ),
                zone_dir: Some(
                    "zones",
                ),
                geo_database: Some(
                    "geo.mmdb",
                ),
                latency_file: Some(
                    "latency",
                ),
                tsig_keys: [
                    TsigKeyFile {
                        name: xfer.,
                        algorithm: HmacSha256,
                        secret_file: "x",
                    },
                    TsigKeyFile {
                        name: old.,
                        algorithm: HmacSha1,
                        secret_file: "o",
                    },
                ],
                seal_file: Some(
                    "seal",
                ),
                nsid: Some(
                    "",
                ),
                cookie_secret_file: Some(
                    "cookie",
                ),
                rate_limit: Some(
                    RateLimit {
                        per_second: 10,
                        slip: 2,
                        v4_bits: 24,
                        v6_bits: 56,
                    },
                ),
                explain_networks: [
                    Cidr {
                        base: 10.0.0.0,
                        bits: 8,
                    },
                ],
                workers: Some(
                    3,
                ),
                xdp: Some(
                    Xdp {
                        interface: "eth0",
                        queues: [
                            0,
                        ],
                        mode: Native,
                    },
                ),
                dnstap: Some(
                    File(
                        "tap",
                    ),
                ),
                udp_payload_max: 4096,
            }
        "#]],
    );
}

#[test]
fn how_dns_cannot_answer() {
    check_dns(
        r#"
listen = []
tls = { certificate = "", keys = 1 }
zone_dir = 1
tsig_keys = [{ name = "x." }, { name = "x.", algorithm = "md5", secret_file = "" }, { name = "x", secret_file = "f" }, 5]
nsid = 1
rate_limit = { per_second = 0, slip = 11, v4_bits = 33, v6_bits = 0, window = 1 }
explain_networks = ["10.0.0.1/8", "any"]
workers = 0
xdp = { interface = "a/b", queues = [], mode = "fast" }
dnstap = { to = "syslog" }
udp_payload_max = 511
cookies = false
"#,
        expect![[r#"
            node.toml:4:10: at least one address to listen on; add it
            node.toml:5:7: the section dns.tls needs `key`; add it
            node.toml:5:7: the section dns.tls needs `listen`; add it
            node.toml:5:23: a path is not empty; write one
            node.toml:5:27: the section dns.tls has no `keys`; write `key` or remove it
            node.toml:6:12: `zone_dir` is a string in quotes, this is a whole number; change it
            node.toml:7:14: a TSIG key needs `secret_file`; add it
            node.toml:7:40: TSIG key `x.` is listed twice; remove one of the two
            node.toml:7:58: no algorithm for TSIG is called "md5"; there are `hmac-sha256`, `hmac-sha384`, `hmac-sha512`, `hmac-sha1`
            node.toml:7:79: a path is not empty; write one
            node.toml:7:94: a DNS name here is absolute: end it with '.'
            node.toml:7:120: `tsig_keys` is a table, this is a whole number; change it
            node.toml:8:8: `nsid` is a string in quotes, this is a whole number; change it
            node.toml:9:29: `per_second` is 1 to 65535, this is 0; change it
            node.toml:9:39: `slip` is 0 to 10, this is 11; change it
            node.toml:9:53: `v4_bits` is 1 to 32, this is 33; change it
            node.toml:9:67: `v6_bits` is 1 to 128, this is 0; change it
            node.toml:9:70: the rate limit has no `window`; remove it, there are `per_second`, `slip`, `v4_bits`, `v6_bits`
            node.toml:10:21: the address of a network has no bits behind its prefix; write 10.0.0.0/8
            node.toml:10:35: "any" is not a network; write an address, '/' and a number of bits, such as 10.1.0.0/16
            node.toml:11:11: `workers` is 1 to 256, this is 0; change it
            node.toml:12:21: an interface's name has 1 to 15 bytes, no white space and no '/'; write such as "eth0"
            node.toml:12:37: at least one receive queue; write [0]
            node.toml:12:48: "fast" is no mode of XDP; write native or generic
            node.toml:13:10: the section dns.dnstap needs `path`; add it
            node.toml:13:17: "syslog" takes no dnstap; write socket or file
            node.toml:14:19: `udp_payload_max` is 512 to 4096, this is 511; change it
            node.toml:15:1: the section dns has no `cookies`; remove it, there are `listen`, `tls`, `zone_dir`, `geo_database`, `latency_file`, `seal_file`, `cookie_secret_file`, `tsig_keys`, `nsid`, `rate_limit`, `explain_networks`, `workers`, `xdp`, `dnstap`, `udp_payload_max`
        "#]],
    );
    check_dns(
        "listen = \"127.0.0.1:853\"\ntls = { listen = \"127.0.0.1:853\", certificate = \"c\", key = \"k\" }",
        expect![[r#"
            node.toml:4:18: 127.0.0.1:853 meets the listener 127.0.0.1:853 of this node; choose another port
        "#]],
    );
    check_dns(
        "xdp = { interface = \"eth0\", queues = [0, 0] }\nrate_limit = {}\ndnstap = 1",
        expect![[r#"
        node.toml:3:42: queue 0 is listed twice; remove one of the two
        node.toml:4:14: the rate limit needs `per_second`; add it
        node.toml:5:10: `dnstap` is a table, this is a whole number; change it
    "#]],
    );
}

#[test]
fn what_the_estate_asks_of_a_dns_node() {
    let estate = |more: &str| {
        let toml = format!("{}\n{more}", include_str!("../read_estate/tests/design.toml"));
        let zone = include_str!("../read_estate/tests/example.test.zone");
        let files = std::collections::BTreeMap::from([("example.test.zone".to_owned(), zone.to_owned())]);
        crate::read_estate("estate.toml", &crate::estate::EstateBundle { toml, files }).unwrap()
    };
    let asking = estate(
        "[[hosted_zone]]\nname = \"n.test.\"\nsource = \"node\"\ndnssec = {}\n\
         transfers = [{ key = \"a.\" }]\nnotify = [{ address = \"192.0.2.1:53\", key = \"b.\" }]\n\
         [[hosted_zone]]\nname = \"s.test.\"\nprimaries = [{ address = \"192.0.2.1:53\", key = \"a.\" }]\n\
         [[hosted_zone]]\nname = \"u.test.\"\nupdates = [{ key = \"c.\", names = [\"u.test.\"] }]\n\
         [[record]]\nname = \"g.u.test.\"\ntype = \"A\"\nchoose = [\"open\", \"geo\"]\nanswers = [{ pool = \"web\", geo = [\"*\"] }]\n",
    );
    let check = |text: &str, estate: &Estate, expected: Expect| {
        let found = check_node_in("node.toml", text, estate)
            .map_or_else(|problems| problems.to_string(), |()| "good".to_owned());
        expected.assert_eq(&format!("{found}\n"));
    };
    check(
        DNS_NODE,
        &asking,
        expect![[r#"
        node.toml:1:8: g.u.test. is chosen by area, and without a database nobody is anywhere; add `geo_database`
        node.toml:1:8: the hosted zone n.test. is in each node's own file; add `zone_dir`
        node.toml:1:8: the hosted zone n.test. is signed, and its keys are sealed; add `seal_file`, the same on every node
        node.toml:1:8: the hosted zone n.test. names the TSIG key a., which this node does not have; add it to `tsig_keys`
        node.toml:1:8: the hosted zone n.test. names the TSIG key b., which this node does not have; add it to `tsig_keys`
        node.toml:1:8: the hosted zone u.test. names the TSIG key c., which this node does not have; add it to `tsig_keys`
    "#]],
    );
    let whole = "[dns]\nzone_dir = \"z\"\nseal_file = \"s\"\ngeo_database = \"g\"\n\
                 tsig_keys = [{ name = \"a.\", secret_file = \"a\" }, { name = \"b.\", secret_file = \"b\" }, { name = \"c.\", secret_file = \"c\" }]";
    check(&format!("{DNS_NODE}{whole}"), &asking, expect![["good\n"]]);
    check(&DNS_NODE.replace("dns", "status"), &asking, expect![["good\n"]]);
    check(DNS_NODE, &estate(""), expect![["good\n"]]);
}

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

#[test]
fn programs_that_checks_may_run_are_absolute_paths() {
    check(
        "checker = { allow_commands = [\"/usr/lib/checks/disk\", \"disk\", 7] }\nnode = { id = \"n\", data_dir = \"/d\", roles = [\"dns\"] }",
        expect![[r#"
            node.toml:1:55: "disk" is not the absolute path of a program; write it whole
            node.toml:1:63: `allow_commands` is a string in quotes, this is a whole number; change it
        "#]],
    );
}
