//! The formats of `hf-codec`, from disks and from other nodes.
//!
//! The input is read as each of them. What reads is written, reads as the same, and is written as the same bytes.

use hf_codec as codec;

use crate::roundtrip::check as same;

pub(crate) fn check(data: &[u8]) {
    same(data, codec::decode_entry, codec::encode_entry);
    same(data, codec::decode_state, codec::encode_state);
    same(data, codec::decode_intent, codec::encode_intent);
    same(data, codec::decode_table, codec::encode_table);
    same(data, codec::decode_break_glass, codec::encode_break_glass);
    same(data, codec::decode_break_glass_list, |list| codec::encode_break_glass_list(list));
    same(data, codec::decode_verdicts, |(estate, verdicts)| codec::encode_verdicts(*estate, verdicts));
    same(data, codec::decode_entry_line, codec::encode_entry_line);
}
