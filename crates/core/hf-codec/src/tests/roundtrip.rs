//! decode(encode(x)) = x, and equal values have equal bytes.

use proptest::prelude::*;

use super::arbitrary;
use crate::*;

fn check<T: PartialEq + Clone + std::fmt::Debug>(
    value: &T,
    encode: impl Fn(&T) -> Result<Vec<u8>, CodecError>,
    decode: impl Fn(&[u8]) -> Result<T, CodecError>,
) {
    let bytes = encode(value).expect("within its bounds");
    let read = decode(&bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)));
    assert_eq!(&read, value);
    assert_eq!(encode(&read).unwrap(), bytes);
}

proptest! {
    #[test]
    fn entries_come_back(entry in arbitrary::entry()) {
        check(&entry, encode_entry, decode_entry);
    }

    #[test]
    fn states_come_back(state in arbitrary::state()) {
        check(&state, encode_state, decode_state);
    }

    #[test]
    fn intents_come_back(intent in arbitrary::intent()) {
        check(&intent, encode_intent, decode_intent);
    }

    #[test]
    fn tables_come_back(table in arbitrary::table()) {
        check(&table, encode_table, decode_table);
    }

    #[test]
    fn verdicts_come_back(verdicts in arbitrary::verdicts()) {
        check(&verdicts, |(estate, verdicts)| encode_verdicts(*estate, verdicts), decode_verdicts);
    }

    #[test]
    fn break_glass_shifts_come_back(shifts in prop::collection::vec(arbitrary::break_glass(), 0..4)) {
        for shift in &shifts {
            check(shift, encode_break_glass, decode_break_glass);
        }
        check(&shifts, |shifts| encode_break_glass_list(shifts), decode_break_glass_list);
    }

    #[test]
    fn journal_lines_come_back(line in arbitrary::entry_line()) {
        check(&line, encode_entry_line, decode_entry_line);
    }
}
