//! A strict watch over what clients send: where one request ends and the next begins must have one reading only.
//!
//! Request smuggling lives where two parsers disagree on a request's length. hyper follows RFC 9112 and repairs some doubtful
//! heads silently (it drops `Content-Length` beside `Transfer-Encoding`, takes bare line feeds, folds equal lengths into one). An edge
//! gains nothing from repairing them, so this watch refuses them all with 400:
//! both `Content-Length` and `Transfer-Encoding` · more than one of either · a length that is not digits only · a transfer coding other than
//! `chunked` · bare CR or LF · folded lines · blanks before the colon · NUL · malformed chunks.
//!
//! It sees the bytes on their way to hyper and keeps only the part of a head that spans two reads. What it refuses is replaced, and nothing
//! after it is let through: a head that came at once by a request of ours ([`Refused::as_request`]), which is answered in its place among
//! the answers with what is wrong; the rest by [`POISON`], which hyper answers with 400.
//!
//! Not here: what the other fields mean, sockets, timers.

/// The method of requests that stand for refused ones; from a client it is refused itself.
pub const REFUSED_METHOD: &str = "HOLDFAST-REFUSED";

/// What hyper gets in place of refused bytes that have begun: no byte of it but the line ends may stand in a head or in a chunk's size.
pub const POISON: &[u8] = b"\0\r\n\r\n";

/// Bytes of a chunk's size line or of all trailers. Longer ones are refused.
const CHUNK_LINE_BYTES: usize = 4_096;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `Content-Length` and `Transfer-Encoding` in one request.
    TwoFramings,
    /// A field that may stand once stands twice.
    Repeated,
    /// A length that is not 1 to 18 digits.
    BadLength,
    /// A transfer coding other than `chunked`, or HTTP/1.0 with any.
    BadCoding,
    /// A bare CR or LF, a folded line, a blank before a colon, a NUL, or a line without a colon.
    BadLine,
    /// A malformed chunk.
    BadChunk,
    /// A version of HTTP/1 that is none, or another one.
    Version,
    /// A method that is ours.
    Method,
}

impl Refused {
    const ALL: [Refused; 8] = [
        Refused::TwoFramings,
        Refused::Repeated,
        Refused::BadLength,
        Refused::BadCoding,
        Refused::BadLine,
        Refused::BadChunk,
        Refused::Version,
        Refused::Method,
    ];

    /// The request that takes the place of the refused one.
    pub fn as_request(self) -> &'static [u8] {
        match self {
            Refused::TwoFramings => b"HOLDFAST-REFUSED /0 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::Repeated => b"HOLDFAST-REFUSED /1 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::BadLength => b"HOLDFAST-REFUSED /2 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::BadCoding => b"HOLDFAST-REFUSED /3 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::BadLine => b"HOLDFAST-REFUSED /4 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::BadChunk => b"HOLDFAST-REFUSED /5 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::Version => b"HOLDFAST-REFUSED /6 HTTP/1.1\r\nhost: -\r\n\r\n",
            Refused::Method => b"HOLDFAST-REFUSED /7 HTTP/1.1\r\nhost: -\r\n\r\n",
        }
    }

    /// Which refusal a request of ours stands for.
    pub fn of_request(path: &str) -> Refused {
        let at = path.strip_prefix('/').and_then(|at| at.parse::<usize>().ok());
        at.and_then(|at| Refused::ALL.get(at).copied()).unwrap_or(Refused::Method)
    }

    /// The answer's status.
    pub fn status(self) -> u16 {
        if self == Refused::Version { 505 } else { 400 }
    }

    /// What is wrong, for the client.
    pub fn words(self) -> &'static str {
        match self {
            Refused::TwoFramings => "a request has Content-Length or Transfer-Encoding, this one has both",
            Refused::Repeated => {
                "a request has one Content-Length or one Transfer-Encoding, this one has several"
            }
            Refused::BadLength => "a Content-Length is 1 to 18 digits, this one is not",
            Refused::BadCoding => "the only transfer coding that is taken is `chunked`, and only in HTTP/1.1",
            Refused::BadLine => {
                "a line of the head is malformed: lines end with CR LF, are not folded, and have their colon right after the name"
            }
            Refused::BadChunk => "a chunk of the body is malformed",
            Refused::Version => "the versions served here are HTTP/1.0, HTTP/1.1 and HTTP/2",
            Refused::Method => "no such method",
        }
    }
}

