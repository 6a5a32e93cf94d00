//! Tokens as the `domain` crate's record grammar wants them.
//!
//! Not here: which tokens belong together (`entries`), what a record must satisfy (`master_file`).

use domain::base::charstr::CharStr;
use domain::base::name::Name;
use domain::base::scan::{ConvertSymbols, EntrySymbol, Scanner, ScannerError, Symbol};
use domain::dep::octseq::str::Str;

use super::entries::Token;

/// Why data cannot be read. Short: the caller adds what was being read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ScanError(pub(super) &'static str);

impl ScannerError for ScanError {
    fn custom(what: &'static str) -> Self {
        ScanError(what)
    }
    fn end_of_entry() -> Self {
        ScanError("something is missing at its end")
    }
    fn short_buf() -> Self {
        ScanError("it is too long")
    }
    fn trailing_tokens() -> Self {
        ScanError("there is too much at its end")
    }
}

/// The rest of an entry.
pub(super) struct Tokens<'a> {
    tokens: &'a [Token<'a>],
    origin: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// `origin` in wire form completes relative names.
    pub(super) fn new(tokens: &'a [Token<'a>], origin: &'a [u8]) -> Self {
        Tokens { tokens, origin }
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, ScanError> {
        let (first, rest) = self.tokens.split_first().ok_or_else(ScanError::end_of_entry)?;
        self.tokens = rest;
        Ok(*first)
    }

    /// The tokens that are left.
    pub(super) fn rest(&self) -> &'a [Token<'a>] {
        self.tokens
    }
}

fn each_symbol(
    token: Token<'_>,
    mut op: impl FnMut(Symbol) -> Result<(), ScanError>,
) -> Result<(), ScanError> {
    let mut chars = token.text.chars();
    while let Some(symbol) =
        Symbol::from_chars(&mut chars).map_err(|_| ScanError("an escape is malformed"))?
    {
        op(symbol)?;
    }
    Ok(())
}

fn octets(token: Token<'_>, into: &mut Vec<u8>) -> Result<(), ScanError> {
    each_symbol(token, |symbol| {
        into.push(
            symbol
                .into_octet()
                .map_err(|_| ScanError("it has a character outside ASCII; escape it as \\DDD"))?,
        );
        Ok(())
    })
}

/// A name in wire form, completed by `origin` when it is relative.
pub(super) fn wire_name(token: Token<'_>, origin: &[u8]) -> Result<Vec<u8>, ScanError> {
    if token.text == "@" && !token.quoted {
        return Ok(origin.to_vec());
    }
    if token.text == "." {
        return Ok(vec![0]);
    }
    let mut wire = vec![0];
    let mut label_at = 0;
    let mut absolute = false;
    each_symbol(token, |symbol| {
        if absolute {
            // A label begins behind the last dot.
            label_at = wire.len();
            wire.push(0);
            absolute = false;
        }
        if symbol == Symbol::Char('.') {
            let len = wire.len() - label_at - 1;
            wire[label_at] = match u8::try_from(len) {
                Ok(0) => return Err(ScanError("a name has an empty label")),
                Ok(len @ 1..=63) => len,
                _ => return Err(ScanError("a label of a name has more than 63 bytes")),
            };
            absolute = true;
            return Ok(());
        }
        if wire.len() > 255 {
            return Err(ScanError("a name has more than 255 bytes"));
        }
        wire.push(symbol.into_octet().map_err(|_| ScanError("a name has a character outside ASCII"))?);
        Ok(())
    })?;
    if absolute {
        wire.push(0);
    } else {
        wire[label_at] = match u8::try_from(wire.len() - label_at - 1) {
            Ok(0) => return Err(ScanError("a name is empty")),
            Ok(len @ 1..=63) => len,
            _ => return Err(ScanError("a label of a name has more than 63 bytes")),
        };
        wire.extend_from_slice(origin);
    }
    if wire.len() > 255 { Err(ScanError("a name has more than 255 bytes")) } else { Ok(wire) }
}

