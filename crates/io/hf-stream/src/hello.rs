//! The server name in the first bytes that a TLS client sends, read without ending the TLS.
//!
//! 1. A hello may lie in several records, and records in several reads: [`server_name`] says when it needs more.
//! 2. At most [`HELLO_BYTES_MAX`] bytes are looked at; a longer hello is refused.
//! 3. A hello without a name is one without a name, no error. A name that is none (an address, letters beyond ASCII) is refused.
//! 4. The stream is only looked at: every byte of it goes on to whoever ends the TLS.
//!
//! Not here: what the rest of the hello says; encrypted hellos show the name of their front, as they should.
//!
//! Source: RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// Bytes of a stream's beginning that are looked at. Hellos with post-quantum keys have under 2 KiB, those with tickets and
/// client certificates' hints under 8.
pub const HELLO_BYTES_MAX: usize = 16 << 10;

const RECORD_HEAD: usize = 5;
const RECORD_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// How far [`server_name`] came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// The hello goes on; come again with more bytes.
    NeedMore,
    /// The whole hello is here: the name in it, lower case without a final dot, if there is one.
    Name(Option<String>),
}

/// Why a stream's beginning is refused: the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// It is no TLS.
    #[error(
        "the connection does not begin with a TLS client hello; clients of this listener must speak TLS at once"
    )]
    NotTls,
    /// No end within the bound.
    #[error("the TLS client hello has more than {HELLO_BYTES_MAX} bytes")]
    TooLong,
    /// A field is not what it should be.
    #[error("the TLS client hello is malformed: {what}")]
    Malformed {
        /// Which field.
        what: &'static str,
    },
}

/// Reads the server name from the beginning of a stream.
pub fn server_name(bytes: &[u8]) -> Result<Hello, HelloError> {
    let message = handshake(&bytes[..bytes.len().min(HELLO_BYTES_MAX)])?;
    match message.get(..4) {
        None if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) => Err(HelloError::NotTls),
        None => need_more(bytes),
        Some(head) => {
            if head[0] != CLIENT_HELLO {
                return Err(HelloError::NotTls);
            }
            let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
            if length > HELLO_BYTES_MAX {
                return Err(HelloError::TooLong);
            }
            match message.get(4..4 + length) {
                Some(body) => name_in(body).map(Hello::Name),
                None => need_more(bytes),
            }
        }
    }
}

fn need_more(bytes: &[u8]) -> Result<Hello, HelloError> {
    if bytes.len() < HELLO_BYTES_MAX { Ok(Hello::NeedMore) } else { Err(HelloError::TooLong) }
}

/// What the handshake records hold so far, in one piece.
fn handshake(mut bytes: &[u8]) -> Result<Cow<'_, [u8]>, HelloError> {
    let mut message = Cow::Borrowed(&[][..]);
    while let Some(kind) = bytes.first() {
        if *kind != RECORD_HANDSHAKE || bytes.get(1).is_some_and(|major| *major != 3) {
            // Something else behind a whole hello is for whoever ends the TLS.
            return if message.is_empty() { Err(HelloError::NotTls) } else { Ok(message) };
        }
        let Some(head) = bytes.get(..RECORD_HEAD) else { break };
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if length == 0 || length > HELLO_BYTES_MAX {
            return Err(malformed("a record is empty or longer than 16 KiB"));
        }
        let rest = &bytes[RECORD_HEAD..];
        let (part, next) = rest.split_at(length.min(rest.len()));
        if message.is_empty() {
            message = Cow::Borrowed(part);
        } else {
            message.to_mut().extend_from_slice(part);
        }
        bytes = next;
    }
    Ok(message)
}

/// The name in a whole hello.
fn name_in(body: &[u8]) -> Result<Option<String>, HelloError> {
    let mut hello = Reader(body);
    // Version and random.
    hello.take(34)?;
    // Session, ciphers, compression.
    hello.block1()?;
    hello.block2()?;
    hello.block1()?;
    if hello.0.is_empty() {
        return Ok(None);
    }
    let mut extensions = Reader(hello.block2()?);
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let value = extensions.block2()?;
        if kind == EXTENSION_SERVER_NAME {
            if name.is_some() {
                return Err(malformed("there are two server name extensions"));
            }
            name = Some(host_name(value)?);
        }
    }
    Ok(name)
}

fn host_name(value: &[u8]) -> Result<String, HelloError> {
    let mut names = Reader(Reader(value).block2()?);
    let kind = names.take(1)?[0];
    let name = names.block2()?;
    if kind != HOST_NAME || !names.0.is_empty() {
        return Err(malformed("the server name extension holds something else than one host name"));
    }
    let name = std::str::from_utf8(name).unwrap_or_default().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let is_name = (1..=253).contains(&name.len())
        && name.split('.').all(is_label)
        && name.parse::<std::net::IpAddr>().is_err();
    if is_name { Ok(name.to_owned()) } else { Err(malformed("the server name is no host name")) }
}

fn is_label(label: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(is_known)
}

fn malformed(what: &'static str) -> HelloError {
    HelloError::Malformed { what }
}

/// Takes pieces from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], HelloError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(malformed("a field is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, HelloError> {
        self.take(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    /// A piece behind its length of one byte.
    fn block1(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    /// A piece behind its length of two bytes.
    fn block2(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}
