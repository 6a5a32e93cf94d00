use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "`expect!` stands in the call")]
fn check(lines: &[&str], expected: Expect) {
    let of = |process: Option<&str>| process.map(|name| format!(" of {name}")).unwrap_or_default();
    let told = |line: &&str| match read(line.as_bytes()) {
        Ok(Asked { question: Question::Zone { zone, scope }, asker, process, .. }) => {
            format!("zone {zone} for {scope}, {asker:?}{}", of(process))
        }
        Ok(Asked { question: Question::Endpoint { pool, address }, asker, process, .. }) => {
            format!("{address} of {pool}, {asker:?}{}", of(process))
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&lines.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn lines_ask_about_zones_and_endpoints() {
    check(
        &[
            "use1-az1",
            "use1-az1/web",
            "use1-az1/pool/web web-1",
            "use1-az1/record/www.example.test",
            "use1-az1/everything\r",
            "web/10.1.1.1:8080 s1",
            "web/10.1.1.1:8080 edge-1/s1",
            "use1-az1/web edge-1/",
            "use1-az1/web /",
            "web/[2001:db8::1]:80",
        ],
        expect![[r#"
            zone use1-az1 for everything, None
            zone use1-az1 for pool/web, None
            zone use1-az1 for pool/web, Some("web-1")
            zone use1-az1 for record/www.example.test., None
            zone use1-az1 for everything, None
            10.1.1.1:8080 of web, Some("s1")
            10.1.1.1:8080 of web, Some("s1") of edge-1
            zone use1-az1 for pool/web, None of edge-1
            zone use1-az1 for pool/web, None
            [2001:db8::1]:80 of web, None"#]],
    );
}

#[test]
fn other_lines_are_told_how_they_are_written() {
    check(
        &["", "A B", "use1-az1/", "a/b/c", "use1-az1/web one two"],
        expect![[r#"
            an agent check asked ""; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as "use1-az1/web\n"
            an agent check asked "A B"; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as "use1-az1/web\n"
            an agent check asked "use1-az1/"; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as "use1-az1/web\n"
            an agent check asked "a/b/c"; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as "use1-az1/web\n"
            an agent check asked "use1-az1/web one two"; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as "use1-az1/web\n""#]],
    );
}

#[test]
fn every_answer_has_all_words() {
    let away = Told::Away("shift-7\nof Ann".to_owned());
    let some =
        [Told::Open(Share::ONE), Told::Open(Share::from_ppm(1).unwrap()), Told::Open(Share::ZERO), away];
    let said: String =
        AwayWord::ALL.iter().flat_map(|word| some.iter().map(move |told| say(told, *word))).collect();
    expect![[r#"
        ready up 100%
        ready up 1%
        ready up 0%
        up drain 100%
        ready up 100%
        ready up 1%
        ready up 0%
        up maint 100%
        ready up 100%
        ready up 1%
        ready up 0%
        ready down #shift-7?of Ann
    "#]]
    .assert_eq(&said);
}

proptest! {
    /// Whatever arrives is read or refused, and whatever the reason, the answer is one short line.
    #[test]
    fn no_line_and_no_reason_breaks_anything(line in any::<Vec<u8>>(), reason in any::<String>()) {
        let _ = read(&line);
        for word in AwayWord::ALL {
            let said = say(&Told::Away(reason.clone()), word);
            prop_assert!(said.ends_with('\n') && said.matches('\n').count() == 1 && said.len() < 200 && said.is_ascii());
        }
    }
}