impl Scanner for Tokens<'_> {
    type Octets = Vec<u8>;
    type OctetsBuilder = Vec<u8>;
    type Name = Name<Vec<u8>>;
    type Error = ScanError;

    fn has_space(&self) -> bool {
        self.tokens.first().is_some_and(|token| token.spaced)
    }

    fn continues(&mut self) -> bool {
        !self.tokens.is_empty()
    }

    fn scan_symbols<F>(&mut self, op: F) -> Result<(), ScanError>
    where
        F: FnMut(Symbol) -> Result<(), ScanError>,
    {
        each_symbol(self.next()?, op)
    }

    fn scan_entry_symbols<F>(&mut self, mut op: F) -> Result<(), ScanError>
    where
        F: FnMut(EntrySymbol) -> Result<(), ScanError>,
    {
        while self.continues() {
            each_symbol(self.next()?, |symbol| op(symbol.into()))?;
            op(EntrySymbol::EndOfToken)?;
        }
        Ok(())
    }

    fn convert_token<C: ConvertSymbols<Symbol, ScanError>>(
        &mut self,
        mut convert: C,
    ) -> Result<Vec<u8>, ScanError> {
        let mut out = Vec::new();
        each_symbol(self.next()?, |symbol| {
            out.extend_from_slice(convert.process_symbol(symbol)?.unwrap_or_default());
            Ok(())
        })?;
        out.extend_from_slice(convert.process_tail()?.unwrap_or_default());
        Ok(out)
    }

    fn convert_entry<C: ConvertSymbols<EntrySymbol, ScanError>>(
        &mut self,
        mut convert: C,
    ) -> Result<Vec<u8>, ScanError> {
        let mut out = Vec::new();
        while self.continues() {
            each_symbol(self.next()?, |symbol| {
                out.extend_from_slice(convert.process_symbol(symbol.into())?.unwrap_or_default());
                Ok(())
            })?;
        }
        out.extend_from_slice(convert.process_tail()?.unwrap_or_default());
        Ok(out)
    }

    fn scan_octets(&mut self) -> Result<Vec<u8>, ScanError> {
        let mut out = Vec::new();
        octets(self.next()?, &mut out)?;
        Ok(out)
    }

    /// A parameter such as `alpn="h2"` is two tokens without space between them.
    fn scan_svcb_octets(&mut self) -> Result<Vec<u8>, ScanError> {
        let mut out = self.scan_octets()?;
        if self.tokens.first().is_some_and(|token| token.quoted && !token.spaced) {
            octets(self.next()?, &mut out)?;
        }
        Ok(out)
    }

    fn scan_ascii_str<F, T>(&mut self, op: F) -> Result<T, ScanError>
    where
        F: FnOnce(&str) -> Result<T, ScanError>,
    {
        let text = self.scan_string()?;
        if text.is_ascii() { op(&text) } else { Err(ScanError("it has a character outside ASCII")) }
    }

    fn scan_name(&mut self) -> Result<Name<Vec<u8>>, ScanError> {
        let wire = wire_name(self.next()?, self.origin)?;
        Name::from_octets(wire).map_err(|_| ScanError("a name is malformed"))
    }

    fn scan_charstr(&mut self) -> Result<CharStr<Vec<u8>>, ScanError> {
        CharStr::from_octets(self.scan_octets()?)
            .map_err(|_| ScanError("a text has more than 255 bytes; split it"))
    }

    fn scan_string(&mut self) -> Result<Str<Vec<u8>>, ScanError> {
        let mut text = String::new();
        each_symbol(self.next()?, |symbol| {
            text.push(symbol.into_char().map_err(|_| ScanError("it has an escape that is no character"))?);
            Ok(())
        })?;
        Str::from_utf8(text.into_bytes()).map_err(|_| ScanError("it is not UTF-8"))
    }

    fn scan_charstr_entry(&mut self) -> Result<Vec<u8>, ScanError> {
        let mut out = Vec::new();
        while self.continues() {
            let text = self.scan_charstr()?;
            out.push(u8::try_from(text.as_slice().len()).map_err(|_| ScanError::short_buf())?);
            out.extend_from_slice(text.as_slice());
        }
        Ok(out)
    }

    fn scan_opt_unknown_marker(&mut self) -> Result<bool, ScanError> {
        let marked = self.tokens.first().is_some_and(|token| !token.quoted && token.text == "\\#");
        if marked {
            self.next()?;
        }
        Ok(marked)
    }

    fn octets_builder(&mut self) -> Result<Vec<u8>, ScanError> {
        Ok(Vec::new())
    }
}
