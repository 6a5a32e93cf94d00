//! What one thread would do: the sequential model that a history is compared with.

use std::fmt::Debug;
use std::hash::Hash;

/// A sequential model: from a state and an operation with its answer to the next state, if that answer is a right one.
pub trait Model {
    /// All that answers depend on. Small: the search keeps one for each operation that it has put in order.
    type State: Clone + Eq + Hash + Debug;
    /// What clients ask.
    type Input: Clone + Debug;
    /// What they are answered.
    type Output: Clone + Debug;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after `input` was answered `output` in `state`; none if it cannot have been.
    ///
    /// Without an output, which is an operation whose outcome nobody knows: the state if it is done now, whatever it would have
    /// answered. Never none then.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// Whether the operation only looks: where it fits, it never changes what later answers depend on. It is taken as soon as it fits and
    /// changes nothing, which makes the search small. The default says no.
    fn only_looks(&self, input: &Self::Input, output: &Self::Output) -> bool {
        let _ = (input, output);
        false
    }

    /// Whether `output` fits neither this state nor any that can follow it, such as a position that the state has passed. It ends the
    /// search of an order that has left it out. The default says no.
    fn is_too_late(&self, state: &Self::State, input: &Self::Input, output: &Self::Output) -> bool {
        let _ = (state, input, output);
        false
    }

    /// A position that the answer tells of itself, such as a revision: of operations that may come next the lowest is tried first. Right
    /// or wrong, it only changes how long the search takes.
    fn position(&self, output: &Self::Output) -> Option<u64> {
        let _ = output;
        None
    }

    /// The part of the state that this operation alone reads and changes, such as its key. Parts are checked one by one, which is
    /// far quicker. None, the default, when it may concern everything: then the history is checked as one.
    fn part(&self, input: &Self::Input) -> Option<String> {
        let _ = input;
        None
    }

    /// Whether the answer of another operation can show that `unknown` was done. One that no answer shows is left out. To say yes too
    /// often costs time; to say no wrongly calls good histories bad. The default says yes.
    fn can_show(&self, unknown: &Self::Input, other: &Self::Input, output: &Self::Output) -> bool {
        let _ = (unknown, other, output);
        true
    }

    /// One line for people.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?} -> outcome unknown"),
        }
    }

    /// A state, for people.
    fn describe_state(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }
}
