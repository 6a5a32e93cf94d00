use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;

/// Whether it is over by now.
fn is_over(over: Pin<&mut impl Future<Output = ()>>) -> bool {
    matches!(over.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

#[test]
fn who_waits_in_the_kernel_is_not_waited_for() {
    let grace = Grace::new(3);
    assert!(is_over(pin!(grace.over())));
    grace.begin(1);
    grace.end(1);
    assert!(is_over(pin!(grace.over())));
}

#[test]
fn batches_under_way_are_waited_for_and_no_later_ones() {
    let grace = Grace::new(3);
    grace.begin(0);
    grace.begin(2);
    let mut over = pin!(grace.over());
    assert!(!is_over(over.as_mut()));
    grace.begin(1);
    grace.end(0);
    assert!(!is_over(over.as_mut()));
    grace.end(2);
    grace.begin(2);
    assert!(is_over(over), "what began later looked at the new pointer");
    assert!(!is_over(pin!(grace.over())));
}

#[test]
fn leaves_are_waited_for_and_no_later_ones() {
    let grace = Grace::new(0);
    let (one, other) = (grace.leave(), grace.leave());
    let mut over = pin!(grace.over());
    assert!(!is_over(over.as_mut()));
    let later = grace.leave();
    drop(one);
    assert!(!is_over(over.as_mut()));
    drop(other);
    assert!(is_over(over));
    drop(later);
    assert!(is_over(pin!(grace.over())));
}

#[tokio::test]
async fn an_answer_is_waited_for_until_it_is_written_and_no_longer_than_its_asker_takes_it() {
    let (grace, unsent) = (Grace::new(0), Unsent::default());
    let (first, second) = (unsent.begin(grace.leave()), unsent.begin(grace.leave()));
    let mut over = pin!(grace.over());
    unsent.end(first);
    assert!(!is_over(over.as_mut()), "the other one waits to be written");
    assert_eq!(unsent.while_written(async { 7 }).await, 7);
    assert!(!is_over(over.as_mut()), "what is written at once lets nothing go");
    unsent.end(second);
    assert!(is_over(over));

    let third = unsent.begin(grace.leave());
    let (takes, taken) = tokio::sync::oneshot::channel::<()>();
    let mut writing = pin!(unsent.while_written(async { taken.await.is_ok() }));
    assert!(writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    unsent.begin(grace.leave());
    assert!(is_over(pin!(grace.over())), "an asker that takes nothing keeps nobody waiting");
    takes.send(()).unwrap();
    assert!(writing.await);
    unsent.end(third);
    unsent.begin(grace.leave());
    assert!(!is_over(pin!(grace.over())), "from now on it is waited for again");
}

/// Workers and the cold side answer with a number that grows; none answers with one that is known to be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_answers_from_what_is_over() {
    const WORKERS: usize = 3;
    const CHANGES: u64 = 2_000;
    /// Each of them answers so often while there are changes: on a busy machine one may begin when many are over.
    const ANSWERS: u64 = 100;
    struct World {
        grace: Grace,
        pointer: AtomicU64,
        /// All before this one is said to be gone.
        said: AtomicU64,
        stop: AtomicBool,
    }
    impl World {
        fn answer(&self) {
            let number = self.pointer.load(Ordering::Acquire);
            // An answer takes its time, and others go first.
            std::thread::yield_now();
            assert!(number >= self.said.load(Ordering::SeqCst), "{number} was said to be gone");
        }
    }
    let world = Arc::new(World {
        grace: Grace::new(WORKERS),
        pointer: AtomicU64::new(0),
        said: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let answering = |role: Option<usize>| {
        let world = world.clone();
        let answered = Arc::new(AtomicU64::new(0));
        let counted = answered.clone();
        let thread = std::thread::spawn(move || {
            while !world.stop.load(Ordering::Relaxed) {
                if let Some(worker) = role {
                    world.grace.begin(worker);
                    world.answer();
                    world.grace.end(worker);
                } else {
                    let _leave = world.grace.leave();
                    world.answer();
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        (thread, answered)
    };
    let all: Vec<_> = (0..WORKERS).map(Some).chain([None, None]).map(answering).collect();
    let is_busy = || all.iter().all(|(_, answered)| answered.load(Ordering::Relaxed) >= ANSWERS);
    let (mut number, began) = (0, tokio::time::Instant::now());
    while number < CHANGES || !is_busy() {
        assert!(began.elapsed() < Duration::from_mins(2), "everybody answers");
        number += 1;
        world.pointer.store(number, Ordering::Release);
        tokio::time::timeout(Duration::from_secs(20), world.grace.over()).await.expect("batches end");
        world.said.store(number, Ordering::SeqCst);
    }
    world.stop.store(true, Ordering::Relaxed);
    for (thread, _) in all {
        thread.join().expect("nobody answers from what is over");
    }
}
