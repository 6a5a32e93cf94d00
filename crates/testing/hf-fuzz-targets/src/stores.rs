//! Answers of object stores and tables, from whoever stands where the estate says.
//!
//! 1. Any bytes are a listing, an item, a refusal, or say why not, in words that fit on a line.
//! 2. A key that a listing tells begins as was asked, and the same key in a listing of our own reads the same.
//! 3. Nothing is told of a part: no beginning of a listing or item that counts does count.
//! 4. An item closes only if the word false or 0 stands in it.

use hf_stores::answers::{Asked, Health, first_key, health, json_refusal, xml_refusal};

const ASKED: Asked<'_> = Asked { bucket: "b", prefix: "closed/az1" };

pub(crate) fn check(data: &[u8]) {
    match first_key(data, ASKED) {
        Err(why) => check_words(&why),
        Ok(key) => {
            check_no_part(data, |part| first_key(part, ASKED).is_ok());
            if let Some(key) = key {
                assert!(key.starts_with(ASKED.prefix), "{key:?}");
                check_ours(&key);
            }
        }
    }
    match health(data, "Healthy") {
        Err(why) => check_words(&why),
        Ok(told) => {
            check_no_part(data, |part| health(part, "Healthy").is_ok());
            let text = String::from_utf8_lossy(data).to_ascii_lowercase();
            // A text may be escaped.
            assert!(
                told != Health::Unhealthy || ["false", "0", "\\u"].iter().any(|word| text.contains(word))
            );
        }
    }
    check_words(&xml_refusal(data));
    check_words(&json_refusal(data));
}

fn check_words(words: &str) {
    assert!(words.chars().count() <= 512 && !words.contains(['\n', '\r', '\0', '\u{1b}']), "{words:?}");
}

/// What is behind the last character that matters does not.
fn check_no_part(data: &[u8], counts: impl Fn(&[u8]) -> bool) {
    let end = data.iter().rposition(|byte| matches!(byte, b'>' | b'}')).unwrap_or_default();
    let whole = data[..end].trim_ascii_end();
    // A comment behind the whole is none of its parts.
    if !whole.ends_with(b"--") && !whole.ends_with(b"?") {
        assert!(!counts(whole), "a part counts: {:?}", String::from_utf8_lossy(whole));
    }
}

fn check_ours(key: &str) {
    let escaped: String = key.chars().map(|c| format!("&#{};", u32::from(c))).collect();
    let ours = format!(
        "<ListBucketResult><Prefix>{}</Prefix><Contents><Key>{escaped}</Key></Contents></ListBucketResult>",
        ASKED.prefix
    );
    assert_eq!(first_key(ours.as_bytes(), ASKED).as_ref().map(Option::as_deref), Ok(Some(key)));
}
