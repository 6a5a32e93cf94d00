//! A thread of its own, with a runtime that knows no other: 50,000 watchers are written to without holding up what decides.

use std::future::Future;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::oneshot;

/// Runs this to its end, or until the caller loses interest.
pub async fn run<W: Future<Output = ()>>(work: impl FnOnce() -> W + Send + 'static) {
    // Told by being dropped, whichever way the caller ends.
    let (_interest, no_interest) = oneshot::channel::<()>();
    let (over_to, over) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("status".to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = runtime.expect("the system gives the node a few files at its start");
        runtime.block_on(async {
            tokio::select! {
                () = work() => {}
                _ = no_interest => {}
            }
        });
        // Without a word if it panics: then the one who waits knows all the same.
        drop(over_to);
    });
    let thread = thread.expect("the system gives the node a few threads at its start");
    // Nobody sends: it ends with the thread.
    let _ = over.await;
    if let Err(why) = thread.join() {
        std::panic::resume_unwind(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_with_the_interest_in_it() {
        let (alive_to, alive) = oneshot::channel::<()>();
        let task = tokio::spawn(run(move || async move {
            let _held = alive_to;
            std::future::pending::<()>().await;
        }));
        task.abort();
        assert!(alive.await.is_err(), "dropped with the thread");
    }
}
