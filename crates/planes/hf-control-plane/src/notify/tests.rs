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

#[test]
fn pauses_grow_to_five_minutes() {
    let seconds: Vec<u64> = (1..=12).map(|tries| pause(tries, 255).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    assert_eq!(pause(u32::MAX, 0), PAUSES[1] / 2);
}
