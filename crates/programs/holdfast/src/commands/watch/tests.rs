use expect_test::expect;

use super::*;
use crate::args::FileForm;

fn status(zone: &str, state: State, reason: &str) -> ZoneStatus {
    let text = format!(
        r#"{{"zone":"{zone}","aliases":["{zone}-x"],"resource":"everything","state":"{}","source":"shift","until_ms":1700000000000,"held":false,"revision":7}}"#,
        state.word()
    );
    let mut status: ZoneStatus = serde_json::from_str(&text).unwrap();
    reason.clone_into(&mut status.reason);
    status
}

#[test]
fn the_file_says_it_in_three_forms() {
    let (a, b) = (status("a", State::Away, "power"), status("b", State::Open, ""));
    let zones = Zones::default();
    let text = |form, found: &[&ZoneStatus]| files::text(form, found, &zones);
    assert_eq!(text(FileForm::Word, &[&a]).as_deref(), Some("away\n"));
    assert_eq!(text(FileForm::Word, &[&b]).as_deref(), Some("open\n"));
    assert_eq!(text(FileForm::Present, &[&a, &b]).as_deref(), Some("a\n"));
    assert_eq!(text(FileForm::Present, &[&b]), None);
    expect![[r#"
        {
          "tag": null,
          "revision": null,
          "zones": [
            {
              "zone": "a",
              "aliases": [
                "a-x"
              ],
              "resource": "everything",
              "state": "away",
              "source": "shift",
              "reason": "power",
              "until_ms": 1700000000000,
              "held": false,
              "revision": 7
            }
          ]
        }
    "#]]
    .assert_eq(&text(FileForm::Json, &[&a]).unwrap());
}

#[test]
fn variables_are_quoted_for_shells() {
    let a = status("a", State::Away, "a \"test\" of `id` and $HOME\\\nnext");
    expect![[r#"
        HOLDFAST_CLOSED="a"
        HOLDFAST_OPEN=""
        HOLDFAST_ZONE="a"
        HOLDFAST_STATE="away"
        HOLDFAST_SOURCE="shift"
        HOLDFAST_REASON="a \"test\" of \`id\` and \$HOME\\ next"
        HOLDFAST_UNTIL="2023-11-14T22:13:20Z"
        HOLDFAST_UNTIL_MS="1700000000000"
        HOLDFAST_HELD="false"
        HOLDFAST_RESOURCE="everything"
        HOLDFAST_REVISION="7"
    "#]]
    .assert_eq(&files::variable_lines(&[&a]));
    let b = status("b", State::Open, "");
    assert_eq!(files::variable_lines(&[&a, &b]), "HOLDFAST_CLOSED=\"a\"\nHOLDFAST_OPEN=\"b\"\n");
}

#[test]
fn a_zone_that_no_endpoint_knows_is_a_mistake() {
    let zones = Zones::of([("a", State::Open), ("b", State::Away)]);
    let named = |names: &[&str]| Watched::Named(names.iter().map(ToString::to_string).collect());
    assert_eq!(named(&["a", "b", "a"]).of_zones(&zones).len(), 2);
    assert_eq!(Watched::All.of_zones(&zones).len(), 2);
    named(&["a"]).check(&zones).unwrap();
    let Err(Failure::Usage(text)) = named(&["a", "x"]).check(&zones) else { panic!("taken") };
    assert!(text.contains("no zone `x`; the endpoints have a, b"), "{text}");
}

#[test]
fn a_state_file_is_of_one_resource() {
    assert_eq!(state_name(None), "zones.state");
    assert_eq!(state_name(Some("everything")), "zones.state");
    assert_eq!(state_name(Some("pool/web")), "zones-pool-web.state");
    assert_eq!(state_name(Some("record/../x")), "zones-record-..-x.state");
}

#[test]
fn a_new_revision_alone_is_no_news() {
    let a = status("a", State::Away, "power");
    let mut newer = a.clone();
    newer.revision += 1;
    assert!(!is_news(&a, &newer));
    newer.until_ms = None;
    assert!(is_news(&a, &newer));
}

#[test]
fn the_command_stands_last_and_takes_its_own_flags() {
    use clap::Parser as _;
    let parse = |line: &str| crate::args::Arguments::try_parse_from(line.split(' '));
    let Ok(crate::args::Arguments { command: crate::args::Command::Watch(watch), common }) = parse(
        "holdfast watch --zone a --endpoint http://a:1 --endpoint http://b:1,http://c:1 --exec /bin/x --zone -v",
    ) else {
        panic!("not taken")
    };
    assert_eq!(watch.endpoints, ["http://a:1", "http://b:1", "http://c:1"]);
    assert_eq!(
        (watch.zones.as_slice(), watch.exec.as_slice()),
        (["a".to_owned()].as_slice(), ["/bin/x", "--zone", "-v"].map(str::to_owned).as_slice())
    );
    drop(common);
    for bad in [
        "holdfast watch --zone a --all",
        "holdfast watch --once --exec x",
        "holdfast watch --instance x",
        "holdfast watch --file-form json",
        "holdfast watch --consumer c --kind x",
        "holdfast watch --heartbeat soon",
    ] {
        assert!(parse(bad).is_err(), "{bad} was taken");
    }
}

#[tokio::test]
async fn while_a_command_runs_its_zone_is_done_for_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let command = r#"cd "$0"; echo $HOLDFAST_STATE >> log; [ $HOLDFAST_STATE = away ] || until [ -e go ]; do sleep 0.05; done"#;
    let command = ["/bin/sh", "-c", command, folder.path().to_str().unwrap()].map(str::to_owned).to_vec();
    let limit = Duration::from_mins(10);
    let (wanted, wants) = tokio::sync::watch::channel(vec![status("a", State::Away, "")]);
    let (mut done, running) = exec::start(command, limit, wants);
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let is_away = |done: &exec::Done| done.get("a") == Some(&State::Away);
    let deadline = Duration::from_mins(1);
    tokio::time::timeout(deadline, done.wait_for(is_away)).await.expect("away is done").unwrap();
    wanted.send_replace(vec![status("a", State::Open, "")]);
    let end = tokio::time::Instant::now() + deadline;
    while log() != "away\nopen\n" {
        assert!(tokio::time::Instant::now() < end, "{}", log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Wanted again while the opposite runs: what was done before is not.
    wanted.send_replace(vec![status("a", State::Away, "")]);
    assert_eq!(done.borrow_and_update().get("a"), None);
    std::fs::write(folder.path().join("go"), "").unwrap();
    tokio::time::timeout(deadline, done.wait_for(is_away)).await.expect("away is done again").unwrap();
    assert_eq!(log(), "away\nopen\naway\n");
    drop(wanted);
    running.finish().await;
}

#[test]
fn what_could_never_work_is_refused_at_the_start() {
    use clap::Parser as _;
    let refused = |more: &[&str]| {
        let words = ["holdfast", "watch", "--zone", "a"].iter().chain(more);
        match crate::args::Arguments::try_parse_from(words) {
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
            Ok(crate::args::Arguments { command: crate::args::Command::Watch(args), .. }) => {
                match exec_limit(&args) {
                    Err(Failure::Usage(text)) => text,
                    other => format!("{other:?}"),
                }
            }
            Ok(_) => "another command".to_owned(),
        }
    };
    expect!["holdfast: --file and --env are one file, and each would replace the other; give each its own"]
        .assert_eq(&refused(&["--file", "f", "--env", "f"]));
    expect!["holdfast: --exec: the command is empty; name a program"].assert_eq(&refused(&["--exec", ""]));
    expect!["holdfast: --exec-timeout: 0s is not 100 ms to 1 d; change it"].assert_eq(&refused(&[
        "--exec-timeout",
        "0s",
        "--exec",
        "x",
    ]));
    expect!["holdfast: --exec-timeout: 2d is not 100 ms to 1 d; change it"].assert_eq(&refused(&[
        "--exec-timeout",
        "2d",
        "--exec",
        "x",
    ]));
    expect!["error: invalid value '0' for '--needed <COUNT>': it is 1 or more, at most as many as there are endpoints"].assert_eq(&refused(&["--needed", "0"]));
    expect!["Ok(30s)"].assert_eq(&refused(&["--file", "f", "--env", "e", "--exec", "x"]));
}
