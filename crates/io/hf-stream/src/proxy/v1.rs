//! Version 1: one line, `PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Parsed, ProxyError, V1_BYTES_MAX, one_family};

/// How every line begins.
pub const BEGIN: &[u8] = b"PROXY ";

pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    let seen = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = seen.iter().position(|byte| *byte == b'\n') else {
        let may_grow = bytes.len() < V1_BYTES_MAX;
        return if may_grow { Ok(Parsed::NeedMore) } else { Err(ProxyError::TooLong { max: V1_BYTES_MAX }) };
    };
    let line = seen[..end].strip_suffix(b"\r").ok_or(malformed("the line does not end with CR LF"))?;
    let line = std::str::from_utf8(line).map_err(|_| malformed("the line is not text"))?;
    Ok(Parsed::Done(header(line)?, end + 1))
}

fn header(line: &str) -> Result<Header, ProxyError> {
    let mut fields = line.split(' ').skip(1);
    let family = fields.next().unwrap_or_default();
    if family == "UNKNOWN" {
        // Whatever follows is to be ignored.
        return Ok(Header::Local);
    }
    let mut next = || fields.next().unwrap_or_default();
    let (source, destination, source_port, destination_port) = (next(), next(), next(), next());
    if fields.next().is_some() {
        return Err(malformed("there are more fields than six"));
    }
    let address = |text: &str| -> Result<IpAddr, ProxyError> {
        match family {
            "TCP4" => {
                text.parse::<Ipv4Addr>().map(IpAddr::from).map_err(|_| malformed("an address is not IPv4"))
            }
            "TCP6" => {
                text.parse::<Ipv6Addr>().map(IpAddr::from).map_err(|_| malformed("an address is not IPv6"))
            }
            _ => Err(malformed("the family is none of TCP4, TCP6 and UNKNOWN")),
        }
    };
    Ok(Header::Proxied {
        source: SocketAddr::new(address(source)?, port(source_port)?),
        destination: SocketAddr::new(address(destination)?, port(destination_port)?),
        authority: None,
    })
}

fn port(text: &str) -> Result<u16, ProxyError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain).ok_or(malformed("a port is not a number from 0 to 65535"))
}

fn malformed(what: &'static str) -> ProxyError {
    ProxyError::Malformed { what }
}

pub fn write(source: SocketAddr, destination: SocketAddr, into: &mut Vec<u8>) {
    let (source, destination) = one_family(source, destination);
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let line = format!(
        "PROXY {family} {} {} {} {}\r\n",
        source.ip(),
        destination.ip(),
        source.port(),
        destination.port()
    );
    into.extend_from_slice(line.as_bytes());
}
