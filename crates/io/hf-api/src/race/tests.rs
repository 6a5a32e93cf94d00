//! Who is asked when, and who wins; in virtual time.

use std::sync::{Arc, Mutex};

use super::*;

/// Each contestant: after how many milliseconds it says what; `None` = never.
type Script = &'static [Option<(u64, Result<&'static str, &'static str>)>];

/// The outcome, how long it took, and when who was asked.
async fn check(script: Script, expected: &str) {
    let pace = Pace { patience: Duration::from_millis(300), total: Duration::from_secs(2) };
    let started = Instant::now();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let order: Vec<usize> = (0..script.len()).collect();
    let outcome = race(&order, pace, |at| {
        asked.lock().unwrap().push(format!("{at}@{}", started.elapsed().as_millis()));
        async move {
            let Some((after_ms, says)) = script[at] else { return std::future::pending().await };
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            says
        }
    })
    .await;
    let outcome = match outcome {
        Ok((at, answer)) => format!("{at} says {answer}"),
        Err(told) => format!("{:?}", told.into_iter().map(|(_, told)| told).collect::<Vec<_>>()),
    };
    let asked = asked.lock().unwrap().join(" ");
    assert_eq!(format!("asked {asked}: {outcome} at {}", started.elapsed().as_millis()), expected);
}

#[tokio::test(start_paused = true)]
async fn a_quick_answer_leaves_the_others_alone() {
    check(&[Some((5, Ok("yes"))), Some((0, Ok("no")))], "asked 0@0: 0 says yes at 5").await;
    check(&[Some((299, Ok("yes"))), Some((0, Ok("no")))], "asked 0@0: 0 says yes at 299").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_is_raced_and_may_still_win() {
    check(&[None, Some((10, Ok("yes")))], "asked 0@0 1@300: 1 says yes at 310").await;
    check(&[Some((400, Ok("slow"))), Some((200, Ok("later")))], "asked 0@0 1@300: 0 says slow at 400").await;
    check(&[None, None, None, Some((0, Ok("yes")))], "asked 0@0 1@300 2@600 3@900: 3 says yes at 900").await;
}

#[tokio::test(start_paused = true)]
async fn who_passes_makes_room_at_once() {
    check(&[Some((1, Err("no"))), Some((1, Ok("yes")))], "asked 0@0 1@1: 1 says yes at 2").await;
    check(&[None, Some((50, Err("no"))), Some((5, Ok("yes")))], "asked 0@0 1@300 2@350: 2 says yes at 355")
        .await;
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_each_is_told_of() {
    check(
        &[Some((1, Err("a"))), Some((400, Err("b"))), Some((1, Err("c")))],
        "asked 0@0 1@1 2@301: [Passed(\"a\"), Passed(\"b\"), Passed(\"c\")] at 401",
    )
    .await;
    check(&[], "asked : [] at 0").await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_is_bounded() {
    check(
        &[None, Some((1, Err("no"))), None, None, None, None, None, None],
        "asked 0@0 1@300 2@301 3@601 4@901 5@1201 6@1501 7@1801: \
         [Silent, Passed(\"no\"), Silent, Silent, Silent, Silent, Silent, Silent] at 2000",
    )
    .await;
    check(
        &[None, None, None, None, None, None, None, None],
        "asked 0@0 1@300 2@600 3@900 4@1200 5@1500 6@1800: \
         [Silent, Silent, Silent, Silent, Silent, Silent, Silent, NotAsked] at 2000",
    )
    .await;
}
