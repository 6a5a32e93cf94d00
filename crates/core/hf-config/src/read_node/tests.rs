//! Node files: all options and defaults, what is wrong in values, in listeners and with the estate; parts have files of their own.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

mod api;
mod dns;
mod elsewhere;
mod ledger;
mod notify;
mod roles;
mod stores;
mod xds;

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
                status: StatusConfig {
                    watchers: None,
                    connections_per_address: 5000,
                    resources: 1024,
                    resources_per_address: 128,
                    message_time: 5s,
                },
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
                haproxy: HaproxyConfig {
                    agent_listen: None,
                    away: Drain,
                    sockets: [],
                },
                render: [],
                xds: None,
                notify: [],
                stores: StoresConfig {
                    ca: None,
                    credentials: [],
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
                status: StatusConfig {
                    watchers: None,
                    connections_per_address: 5000,
                    resources: 1024,
                    resources_per_address: 128,
                    message_time: 5s,
                },
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
                haproxy: HaproxyConfig {
                    agent_listen: None,
                    away: Drain,
                    sockets: [],
                },
                render: [],
                xds: None,
                notify: [],
                stores: StoresConfig {
                    ca: None,
                    credentials: [],
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
        "name = \"ada\"",
        "name = \"closing-source/runbook\"",
        expect![[r#"
        node.toml:36:8: names that begin with `closing-source/` are those of the estate's closing sources; choose another one
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

#[test]
fn how_many_zone_status_lets_in() {
    let text = "[node]\nid = \"n\"\ndata_dir = \"d\"\nroles = [\"status\"]\n[status]\nwatchers = 9000\nconnections_per_address = 70\nresources = 60\nresources_per_address = 50\nmessage_time = \"4s\"\n";
    let config = read_node("node.toml", text).unwrap();
    assert_eq!(config.status_listen.port(), 7601);
    expect![[r#"StatusConfig { watchers: Some(9000), connections_per_address: 70, resources: 60, resources_per_address: 50, message_time: 4s }"#]].assert_eq(&format!("{:?}", config.status));
    let bad = text
        .replace("9000", "0")
        .replace("70", "\"x\"")
        .replace("60", "70000")
        .replace("50", "1.5")
        .replace("4s", "1m")
        + "more = 1\n";
    check(
        &bad,
        expect![[r#"
        node.toml:6:12: `watchers` is 1 to 1000000, this is 0; change it
        node.toml:7:27: `connections_per_address` is a whole number from 1 to 1000000, this is a string; change it
        node.toml:8:13: `resources` is 1 to 65536, this is 70000; change it
        node.toml:9:25: `resources_per_address` is a whole number from 1 to 65536, this is a number with a fraction; change it
        node.toml:10:16: `message_time` is 1s to 25s, this is 1m; change it
        node.toml:11:1: this section has no `more`; remove it, there are `listen`, `watchers`, `connections_per_address`, `resources`, `resources_per_address`, `message_time`
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

#[test]
fn a_checker_that_may_not_run_a_checks_program_is_told() {
    let estate = |more: &str| {
        let toml = format!(
            "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[health_check]]\nname = \"disk\"\nkind = \"command\"\n\
             command = [\"/usr/lib/checks/disk\", \"/srv\"]\n{more}"
        );
        let bundle = crate::estate::EstateBundle { toml, ..Default::default() };
        crate::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let told = |roles: &str, allowed: &str, more: &str| {
        let text = format!(
            "[node]\nid = \"n\"\nzone = \"a\"\ndata_dir = \"/d\"\nroles = [{roles}]\n[checker]\nallow_commands = [{allowed}]\n"
        );
        let told = advise_node_in("node.toml", &text, &estate(more));
        told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    expect![[
        "node.toml:6:1: health check `disk` runs /usr/lib/checks/disk, and this node does not allow it: its checker says nothing of that check; \
         add the program to `allow_commands` in [checker], or leave the check to other checkers"
    ]]
    .assert_eq(&told("\"checker\"", "\"/bin/true\"", ""));
    for (roles, allowed, more) in [
        ("\"checker\"", "\"/usr/lib/checks/disk\"", ""),
        ("\"dns\"", "", ""),
        ("\"checker\"", "", "disabled = true\n"),
    ] {
        assert_eq!(told(roles, allowed, more), "");
    }
}
