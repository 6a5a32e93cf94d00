//! Receivers of notices in a node's file.

use expect_test::expect;

use super::check;

const KEEPS: &str = "[node]\nid = \"n\"\ndata_dir = \"/d\"\nroles = [\"control\"]\n";

#[test]
fn receivers_of_notices_are_read() {
    let text = format!(
        "{KEEPS}[[notify]]\nname = \"pager\"\nwebhook = \"https://hooks.example/x\"\nsecret_file = \"s\"\nkinds = [\"shift.started\", \"shift.ended\"]\n\
         [[notify]]\nname = \"bus\"\nnats = \"nats://10.0.0.1\"\n[[notify]]\nname = \"ops\"\nmail = [\"ops@example.test\"]\n"
    );
    let config = crate::read_node("node.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let told: Vec<String> = config
        .notify
        .iter()
        .map(|receiver| {
            format!("{} {} of {} kinds", receiver.name, receiver.way.as_str(), receiver.kinds.len())
        })
        .collect();
    assert_eq!(told, ["pager webhook of 2 kinds", "bus nats of 19 kinds", "ops mail of 19 kinds"]);
}

#[test]
fn what_is_wrong_with_receivers_is_told_at_its_place() {
    let text = format!(
        "{KEEPS}[[notify]]\nname = \"a b\"\nwebhook = \"ftp://x\"\n[[notify]]\nname = \"a\"\n[[notify]]\nname = \"b\"\nnats = \"nats://x/y\"\nwebhook = \"https://x\"\n\
         [[notify]]\nname = \"c\"\nnats = \"nats://u:p@x\"\nsubject = \"a..b\"\n[[notify]]\nname = \"c\"\nmail = [\"no address\"]\nkinds = [\"shift\"]\ncommand = [\"sendmail\"]\n\
         [[notify]]\nname = \"d\"\nmail = []\nkinds = []\nsubject = \"x\"\n"
    );
    check(
        &text,
        expect![[r#"
            node.toml:6:8: "a b" is no name of a receiver; write 1 to 64 of A-Z a-z 0-9 - _
            node.toml:7:11: "ftp://x" is no address of a webhook; write https://HOST[:PORT]/PATH, a token of its own in the path or a `secret_file`
            node.toml:8:1: a receiver of notices has no way; write one of `webhook`, `nats` and `mail`
            node.toml:10:1: a receiver of notices has more than one way; write one of `webhook`, `nats` and `mail`
            node.toml:16:8: "nats://u:p@x" is no server of NATS; write nats://HOST[:PORT], or tls:// for TLS; who logs in stands in `credentials_file`
            node.toml:17:11: "a..b" is no subject; write words of A-Z a-z 0-9 - _ with dots between, at most 128 bytes
            node.toml:19:8: receiver `c` is listed twice; remove one of the two
            node.toml:20:9: "no address" is no address of mail; write NAME@DOMAIN
            node.toml:21:10: nothing is told of the kind "shift"; there are `shift.started`, `shift.extended`, `shift.expiring`, `shift.ended`, `autoshift.started`, `autoshift.extended`, `autoshift.ended`, `autoshift.advised`, `practice.started`, `practice.ended`, `practice.refused`, `pin.set`, `pin.expiring`, `pin.ended`, `deployment.started`, `deployment.ended` and 5 more
            node.toml:22:12: "sendmail" is not the absolute path of a program; write it whole, and its arguments as items of their own
            node.toml:25:8: a mail goes to at least one address; add it
            node.toml:26:9: a receiver that is told of nothing; add kinds, or remove it
            node.toml:27:1: a receiver of mail has no `subject`; remove it, there are `name`, `kinds`, `mail`, `from`, `command`, `timeout`
        "#]],
    );
    check(
        "node = { id = \"n\", data_dir = \"/d\", roles = [\"dns\"] }\nnotify = [{ name = \"a\", webhook = \"https://x\", kinds = [\"pin.set\"] }]",
        expect![[r#"
            node.toml:2:10: without the role control this node tells of break-glass shifts only; give each receiver the kind `shift.started` or `shift.ended`, remove `notify`, or add the role
        "#]],
    );
}

#[test]
fn a_node_without_a_ledger_may_tell_of_break_glass_shifts() {
    let text = "node = { id = \"n\", data_dir = \"/d\", roles = [\"dns\"] }\nnotify = [{ name = \"a\", webhook = \"https://x\" }]";
    let config = crate::read_node("node.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.notify.len(), 1);
}
