//! What all formats have around them: `{"holdfast":"entry","v":1,"body":{…}}`.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::error::CodecError;

/// Characters of an error text that we pass on: parts of it may come from whoever sent the bytes.
const WHAT_CHARS_MAX: usize = 300;

/// One format.
pub(crate) struct Format {
    /// Its name in the envelope.
    pub(crate) tag: &'static str,
    /// Its name in a sentence.
    pub(crate) name: &'static str,
    /// The version that we write, and the only one that we read.
    pub(crate) version: u64,
    pub(crate) bytes_max: usize,
    /// What to do about one that is too large.
    pub(crate) mend: &'static str,
}

#[derive(Serialize)]
struct Sealed<'a, T> {
    holdfast: &'a str,
    v: u64,
    body: &'a T,
}

/// The head alone, so that a newer version is named before its unknown fields are.
#[derive(Deserialize)]
struct Head {
    holdfast: String,
    v: u64,
    #[serde(rename = "body")]
    _body: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened<T> {
    #[serde(rename = "holdfast")]
    _holdfast: IgnoredAny,
    #[serde(rename = "v")]
    _v: IgnoredAny,
    body: T,
}

impl Format {
    pub(crate) fn seal<T: Serialize>(&self, body: &T) -> Result<Vec<u8>, CodecError> {
        let sealed = Sealed { holdfast: self.tag, v: self.version, body };
        let bytes = serde_json::to_vec(&sealed).map_err(|error| self.unwritable(&error))?;
        self.check_len(bytes.len())?;
        Ok(bytes)
    }

    pub(crate) fn open<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        self.check_len(bytes.len())?;
        let head: Head = serde_json::from_slice(bytes).map_err(|error| self.malformed(&error))?;
        if head.holdfast != self.tag {
            return Err(CodecError::Other { format: self.name, found: cut(&head.holdfast) });
        }
        if head.v > self.version {
            return Err(CodecError::Newer { format: self.name, found: head.v, known: self.version });
        }
        if head.v < self.version {
            return Err(CodecError::Older { format: self.name, found: head.v, known: self.version });
        }
        let opened: Opened<T> = serde_json::from_slice(bytes).map_err(|error| self.malformed(&error))?;
        Ok(opened.body)
    }

    pub(crate) fn invalid(&self, place: &str, what: impl std::fmt::Display) -> CodecError {
        CodecError::Invalid { format: self.name, place: cut(place), what: cut(&what.to_string()) }
    }

    /// Whether there are at most `max` of something.
    pub(crate) fn check_count(
        &self,
        place: &'static str,
        count: usize,
        max: usize,
    ) -> Result<(), CodecError> {
        self.check_amount(place, "elements", count, max)
    }

    pub(crate) fn check_amount(
        &self,
        place: &'static str,
        unit: &'static str,
        count: usize,
        max: usize,
    ) -> Result<(), CodecError> {
        if count <= max {
            return Ok(());
        }
        Err(CodecError::TooMany { format: self.name, place, max, unit, count, mend: self.mend })
    }

    fn check_len(&self, len: usize) -> Result<(), CodecError> {
        if len <= self.bytes_max {
            return Ok(());
        }
        Err(CodecError::TooLarge { format: self.name, max: self.bytes_max, len, mend: self.mend })
    }

    fn unwritable(&self, error: &serde_json::Error) -> CodecError {
        CodecError::Unwritable { format: self.name, what: cut(&error.to_string()), mend: self.mend }
    }

    fn malformed(&self, error: &serde_json::Error) -> CodecError {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        CodecError::Malformed { format: self.name, line, column, what: cut(what) }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(WHAT_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
