//! The seam of endpoint sources: something that knows a pool's endpoints and can be asked again and again.
//!
//! DNS and folders stand behind it (`dns`, `directory`); so will Kubernetes' EndpointSlices. Registrations do not: services come by
//! themselves (`leases`).
//!
//! 1. Each watcher has a task of its own; its newest word waits in one place, where newer replaces older.
//! 2. What a watcher answers is whole: all endpoints that it knows. An error is no word at all: that of before counts on.
//!
//! Not here: what is made of a word (`hf_control::sources`).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hf_control::sources::Told;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is known, or why nothing is known now.
pub type Word = Result<Found, String>;

/// All endpoints that a source knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// All of them.
    pub told: Vec<Told>,
    /// What is wrong with a part of the source, which says what it said before.
    pub problem: Option<String>,
}

/// Something that knows a pool's endpoints.
pub trait Watcher: Send + 'static {
    /// Looks once. Bounded in time by itself.
    fn look(&mut self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>>;

    /// Waits until a look is due: after `pace`, or sooner if there is news.
    fn due(&mut self, pace: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(pace))
    }
}

/// A watcher that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    /// The newest word; none before the first look.
    pub word: watch::Receiver<Option<Word>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Lets a watcher look at this pace.
    pub fn start(mut watcher: Box<dyn Watcher>, pace: Duration) -> Watch {
        let (tell, word) = watch::channel(None);
        let task = tokio::spawn(async move {
            loop {
                let found = watcher.look().await;
                tell.send_if_modified(|known: &mut Option<Word>| {
                    let is_news = known.as_ref() != Some(&found);
                    *known = Some(found);
                    is_news
                });
                watcher.due(pace).await;
            }
        });
        Watch { word, task }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