/// What is refused of some bytes, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedAt {
    /// How many of the bytes may go on.
    pub good: usize,
    /// Why the rest may not.
    pub why: Refused,
    /// Whether what is refused begins right there: no byte of it has gone on.
    pub from_start: bool,
}

/// Where the next byte belongs.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Head,
    Body(u64),
    ChunkSize { digits: u8, value: u64, line: usize, seen: InSize },
    ChunkData(u64),
    ChunkDataEnd { cr: bool },
    Trailers { line: usize, total: usize, cr: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InSize {
    Digits,
    Extension,
    Cr,
}

/// Follows one client's stream.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    /// The part of a head that came with earlier reads.
    head: Vec<u8>,
    head_bytes_max: usize,
    /// Heads that came whole, counted round.
    heads: u32,
}

impl Framing {
    /// At the start of a connection. Beyond `head_bytes_max` a head is hyper's to refuse (431).
    pub fn new(head_bytes_max: usize) -> Self {
        Framing { place: Place::Head, head: Vec::new(), head_bytes_max, heads: 0 }
    }

    /// Whether the last byte seen was the last of a request.
    pub fn between_requests(&self) -> bool {
        self.place == Place::Head && self.head.is_empty()
    }

    /// Whether a head has begun and not ended.
    pub fn in_head(&self) -> bool {
        self.place == Place::Head && !self.head.is_empty()
    }

    /// How many heads came whole; begins again at 0 after four thousand million.
    pub fn heads(&self) -> u32 {
        self.heads
    }

    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), RefusedAt> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match &mut self.place {
                Place::Head => {
                    let from_start = self.head.is_empty();
                    self.take_head(rest).map_err(|why| RefusedAt { good: at, why, from_start })?
                }
                Place::Body(left) => {
                    let took = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= took as u64;
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                    took
                }
                Place::ChunkData(left) => {
                    let took = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= took as u64;
                    if *left == 0 {
                        self.place = Place::ChunkDataEnd { cr: false };
                    }
                    took
                }
                _ => {
                    let refused = |why| RefusedAt { good: at, why, from_start: false };
                    self.take_chunk_byte(rest[0]).map_err(refused)?;
                    1
                }
            };
        }
        Ok(())
    }

    /// Takes as much of a head as is there; returns how many bytes.
    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        // One byte more than allowed is enough for hyper to say 431; nothing after it is looked at.
        let room = (self.head_bytes_max + 1).saturating_sub(self.head.len());
        let took = bytes.len().min(room);
        if self.head.is_empty() {
            // RFC 9112 2.2: an empty line before a request is passed over.
            if bytes.starts_with(b"\r\n") {
                return Ok(2);
            }
            if let Some(end) = end_of_head(&bytes[..took], 0) {
                self.place = read_head(&bytes[..end])?;
                self.heads = self.heads.wrapping_add(1);
                return Ok(end);
            }
        }
        if self.head == b"\r" && bytes[0] == b'\n' {
            self.head.clear();
            return Ok(1);
        }
        let searched = self.head.len().saturating_sub(3);
        let had = self.head.len();
        if took == 0 {
            return Ok(bytes.len());
        }
        self.head.extend_from_slice(&bytes[..took]);
        if let Some(end) = end_of_head(&self.head, searched) {
            self.place = read_head(&self.head[..end])?;
            self.heads = self.heads.wrapping_add(1);
            // Idle connections hold nothing.
            self.head = Vec::new();
            return Ok(end - had);
        }
        Ok(took)
    }

    fn take_chunk_byte(&mut self, byte: u8) -> Result<(), Refused> {
        let bad = Err(Refused::BadChunk);
        match &mut self.place {
            Place::ChunkSize { digits, value, line, seen } => {
                *line += 1;
                if *line > CHUNK_LINE_BYTES {
                    return bad;
                }
                match (*seen, byte) {
                    (InSize::Digits, _) if byte.is_ascii_hexdigit() => {
                        if *digits == 15 {
                            return bad;
                        }
                        *digits += 1;
                        *value = *value * 16 + u64::from((byte as char).to_digit(16).unwrap_or(0));
                    }
                    (InSize::Digits, b';') if *digits > 0 => *seen = InSize::Extension,
                    (InSize::Digits, b'\r') if *digits > 0 => *seen = InSize::Cr,
                    (InSize::Extension, b'\r') => *seen = InSize::Cr,
                    (InSize::Extension, b'\t' | b' '..=b'~' | 0x80..) => {}
                    (InSize::Cr, b'\n') => {
                        self.place = match *value {
                            0 => Place::Trailers { line: 0, total: 0, cr: false },
                            length => Place::ChunkData(length),
                        };
                    }
                    _ => return bad,
                }
            }
            Place::ChunkDataEnd { cr } => match (*cr, byte) {
                (false, b'\r') => *cr = true,
                (true, b'\n') => self.place = chunk_size(),
                _ => return bad,
            },
            Place::Trailers { line, total, cr } => {
                *total += 1;
                match (*cr, byte) {
                    (_, _) if *total > CHUNK_LINE_BYTES => return bad,
                    (false, b'\r') => *cr = true,
                    (true, b'\n') if *line == 0 => self.place = Place::Head,
                    (true, b'\n') => (*line, *cr) = (0, false),
                    (true, _) | (false, b'\n' | 0) => return bad,
                    (false, _) => *line += 1,
                }
            }
            Place::Head | Place::Body(_) | Place::ChunkData(_) => {}
        }
        Ok(())
    }
}

