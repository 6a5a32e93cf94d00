//! Observations to verdicts.
//!
//! 1. One checker counts results in a row ([`streak::Streak`]): `fall` bad ones turn an endpoint unhealthy, `rise` good ones healthy.
//! 2. Each checker's table has a fixed size: two bits a subject (an endpoint, or a check that stands by itself), whatever happened ([`table::Table`]).
//! 3. The quorum ([`quorum`]): an endpoint is healthy while more than a stated share of the fresh checkers that know it say so, and down only where two
//!    vantage zones say so. A checker that is cut off counts for nothing; [`reach`] is how it finds out by itself.
//! 4. A majority of checks is decided with the tables ([`majority`]): only then it is known which of them anybody has heard of.
//! 5. Whoever asks why gets each checker's word, and whether it counts ([`votes`]).
//! 6. Unknown is not unhealthy: a missing report counts for nothing, and if all are missing the last verdict holds.
//!
//! Not here: probes (`hf-probe`), clocks, what follows from a verdict (`hf-decide`).

pub mod checks;
pub mod majority;
pub mod quorum;
pub mod reach;
pub mod streak;
pub mod subject;
pub mod table;
pub mod verdict;
pub mod votes;

pub use checks::{check_verdict, check_verdicts, common_verdict, endpoint_verdict, is_of_each};
pub use quorum::Merged;
pub use reach::Reach;
pub use streak::Streak;
pub use subject::{Subject, subjects};
pub use table::{Bitmap, Table};
pub use verdict::{Verdict, Verdicts};
pub use votes::{Vote, Votes, Weighs};
