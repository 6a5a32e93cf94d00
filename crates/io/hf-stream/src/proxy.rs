//! The PROXY protocol: who is at the other end of a connection that somebody passed on.
//!
//! 1. [`parse`] reads version 1 (a line of text) and version 2 (binary); which one is seen from the first bytes.
//! 2. Bounds: a line has at most [`V1_BYTES_MAX`] bytes, a binary header [`V2_BYTES_MAX`]; longer is refused before it is read.
//! 3. A header that names nobody (`LOCAL`, `UNKNOWN`, sockets that are not TCP) is [`Header::Local`]: the connection's own addresses count.
//! 4. One reading or none: a field too many, a leading zero, a checksum that is wrong are refused.
//!
//! Not here: from whom a header is taken (the caller), anything behind it.
//!
//! Source: the protocol's specification, versions 1 and 2, at haproxy.org.

mod v1;
mod v2;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

/// The longest line of version 1, its end included.
pub const V1_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is read. The longest address has 36 bytes; what else a sender adds is short.
pub const V2_BYTES_MAX: usize = 4_096;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// Nobody was passed on: the connection's own addresses count.
    Local,
    /// The connection was passed on.
    Proxied {
        /// The client.
        source: SocketAddr,
        /// Where the client connected to.
        destination: SocketAddr,
        /// The name that the client asked for, as its TLS hello had it; lower case, at most 255 bytes.
        authority: Option<String>,
    },
}

/// How far [`parse`] came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header; come again with more bytes.
    NeedMore,
    /// A whole header, and how many bytes it had; the rest is the stream.
    Done(Header, usize),
}

/// Why a header is refused: the sender's fault, and nothing of its stream can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The stream begins with something else.
    #[error(
        "the connection does not begin with a PROXY header; make the sender send one, or turn `proxy_protocol` off"
    )]
    NotProxy,
    /// No end within the bound.
    #[error("the PROXY header has more than {max} bytes; make the sender add less")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// A field is not what it should be.
    #[error("the PROXY header is malformed: {what}")]
    Malformed {
        /// Which field.
        what: &'static str,
    },
}

/// Reads a header from the beginning of a stream.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    if begins(bytes, v2::SIGNATURE) {
        return v2::parse(bytes);
    }
    if begins(bytes, v1::BEGIN) {
        return v1::parse(bytes);
    }
    Err(ProxyError::NotProxy)
}

/// Whether `bytes` begins with `with`, as far as it has come.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(one, other)| one == other)
}

/// Adds a header of version 1. Addresses of two families are both written as IPv6.
pub fn write_v1(source: SocketAddr, destination: SocketAddr, into: &mut Vec<u8>) {
    v1::write(source, destination, into);
}

/// Adds a header of version 2. Addresses of two families are both written as IPv6; an authority longer than 255 bytes is left out.
pub fn write_v2(source: SocketAddr, destination: SocketAddr, authority: Option<&str>, into: &mut Vec<u8>) {
    v2::write(source, destination, authority, into);
}

/// Adds a header of version 2 that says "this is the sender's own connection", as for a health check.
pub fn write_v2_local(into: &mut Vec<u8>) {
    v2::write_local(into);
}

/// Both of one family: IPv4 if both can be, else IPv6.
fn one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (plain(source), plain(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let six = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        v6 @ SocketAddr::V6(_) => v6,
    };
    (six(source), six(destination))
}
