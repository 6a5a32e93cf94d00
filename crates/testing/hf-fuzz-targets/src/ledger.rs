//! Ledger entries and checkpoints, as a node replays them.
//!
//! Each line of the input is an entry or a checkpoint. Entries are applied in turn, as a follower does; a checkpoint takes the
//! state's place, as at a start.
//!
//! 1. Applying is total: every entry that reads has an outcome.
//! 2. An entry that comes again has its first outcome and changes nothing.
//! 3. The state after it is kept and carried: checkpoint and intent read back as the same.

use hf_control::{Entry, State};
use hf_model::Revision;

use crate::roundtrip::check as same;
use crate::world;

/// Entries of one input at most: each is applied, and its state written, read and decided.
const LINES_MAX: usize = 16;

pub(crate) fn check(data: &[u8]) {
    let mut state = State::default();
    for line in data.split(|byte| *byte == b'\n').take(LINES_MAX) {
        if let Some(checkpoint) = same(line, hf_codec::decode_state, hf_codec::encode_state) {
            state = checkpoint;
        } else if let Some(entry) = same(line, hf_codec::decode_entry, hf_codec::encode_entry) {
            apply(&mut state, &entry);
        }
    }
}

fn apply(state: &mut State, entry: &Entry) {
    let next = |state: &State| state.revision.0.checked_add(1).map(Revision);
    let Some(index) = next(state) else { return };
    let (outcome, _) = state.apply(index, entry);
    let bytes = hf_codec::encode_state(state).unwrap_or_else(|error| panic!("{error}: {state:?}"));
    let read = hf_codec::decode_state(&bytes).unwrap_or_else(|error| panic!("{error}: {state:?}"));
    assert_eq!(read, *state, "the checkpoint reads as another state");

    let intent = state.intent();
    let bytes = hf_codec::encode_intent(&intent).unwrap_or_else(|error| panic!("{error}: {intent:?}"));
    let read = hf_codec::decode_intent(&bytes).unwrap_or_else(|error| panic!("{error}: {intent:?}"));
    assert_eq!(read, intent, "the intent travels as another");
    world::use_intent(intent);

    if let Some(index) = next(state) {
        let mut again = state.clone();
        let (repeated, events) = again.apply(index, entry);
        assert_eq!(repeated, outcome, "a repeated entry has its first outcome");
        assert!(events.is_empty(), "a repeated entry does nothing: {events:?}");
        assert_eq!(again.intent().shifts, state.intent().shifts);
        assert_eq!(again.intent().pins, state.intent().pins);
    }
}