fn chunk_size() -> Place {
    Place::ChunkSize { digits: 0, value: 0, line: 0, seen: InSize::Digits }
}

/// The length of the head that ends at or after `from`. An end without CRs counts too: hyper would stop there.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
        let next = at + found + 1;
        match bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// Checks a whole head and says what follows it.
fn read_head(head: &[u8]) -> Result<Place, Refused> {
    let mut rest = head;
    let mut lines = std::iter::from_fn(|| {
        let end = memchr::memchr(b'\n', rest)?;
        let line = rest.split_off(..=end)?;
        Some(match line {
            [text @ .., b'\r', b'\n'] if memchr::memchr2(b'\r', 0, text).is_none() => Ok(text),
            _ => Err(Refused::BadLine),
        })
    });
    let request = lines.next().unwrap_or(Err(Refused::BadLine))?;
    if request.starts_with(REFUSED_METHOD.as_bytes()) {
        return Err(Refused::Method);
    }
    if let [.., b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor] = request
        && major.is_ascii_digit()
        && minor.is_ascii_digit()
        && !matches!((major, minor), (b'1', b'0' | b'1'))
    {
        return Err(Refused::Version);
    }
    let (mut length, mut chunked) = (None, false);
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let colon = memchr::memchr(b':', line).ok_or(Refused::BadLine)?;
        let (name, value) = (&line[..colon], trim_blanks(&line[colon + 1..]));
        if name.first().is_none_or(u8::is_ascii_whitespace) || name.ends_with(b" ") || name.ends_with(b"\t") {
            return Err(Refused::BadLine);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.replace(read_length(value)?).is_some() {
                return Err(Refused::Repeated);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked {
                return Err(Refused::Repeated);
            }
            if !value.eq_ignore_ascii_case(b"chunked") || !request.ends_with(b"HTTP/1.1") {
                return Err(Refused::BadCoding);
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(Refused::TwoFramings),
        (None, true) => Ok(chunk_size()),
        (Some(length), false) if length > 0 => Ok(Place::Body(length)),
        _ => Ok(Place::Head),
    }
}

fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn read_length(value: &[u8]) -> Result<u64, Refused> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refused::BadLength);
    }
    Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
