//! `[xds]`: where Envoy and gRPC clients are told.

use super::*;

fn told(roles: &str, section: &str, expected: Expect) {
    let text = format!("[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [{roles}]\n{section}");
    let found = match read_node("node.toml", &text) {
        Ok(config) => format!("{:?}\n", config.xds),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn xds_is_served_where_the_file_says() {
    told(
        "\"status\"",
        "",
        expect![[r#"
        None
    "#]],
    );
    told(
        "\"status\"",
        "[xds]\n",
        expect![[r#"
        Some(XdsConfig { listen: 127.0.0.1:7604, tls: None })
    "#]],
    );
    told(
        "\"status\"",
        "[xds]\nlisten = \"10.0.0.1:18000\"\ntls = { certificate = \"n.pem\", key = \"n.key\", client_ca = \"ca.pem\" }\n",
        expect![[r#"
            Some(XdsConfig { listen: 10.0.0.1:18000, tls: Some(XdsTls { certificate: "n.pem", key: "n.key", client_ca: Some("ca.pem") }) })
        "#]],
    );
}

#[test]
fn what_is_wrong_with_xds_is_told_at_its_place() {
    told(
        "\"status\"",
        "[xds]\nlisten = \"127.0.0.1:7601\"\ntls = { certificate = \"n.pem\", client = \"ca.pem\" }\nnode = 1\n",
        expect![[r#"
            node.toml:6:10: 127.0.0.1:7601 meets the listener 127.0.0.1:7601 of this node; choose another port
            node.toml:7:7: the tls of xds needs `key`; add it
            node.toml:7:32: the tls of xds has no `client`; remove it, there are `certificate`, `key`, `client_ca`
            node.toml:8:1: the section xds has no `node`; remove it, there are `listen`, `tls`
        "#]],
    );
    told(
        "\"dns\"",
        "[xds]\n",
        expect![[r#"
        node.toml:5:1: `xds` is what the role status does, which this node does not have; add the role, or remove `xds`
    "#]],
    );
}
