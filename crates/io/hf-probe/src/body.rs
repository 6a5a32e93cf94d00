//! What is looked for in what comes back, within bounds.

use hf_config::estate::Pattern;
use regex::bytes::Regex;

use crate::failure::{ProbeFailure, first_words};
use crate::tools::Tools;

/// How much of a body is read and searched.
pub const BODY_BYTES: usize = 64 << 10;

/// A text that is looked for while its bytes come.
#[derive(Debug)]
pub struct Search<'a> {
    text: &'a [u8],
    seen: Vec<u8>,
}

impl<'a> Search<'a> {
    /// Looks for `text`.
    pub fn for_text(text: &'a str) -> Self {
        Search { text: text.as_bytes(), seen: Vec::new() }
    }

    /// How much has come, never more than [`BODY_BYTES`].
    pub fn read(&self) -> usize {
        self.seen.len()
    }

    /// Takes the next bytes; what is beyond [`BODY_BYTES`] is not looked at. Whether the text is there now.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let bytes = &bytes[..bytes.len().min(BODY_BYTES - self.seen.len())];
        // The text may lie across two pieces: look again at as much of the older bytes as it could begin in.
        let from = self.seen.len().saturating_sub(self.text.len());
        self.seen.extend_from_slice(bytes);
        self.text.is_empty() || self.seen[from..].windows(self.text.len()).any(|window| window == self.text)
    }
}

/// What a body has to be.
#[derive(Debug)]
pub struct Body<'a> {
    text: Option<(&'a str, bool)>,
    regex: Option<(&'a Pattern, Regex)>,
    keep: bool,
    seen: Vec<u8>,
    read: usize,
}

impl<'a> Body<'a> {
    /// Any body.
    pub fn any() -> Self {
        Body { text: None, regex: None, keep: false, seen: Vec::new(), read: 0 }
    }

    /// Any body, and its bytes are wanted.
    pub fn kept() -> Self {
        Body { keep: true, ..Body::any() }
    }

    /// One with this text and one that this expression matches.
    pub fn with(text: Option<&'a str>, pattern: Option<&'a Pattern>, tools: &Tools) -> Self {
        Body {
            text: text.map(|text| (text, text.is_empty())),
            regex: pattern.map(|pattern| (pattern, tools.regex(pattern))),
            keep: text.is_some() || pattern.is_some(),
            ..Body::any()
        }
    }

    /// Whether more of it has to be read.
    pub fn wants_more(&self) -> bool {
        // An expression may hold on to the end of the body, so it waits for that.
        let is_found = self.regex.is_none() && self.text.is_some_and(|(_, found)| found);
        self.read < BODY_BYTES && !is_found
    }

    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(BODY_BYTES - self.read)];
        self.read += bytes.len();
        if !self.keep {
            return;
        }
        let before = self.seen.len();
        self.seen.extend_from_slice(bytes);
        if let Some((text, found)) = self.text.as_mut().filter(|(_, found)| !*found) {
            let from = before.saturating_sub(text.len());
            *found = self.seen[from..].windows(text.len()).any(|window| window == text.as_bytes());
        }
    }

    /// What it is, once nothing more comes of it: its bytes, if they are kept.
    pub fn judge(self) -> Result<Vec<u8>, ProbeFailure> {
        let read = self.read;
        if let Some((text, false)) = self.text {
            return Err(ProbeFailure::BodyText { want: first_words(text), read });
        }
        if let Some((pattern, _)) = self.regex.as_ref().filter(|(_, regex)| !regex.is_match(&self.seen)) {
            return Err(ProbeFailure::BodyPattern { want: first_words(pattern.as_str()), read });
        }
        Ok(self.seen)
    }
}
