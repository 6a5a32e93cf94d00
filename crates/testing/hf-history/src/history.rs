//! What was recorded: operations with their times and answers.

/// An answer, and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned<O> {
    /// Microseconds on the clock that all times of the history are of.
    pub at_us: u64,
    /// The answer.
    pub output: O,
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<I, O> {
    /// Who. For the report only: whether two operations overlap is told by their times.
    pub client: u32,
    /// When it was called, in microseconds of one clock for the whole history.
    pub called_us: u64,
    /// What was asked.
    pub input: I,
    /// The answer; none when nobody knows whether it was done.
    pub returned: Option<Returned<O>>,
}

impl<I, O> Operation<I, O> {
    /// The answer, if one is known.
    pub fn output(&self) -> Option<&O> {
        self.returned.as_ref().map(|returned| &returned.output)
    }

    /// Whether it had an answer before `other` was called. At one and the same instant they overlap.
    pub fn is_before<J, P>(&self, other: &Operation<J, P>) -> bool {
        self.returned.as_ref().is_some_and(|returned| returned.at_us < other.called_us)
    }
}

/// Whether a history shows anything: one without answers is linearizable whatever happened.
pub fn at_least_one_answer<I, O>(history: &[Operation<I, O>]) -> bool {
    history.iter().any(|operation| operation.returned.is_some())
}
