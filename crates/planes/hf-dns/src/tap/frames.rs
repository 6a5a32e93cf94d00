//! Frame streams, and the one message that goes through them.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use hf_model::Timestamp;

use crate::requests::Via;
use prost::Message as _;

const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";

/// Control frames.
const ACCEPT: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 3;
const READY: u32 = 4;
const FINISH: u32 = 5;
/// The one field of a control frame.
const FIELD_CONTENT_TYPE: u32 = 1;
/// As the format limits them.
const CONTROL_BYTES_MAX: usize = 512;

/// dnstap.proto, as far as it is written here.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Dnstap {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) identity: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) version: Option<Vec<u8>>,
    #[prost(message, optional, tag = "14")]
    pub(crate) message: Option<DnstapMessage>,
    /// 1: a message.
    #[prost(int32, required, tag = "15")]
    pub(crate) kind: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DnstapMessage {
    /// 2: `AUTH_RESPONSE`.
    #[prost(int32, required, tag = "1")]
    pub(crate) kind: i32,
    /// 1: IPv4, 2: IPv6.
    #[prost(int32, optional, tag = "2")]
    pub(crate) socket_family: Option<i32>,
    /// 1: UDP.
    #[prost(int32, optional, tag = "3")]
    pub(crate) socket_protocol: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) query_address: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "6")]
    pub(crate) query_port: Option<u32>,
    #[prost(uint64, optional, tag = "8")]
    pub(crate) query_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "9")]
    pub(crate) query_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(crate) query_message: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "12")]
    pub(crate) response_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "13")]
    pub(crate) response_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    pub(crate) response_message: Option<Vec<u8>>,
}

/// Writes the frame's content into `frame`, over what was there.
pub(crate) fn encode(
    frame: &mut Vec<u8>,
    identity: &[u8],
    (from, via): (SocketAddr, Via),
    at: Timestamp,
    query: &[u8],
    reply: &[u8],
) {
    let (family, address) = match from.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let protocol = match via {
        Via::Udp => 1,
        Via::Tcp => 2,
        Via::Tls => 3,
    };
    let bytes = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.to_vec());
    let (seconds, nanoseconds) = (at.0 / 1_000, (at.0 % 1_000) as u32 * 1_000_000);
    let message = DnstapMessage {
        kind: 2,
        socket_family: Some(family),
        socket_protocol: Some(protocol),
        query_address: Some(address),
        query_port: Some(u32::from(from.port())),
        query_time_sec: Some(seconds),
        query_time_nsec: Some(nanoseconds),
        query_message: bytes(query),
        response_time_sec: Some(seconds),
        response_time_nsec: Some(nanoseconds),
        response_message: bytes(reply),
    };
    let version = concat!("holdfast ", env!("CARGO_PKG_VERSION")).as_bytes().to_vec();
    let whole = Dnstap { identity: bytes(identity), version: Some(version), message: Some(message), kind: 1 };
    frame.clear();
    whole.encode(frame).expect("a vector has room");
}

/// One data frame.
pub(crate) fn data(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    out.write_all(&(content.len() as u32).to_be_bytes())?;
    out.write_all(content)
}

/// Agrees on the content with the reader at the other end of a socket.
pub(crate) fn agree(stream: &mut (impl Read + Write)) -> io::Result<()> {
    control(stream, READY, CONTENT_TYPE)?;
    let (kind, fields) = read_control(stream)?;
    if kind == ACCEPT && fields.windows(CONTENT_TYPE.len()).any(|window| window == CONTENT_TYPE) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the reader of the socket does not take dnstap"))
}

/// Begins a stream.
pub(crate) fn start(out: &mut impl Write) -> io::Result<()> {
    control(out, START, CONTENT_TYPE)
}

/// Ends it.
pub(crate) fn stop(out: &mut impl Write) -> io::Result<()> {
    control(out, STOP, &[])?;
    out.flush()
}

/// Waits until the reader has read all.
pub(crate) fn finish(stream: &mut impl Read) -> io::Result<()> {
    match read_control(stream)? {
        (FINISH, _) => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the reader of the socket does not say that it finished",
        )),
    }
}

fn control(out: &mut impl Write, kind: u32, content_type: &[u8]) -> io::Result<()> {
    let mut body = kind.to_be_bytes().to_vec();
    if !content_type.is_empty() {
        body.extend(FIELD_CONTENT_TYPE.to_be_bytes());
        body.extend((content_type.len() as u32).to_be_bytes());
        body.extend(content_type);
    }
    // Zero in the place of a length announces a control frame.
    out.write_all(&[0; 4])?;
    out.write_all(&(body.len() as u32).to_be_bytes())?;
    out.write_all(&body)?;
    out.flush()
}

/// A control frame: its kind and its fields.
pub(crate) fn read_control(stream: &mut impl Read) -> io::Result<(u32, Vec<u8>)> {
    let mut word = || {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    };
    let (escape, len, kind) = (word()?, word()? as usize, word()?);
    if escape != 0 || !(4..=CONTROL_BYTES_MAX).contains(&len) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no control frame of a frame stream"));
    }
    let mut fields = vec![0; len - 4];
    stream.read_exact(&mut fields)?;
    Ok((kind, fields))
}
