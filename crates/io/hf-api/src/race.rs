//! One question, several that could answer it: the slow ones are raced.
//!
//! 1. The first is asked; whenever one passes, the next is asked at once, and also when nobody has answered for `patience`.
//! 2. The first answer ends the race; the others are broken off. So only what may be asked twice is raced: reads, and writes that
//!    carry a request id.
//! 3. The whole is bounded: at `total` it ends with what each has said until then.
//!
//! Not here: who is asked in which order and what counts as an answer (`client`).

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What became of one that was to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told<P> {
    /// It has no answer, and says why.
    Passed(P),
    /// It was asked and had said nothing when the time was up.
    Silent,
    /// The time was up before its turn.
    NotAsked,
}

/// How long a race waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Without an answer for so long, the next one is asked too.
    pub patience: Duration,
    /// For all of it.
    pub total: Duration,
}

/// Asks those in `order` until one answers: who, and what. Without an answer: what became of each, in their order.
pub(crate) async fn race<A, P, F>(
    order: &[usize],
    pace: Pace,
    ask: impl Fn(usize) -> F,
) -> Result<(usize, A), Vec<(usize, Told<P>)>>
where
    F: Future<Output = Result<A, P>> + Send + 'static,
    A: Send + 'static,
    P: Send + 'static,
{
    let deadline = Instant::now() + pace.total;
    let mut told: Vec<(usize, Told<P>)> = order.iter().map(|at| (*at, Told::NotAsked)).collect();
    let mut under_way = JoinSet::new();
    let mut asked = 0;
    let mut next_at = Instant::now();
    loop {
        if asked < order.len() && (under_way.is_empty() || Instant::now() >= next_at) {
            let answer = ask(order[asked]);
            let turn = asked;
            under_way.spawn(async move { (turn, answer.await) });
            told[turn].1 = Told::Silent;
            asked += 1;
            next_at = Instant::now() + pace.patience;
        }
        if under_way.is_empty() {
            return Err(told);
        }
        tokio::select! {
            biased;
            Some(heard) = under_way.join_next() => match heard {
                Ok((turn, Ok(answer))) => return Ok((order[turn], answer)),
                Ok((turn, Err(why))) => {
                    told[turn].1 = Told::Passed(why);
                    next_at = Instant::now();
                }
                // Nobody breaks off a task of this set, so it has panicked: our own mistake, to be seen.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            () = sleep_until(deadline) => return Err(told),
            () = sleep_until(next_at), if asked < order.len() => {}
        }
    }
}

#[cfg(test)]
mod tests;
