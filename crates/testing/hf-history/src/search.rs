//! The search for an order.
//!
//! 1. The next operation in an order is one that was called before any that is left returned. Of these, first the one whose answer tells
//!    the lowest position, then the one that has to come soonest; operations of unknown outcome last, since they need not come at all.
//! 2. An operation that only looks and fits is taken at once, without looking at others: whatever order there is with it later,
//!    there is the same one with it now. (Not so a write of the value that is there: later it may be what puts it back.)
//! 3. An order that leaves out an operation whose answer fits nowhere any more ends there.
//! 4. Which operations with answers are in the order, the state that they lead to, and which unknown ones were used up is all that the
//!    rest depends on. A situation that was seen with the same or fewer used up is not looked at again: it can do no more.
//! 5. First with few unknown ones used up, then with more: most histories need few, and each may double the search.
//! 6. The first two are remembered as 128 bits of a hash; should two ever be alike, a good history is called bad, never a bad one good.
//!
//! Not here: what a failure looks like (`report`).

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::history::Operation;
use crate::model::Model;
use crate::report::Failure;

mod left;
mod seen;

use left::{Choice, Left, Span};
use seen::Seen;

/// How much may be searched.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Situations that are remembered at most, each in some 100 bytes; a search that needs more gives up.
    pub situations: usize,
}

impl Default for Limits {
    /// Two million: 200 MB. Histories of 10,000 operations need about 10,000.
    fn default() -> Self {
        Limits { situations: 2_000_000 }
    }
}

/// An order was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Operations put in order.
    pub operations: usize,
    /// Operations of unknown outcome that no answer can show, left out.
    pub left_out: usize,
    /// Parts checked one by one.
    pub parts: usize,
    /// Situations looked at.
    pub situations: usize,
}

/// What the search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// There is an order.
    Linearizable(Passed),
    /// There is none.
    Broken(Failure),
    /// Nothing is known: the search had no more room. Count it as a failure.
    GaveUp {
        /// Situations looked at.
        situations: usize,
        /// Operations of the part that was too much.
        operations: usize,
    },
}

impl Verdict {
    /// Nothing, or the text of the failure. A search that gave up is one.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong, or that nothing is known.
    pub fn passed(self) -> Result<Passed, String> {
        match self {
            Verdict::Linearizable(passed) => Ok(passed),
            Verdict::Broken(failure) => Err(failure.to_string()),
            Verdict::GaveUp { situations, operations } => Err(format!(
                "gave up after {situations} situations of {operations} operations: nothing is shown. Record shorter histories or \
                 fewer unknown outcomes, or allow more situations"
            )),
        }
    }
}

/// Looks for an order in which one thread could have done `history`.
pub fn check<M: Model>(model: &M, history: &[Of<M>], limits: Limits) -> Verdict {
    let mut total = Passed::default();
    for part in parts(model, history) {
        let seen = without_unseen(model, &part);
        total.left_out += part.len() - seen.len();
        total.operations += seen.len();
        total.parts += 1;
        match search(model, &seen, limits) {
            Found::Order { situations } => total.situations += situations,
            Found::GaveUp { situations } => {
                return Verdict::GaveUp { situations, operations: seen.len() };
            }
            Found::None { .. } => return shortest(model, &seen, limits),
        }
    }
    Verdict::Linearizable(total)
}

/// The history in parts that have nothing to do with one another.
fn parts<'h, M: Model>(model: &M, history: &'h [Of<M>]) -> Vec<Vec<&'h Of<M>>> {
    let mut parts: BTreeMap<String, Vec<&Of<M>>> = BTreeMap::new();
    for operation in history {
        let Some(part) = model.part(&operation.input) else { return vec![history.iter().collect()] };
        parts.entry(part).or_default().push(operation);
    }
    parts.into_values().collect()
}

/// Leaves out what was perhaps done and no answer can show: it counts as never done.
fn without_unseen<'h, M: Model>(model: &M, part: &[&'h Of<M>]) -> Vec<&'h Of<M>> {
    let can_be_seen = |unknown: &Of<M>| {
        part.iter().any(|other| {
            !other.is_before(unknown)
                && other.output().is_some_and(|output| model.can_show(&unknown.input, &other.input, output))
        })
    };
    let keep = |operation: &&&Of<M>| operation.returned.is_some() || can_be_seen(operation);
    part.iter().filter(keep).copied().collect()
}

/// An operation of a model.
type Of<M> = Operation<<M as Model>::Input, <M as Model>::Output>;

/// Who is told of each order that has more answers in it than all before: the order, and its state.
pub(crate) type Furthest<'f, M> = dyn FnMut(&[usize], &<M as Model>::State) + 'f;

pub(crate) enum Found {
    Order { situations: usize },
    None { situations: usize },
    GaveUp { situations: usize },
}

/// One operation in the order, and the way back.
struct Step<S> {
    /// The state before it.
    before: S,
    /// What could have come here, in the order of trying, and how many of them were tried.
    choices: Vec<Choice>,
    tried: usize,
}

fn situation<S: Hash>(order: u128, state: &S) -> u128 {
    let half = |seed: u64| {
        let mut hasher = DefaultHasher::new();
        (seed, order).hash(&mut hasher);
        state.hash(&mut hasher);
        hasher.finish()
    };
    (u128::from(half(1)) << 64) | u128::from(half(2))
}

fn search<M: Model>(model: &M, operations: &[&Of<M>], limits: Limits) -> Found {
    search_with(model, operations, limits, None)
}

