//! Versioned wire and file formats of the domain types.
//!
//! | format | made of | travels |
//! |---|---|---|
//! | entry | [`hf_control::Entry`] | in the ledger |
//! | state | [`hf_control::State`] | as the ledger's checkpoint |
//! | intent | [`hf_control::Intent`] | on the feed, in the node's snapshot file |
//! | intent-base, intent-head | an intent in two parts ([`IntentBase`]) | on the feed |
//! | table | [`hf_health::Table`] | on the feed |
//! | break-glass | [`hf_control::BreakGlassShift`], one or several | on the feed, under a signature, in the snapshot file |
//! | verdicts | [`Verdicts`](hf_health::Verdicts) for one version of an estate | in the snapshot file |
//! | entry-line | [`EntryLine`] | in the journal |
//!
//! 1. Domain types are not serialisable; each format here has its own types, a version number and a golden file.
//! 2. decode(encode(x)) = x, and equal values have equal bytes. Decoding foreign bytes never panics and says what is wrong, where.
//! 3. Sizes are bounded ([`limits`]): what is larger is refused before it is read, and never written.
//! 4. A field that is not known is refused: two nodes that obey different parts of one message would drift apart. A change of a
//!    format is a new version; each version reads its own alone, and an older or newer one is named.
//! 5. JSON: small, rare, and an operator can read a ledger without us. Bitmaps are hexadecimal, so a table's size does not
//!    depend on who is healthy.
//!
//! Not here: framing, checksums, signatures and files (`hf-feed`, `hf-ledger`), the API's types (`hf-api`).

mod act;
mod bitmap;
mod board;
mod board_command;
mod break_glass;
mod bundle;
mod deployment;
mod entry;
mod envelope;
mod error;
mod event;
mod hosted;
mod intent;
mod intent_parts;
mod journal;
mod list;
mod mirror;
mod outcome;
mod practice;
mod refusal;
mod sources;
mod state;
mod table;
mod text;
mod verdicts;

pub mod limits;

pub use break_glass::{
    decode_break_glass, decode_break_glass_list, encode_break_glass, encode_break_glass_list,
};
pub use entry::{decode_entry, encode_entry};
pub use error::CodecError;
pub use intent::{decode_intent, encode_intent};
pub use intent_parts::{IntentBase, base_of_head};
pub use journal::{EntryLine, decode_entry_line, encode_entry_line};
pub use state::{decode_state, encode_state};
pub use table::{decode_table, encode_table};
pub use verdicts::{decode_verdicts, encode_verdicts};

#[cfg(test)]
mod tests;
