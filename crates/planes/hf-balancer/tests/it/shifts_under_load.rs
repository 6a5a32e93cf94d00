//! A thousand clients at once while zones are left and come back: not one failed request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Kept, Origin, WorldBuilder, until, within};

/// Sends requests until told to stop, over kept connections. A kept connection that is closed before a byte of the
/// answer is opened anew, as browsers, curl and the usual libraries do: its end crossed the request on the way.
async fn client(
    to: SocketAddr,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    crossed: Arc<AtomicUsize>,
) -> Vec<String> {
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
                kept = (answer.header("connection") != "close").then_some(connection);
            }
            Ok(answer) => failures.push(format!("{} {}", answer.status, answer.body)),
            Err(_) if was_kept => {
                crossed.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            Err(error) => failures.push(format!("{error:?}")),
        }
        answered.fetch_add(1, Ordering::SeqCst);
    }
    failures
}

/// Waits until what every client had under way is answered, and one more request of each.
async fn until_everybody_asked_anew(answered: &[Arc<AtomicUsize>]) {
    let before: Vec<usize> = answered.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    until("every client has asked anew", || async {
        answered.iter().zip(&before).all(|(count, before)| count.load(Ordering::SeqCst) >= before + 2)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_under_load_fail_no_request() {
    let origins = [Origin::start("a"), Origin::start("b"), Origin::start("c")];
    let zones = ["a", "b", "c"];
    let endpoints: Vec<(&str, SocketAddr)> =
        zones.into_iter().zip(origins.iter().map(|origin| origin.address)).collect();
    let mut world = WorldBuilder::new().web(&endpoints).start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered: Vec<Arc<AtomicUsize>> = (0..1_000).map(|_| Arc::default()).collect();
    let crossed: Arc<AtomicUsize> = Arc::default();
    let clients: Vec<_> = answered
        .iter()
        .map(|answered| tokio::spawn(client(world.web(), stop.clone(), answered.clone(), crossed.clone())))
        .collect();
    for round in 0..6 {
        let (away, origin) = (zones[round % 3], &origins[round % 3]);
        world.shift(&[away]).await;
        // The balancer's own count is exact from here on; the endpoint still reads what was on the way to it.
        let handed = world.activity(away).requests;
        until_everybody_asked_anew(&answered).await;
        let reached = origin.requests();
        until_everybody_asked_anew(&answered).await;
        assert_eq!(
            world.activity(away).requests,
            handed,
            "handed to {away} after it was left, round {round}"
        );
        assert_eq!(origin.requests(), reached, "reached {away} after it was left, round {round}");
        world.shift(&[]).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut failures = Vec::new();
    for client in clients {
        failures.extend(within("a client's end", client).await.unwrap());
    }
    let total: usize = answered.iter().map(|count| count.load(Ordering::SeqCst)).sum();
    println!(
        "{total} answered, {} asked anew after their connection's end crossed them",
        crossed.load(Ordering::SeqCst)
    );
    assert!(failures.is_empty(), "{} of {total}: {:?}", failures.len(), &failures[..failures.len().min(5)]);
}
