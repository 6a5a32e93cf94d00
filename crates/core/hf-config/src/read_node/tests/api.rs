//! `[api]`: plain on loopback, guarded elsewhere.

use super::*;

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
