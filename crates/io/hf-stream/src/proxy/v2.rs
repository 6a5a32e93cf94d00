//! Version 2: twelve bytes that no other protocol begins with, command, family, length, addresses, then typed values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Parsed, ProxyError, V2_BYTES_MAX, one_family};

/// How every header begins.
pub const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, command, family, length.
const FIXED_BYTES: usize = 16;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

const AUTHORITY: u8 = 0x02;
const CRC32C: u8 = 0x03;

/// Bytes of a name at most, as in a TLS hello.
const AUTHORITY_BYTES_MAX: usize = 255;

pub fn parse(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED_BYTES) else {
        // What can be said of a wrong beginning is said at once.
        return match bytes.get(SIGNATURE.len()) {
            Some(command) => checked_command(*command).map(|_| Parsed::NeedMore),
            None => Ok(Parsed::NeedMore),
        };
    };
    let command = checked_command(fixed[12])?;
    let family = fixed[13];
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let whole = FIXED_BYTES + length;
    if whole > V2_BYTES_MAX {
        return Err(ProxyError::TooLong { max: V2_BYTES_MAX });
    }
    let Some(body) = rest.get(..length) else { return Ok(Parsed::NeedMore) };
    let (addresses, values) = match family {
        TCP4 => take_v4(body)?,
        TCP6 => take_v6(body)?,
        // Unspecified, datagrams, Unix sockets and what may come: nobody that we could name. What they carry is skipped.
        _ => return Ok(Parsed::Done(Header::Local, whole)),
    };
    let authority = read_values(&bytes[..whole], values)?;
    let header = match command {
        LOCAL => Header::Local,
        _ => Header::Proxied { source: addresses.0, destination: addresses.1, authority },
    };
    Ok(Parsed::Done(header, whole))
}

fn checked_command(command: u8) -> Result<u8, ProxyError> {
    match command {
        LOCAL | PROXY => Ok(command),
        _ if command >> 4 != 2 => Err(malformed("its version is not 2")),
        _ => Err(malformed("its command is neither LOCAL nor PROXY")),
    }
}

type Addresses = (SocketAddr, SocketAddr);

fn take_v4(body: &[u8]) -> Result<(Addresses, &[u8]), ProxyError> {
    let (at, values) = body.split_first_chunk::<12>().ok_or(malformed("the addresses are cut short"))?;
    let address =
        |from: usize| IpAddr::from(Ipv4Addr::new(at[from], at[from + 1], at[from + 2], at[from + 3]));
    let port = |from: usize| u16::from_be_bytes([at[from], at[from + 1]]);
    Ok(((SocketAddr::new(address(0), port(8)), SocketAddr::new(address(4), port(10))), values))
}

fn take_v6(body: &[u8]) -> Result<(Addresses, &[u8]), ProxyError> {
    let (at, values) = body.split_first_chunk::<36>().ok_or(malformed("the addresses are cut short"))?;
    let address = |from: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&at[from..from + 16]);
        IpAddr::from(Ipv6Addr::from(octets))
    };
    let port = |from: usize| u16::from_be_bytes([at[from], at[from + 1]]);
    Ok(((SocketAddr::new(address(0), port(32)), SocketAddr::new(address(16), port(34))), values))
}

/// The name among the typed values, if any; all of them must be whole, and a checksum must be right.
fn read_values(whole: &[u8], mut values: &[u8]) -> Result<Option<String>, ProxyError> {
    let mut authority = None;
    while let Some((head, rest)) = values.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let (value, rest) = rest.split_at_checked(length).ok_or(malformed("a typed value is cut short"))?;
        match head[0] {
            AUTHORITY => {
                if authority.is_some() {
                    return Err(malformed("there are two authorities"));
                }
                authority = Some(name(value)?);
            }
            CRC32C => check_sum(whole, whole.len() - rest.len() - value.len(), value)?,
            _ => {}
        }
        values = rest;
    }
    if values.is_empty() { Ok(authority) } else { Err(malformed("a typed value is cut short")) }
}

fn name(value: &[u8]) -> Result<String, ProxyError> {
    let text = std::str::from_utf8(value).ok();
    text.filter(|text| (1..=AUTHORITY_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control))
        .map(str::to_ascii_lowercase)
        .ok_or(malformed("the authority is not a name"))
}

fn check_sum(whole: &[u8], at: usize, value: &[u8]) -> Result<(), ProxyError> {
    let said: [u8; 4] = value.try_into().map_err(|_| malformed("the checksum has not four bytes"))?;
    let crc = crc32c(whole[..at].iter().chain(&[0; 4]).chain(&whole[at + 4..]));
    if crc == u32::from_be_bytes(said) { Ok(()) } else { Err(malformed("the checksum is wrong")) }
}

/// CRC-32C, bit by bit: at most 4 KiB once a connection, and seldom sent.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    !bytes.fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg()))
    })
}

fn malformed(what: &'static str) -> ProxyError {
    ProxyError::Malformed { what }
}

pub fn write(source: SocketAddr, destination: SocketAddr, authority: Option<&str>, into: &mut Vec<u8>) {
    let (source, destination) = one_family(source, destination);
    let authority = authority.filter(|name| (1..=AUTHORITY_BYTES_MAX).contains(&name.len()));
    let values = authority.map_or(0, |name| 3 + name.len());
    let (family, addresses) = if source.is_ipv4() { (TCP4, 12) } else { (TCP6, 36) };
    into.extend_from_slice(SIGNATURE);
    into.extend_from_slice(&[PROXY, family]);
    into.extend_from_slice(&((addresses + values) as u16).to_be_bytes());
    for address in [source, destination] {
        match address.ip() {
            IpAddr::V4(v4) => into.extend_from_slice(&v4.octets()),
            IpAddr::V6(v6) => into.extend_from_slice(&v6.octets()),
        }
    }
    for address in [source, destination] {
        into.extend_from_slice(&address.port().to_be_bytes());
    }
    if let Some(name) = authority {
        into.push(AUTHORITY);
        into.extend_from_slice(&(name.len() as u16).to_be_bytes());
        into.extend_from_slice(name.as_bytes());
    }
}

pub fn write_local(into: &mut Vec<u8>) {
    into.extend_from_slice(SIGNATURE);
    into.extend_from_slice(&[LOCAL, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c([0; 32].iter()), 0x8A91_36AA);
    }

    #[test]
    fn a_checksum_is_checked() {
        let addresses = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
        let mut bytes = Vec::new();
        write(addresses.0, addresses.1, None, &mut bytes);
        bytes.extend_from_slice(&[CRC32C, 0, 4, 0, 0, 0, 0]);
        bytes[15] += 7;
        let crc = crc32c(bytes.iter());
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(parse(&bytes), Ok(Parsed::Done(Header::Proxied { .. }, used)) if used == end));
        bytes[end - 1] ^= 1;
        assert_eq!(parse(&bytes), Err(malformed("the checksum is wrong")));
    }
}
