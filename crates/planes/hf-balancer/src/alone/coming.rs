//! An answer's body, taken out of the bytes that come.

use std::fmt::Write as _;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use hyper::body::Frame;

/// Bytes of a chunk's size line, and of all trailers.
const LINE_BYTES_MAX: usize = 16 << 10;
/// Trailers.
const TRAILERS_MAX: usize = 64;

/// How an answer's body comes, and where in it we are.
#[derive(Debug)]
pub enum Coming {
    /// The head has not come yet.
    Head,
    /// There is none, or it has come.
    Nothing,
    /// So many bytes more.
    Length(u64),
    /// All until the connection ends.
    UntilEnd,
    /// In chunks. Boxed: most have a length.
    Chunked(Box<Chunks>),
}

/// What a look at the bytes gave.
#[derive(Debug)]
pub enum Taken {
    /// A piece of it.
    Frame(Frame<Bytes>),
    /// It has come whole.
    Over,
    /// More bytes are needed.
    More,
}

/// A body in chunks (RFC 9112 7.1).
#[derive(Debug)]
pub struct Chunks {
    at: At,
    /// A line that has come in part.
    line: Vec<u8>,
    trailers: HeaderMap,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

impl Coming {
    /// In chunks, from the first on.
    pub fn chunked() -> Self {
        let chunks = Chunks { at: At::Size, line: Vec::new(), trailers: HeaderMap::new(), trailer_bytes: 0 };
        Coming::Chunked(Box::new(chunks))
    }

    /// Whether nothing is to come.
    pub fn is_over(&self) -> bool {
        matches!(self, Coming::Nothing)
    }

    /// Whether the connection's end is its end.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self, Coming::UntilEnd)
    }

    /// How many bytes are to come, where that is known.
    pub fn left(&self) -> Option<u64> {
        match self {
            Coming::Nothing => Some(0),
            Coming::Length(left) => Some(*left),
            Coming::Head | Coming::UntilEnd | Coming::Chunked(_) => None,
        }
    }

    /// Takes the next piece out of `bytes`.
    pub fn take(&mut self, bytes: &mut Bytes) -> Result<Taken, &'static str> {
        match self {
            Coming::Nothing => Ok(Taken::Over),
            _ if bytes.is_empty() => Ok(Taken::More),
            Coming::Head => Err("a body without a head"),
            Coming::UntilEnd => Ok(Taken::Frame(Frame::data(std::mem::take(bytes)))),
            Coming::Length(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let piece = if count == bytes.len() { std::mem::take(bytes) } else { bytes.split_to(count) };
                *left -= count as u64;
                if *left == 0 {
                    *self = Coming::Nothing;
                }
                Ok(Taken::Frame(Frame::data(piece)))
            }
            Coming::Chunked(chunks) => {
                let taken = chunks.take(bytes)?;
                if taken.is_last() {
                    *self = Coming::Nothing;
                }
                Ok(taken)
            }
        }
    }
}

impl Taken {
    fn is_last(&self) -> bool {
        match self {
            Taken::Over => true,
            Taken::Frame(frame) => frame.is_trailers(),
            Taken::More => false,
        }
    }
}

impl Chunks {
    fn take(&mut self, bytes: &mut Bytes) -> Result<Taken, &'static str> {
        while !bytes.is_empty() {
            match self.at {
                At::Data(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left - count as u64;
                    self.at = if left == 0 { At::DataEnd } else { At::Data(left) };
                    return Ok(Taken::Frame(Frame::data(bytes.split_to(count))));
                }
                At::Size => {
                    let Some(line) = self.line(bytes)? else { break };
                    self.at = match size(&line)? {
                        0 => At::Trailers,
                        size => At::Data(size),
                    };
                }
                At::DataEnd => {
                    let Some(line) = self.line(bytes)? else { break };
                    if !line.is_empty() {
                        return Err("a chunk is longer than its size");
                    }
                    self.at = At::Size;
                }
                At::Trailers => {
                    let Some(line) = self.line(bytes)? else { break };
                    if line.is_empty() {
                        let trailers = std::mem::take(&mut self.trailers);
                        return Ok(if trailers.is_empty() {
                            Taken::Over
                        } else {
                            Taken::Frame(Frame::trailers(trailers))
                        });
                    }
                    self.trailer_bytes += line.len();
                    if self.trailer_bytes > LINE_BYTES_MAX || self.trailers.len() == TRAILERS_MAX {
                        return Err("its trailers are too long");
                    }
                    let (name, value) = trailer(&line).ok_or("a trailer is malformed")?;
                    if super::head::may_trail(&name) {
                        self.trailers.append(name, value);
                    }
                }
            }
        }
        Ok(Taken::More)
    }

    /// The next line without its end; none until that has come. A line feed alone ends none.
    fn line(&mut self, bytes: &mut Bytes) -> Result<Option<Vec<u8>>, &'static str> {
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let count = end.unwrap_or(bytes.len());
        if self.line.len() + count > LINE_BYTES_MAX {
            return Err("a chunk's line is too long");
        }
        self.line.extend_from_slice(&bytes[..count]);
        bytes.advance(count);
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.pop() != Some(b'\r') || line.contains(&b'\r') {
            return Err("a line of its chunks has a bare CR or LF");
        }
        Ok(Some(line))
    }
}

