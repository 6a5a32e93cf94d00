//! Consumers that are declared, as written.

use super::*;

const ZONES: &str = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\naliases = [\"one\"]\n[[zone]]\nid = \"b\"\nregion = \"r\"\n";

#[track_caller]
fn check(consumers: &str, expected: Expect) {
    let bundle = EstateBundle { toml: format!("{ZONES}{consumers}"), ..EstateBundle::default() };
    let found = match read_estate("estate.toml", &bundle) {
        Ok(estate) => {
            let line = |wanted: &hf_consumers::Expected| {
                format!("{} {} {:?}\n", wanted.name, wanted.kind, wanted.zones)
            };
            estate.consumers.iter().map(line).collect()
        }
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_consumer_is_expected_in_zones_or_anywhere() {
    check(
        "[[consumer]]\nname = \"Orders_worker.2\"\nkind = \"worker\"\nzones = [\"one\", \"b\"]\n[[consumer]]\nname = \"batch\"\n",
        expect![[r"
            Orders_worker.2 worker [a, b]
            batch other []
        "]],
    );
}

#[test]
fn wrong_consumers_are_told_together() {
    check(
        "[[consumer]]\nname = \"two words\"\nkind = \"wurker\"\nzones = [\"a\", \"one\", \"c\"]\n[[consumer]]\nkinds = 1\n\
         [[consumer]]\nname = \"x\"\n[[consumer]]\nname = \"x\"\n",
        expect![[r#"
            estate.toml:11:8: a consumer's name has only A-Z, a-z, 0-9, '.', '_' and '-', this one has ' '; replace it
            estate.toml:12:8: "wurker" is no kind of consumer; say one of worker, scheduler, router, server, autoscaler, haproxy-agent, haproxy-socket, xds, file, balancer, other
            estate.toml:13:15: this zone is listed twice; remove one of the two
            estate.toml:13:22: no zone is named `c`; did you mean `a`? there are `a`, `b`, `one`
            estate.toml:14:1: a consumer needs `name`; add it
            estate.toml:15:1: a consumer has no `kinds`; write `kind` or remove it
            estate.toml:19:8: consumer `x` is listed twice; remove one of the two
        "#]],
    );
}
