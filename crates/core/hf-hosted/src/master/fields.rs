//! Tokens of an entry, names, TTLs and types.

use domain::base::iana::Rtype;

use super::Mistake;

pub(super) const NO_TTL: &str =
    "this record has no TTL and none came before; begin the file with such as $TTL 300";
/// The largest TTL (RFC 2181 8).
const TTL_MAX_S: u32 = i32::MAX as u32;
const NAME_BYTES_MAX: usize = 255;

/// A word, or the inside of quotes; escapes are still in it.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) quoted: bool,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

/// The tokens of one entry.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    open: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Tokens { text, at: 0, open: false }
    }

    /// What no token was made of yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    /// Whether a parenthesis is open.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Mistake> {
        let mut spaced = false;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'(' | b')' => {
                    self.open = *byte == b'(';
                    self.at += 1;
                }
                b';' => self.at = end_of_line(self.text, self.at),
                _ => return self.token(spaced).map(Some),
            }
            spaced = true;
        }
        Ok(None)
    }

    fn token(&mut self, spaced: bool) -> Result<Token<'a>, Mistake> {
        let at = self.at;
        let quoted = self.text[at] == b'"';
        let end = token_end(self.text, at)?;
        self.at = end;
        let inside = if quoted { at + 1..end - 1 } else { at..end };
        Ok(Token { text: &self.text[inside], at, quoted, spaced })
    }
}

/// How many line ends.
pub(super) fn lines(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').count() - 1
}

fn end_of_line(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |len| at + len)
}

/// The first byte behind the token at `at`, its closing quote included.
fn token_end(text: &[u8], at: usize) -> Result<usize, Mistake> {
    let quoted = text[at] == b'"';
    let mut end = at + usize::from(quoted);
    loop {
        match text.get(end) {
            Some(b'\\') if matches!(text.get(end + 1), None | Some(b'\n')) => {
                return Err((end, "nothing to escape stands behind this '\\'; remove it".to_owned()));
            }
            Some(b'\\') => end += 2,
            Some(b'"') if quoted => return Ok(end + 1),
            None | Some(b'\n') if quoted => {
                return Err((at, "these quotes are not closed on their line; close them".to_owned()));
            }
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"') => {
                if !quoted {
                    return Ok(end);
                }
                end += 1;
            }
            Some(_) => end += 1,
        }
    }
}

/// How many bytes the entry at the beginning has, its line's end included; none when it goes on behind the text.
pub(super) fn entry_len(text: &[u8]) -> Result<Option<usize>, Mistake> {
    let mut open: Option<usize> = None;
    let (mut at, mut line_end) = (0, 0);
    while let Some(byte) = text.get(at) {
        if at >= line_end {
            line_end = end_of_line(text, at);
        }
        match byte {
            b'\n' if open.is_none() => return Ok(Some(at + 1)),
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b';' => at = line_end,
            b'(' if open.is_some() => {
                return Err((at, "a parenthesis inside another; remove it".to_owned()));
            }
            b'(' => {
                open = Some(at);
                at += 1;
            }
            b')' => {
                if open.take().is_none() {
                    return Err((at, "this parenthesis was not opened; remove it".to_owned()));
                }
                at += 1;
            }
            // What ends with the text may go on.
            _ if line_end == text.len() => return Ok(None),
            _ => at = token_end(text, at)?,
        }
    }
    Ok(None)
}

/// Appends a name in wire form, completed by `origin` when it is relative.
pub(super) fn write_name(token: Token<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let start = out.len();
    match token.text {
        b"@" if !token.quoted => {
            out.extend_from_slice(origin);
            return Ok(());
        }
        b"." => {
            out.push(0);
            return Ok(());
        }
        _ => {}
    }
    let mut label_at = out.len();
    out.push(0);
    let mut rest = token.text;
    let mut absolute = false;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if absolute {
            label_at = out.len();
            out.push(0);
            absolute = false;
        }
        match byte {
            b'.' => {
                end_label(out, label_at)?;
                absolute = true;
            }
            b'\\' => {
                let (byte, behind) = unescaped(rest)?;
                rest = behind;
                out.push(byte);
            }
            0x21..=0x7e => out.push(byte),
            // A space inside of quotes.
            b' ' if token.quoted => out.push(byte),
            _ => return Err("a name has a character outside ASCII; write it as \\DDD"),
        }
        if out.len() - start > NAME_BYTES_MAX {
            return Err("a name has more than 255 bytes; shorten it");
        }
    }
    if absolute {
        out.push(0);
    } else {
        end_label(out, label_at)?;
        out.extend_from_slice(origin);
    }
    if out.len() - start > NAME_BYTES_MAX {
        Err("a name has more than 255 bytes; shorten it")
    } else {
        Ok(())
    }
}

fn end_label(out: &mut [u8], label_at: usize) -> Result<(), &'static str> {
    match out.len() - label_at - 1 {
        0 => Err("a name has an empty label; remove one of the two dots"),
        len @ 1..=63 => {
            out[label_at] = len as u8;
            Ok(())
        }
        _ => Err("a label of a name has more than 63 bytes; shorten it"),
    }
}

/// The byte that an escape stands for, and what follows.
fn unescaped(rest: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    const MALFORMED: &str = "an escape is malformed; write \\DDD, or \\ before a character";
    match rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', behind @ ..] => {
            let number = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
            u8::try_from(number).map(|byte| (byte, behind)).map_err(|_| MALFORMED)
        }
        [b'0'..=b'9', ..] => Err(MALFORMED),
        [byte @ 0x20..=0x7e, behind @ ..] => Ok((*byte, behind)),
        _ => Err(MALFORMED),
    }
}

/// A field between owner and data.
pub(super) enum Kind {
    Ttl(u32),
    In,
    Type(u16),
}

pub(super) fn type_of(token: Token<'_>) -> Result<Kind, Mistake> {
    let text = std::str::from_utf8(token.text).unwrap_or_default();
    let shown = || text.chars().take(40).collect::<String>();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return read_ttl(token).map(Kind::Ttl);
    }
    if text.eq_ignore_ascii_case("IN") {
        return Ok(Kind::In);
    }
    if ["CH", "HS", "CS", "CLASS3", "CLASS4"].iter().any(|class| text.eq_ignore_ascii_case(class)) {
        return Err((token.at, format!("class {} is not served; use IN", shown())));
    }
    match text.parse::<Rtype>() {
        Ok(kind) => Ok(Kind::Type(kind.to_int())),
        Err(_) => Err((token.at, format!("no record type is called {:?}; change it", shown()))),
    }
}

/// Seconds, or numbers with the units s, m, h, d, w as other servers read them.
pub(super) fn read_ttl(token: Token<'_>) -> Result<u32, Mistake> {
    let read = || {
        let (mut total, mut number): (u32, Option<u32>) = (0, None);
        for byte in token.text {
            let unit = match byte.to_ascii_lowercase() {
                digit @ b'0'..=b'9' => {
                    let digit = u32::from(digit - b'0');
                    number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                    continue;
                }
                b's' => 1,
                b'm' => 60,
                b'h' => 3_600,
                b'd' => 86_400,
                b'w' => 604_800,
                _ => return None,
            };
            total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        }
        let seconds = total.checked_add(number.unwrap_or(0))?;
        (!token.text.is_empty() && seconds <= TTL_MAX_S).then_some(seconds)
    };
    read().ok_or_else(|| {
        let text: String = String::from_utf8_lossy(token.text).chars().take(40).collect();
        let what =
            format!("{text:?} is not a number of seconds up to {TTL_MAX_S}; write one such as 300 or 5m");
        (token.at, what)
    })
}
