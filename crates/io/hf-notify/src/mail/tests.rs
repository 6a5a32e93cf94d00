use super::*;
use crate::notice::tests::notice;

fn command(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn the_program_reads_a_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mail");
    let to = ["ops@example.test".to_owned(), "two@example.test".to_owned()];
    let script = command(&format!("cat > {}", file.display()));
    hand_over(&script, &to, None, &notice(), Timestamp(1_614_265_331_000)).await.expect("taken");
    let text = std::fs::read_to_string(&file).expect("written");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.is_ascii(), "{head}");
    assert!(head.lines().all(|line| line.len() <= 78), "{head}");
    assert!(
        head.starts_with(
            "From: holdfast@n1\r\nTo: ops@example.test,\r\n two@example.test\r\nSubject: =?utf-8?B?"
        ),
        "{head}"
    );
    assert!(head.contains("\r\nMessage-ID: <e1-42-0@holdfast>\r\n"), "{head}");
    let body = BASE64_STANDARD.decode(body.replace("\r\n", "")).expect("base64");
    let body = String::from_utf8(body).expect("text");
    assert!(
        body.starts_with(
            "shift-42 takes everything out of euw2-az1 until …\r\n\r\nwhy       broken\r\nswitch\r\n"
        ),
        "{body}"
    );
    assert!(body.contains("until     2021-02-25T15:32:10.123Z\r\n"), "{body}");
}

#[test]
fn nothing_of_a_notice_begins_a_line_of_the_header() {
    let mut notice = notice();
    notice.text = format!("x\r\nBcc: all@example.test\r\n{}", "ä".repeat(200));
    let text = mail(&["a@b".to_owned()], None, &notice, Timestamp(0));
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    let names: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding"
        ]
    );
}

#[tokio::test]
async fn what_a_program_says_is_told() {
    let cases = [
        (command("echo 'no such user' >&2; exit 67"), "exit status: 67: no such user"),
        (command("exit 1"), "it said nothing"),
        (vec!["/nonexistent/sendmail".to_owned()], "cannot be run"),
        (Vec::new(), "has no command"),
    ];
    for (command, words) in cases {
        let failed = hand_over(&command, &["a@b".to_owned()], None, &notice(), Timestamp(0)).await;
        let failed = failed.expect_err("it fails");
        assert!(failed.words.contains(words), "{failed}");
    }
}

#[tokio::test]
async fn a_program_that_reads_nothing_and_says_much_is_no_trouble() {
    let script = command("yes | head -c 300000 >&2");
    hand_over(&script, &["a@b".to_owned()], None, &notice(), Timestamp(0)).await.expect("exit status 0");
}

/// Mailers deliver behind their end: the status is the receipt.
#[tokio::test]
async fn what_a_program_leaves_behind_is_not_waited_for() {
    let script = command("sleep 600 & exit 0");
    let (to, notice) = (["a@b".to_owned()], notice());
    let handed = hand_over(&script, &to, None, &notice, Timestamp(0));
    // It takes a moment; the one left behind would take ten minutes.
    tokio::time::timeout(Duration::from_mins(2), handed)
        .await
        .expect("it is not waited for")
        .expect("exit status 0");
}
