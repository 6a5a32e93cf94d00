//! A thousand clients at once while zones are left and come back: not one failed request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Kept, Origin, WorldBuilder, within};

/// Sends requests until told to stop, over kept connections. A kept connection that is closed before a byte of the
/// answer is opened anew once, as browsers, curl and the usual libraries do: closing it crossed the request on the way.
async fn client(to: SocketAddr, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut kept: Option<Kept> = None;
    while !stop.load(Ordering::SeqCst) {
        let was_kept = kept.is_some();
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Kept::open(to).await,
        };
        match within("an answer", connection.send("GET", "/", "")).await {
            Ok(answer) if answer.status == 200 => {
                answered.fetch_add(1, Ordering::SeqCst);
                kept = (answer.header("connection") != "close").then_some(connection);
            }
            Ok(answer) => failures.push(format!("{} {}", answer.status, answer.body)),
            Err(_) if was_kept => {}
            Err(error) => failures.push(format!("{error:?}")),
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_under_load_fail_no_request() {
    let origins = [Origin::start("a").await, Origin::start("b").await, Origin::start("c").await];
    let endpoints: Vec<(&str, SocketAddr)> =
        ["a", "b", "c"].into_iter().zip(origins.iter().map(|origin| origin.address)).collect();
    let mut world = WorldBuilder::new().web(&endpoints).start().await;
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> =
        (0..1_000).map(|_| tokio::spawn(client(world.web(), stop.clone(), answered.clone()))).collect();
    for round in 0..12 {
        let away = ["a", "b", "c"][round % 3];
        let before = answered.load(Ordering::SeqCst);
        world.shift(&[away]).await;
        let at_shift = origins[round % 3].requests();
        crate::support::until("a thousand more are answered", || async {
            answered.load(Ordering::SeqCst) >= before + 1_000
        })
        .await;
        let late = origins[round % 3].requests() - at_shift;
        // Only what was under way at that instant, at most one for each client; none once all have been answered anew.
        assert!(late <= 1_000, "{late} requests reached {away}");
        let settled = origins[round % 3].requests();
        let before = answered.load(Ordering::SeqCst);
        crate::support::until("a thousand more are answered", || async {
            answered.load(Ordering::SeqCst) >= before + 1_000
        })
        .await;
        assert_eq!(origins[round % 3].requests(), settled, "requests reached {away} after it was left");
        world.shift(&[]).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut failures = Vec::new();
    for client in clients {
        failures.extend(within("a client's end", client).await.unwrap());
    }
    assert!(
        failures.is_empty(),
        "{} of {}: {:?}",
        failures.len(),
        answered.load(Ordering::SeqCst),
        &failures[..failures.len().min(5)]
    );
}
