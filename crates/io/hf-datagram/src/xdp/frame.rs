//! Ethernet frames of UDP: where a query lies in one, and how the same frame becomes the reply.
//!
//! 1. Lengths are judged here: the program in the kernel has only looked at protocols, addresses and ports. What does not add up is no query.
//! 2. A sender that nobody may answer (multicast, broadcast, loopback, unspecified, port 0) is not answered.
//! 3. A reply goes back the way it came: the next station is the one that the query came from, as on every symmetric route.
//! 4. Checksums of replies are written in full. Those of queries are not verified: a card or a virtual link leaves them unfinished. A damaged query
//!    gets at worst an answer to another question, whose repeated question tells the asker.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
const PROTOCOL_UDP: u8 = 17;

/// What RFC 1700 and every system since recommend.
const HOPS: u8 = 64;
const DO_NOT_FRAGMENT: [u8; 2] = [0x40, 0];

/// A query in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Who asks.
    pub from: SocketAddr,
    /// Where the UDP payload lies in the frame.
    pub payload: Range<usize>,
}

/// Finds the query in a frame.
pub fn read(frame: &[u8]) -> Option<Query> {
    let (source, udp, end) = match frame.get(12..ETHERNET)? {
        [0x08, 0x00] => {
            let ip = frame.get(ETHERNET..ETHERNET + IPV4)?;
            let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
            if ip[0] != 0x45 || ip[9] != PROTOCOL_UDP {
                return None;
            }
            let source = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
            (IpAddr::V4(source), ETHERNET + IPV4, ETHERNET + total)
        }
        [0x86, 0xdd] => {
            let ip = frame.get(ETHERNET..ETHERNET + IPV6)?;
            let total = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
            if ip[0] >> 4 != 6 || ip[6] != PROTOCOL_UDP {
                return None;
            }
            let source = <[u8; 16]>::try_from(&ip[8..24]).expect("16 bytes");
            (IpAddr::V6(Ipv6Addr::from(source)), ETHERNET + IPV6, ETHERNET + IPV6 + total)
        }
        _ => return None,
    };
    let head = frame.get(udp..udp + UDP)?;
    let port = u16::from_be_bytes([head[0], head[1]]);
    let len = usize::from(u16::from_be_bytes([head[4], head[5]]));
    // Behind the packet there may be padding of the link; behind the datagram there must be nothing.
    if len < UDP || udp + len != end || end > frame.len() || port == 0 || !may_be_answered(source) {
        return None;
    }
    Some(Query { from: SocketAddr::new(source, port), payload: udp + UDP..end })
}

fn may_be_answered(source: IpAddr) -> bool {
    let is_broadcast = matches!(source, IpAddr::V4(ip) if ip.is_broadcast() || ip.octets()[0] == 0);
    !(source.is_multicast() || source.is_loopback() || source.is_unspecified() || is_broadcast)
}

/// Turns the frame of a query into that of its reply; the payload is in its place already, and the frame ends with it.
pub fn turn_round(frame: &mut [u8], payload: usize) {
    let (macs, _) = frame.split_at_mut(12);
    let (to, from) = macs.split_at_mut(6);
    to.swap_with_slice(from);
    let udp = payload - UDP;
    let udp_len = (frame.len() - udp) as u16;
    let is_ipv4 = udp == ETHERNET + IPV4;
    let ip = &mut frame[ETHERNET..udp];
    let pseudo = if is_ipv4 {
        let total = udp_len + IPV4 as u16;
        ip[1] = 0;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        ip[4..6].copy_from_slice(&[0, 0]); // No identification: it is no fragment (RFC 6864).
        ip[6..8].copy_from_slice(&DO_NOT_FRAGMENT);
        ip[8] = HOPS;
        ip[10..12].copy_from_slice(&[0, 0]);
        let (source, destination) = ip[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
        let sum = folded(sum(ip, 0));
        ip[10..12].copy_from_slice(&(!sum).to_be_bytes());
        &frame[ETHERNET + 12..ETHERNET + 20]
    } else {
        ip[0..4].copy_from_slice(&[0x60, 0, 0, 0]);
        ip[4..6].copy_from_slice(&udp_len.to_be_bytes());
        ip[7] = HOPS;
        let (source, destination) = ip[8..40].split_at_mut(16);
        source.swap_with_slice(destination);
        &frame[ETHERNET + 8..ETHERNET + 40]
    };
    let pseudo = sum(pseudo, u64::from(PROTOCOL_UDP) + u64::from(udp_len));
    let datagram = &mut frame[udp..];
    let (source, destination) = datagram[..4].split_at_mut(2);
    source.swap_with_slice(destination);
    datagram[4..6].copy_from_slice(&udp_len.to_be_bytes());
    datagram[6..8].copy_from_slice(&[0, 0]);
    let sum = !folded(sum(datagram, pseudo));
    // 0 would mean "no checksum" (RFC 768); IPv6 allows none such (RFC 8200 8.1).
    let sum = if sum == 0 { 0xffff } else { sum };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// Adds up the bytes as 16-bit numbers, in fours: the carries of ones' complement may be added at any time.
fn sum(bytes: &[u8], start: u64) -> u64 {
    let (fours, rest) = bytes.as_chunks::<4>();
    let mut sum = fours.iter().map(|four| u64::from(u32::from_be_bytes(*four))).sum::<u64>() + start;
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum += u64::from(u32::from_be_bytes(last));
    sum
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests;
