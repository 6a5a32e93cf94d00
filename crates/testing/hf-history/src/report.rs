//! What a failure looks like to people.

use std::fmt;

use crate::history::Operation;
use crate::model::Model;
use crate::search::{Limits, search_with};

/// Operations of the order that are told at most: the newest ones.
const TOLD: usize = 12;

/// Why there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Operations of the shortest beginning that fails.
    pub beginning: usize,
    /// Operations of the whole history, or of the part that fails.
    pub operations: usize,
    /// The end of the order that got furthest.
    pub order: Vec<String>,
    /// How many operations came before these.
    pub before: usize,
    /// The state that the order leads to.
    pub state: String,
    /// Answers that fit nowhere behind it.
    pub stuck: Vec<String>,
    /// Operations under way at the end, of which nobody knew the outcome yet.
    pub open: Vec<String>,
}

impl Failure {
    /// Tells of `beginning`, which fails.
    pub(crate) fn of<M: Model>(
        model: &M,
        beginning: &[Operation<M::Input, M::Output>],
        operations: usize,
        limits: Limits,
    ) -> Failure {
        let mut best: (Vec<usize>, String) = (Vec::new(), String::new());
        let all: Vec<&Operation<M::Input, M::Output>> = beginning.iter().collect();
        // It fails, and the one search that shows it also tells how far it got.
        let _ = search_with(
            model,
            &all,
            limits,
            Some(&mut |order: &[usize], state: &M::State| {
                best = (order.to_vec(), model.describe_state(state));
            }),
        );
        let (order, state) = best;
        let tell = |at: usize| {
            let Operation { client, called_us, input, returned } = &beginning[at];
            let until = returned.as_ref().map_or_else(|| "?".to_owned(), |returned| seconds(returned.at_us));
            let what = model.describe(input, returned.as_ref().map(|returned| &returned.output));
            format!("client {client}, {} to {until}: {what}", seconds(*called_us))
        };
        let before = order.len().saturating_sub(TOLD);
        let mut rest: Vec<usize> = (0..beginning.len()).filter(|at| !order.contains(at)).collect();
        rest.sort_by_key(|at| (beginning[*at].called_us, *at));
        let (stuck, open): (Vec<usize>, Vec<usize>) =
            rest.into_iter().partition(|at| beginning[*at].returned.is_some());
        Failure {
            beginning: beginning.len(),
            operations,
            before,
            order: order[before..].iter().map(|at| tell(*at)).collect(),
            state,
            stuck: stuck.into_iter().map(tell).collect(),
            open: open.into_iter().map(tell).collect(),
        }
    }
}

fn seconds(us: u64) -> String {
    format!("{}.{:06} s", us / 1_000_000, us % 1_000_000)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "not linearizable: the first {} of {} operations show it",
            self.beginning, self.operations
        )?;
        writeln!(f, "the order that explains most answers:")?;
        if self.before > 0 {
            writeln!(f, "  ({} operations before these)", self.before)?;
        }
        for line in &self.order {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "then the state is {}, and none of these answers can follow:", self.state)?;
        for line in &self.stuck {
            writeln!(f, "  {line}")?;
        }
        if !self.open.is_empty() {
            writeln!(f, "under way, and no help:")?;
            for line in &self.open {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}
