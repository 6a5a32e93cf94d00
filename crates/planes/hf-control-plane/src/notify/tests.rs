//! The loop with a real journal in memory and a real receiver on a port of this machine.

use std::sync::Arc;

use hf_config::node::{NoticeKind, NotifyWay, Url};
use hf_control::{Command, Scope};
use hf_model::{Operator, RequestId, Revision, ZoneId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::api::fixture::Fixture;

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

struct Hook {
    listener: TcpListener,
}

impl Hook {
    async fn new() -> Hook {
        Hook { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn config(&self, kinds: &[NoticeKind]) -> Notify {
        let at = self.listener.local_addr().unwrap();
        let url = Url { secure: false, host: at.ip().to_string(), port: at.port(), path: "/".to_owned() };
        let way = NotifyWay::Webhook { url, secret_file: None, ca: None };
        Notify { name: "hook".to_owned(), way, kinds: kinds.to_vec() }
    }

    /// The next notice, answered with this status.
    async fn next(&self, status: u16) -> serde_json::Value {
        let take = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"}}") {
                asked.push(stream.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let text = String::from_utf8(asked).unwrap();
            serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        timeout(PATIENCE, take).await.expect("a notice comes")
    }
}

fn context(fixture: &Fixture, receivers: &[Notify], dir: &Path) -> Context {
    Context { notifications: Arc::new(Notifications::new(receivers, dir)), ..fixture.api.context().clone() }
}

async fn commit(fixture: &Fixture, request: &str, command: Command) -> Revision {
    let control = fixture.api.context().control.clone().unwrap();
    let done = control.submit(Operator::new("ann"), RequestId::new(request).unwrap(), command).await.unwrap();
    let hf_control::Outcome::Done { revision, .. } = done else { panic!("{done:?}") };
    revision
}

fn shift(zone: &str) -> Command {
    Command::StartShift {
        zone: ZoneId::new(zone).unwrap(),
        scope: Scope::Everything,
        length: Duration::from_mins(30),
        reason: "broken switch".to_owned(),
        floor_overrides: Vec::new(),
    }
}

fn kind(told: &serde_json::Value) -> &str {
    told["type"].as_str().unwrap()
}

#[tokio::test]
async fn a_receiver_is_told_in_order_and_goes_on_where_it_was() {
    let fixture = Fixture::of_three_zones().await;
    let (hook, dir) = (Hook::new().await, tempfile::tempdir().unwrap());
    let kinds = [NoticeKind::ShiftStarted, NoticeKind::ShiftEnded];
    let context = context(&fixture, &[hook.config(&kinds)], dir.path());
    let (stop, stopped) = watch::channel(false);
    let act = async {
        // It is told of nothing from before its first look: its place is the newest line then.
        let wait = async {
            while context.journal.newest_position().await.unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
        let id = commit(&fixture, "one", shift("a")).await;
        let first = hook.next(500).await;
        let again = hook.next(204).await;
        assert_eq!(first, again);
        assert_eq!((kind(&first), &first["data"]["zone"]), ("shift.started", &"a".into()));
        assert_eq!(first["data"]["reason"], "broken switch");
        assert_eq!(first["data"]["by"], "ann");
        let shift = hf_model::ShiftId::new(&format!("shift-{id}")).unwrap();
        commit(&fixture, "two", Command::CancelShift { id: shift, if_match: None }).await;
        let ended = hook.next(200).await;
        assert_eq!((kind(&ended), &ended["data"]["outcome"]), ("shift.ended", &"canceled".into()));
        assert_ne!(ended["data"]["id"], first["data"]["id"]);
        stop.send_replace(true);
    };
    let ((), ()) = tokio::join!(run(&context, stopped), act);
    let [(_, counts)] = context.notifications.counts().try_into().unwrap();
    assert_eq!((counts.delivered >= 1, counts.failed, counts.dropped), (true, 1, 0));
}

#[tokio::test]
async fn one_that_hangs_does_not_delay_a_good_one_beside_it() {
    let fixture = Fixture::of_three_zones().await;
    let (hook, dir) = (Hook::new().await, tempfile::tempdir().unwrap());
    // It takes connections, as the system does for it, and never answers.
    let hangs = Hook::new().await;
    let kinds = [NoticeKind::ShiftStarted, NoticeKind::ShiftEnded];
    let receivers = [Notify { name: "hangs".to_owned(), ..hangs.config(&kinds) }, hook.config(&kinds)];
    let context = context(&fixture, &receivers, dir.path());
    let (stop, stopped) = watch::channel(false);
    let act = async {
        let wait = async {
            while context.journal.newest_position().await.unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
        let id = commit(&fixture, "one", shift("a")).await;
        let (mut held, _) = timeout(PATIENCE, hangs.listener.accept()).await.expect("it is told").unwrap();
        let started = hook.next(200).await;
        let shift = hf_model::ShiftId::new(&format!("shift-{id}")).unwrap();
        commit(&fixture, "two", Command::CancelShift { id: shift, if_match: None }).await;
        let ended = hook.next(200).await;
        assert_eq!((kind(&started), kind(&ended)), ("shift.started", "shift.ended"));
        // The other is still at its first try: the connection is open, and nothing of it has failed.
        let [(name, hanging), (_, good)] = context.notifications.counts().try_into().unwrap();
        assert_eq!((name.as_str(), hanging.delivered, hanging.failed), ("hangs", 0, 0));
        assert_eq!((good.failed, good.dropped), (0, 0));
        assert!(held.read_u8().await.is_ok(), "it was asked");
        stop.send_replace(true);
    };
    let ((), ()) = tokio::join!(run(&context, stopped), act);
}

fn break_glass(fixture: &Fixture, zone: &str, minutes: u64) -> hf_control::BreakGlassShift {
    let now = fixture.clock.now();
    hf_control::BreakGlassShift {
        estate: fixture.api.context().intent().estate_id,
        zone: ZoneId::new(zone).unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at: now,
        ends_at: now.plus(Duration::from_mins(minutes)),
    }
}

/// The context of a node without a ledger beside the fixture's, on its snapshots.
fn without_ledger(fixture: &Fixture, receivers: &[Notify], dir: &Path) -> Context {
    let beat = Duration::from_millis(50);
    Context { control: None, beat, ..context(fixture, receivers, dir) }
}

/// These nodes tell that their planes obey these acts, and that they have the receiver `hook`.
fn obey_at(fixture: &Fixture, nodes: &[(&str, &[&hf_control::BreakGlassShift])]) {
    for (node, acts) in nodes {
        fixture.hear(node, &[], 1, 0, 0);
        fixture.reports.send_modify(|reports| {
            let heard = Arc::make_mut(reports).get_mut(&hf_model::NodeId::new(node).unwrap()).unwrap();
            heard.report.notices.insert("hook".to_owned(), 0);
            heard.report.break_glass = acts.iter().map(|act| hf_feed::act_number(act)).collect();
        });
    }
}

#[tokio::test]
async fn without_a_ledger_a_node_tells_of_the_break_glass_shifts_that_it_obeys() {
    let mut fixture = Fixture::of_three_zones().await;
    let (hook, dir) = (Hook::new().await, tempfile::tempdir().unwrap());
    let kinds = [NoticeKind::ShiftStarted, NoticeKind::ShiftEnded];
    let context = without_ledger(&fixture, &[hook.config(&kinds)], dir.path());
    let shift = break_glass(&fixture, "a", 30);
    fixture.glass_of = vec![shift.clone()];
    fixture.obey();
    obey_at(&fixture, &[("n1", &[&shift])]);
    let (stop, stopped) = watch::channel(false);
    let act = async {
        let first = hook.next(500).await;
        assert_eq!(first, hook.next(200).await, "a repetition is the same notice");
        assert_eq!((kind(&first), &first["data"]["zone"]), ("shift.started", &"a".into()));
        assert_eq!((&first["data"]["by"], &first["data"]["reason"]), (&"ann".into(), &"no ledger".into()));
        assert_eq!(first["data"]["shift"], serde_json::Value::Null);
        // It is told once, and its end is.
        fixture.clock.set(shift.signed_at.plus(Duration::from_mins(31)));
        let over = hook.next(200).await;
        assert_eq!((kind(&over), &over["data"]["outcome"]), ("shift.ended", &"expired".into()));
        let cancel = break_glass(&fixture, "b", 0);
        fixture.glass_of = vec![cancel.clone()];
        fixture.obey();
        obey_at(&fixture, &[("n1", &[&cancel])]);
        let canceled = hook.next(200).await;
        assert_eq!((kind(&canceled), &canceled["data"]["outcome"]), ("shift.ended", &"canceled".into()));
        assert_eq!(canceled["data"]["zone"], "b");
        stop.send_replace(true);
        first
    };
    let ((), first) = tokio::join!(run(&context, stopped), act);
    // The ledger hears of it: the journal's own notice is a repetition of that one.
    fixture.clock.set(shift.signed_at);
    commit(&fixture, "act", Command::RecordBreakGlass { act: shift }).await;
    let read = async {
        loop {
            let lines = context.journal.read(0, LINES).await.unwrap();
            let around =
                notices::Around { node: "n1", estate: context.intent().estate_id, outcome: &|_| None };
            let told: Vec<Notice> = lines.iter().flat_map(|line| notices::of(line, &around)).collect();
            if told.iter().any(|notice| notice.kind == NoticeKind::BreakGlassRecorded) {
                break told;
            }
            tokio::task::yield_now().await;
        }
    };
    let told = timeout(PATIENCE, read).await.expect("the journal is written");
    let started = told.iter().find(|notice| notice.kind == NoticeKind::ShiftStarted).unwrap();
    assert_eq!(first["data"]["id"], started.id.as_str());
    let recorded = told.iter().find(|notice| notice.kind == NoticeKind::BreakGlassRecorded).unwrap();
    assert_ne!(recorded.id, started.id, "that the ledger knows is news");
}

#[tokio::test]
async fn what_the_ledger_knows_and_what_others_tell_is_left_to_them() {
    let mut fixture = Fixture::of_three_zones().await;
    let (hook, dir) = (Hook::new().await, tempfile::tempdir().unwrap());
    let config = hook.config(&[NoticeKind::ShiftStarted]);
    let context = without_ledger(&fixture, &[config], dir.path());
    let (known, open) = (break_glass(&fixture, "a", 30), break_glass(&fixture, "b", 30));
    commit(&fixture, "act", Command::RecordBreakGlass { act: known.clone() }).await;
    fixture.glass_of = vec![known.clone(), open.clone()];
    fixture.obey();
    // A node before this one by name has a receiver of that name.
    obey_at(&fixture, &[("n0", &[&known, &open]), ("n1", &[&known, &open])]);
    let (stop, stopped) = watch::channel(false);
    let act = async {
        let early = timeout(context.beat * LISTENS + LOOK * 3, hook.listener.accept()).await;
        assert!(early.is_err(), "the first by name tells");
        fixture.reports.send_modify(|reports| {
            let heard = Arc::make_mut(reports).get_mut(&hf_model::NodeId::new("n0").unwrap()).unwrap();
            heard.report.notices.clear();
        });
        let told = hook.next(200).await;
        assert_eq!(told["data"]["zone"], "b", "of a the journal tells");
        // It is kept over a restart.
        let file = dir.path().join("notify/hook.break-glass");
        let kept = async {
            while !file.exists() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, kept).await.expect("it is kept that it was told");
        stop.send_replace(true);
    };
    let ((), ()) = tokio::join!(run(&context, stopped), act);
}

#[tokio::test]
async fn a_node_that_does_not_know_the_signers_key_keeps_nobody_from_telling() {
    let mut fixture = Fixture::of_three_zones().await;
    let (hook, dir) = (Hook::new().await, tempfile::tempdir().unwrap());
    let context = without_ledger(&fixture, &[hook.config(&[NoticeKind::ShiftStarted])], dir.path());
    let (early, open) = (break_glass(&fixture, "a", 30), break_glass(&fixture, "b", 30));
    fixture.glass_of = vec![early.clone(), open.clone()];
    fixture.obey();
    // The first by name has the receiver, and obeys another act. That this node's planes do not obey yet is nothing to tell.
    obey_at(&fixture, &[("n0", &[&early]), ("n1", &[&open])]);
    let (stop, stopped) = watch::channel(false);
    let act = async {
        let told = hook.next(200).await;
        assert_eq!((kind(&told), &told["data"]["zone"]), ("shift.started", &"b".into()));
        obey_at(&fixture, &[("n0", &[]), ("n1", &[&early, &open])]);
        assert_eq!(hook.next(200).await["data"]["zone"], "a");
        stop.send_replace(true);
    };
    let ((), ()) = tokio::join!(run(&context, stopped), act);
}

#[test]
fn pauses_grow_to_five_minutes() {
    let seconds: Vec<u64> = (1..=12).map(|tries| pause(tries, 255).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    assert_eq!(pause(u32::MAX, 0), PAUSES[1] / 2);
}
