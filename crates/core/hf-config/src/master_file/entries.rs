//! The entries of a master file: one record or directive each, split into tokens with their places (RFC 1035, section 5.1).
//!
//! 1. An entry ends with its line, unless a parenthesis is open.
//! 2. A mistake costs its own entry; reading goes on with the next line.
//!
//! Our own splitter in front of the `domain` crate's record grammar: that crate's reader stops at the first mistake, gives
//! no place for a good record, and panics on some bad ones.
//!
//! Not here: what the tokens mean.

use crate::walk::Report;

/// One token: a word, or the inside of quotes. Escapes are still in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) quoted: bool,
    /// Byte offset in the file.
    pub(super) at: usize,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

/// One entry, with at least one token.
pub(super) struct Entry<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    /// Line of its first token.
    pub(super) line: u32,
}

/// Reads entries one after the other.
pub(super) struct Entries<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Entries<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Entries { text, at: 0, line: 1 }
    }

    /// The next whole entry; those with a mistake are reported and passed over.
    pub(super) fn next(&mut self, report: &mut Report<'_>) -> Option<Entry<'a>> {
        while self.at < self.text.len() {
            match self.entry() {
                Ok(entry) if entry.tokens.is_empty() => {}
                Ok(entry) => return Some(entry),
                Err((at, what)) => {
                    report.add(at, what);
                    self.skip_line();
                }
            }
        }
        None
    }

    fn skip_line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end + 1);
        self.line += 1;
    }

    fn entry(&mut self) -> Result<Entry<'a>, (usize, &'static str)> {
        let bytes = self.text.as_bytes();
        let mut entry = Entry { tokens: Vec::new(), line: self.line };
        let mut spaced = false;
        let mut open: Option<usize> = None;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if open.is_none() {
                        return Ok(entry);
                    }
                    spaced = true;
                }
                b' ' | b'\t' | b'\r' => {
                    self.at += 1;
                    spaced = true;
                }
                b';' => self.at = self.text[self.at..].find('\n').map_or(bytes.len(), |end| self.at + end),
                b'(' => {
                    if open.is_some() {
                        return Err((self.at, "a parenthesis inside another; remove it"));
                    }
                    open = Some(self.at);
                    self.at += 1;
                    spaced = true;
                }
                b')' => {
                    if open.take().is_none() {
                        return Err((self.at, "this parenthesis was not opened; remove it"));
                    }
                    self.at += 1;
                    spaced = true;
                }
                _ => {
                    if entry.tokens.is_empty() {
                        entry.line = self.line;
                    }
                    entry.tokens.push(self.token(spaced)?);
                    spaced = false;
                }
            }
        }
        match open {
            Some(at) => Err((at, "this parenthesis is never closed; close it")),
            None => Ok(entry),
        }
    }

    /// The token that begins here.
    fn token(&mut self, spaced: bool) -> Result<Token<'a>, (usize, &'static str)> {
        let bytes = self.text.as_bytes();
        let quoted = bytes.get(self.at) == Some(&b'"');
        let start = self.at;
        let mut end = start + usize::from(quoted);
        loop {
            match bytes.get(end) {
                Some(b'\\') if !matches!(bytes.get(end + 1), None | Some(b'\n')) => end += 2,
                Some(b'\\') => return Err((end, "nothing to escape stands behind this '\\'; remove it")),
                Some(b'"') if quoted => break,
                None | Some(b'\n') if quoted => {
                    return Err((start, "these quotes are not closed on their line; close them"));
                }
                None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"') if !quoted => break,
                Some(_) | None => end += 1,
            }
        }
        // An escape may have stepped into a character of several bytes; such a token is refused by its reader.
        while !self.text.is_char_boundary(end.min(bytes.len())) {
            end += 1;
        }
        let inside = start + usize::from(quoted);
        let text = self.text.get(inside..end).unwrap_or_default();
        self.at = (end + usize::from(quoted)).min(bytes.len());
        Ok(Token { text, quoted, at: start, spaced })
    }
}