/// As [`search`], and tells how far it got.
pub(crate) fn search_with<M: Model>(
    model: &M,
    operations: &[&Of<M>],
    limits: Limits,
    mut furthest: Option<&mut Furthest<'_, M>>,
) -> Found {
    let unknown = operations.iter().filter(|operation| operation.returned.is_none()).count();
    let (mut may_use, mut situations, mut most) = (unknown.min(2), 0, None);
    loop {
        let left = Limits { situations: limits.situations.saturating_sub(situations) };
        match search_using(model, operations, left, may_use, &mut most, furthest.as_deref_mut()) {
            Found::Order { situations: more } => return Found::Order { situations: situations + more },
            Found::GaveUp { situations: more } => return Found::GaveUp { situations: situations + more },
            Found::None { .. } if may_use == unknown => return Found::None { situations },
            Found::None { situations: more } => {
                situations += more;
                may_use = unknown.min(may_use * 4);
            }
        }
    }
}

/// The search with at most so many operations of unknown outcome in the order.
fn search_using<M: Model>(
    model: &M,
    operations: &[&Of<M>],
    limits: Limits,
    may_use: usize,
    most: &mut Option<usize>,
    mut furthest: Option<&mut Furthest<'_, M>>,
) -> Found {
    let spans: Vec<Span> = operations
        .iter()
        .map(|operation| Span {
            called_us: operation.called_us,
            returned_us: operation.returned.as_ref().map_or(u64::MAX, |returned| returned.at_us),
            position: operation.output().and_then(|output| model.position(output)),
        })
        .collect();
    let mut by_call: Vec<usize> = (0..spans.len()).collect();
    by_call.sort_by_key(|at| (spans[*at].called_us, *at));
    let (known, unknown): (Vec<usize>, Vec<usize>) =
        by_call.into_iter().partition(|at| operations[*at].returned.is_some());
    let mut left = Left::new(&spans, &known, unknown);
    let (mut seen, mut order) = (Seen::default(), Vec::<Choice>::new());
    let mut state = model.initial();
    let mut steps = vec![Step { before: state.clone(), choices: left.choices(&spans, may_use), tried: 0 }];
    loop {
        let answers = known.len() - left.answers;
        if let Some(furthest) = furthest.as_deref_mut()
            && most.is_none_or(|most| answers > most)
        {
            *most = Some(answers);
            let order: Vec<usize> = order.iter().map(|choice| choice.operation()).collect();
            furthest(&order, &state);
        }
        if left.answers == 0 {
            return Found::Order { situations: seen.count };
        }
        // The next choice that leads somewhere new; without one, back.
        loop {
            let step = steps.last_mut().expect("the first step stays until the search ends");
            let Some(choice) = step.choices.get(step.tried).copied() else {
                steps.pop();
                let Some(last) = order.pop() else { return Found::None { situations: seen.count } };
                left.put_back(last);
                steps
                    .last()
                    .expect("one step for each operation in the order, and one")
                    .before
                    .clone_into(&mut state);
                continue;
            };
            step.tried += 1;
            let operation = operations[choice.operation()];
            let Some(after) = model.step(&state, &operation.input, operation.output()) else { continue };
            if after == state {
                match operation.output() {
                    None => continue, // done here or not at all, it is the same
                    Some(output) if model.only_looks(&operation.input, output) => {
                        step.tried = step.choices.len();
                    }
                    Some(_) => {}
                }
            }
            let is_too_late = |other: &Choice| match other {
                Choice::Known(at) if *at != choice.operation() => {
                    let other = operations[*at];
                    other.output().is_some_and(|output| model.is_too_late(&after, &other.input, output))
                }
                _ => false,
            };
            if step.choices.iter().any(is_too_late) {
                continue;
            }
            left.take(choice);
            if !seen.insert(situation(left.hash, &after), &left.used) {
                left.put_back(choice);
                continue;
            }
            if seen.count > limits.situations {
                return Found::GaveUp { situations: seen.count };
            }
            order.push(choice);
            state = after;
            steps.push(Step { before: state.clone(), choices: left.choices(&spans, may_use), tried: 0 });
            break;
        }
    }
}

/// The shortest beginning of a history that fails: up to an answer, with everything under way then of unknown outcome.
fn shortest<M: Model>(model: &M, operations: &[&Of<M>], limits: Limits) -> Verdict {
    let mut returns: Vec<u64> =
        operations.iter().filter_map(|operation| Some(operation.returned.as_ref()?.at_us)).collect();
    returns.sort_unstable();
    returns.dedup();
    // The beginning that ends with `returns[fails]` fails; all that end before `returns[passes]` pass.
    let (mut passes, mut fails) = (0, returns.len() - 1);
    while passes < fails {
        let middle = passes.midpoint(fails);
        let beginning = until(operations, returns[middle]);
        match search(model, &beginning.iter().collect::<Vec<_>>(), limits) {
            Found::Order { .. } => passes = middle + 1,
            Found::None { .. } => fails = middle,
            // What is longer is known to fail.
            Found::GaveUp { .. } => break,
        }
    }
    let beginning = until(operations, returns[fails]);
    Verdict::Broken(Failure::of(model, &beginning, operations.len(), limits))
}

/// What was known at an instant.
fn until<I: Clone, O: Clone>(operations: &[&Operation<I, O>], at_us: u64) -> Vec<Operation<I, O>> {
    let called = operations.iter().filter(|operation| operation.called_us <= at_us);
    called
        .map(|operation| Operation {
            client: operation.client,
            called_us: operation.called_us,
            input: operation.input.clone(),
            returned: operation.returned.clone().filter(|returned| returned.at_us <= at_us),
        })
        .collect()
}