/// Up to 15 hexadecimal digits, then extensions that nobody needs.
fn size(line: &[u8]) -> Result<u64, &'static str> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let after = line[digits..].trim_ascii_start();
    if !(1..=15).contains(&digits) || !matches!(after.first(), None | Some(b';')) {
        return Err("a chunk's size is none");
    }
    let value = |byte: &u8| u64::from((*byte as char).to_digit(16).unwrap_or(0));
    Ok(line[..digits].iter().fold(0, |size, byte| size << 4 | value(byte)))
}

fn trailer(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
}

/// A chunk's size line.
pub fn size_line(size: usize, to: &mut Vec<u8>) {
    let mut text = String::with_capacity(18);
    let _ = write!(text, "{size:x}\r\n");
    to.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `text`, given in pieces of `step` bytes: the body, then the trailers, then what is left.
    fn read(text: &str, step: usize) -> Result<(String, String, String), &'static str> {
        let mut coming = Coming::chunked();
        let (mut body, mut trailers) = (Vec::new(), String::new());
        let mut left = Bytes::copy_from_slice(text.as_bytes());
        let mut bytes = Bytes::new();
        loop {
            match coming.take(&mut bytes)? {
                Taken::Over => break,
                Taken::More if left.is_empty() => return Err("it ended"),
                Taken::More => bytes = left.split_to(step.min(left.len())),
                Taken::Frame(frame) => match frame.into_data() {
                    Ok(data) => body.extend_from_slice(&data),
                    Err(frame) => {
                        for (name, value) in frame.trailers_ref().unwrap() {
                            trailers += &format!("{name}={}", value.to_str().unwrap());
                        }
                    }
                },
            }
        }
        let rest = [&bytes[..], &left[..]].concat();
        Ok((String::from_utf8(body).unwrap(), trailers, String::from_utf8(rest).unwrap()))
    }

    fn check(text: &str, want: Result<(&str, &str, &str), &str>) {
        for step in [1, 2, 3, 7, 1_000] {
            let got = read(text, step);
            let want = want.map(|(body, trailers, _)| (body.to_owned(), trailers.to_owned()));
            assert_eq!(got.clone().map(|(body, trailers, _)| (body, trailers)), want, "{text:?} by {step}");
        }
        if let (Ok((.., left)), Ok((.., rest))) = (read(text, 1), want) {
            assert!(rest.ends_with(&left), "{left:?} of {rest:?}");
        }
    }

    #[test]
    fn chunks_come_out_however_they_are_cut() {
        check("5\r\nfirst\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", Ok(("first0123456789", "", "")));
        check("000a \t;x\r\n0123456789\r\n0\r\n\r\nHTTP/1.1", Ok(("0123456789", "", "HTTP/1.1")));
        check("1\r\na\r\n0\r\nx-sum:  7 \r\ncontent-length: 9\r\n\r\n", Ok(("a", "x-sum=7", "")));
        check("5\r\nfirst", Err("it ended"));
        check("5\r\nfirst\r\n0\r\n", Err("it ended"));
        check("5\r\nfirst12\r\n", Err("a chunk is longer than its size"));
        check("\r\n", Err("a chunk's size is none"));
        check("-1\r\n", Err("a chunk's size is none"));
        check("0x5\r\nfirst\r\n0\r\n\r\n", Err("a chunk's size is none"));
        check("1000000000000000\r\n", Err("a chunk's size is none"));
        check("5\nfirst\r\n0\r\n\r\n", Err("a line of its chunks has a bare CR or LF"));
        check("0\r\nno colon\r\n\r\n", Err("a trailer is malformed"));
        check(&format!("5;{}\r\n", "x".repeat(LINE_BYTES_MAX)), Err("a chunk's line is too long"));
    }

    #[test]
    fn a_length_is_not_exceeded() {
        let mut bytes = Bytes::from_static(b"bodyHTTP/1.1");
        let mut coming = Coming::Length(4);
        assert!(
            matches!(coming.take(&mut bytes), Ok(Taken::Frame(frame)) if frame.data_ref().unwrap() == "body")
        );
        assert!(coming.is_over() && bytes == "HTTP/1.1");
    }
}
