//! Bitmaps as hexadecimal text: of one length for one number of bits, whatever they say.

use std::fmt::Write as _;

use hf_config::estate::limits;
use hf_health::Bitmap;
use serde::{Deserialize, Serialize};

/// `len` bits; 16 digits for each word of 64, its bytes in the order of their weight, the least first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub(crate) struct BitmapBody(pub(crate) Bitmap);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    len: usize,
    bits: String,
}

impl From<BitmapBody> for Raw {
    fn from(BitmapBody(bitmap): BitmapBody) -> Self {
        let bytes: Vec<u8> = bitmap.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        Raw { len: bitmap.len(), bits: hex(&bytes) }
    }
}

impl TryFrom<Raw> for BitmapBody {
    type Error = String;
    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.len > limits::SUBJECTS {
            return Err(format!("a bitmap has at most {} bits, this one {}", limits::SUBJECTS, raw.len));
        }
        let mut bytes = vec![0; raw.len.div_ceil(64) * 8];
        let digits = bytes.len() * 2;
        read_hex(&raw.bits, &mut bytes).ok_or_else(|| {
            format!("a bitmap of {} bits has {digits} hexadecimal digits in lower case", raw.len)
        })?;
        let (words, _) = bytes.as_chunks::<8>();
        let words = words.iter().copied().map(u64::from_le_bytes).collect();
        let bitmap = Bitmap::from_words(raw.len, words);
        bitmap
            .map(BitmapBody)
            .ok_or_else(|| format!("a bitmap of {} bits has a bit set beyond its end", raw.len))
    }
}

/// Two digits for each byte, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Fills `bytes` with exactly as many digits as that takes; none if `text` is anything else.
pub(crate) fn read_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for ([high, low], byte) in pairs.iter().zip(bytes) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(())
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}
