//! decode(encode(x)) = x, and equal values have equal bytes.

use hf_model::{Revision, Switch};
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
    fn intents_come_back_from_their_parts(intent in arbitrary::intent()) {
        let base = IntentBase::of(&intent).expect("within its bounds");
        assert!(base.is_of(&intent));
        let read = IntentBase::read(base.bytes()).expect("as it was written");
        assert_eq!((read.digest(), read.bytes()), (base.digest(), base.bytes()));
        assert!(read.is_of(&intent));
        let head = base.head(&intent).expect("within its bounds");
        assert_eq!(base_of_head(&head), Some(base.digest()));
        let whole = read.with_head(&head).expect("as it was written");
        assert_eq!(&whole, &intent);
        assert_eq!(read.head(&whole).unwrap(), head);
    }

    /// A turned control, or anything that ends by itself, leaves the base as it is.
    #[test]
    fn a_turned_control_is_not_of_the_base(intent in arbitrary::intent()) {
        let base = IntentBase::of(&intent).expect("within its bounds");
        let mut turned = intent;
        for control in turned.board.controls.values_mut() {
            control.to = match control.to { Switch::On => Switch::Off, Switch::Off => Switch::On };
            control.turned_at = Some(control.changed_at);
            control.revision = Revision(control.revision.0 / 2);
        }
        turned.pins.clear();
        assert!(base.is_of(&turned));
        assert_eq!(base.with_head(&base.head(&turned).unwrap()).unwrap(), turned);
        turned.estate.toml.push('\n');
        assert!(!base.is_of(&turned));
        assert_ne!(IntentBase::of(&turned).unwrap().digest(), base.digest());
    }

    #[test]
    fn a_head_on_another_base_is_refused(one in arbitrary::intent(), other in arbitrary::intent()) {
        let (one_base, other_base) = (IntentBase::of(&one).unwrap(), IntentBase::of(&other).unwrap());
        let head = one_base.head(&one).unwrap();
        assert_eq!(other_base.with_head(&head).is_ok(), one_base.digest() == other_base.digest());
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
