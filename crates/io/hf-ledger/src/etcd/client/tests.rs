//! Who is asked when, in virtual time; what may have been done; what ends a call.

use std::cell::RefCell;

use super::*;

fn status(code: i32, message: &str) -> Result<TxnResponse, CallError> {
    Err(CallError::Status { code, message: message.to_owned() })
}

#[test]
fn members_take_turns_and_nobody_is_asked_twice_at_once() {
    let mut attempts = Attempts::new(3);
    assert_eq!((attempts.start(2), attempts.start(2), attempts.start(2)), (Some(2), Some(0), Some(1)));
    assert_eq!(attempts.start(2), None, "all are being asked");
    assert!(matches!(attempts.ended(0, Err(CallError::Unreached("gone".to_owned()))), Ended::Next));
    assert!(attempts.round_is_over());
    assert_eq!(attempts.start(2), Some(0));
}

#[test]
fn what_may_have_been_done_is_remembered() {
    let mut attempts = Attempts::new(2);
    attempts.start(0);
    assert!(attempts.maybe_done(), "the answer is owed");
    attempts.ended(0, Err(CallError::Unreached("refused".to_owned())));
    assert!(!attempts.maybe_done());
    attempts.start(0);
    attempts.ended(1, status(14, "etcdserver: no leader"));
    assert!(!attempts.maybe_done(), "a member without a leader did nothing");
    attempts.start(0);
    attempts.ended(0, status(14, "etcdserver: request timed out"));
    assert!(attempts.maybe_done());
}

#[test]
fn a_clear_no_of_one_member_is_no_word_on_what_another_one_does() {
    let mut attempts = Attempts::new(2);
    attempts.start(0);
    let full = || Failure::Full("etcdserver: mvcc: database space exceeded".to_owned());
    attempts.ended(0, status(8, "etcdserver: mvcc: database space exceeded"));
    assert!(matches!(attempts.doubted(full()), Failure::Full(_)), "nobody else was asked");
    attempts.start(0);
    attempts.start(0);
    attempts.ended(1, status(8, "etcdserver: mvcc: database space exceeded"));
    assert!(matches!(attempts.doubted(full()), Failure::Unavailable { sent: true, .. }));
}

#[test]
fn a_clear_no_ends_the_call() {
    let mut attempts = Attempts::new(2);
    let mut over = |code, message| {
        attempts.start(0);
        match attempts.ended(0, status(code, message)) {
            Ended::Over(failure) => failure,
            _ => panic!("{message} is not the end"),
        }
    };
    assert!(matches!(over(8, "etcdserver: mvcc: database space exceeded"), Failure::Full(_)));
    assert!(matches!(over(7, "etcdserver: permission denied"), Failure::Refused(_)));
    assert!(matches!(over(3, "etcdserver: request is too large"), Failure::Refused(_)));
    let compacted = over(11, "etcdserver: mvcc: required revision has been compacted");
    assert!(matches!(compacted, Failure::Compacted));
    assert!(matches!(over(15, "etcdserver: corrupt cluster"), Failure::Damaged(_)));
}

/// What a member does when it is asked: after how many milliseconds it says what; silent without.
type Member = Option<(u64, Result<(), (i32, &'static str)>)>;

/// Who was asked when at the default pace, and how it ended when, all in milliseconds of virtual time.
async fn check(members: &[Member], expected: &str) {
    let began = Instant::now();
    let asked = RefCell::new(String::new());
    let mut attempts = Attempts::new(members.len());
    let end = ask_members(&mut attempts, 0, Pace::default(), |at| {
        asked.borrow_mut().push_str(&format!("{at}@{} ", began.elapsed().as_millis()));
        let does = members[at];
        async move {
            let Some((after_ms, says)) = does else { return std::future::pending().await };
            sleep_until(Instant::now() + Duration::from_millis(after_ms)).await;
            says.map(|()| TxnResponse::default()).or_else(|(code, message)| status(code, message))
        }
    })
    .await;
    let end = match end {
        Asked::Answered(at, _) => format!("{at} answered"),
        Asked::Over(failure) => format!("{failure:?}"),
        Asked::TimeIsUp => "time is up".to_owned(),
    };
    assert_eq!(format!("{}-> {end} at {}", asked.take(), began.elapsed().as_millis()), expected);
}

const NO_LEADER: Result<(), (i32, &str)> = Err((14, "etcdserver: no leader"));

#[tokio::test(start_paused = true)]
async fn a_silent_member_is_left_after_a_moment_and_may_still_win() {
    check(&[Some((249, Ok(()))), None, None], "0@0 -> 0 answered at 249").await;
    check(&[None, Some((10, Ok(()))), None], "0@0 1@250 -> 1 answered at 260").await;
    check(&[None, None, Some((10, Ok(())))], "0@0 1@250 2@500 -> 2 answered at 510").await;
    check(&[Some((300, Ok(()))), Some((200, Ok(()))), None], "0@0 1@250 -> 0 answered at 300").await;
}

#[tokio::test(start_paused = true)]
async fn a_member_without_a_leader_is_left_at_once() {
    check(&[Some((3, NO_LEADER)), Some((10, Ok(()))), None], "0@0 1@3 -> 1 answered at 13").await;
    // All of them: another round, a moment later.
    let none = Some((1, NO_LEADER));
    let twice = "0@0 1@1 0@102 1@103 0@204 1@205 0@306 1@307 0@408 1@409 0@510 1@511 0@612 1@613 0@714 1@715 0@816 1@817 0@918 1@919 ";
    check(&[none, none], &format!("{twice}-> time is up at 1000")).await;
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_call_is_over_at_its_deadline_and_not_a_deadline_for_each_member() {
    check(&[None], "0@0 -> time is up at 1000").await;
    check(&[None, None, None], "0@0 1@250 2@500 -> time is up at 1000").await;
    check(&[None, None, None, None, None], "0@0 1@250 2@500 3@750 -> time is up at 1000").await;
}

#[tokio::test(start_paused = true)]
async fn a_no_for_good_is_the_end_whoever_else_is_asked() {
    let refused = "Refused(\"etcdserver: permission denied\")";
    let says = Some((20, Err((7, "etcdserver: permission denied"))));
    check(&[None, says, None], &format!("0@0 1@250 -> {refused} at 270")).await;
}
