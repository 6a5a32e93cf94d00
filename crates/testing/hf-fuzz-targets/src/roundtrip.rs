//! What was read is written and read again.

use std::fmt::{Debug, Display};

/// Reads `data`; if it reads, the value's own bytes read as the same value, and are the same when written again.
pub(crate) fn check<T: PartialEq + Debug, R: Display, W: Debug>(
    data: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, R>,
    encode: impl Fn(&T) -> Result<Vec<u8>, W>,
) -> Option<T> {
    let value = match decode(data) {
        Ok(value) => value,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "refused without a word");
            return None;
        }
    };
    let bytes =
        encode(&value).unwrap_or_else(|error| panic!("{value:?} was read and cannot be written: {error:?}"));
    let again =
        decode(&bytes).unwrap_or_else(|error| panic!("our own bytes are refused: {error}; {value:?}"));
    assert_eq!(again, value, "written and read again it is another");
    assert_eq!(encode(&again).ok(), Some(bytes), "equal values have equal bytes");
    Some(value)
}
