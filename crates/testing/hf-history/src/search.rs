//! The search for an order.
//!
//! 1. The next operation in an order is one that was called before any that is left returned. Of these, first the one that has to
//!    come soonest; operations of unknown outcome last, since they need not come at all.
//! 2. An operation that only looks and fits is taken at once, without looking at others: whatever order there is with it later,
//!    there is the same one with it now. (Not so a write of the value that is there: later it may be what puts it back.)
//! 3. Which operations are in the order, and the state that they lead to, is all that the rest depends on. It is remembered as 128 bits
//!    of a hash; should two ever be alike, a good history is called bad, never a bad one good.
//!
//! Not here: what a failure looks like (`report`).

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::history::Operation;
use crate::model::Model;
use crate::report::Failure;

/// How much may be searched.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Situations that are remembered at most, each in some 40 bytes; a search that needs more gives up.
    pub situations: usize,
}

impl Default for Limits {
    /// Four million: 160 MB. Histories of 10,000 operations need about 10,000.
    fn default() -> Self {
        Limits { situations: 4_000_000 }
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
            Found::None => return shortest(model, &seen, limits),
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

/// Times: calls of all, returns of those whose answer is known.
#[derive(Clone, Copy)]
struct Span {
    called_us: u64,
    /// After all calls when there is no answer.
    returned_us: u64,
}

pub(crate) enum Found {
    Order { situations: usize },
    None,
    GaveUp { situations: usize },
}

/// One operation in the order, and the way back.
struct Step<S> {
    /// The state before it.
    before: S,
    /// What could have come here, in the order of trying, and how many of them were tried.
    choices: Vec<usize>,
    tried: usize,
}

/// The operations that are left: those with answers in a list by call, the others beside it.
struct Left {
    /// Operations with answers, by call; `next` and `previous` lead through those that are left. One more at the end is the end.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Those without, by call, and whether each is in the order.
    unknown: Vec<usize>,
    is_done: Vec<bool>,
    /// A hash of what is in the order.
    hash: u128,
    answers: usize,
}

impl Left {
    fn new(spans: &[Span], known: &[usize], unknown: Vec<usize>) -> Left {
        let end = spans.len();
        let mut left = Left {
            next: vec![end; end + 1],
            previous: vec![end; end + 1],
            unknown,
            is_done: vec![false; end],
            hash: 0,
            answers: known.len(),
        };
        let mut last = end;
        for at in known {
            (left.next[last], left.previous[*at]) = (*at, last);
            last = *at;
        }
        (left.next[last], left.previous[end]) = (end, last);
        left
    }

    fn take(&mut self, at: usize, has_answer: bool) {
        self.is_done[at] = true;
        self.hash ^= mark(at);
        if has_answer {
            let (previous, next) = (self.previous[at], self.next[at]);
            (self.next[previous], self.previous[next]) = (next, previous);
            self.answers -= 1;
        }
    }

    fn put_back(&mut self, at: usize, has_answer: bool) {
        self.is_done[at] = false;
        self.hash ^= mark(at);
        if has_answer {
            let (previous, next) = (self.previous[at], self.next[at]);
            (self.next[previous], self.previous[next]) = (at, at);
            self.answers += 1;
        }
    }

    /// What may come next: see the rules above.
    fn choices(&self, spans: &[Span]) -> Vec<usize> {
        let end = spans.len();
        let (mut choices, mut first_return) = (Vec::new(), u64::MAX);
        let mut at = self.next[end];
        while at != end && spans[at].called_us <= first_return {
            first_return = first_return.min(spans[at].returned_us);
            choices.push(at);
            at = self.next[at];
        }
        choices.sort_by_key(|at| (spans[*at].returned_us, *at));
        let open = self.unknown.iter().copied().take_while(|at| spans[*at].called_us <= first_return);
        choices.extend(open.filter(|at| !self.is_done[*at]));
        choices
    }
}

/// 128 bits that stand for an operation (splitmix64, twice).
fn mark(at: usize) -> u128 {
    let mix = |seed: u64| {
        let mut mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (u128::from(mix(0x1234_5678_9abc_def1)) << 64) | u128::from(mix(0x0fed_cba9_8765_4321))
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
    search_with(model, operations, limits, &mut |_, _| {})
}

/// As [`search`], and tells how far it got.
pub(crate) fn search_with<M: Model>(
    model: &M,
    operations: &[&Of<M>],
    limits: Limits,
    furthest: &mut Furthest<'_, M>,
) -> Found {
    let spans: Vec<Span> = operations
        .iter()
        .map(|operation| Span {
            called_us: operation.called_us,
            returned_us: operation.returned.as_ref().map_or(u64::MAX, |returned| returned.at_us),
        })
        .collect();
    let mut by_call: Vec<usize> = (0..spans.len()).collect();
    by_call.sort_by_key(|at| (spans[*at].called_us, *at));
    let has_answer = |at: &usize| operations[*at].returned.is_some();
    let (known, unknown): (Vec<usize>, Vec<usize>) = by_call.into_iter().partition(has_answer);
    let mut left = Left::new(&spans, &known, unknown);
    let mut seen: HashSet<u128> = HashSet::new();
    let mut order: Vec<usize> = Vec::new();
    let mut state = model.initial();
    let mut most = 0;
    let mut steps = vec![Step { before: state.clone(), choices: left.choices(&spans), tried: 0 }];
    furthest(&order, &state);
    while left.answers > 0 {
        let step = steps.last_mut().expect("the first step stays until the search ends");
        let Some(at) = step.choices.get(step.tried).copied() else {
            steps.pop();
            let Some(last) = order.pop() else { return Found::None };
            left.put_back(last, has_answer(&last));
            state = steps.last().expect("one step for each operation in the order, and one").before.clone();
            continue;
        };
        step.tried += 1;
        let operation = operations[at];
        let Some(after) = model.step(&state, &operation.input, operation.output()) else { continue };
        let is_same = after == state;
        if is_same && operation.returned.is_none() {
            continue; // done here or not at all, it is the same
        }
        if is_same && operation.output().is_some_and(|output| model.only_looks(&operation.input, output)) {
            step.tried = step.choices.len();
        }
        left.take(at, has_answer(&at));
        if !seen.insert(situation(left.hash, &after)) {
            left.put_back(at, has_answer(&at));
            continue;
        }
        if seen.len() > limits.situations {
            return Found::GaveUp { situations: seen.len() };
        }
        order.push(at);
        state = after;
        let answers = known.len() - left.answers;
        if answers > most {
            most = answers;
            furthest(&order, &state);
        }
        steps.push(Step { before: state.clone(), choices: left.choices(&spans), tried: 0 });
    }
    Found::Order { situations: seen.len() }
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
            Found::None => fails = middle,
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
