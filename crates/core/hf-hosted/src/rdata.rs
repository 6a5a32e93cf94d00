//! Whether two data of a type are the same: names in them compare without case (RFC 4343, RFC 2136 1.1.1).

use crate::rtype::{CNAME, DNAME, MX, NS, PTR, SOA, SRV};

/// Whether they are.
pub(crate) fn same(rtype: u16, a: &[u8], b: &[u8]) -> bool {
    // Bytes at the beginning that are no name.
    let before = match rtype {
        NS | CNAME | PTR | DNAME | 7..=9 | 14 | 17 => 0,
        // AFSDB, RT, KX beside MX.
        MX | 18 | 21 | 36 => 2,
        SRV => 6,
        SOA => return same_soa(a, b),
        _ => return a == b,
    };
    match (a.split_at_checked(before), b.split_at_checked(before)) {
        (Some((a_fixed, a_name)), Some((b_fixed, b_name))) => {
            a_fixed == b_fixed && a_name.eq_ignore_ascii_case(b_name)
        }
        _ => a == b,
    }
}

fn same_soa(a: &[u8], b: &[u8]) -> bool {
    match (a.len().checked_sub(20), b.len().checked_sub(20)) {
        (Some(at), Some(other)) => {
            at == other && a[..at].eq_ignore_ascii_case(&b[..at]) && a[at..] == b[at..]
        }
        _ => a == b,
    }
}

/// Whether large sets of this type compare without case as a whole: sets of hundreds are of types that are nothing but a name.
pub(crate) fn folds(rtype: u16) -> bool {
    matches!(rtype, NS | PTR)
}

/// A number of a SOA, counted from its end: 5 is the serial, 1 the minimum.
fn soa_number(rdata: &[u8], from_end: usize) -> Option<u32> {
    let at = rdata.len().checked_sub(4 * from_end)?;
    rdata.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}

/// The serial of a SOA's data.
pub(crate) fn soa_serial(rdata: &[u8]) -> Option<u32> {
    soa_number(rdata, 5)
}

/// The last number of a SOA's data: for how long a "no" may be kept (RFC 2308 4).
pub(crate) fn soa_minimum(rdata: &[u8]) -> Option<u32> {
    soa_number(rdata, 1)
}

/// The same SOA with another serial.
pub(crate) fn with_serial(rdata: &[u8], serial: u32) -> Box<[u8]> {
    let mut new: Box<[u8]> = rdata.into();
    if let Some(at) = new.len().checked_sub(20) {
        new[at..at + 4].copy_from_slice(&serial.to_be_bytes());
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_numbers_as_they_are() {
        assert!(same(CNAME, b"\x01A\0", b"\x01a\0"));
        assert!(same(MX, b"\0A\x01A\0", b"\0A\x01a\0"));
        assert!(!same(MX, b"\0A\x01a\0", b"\0a\x01a\0"));
        assert!(!same(16, b"\x01A", b"\x01a"));
        let soa = |name: &[u8], serial: u8| [name, name, &[0, 0, 0, serial], &[0; 15], &[9]].concat();
        assert!(same(SOA, &soa(b"\x01A\0", 65), &soa(b"\x01a\0", 65)));
        assert!(!same(SOA, &soa(b"\x01a\0", 65), &soa(b"\x01a\0", 97)));
        assert_eq!(soa_serial(&soa(b"\0", 7)), Some(7));
        assert_eq!(soa_minimum(&soa(b"\0", 7)), Some(9));
        assert_eq!(with_serial(&soa(b"\0", 7), 9), soa(b"\0", 9).into());
        assert_eq!(soa_serial(b""), None);
    }
}
