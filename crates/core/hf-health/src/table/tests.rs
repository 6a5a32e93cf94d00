use proptest::prelude::*;

use super::*;

#[test]
fn words_of_a_foreign_length_are_refused() {
    assert!(Bitmap::from_words(65, vec![0]).is_none());
    assert!(Bitmap::from_words(64, vec![0, 0]).is_none());
    assert!(Bitmap::from_words(3, vec![0b1000]).is_none(), "a bit beyond the end");
    assert!(Bitmap::from_words(3, vec![0b111]).is_some());
    assert!(Bitmap::from_words(64, vec![u64::MAX]).is_some());
    assert!(Bitmap::from_words(0, vec![]).is_some_and(|empty| empty.is_empty()));
}

#[test]
fn nothing_happens_beyond_the_end() {
    let mut bits = Bitmap::new(3);
    bits.set(3, true);
    bits.set(usize::MAX, true);
    assert_eq!(bits, Bitmap::new(3));
    assert!(!bits.get(usize::MAX));
}

proptest! {
    /// A bit is what it was last set to, and the words hold all of it.
    #[test]
    fn bits_hold_what_was_set(bits in prop::collection::vec(any::<bool>(), 0..200)) {
        let mut map = Bitmap::new(bits.len());
        for (at, bit) in bits.iter().enumerate() {
            map.set(at, !bit);
            map.set(at, *bit);
        }
        prop_assert_eq!((0..bits.len()).map(|at| map.get(at)).collect::<Vec<_>>(), bits.clone());
        prop_assert_eq!(Bitmap::from_words(bits.len(), map.words().to_vec()), Some(map));
    }
}
