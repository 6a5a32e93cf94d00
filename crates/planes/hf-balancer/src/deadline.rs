//! Deadlines that cost nothing while they hold.
//!
//! A timer of the runtime is put into its wheel and taken out again for every use, under a lock. Here timers are lent by the
//! worker, moved only when they fire or must fire earlier, and given back: nearly every request finds one that fires late
//! enough and is looked at again then. A timer that was given back may wake the task that had it once more, for nothing.
//!
//! Bound: as many timers as requests wait at the same moment; [`FREE_MAX`] of them are kept for the next ones.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// Timers that nobody uses and that are kept all the same.
const FREE_MAX: usize = 1_024;

/// One worker's timers.
#[derive(Debug, Default)]
pub struct Timers {
    free: RefCell<Vec<Pin<Box<Sleep>>>>,
}

/// Over: the deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed;

impl Timers {
    /// A timer that is ready at `at`.
    pub fn lend(self: &Rc<Self>, at: Instant) -> Timer {
        let sleep = self.free.borrow_mut().pop();
        Timer { sleep, at, home: self.clone() }
    }

    /// Runs `future` until `at` at the latest.
    pub async fn within<T>(
        self: &Rc<Self>,
        at: Instant,
        future: impl Future<Output = T>,
    ) -> Result<T, Passed> {
        let mut future = pin!(future);
        let mut timer: Option<Timer> = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            // What is ready at once needs no timer.
            timer.get_or_insert_with(|| self.lend(at)).poll(cx).map(|()| Err(Passed))
        })
        .await
    }
}

/// A timer on loan.
#[derive(Debug)]
pub struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Instant,
    home: Rc<Timers>,
}

impl Timer {
    /// Moves the deadline.
    pub fn set(&mut self, at: Instant) {
        self.at = at;
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut free = self.home.free.borrow_mut();
        if let Some(sleep) = self.sleep.take().filter(|_| free.len() < FREE_MAX) {
            free.push(sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn a_deadline_is_kept_whatever_the_timer_was_used_for_before() {
        run(async {
            let timers = Rc::new(Timers::default());
            for wait_ms in [60_000, 100, 5, 70_000, 20] {
                let began = Instant::now();
                let wait = Duration::from_millis(wait_ms);
                let done = timers.within(began + wait, std::future::pending::<()>()).await;
                assert_eq!((done, began.elapsed().as_millis() / 5), (Err(Passed), wait.as_millis() / 5));
            }
            assert_eq!(timers.free.borrow().len(), 1, "one timer served all of them");
        });
    }

    #[test]
    fn what_comes_in_time_comes() {
        run(async {
            let timers = Rc::new(Timers::default());
            let at = Instant::now() + Duration::from_secs(1);
            assert_eq!(timers.within(at, async { 1 }).await, Ok(1));
            assert!(timers.free.borrow().is_empty(), "nothing to wait for, no timer");
            let slow = async {
                tokio::time::sleep(Duration::from_millis(999)).await;
                2
            };
            assert_eq!(timers.within(at, slow).await, Ok(2));
        });
    }
}
