//! A thread of its own for the checker, with a runtime of one thread.
//!
//! Probes on the node's runtime, which has several threads, wake another thread for each connection, and stand in line with decisions. Beside a
//! runtime of one thread there is no other: all is there (a test with a clock of its own).

use std::future::Future;

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tracing::warn;

/// Runs this to its end, or until the caller loses interest.
pub async fn run<W: Future<Output = ()>>(work: impl FnOnce() -> W + Send + 'static) {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return work().await;
    }
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            warn!(%why, "the checker has no runtime of its own; it probes on that of the node, where each probe costs more");
            return work().await;
        }
    };
    // Told by being dropped, whichever way the caller ends.
    let (_interest, no_interest) = oneshot::channel::<()>();
    let (over_to, over) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("checker".to_owned()).spawn(move || {
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

    async fn name_of_thread() -> String {
        let (name_to, name) = oneshot::channel();
        run(move || async move {
            let own = std::thread::current().name().unwrap_or_default().to_owned();
            let _ = name_to.send(own);
        })
        .await;
        name.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn beside_several_threads_it_has_its_own() {
        assert_eq!(name_of_thread().await, "checker");
    }

    #[tokio::test]
    async fn beside_one_thread_it_is_there_too() {
        assert_ne!(name_of_thread().await, "checker");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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
