//! `[ledger]`: a file or an etcd, with its defaults, and what is wrong with one.

use super::*;

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
