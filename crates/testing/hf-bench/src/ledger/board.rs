//! What a board costs apart from all processes: its size on the feed and in the ledger, the time of one `apply`, of making and
//! reading an intent.

use std::time::{Duration, Instant};

use hf_config::estate::EstateBundle;
use hf_control::{Command, ControlRef, ControlSet, Entry, Outcome, State};
use hf_model::{Operator, RequestId, Revision, Switch, Timestamp};
use serde::Serialize;

use super::estate;
use crate::Told;
use crate::figures::Spread;

/// Batches that are applied.
const BATCHES: u64 = 200;

/// The figures of one board.
#[derive(Clone, Debug, Serialize)]
pub struct BoardFigures {
    /// What is on it.
    pub board: String,
    /// Bytes of the estate's text.
    pub estate_bytes: usize,
    /// Bytes of the entry of one batch.
    pub entry_bytes: usize,
    /// Bytes of an intent on the feed.
    pub intent_bytes: usize,
    /// Bytes of a checkpoint, after the batches below.
    pub checkpoint_bytes: usize,
    /// One batch of two controls, judged and applied.
    pub apply: Spread,
    /// The intent of a state, as bytes: once for each entry on each control node.
    pub encode: Spread,
    /// An intent read: once for each entry on each node.
    pub decode: Spread,
    /// A checkpoint made: once for each thousand entries.
    pub checkpoint: Spread,
}

/// Applies an estate and many batches, in this process.
pub fn measure(board: &str, toml: &str) -> Told<BoardFigures> {
    let bundle = EstateBundle { toml: toml.to_owned(), ..EstateBundle::default() };
    let mut state = State::default();
    done(state.apply(Revision(1), &entry(1, Command::ApplyEstate { bundle, if_match: None })?).0)?;
    let (mut apply, mut encode, mut decode, mut checkpoint) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut entry_bytes, mut intent_bytes, mut checkpoint_bytes) = (0, 0, 0);
    let told = |error: hf_codec::CodecError| error.to_string();
    for turn in 0..BATCHES {
        let revision = turn + 2;
        let entry = entry(revision, batch(turn)?)?;
        entry_bytes = hf_codec::encode_entry(&entry).map_err(told)?.len();
        let (outcome, _) = timed(&mut apply, || state.apply(Revision(revision), &entry));
        done(outcome)?;
        let bytes = timed(&mut encode, || hf_codec::encode_intent(&state.intent())).map_err(told)?;
        timed(&mut decode, || hf_codec::decode_intent(&bytes)).map_err(told)?;
        intent_bytes = bytes.len();
        if turn % 10 == 9 {
            checkpoint_bytes = timed(&mut checkpoint, || hf_codec::encode_state(&state)).map_err(told)?.len();
        }
    }
    Ok(BoardFigures {
        board: board.to_owned(),
        estate_bytes: toml.len(),
        entry_bytes,
        intent_bytes,
        checkpoint_bytes,
        apply: Spread::of(apply),
        encode: Spread::of(encode),
        decode: Spread::of(decode),
        checkpoint: Spread::of(checkpoint),
    })
}

fn timed<T>(samples: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = work();
    samples.push(begin.elapsed());
    done
}

fn entry(number: u64, command: Command) -> Told<Entry> {
    let request = RequestId::new(&format!("api-{:032x}", u128::from(number)));
    let request = request.map_err(|error| error.to_string())?;
    let stamp = Timestamp(1_700_000_000_000 + number * 1_000);
    let from = Some(([127, 0, 0, 1], 40_000).into());
    Ok(Entry { request, stamp, by: Operator::new("operator"), from, command })
}

fn batch(turn: u64) -> Told<Command> {
    let asked = estate::batch(turn);
    let set = |set: &hf_api::ControlSet| {
        let control: ControlRef = set.control.parse().map_err(|error| format!("{error}"))?;
        let to = if set.to == hf_api::ControlTo::On { Switch::On } else { Switch::Off };
        Ok(ControlSet { control, to })
    };
    Ok(Command::SetControls {
        sets: asked.sets.iter().map(set).collect::<Told<_>>()?,
        rule_overrides: Vec::new(),
        floor_overrides: Vec::new(),
        reason: asked.reason,
    })
}

fn done(outcome: Outcome) -> Told<()> {
    match outcome {
        Outcome::Done { .. } => Ok(()),
        Outcome::Refused(refusal) => Err(refusal.to_string()),
    }
}
