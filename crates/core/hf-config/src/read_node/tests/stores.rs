//! `[stores]` and `[[credentials]]`.

use super::*;

fn check(text: &str, expected: Expect) {
    let toml = format!("[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [\"control\"]\n{text}");
    let found = match read_node("node.toml", &toml) {
        Ok(config) => format!("{:?}\n", config.stores),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn credentials_name_files() {
    check(
        "[stores]\nca = \"ca.pem\"\n[[credentials]]\nname = \"eu\"\naccess_key_id = \"AKIA1\"\nsecret_file = \"eu.secret\"\n",
        expect![[r#"
            StoresConfig { ca: Some("ca.pem"), credentials: [StoreCredentials { name: eu, access_key_id: "AKIA1", secret_file: "eu.secret" }] }
        "#]],
    );
}

#[test]
fn secrets_do_not_stand_in_the_file() {
    check(
        "[[credentials]]\nname = \"eu\"\naccess_key_id = \"AKIA 1\"\nsecret_access_key = \"s\"\n[[credentials]]\nname = \"eu\"\nsecret_file = \"\"\n[stores]\nca_file = 1\n",
        expect![[r#"
            node.toml:5:1: a secret does not stand in a node file; put it into a file that only this user may read, and name that as `secret_file`
            node.toml:5:1: an entry of credentials needs `secret_file`; add it
            node.toml:7:17: an access key id has 1 to 128 of A-Z a-z 0-9 - _ . + = @ :, as its store gave it; change it
            node.toml:9:1: an entry of credentials needs `access_key_id`; add it
            node.toml:10:8: credentials `eu` is listed twice; remove one of the two
            node.toml:11:15: a path is not empty; write one
            node.toml:13:1: this section has no `ca_file`; remove it, there is only `ca`
        "#]],
    );
}

/// What an estate's closing sources ask with is on every node that may look.
#[test]
fn credentials_that_the_estate_names_are_there() {
    let estate = crate::read_estate(
        "estate.toml",
        &crate::estate::EstateBundle {
            toml: "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[closing_source]]\nname = \"runbook\"\nzone = \"a\"\n\
                   [[closing_source.from]]\nobject = \"s3://b/a\"\ncredentials = \"eu\"\n[[closing_source.from]]\nobject = \"s3://c/a\"\ncredentials = \"eu\"\n"
                .to_owned(),
            ..crate::estate::EstateBundle::default()
        },
    )
    .unwrap();
    let node = |rest: &str| format!("[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [\"control\"]\n{rest}");
    let problems = crate::check_node_in("node.toml", &node(""), &estate).unwrap_err().to_string();
    assert_eq!(
        problems,
        "node.toml:1:1: closing source `runbook` asks with the credentials `eu`, which this node does not have: its store would be silent here; add [[credentials]]"
    );
    let has = "[[credentials]]\nname = \"eu\"\naccess_key_id = \"A\"\nsecret_file = \"f\"\n";
    crate::check_node_in("node.toml", &node(has), &estate).unwrap();
}
