//! The rules: one entry in, the next state, outcome and events out.

use hf_model::Revision;

use crate::command::{Entry, Event, Outcome};
use crate::state::State;

impl State {
    /// Applies the entry at position `index`, which is one more than [`State::revision`].
    pub fn apply(&mut self, index: Revision, entry: &Entry) -> (Outcome, Vec<Event>) {
        let _ = (index, entry);
        todo!("hf-control helper")
    }
}
