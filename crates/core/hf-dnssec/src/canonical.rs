//! Canonical forms and order (RFC 4034 6, with RFC 6840 5.1).
//!
//! 1. Letters of names are in lower case: of owners, and of names in the data of the types that RFC 4034 6.2 lists. Later types (SVCB among
//!    them) keep theirs.
//! 2. Names are ordered label by label from the right; labels as bytes in lower case.
//! 3. Records of a set are ordered by the bytes of their data; one that is there twice counts once.

use std::cmp::Ordering;

/// How the data of a type begins before its names, and how many names follow. `None`: the data stays as it is.
fn names_in(rtype: u16, rdata: &[u8]) -> Option<(usize, usize)> {
    Some(match rtype {
        // NS MD MF CNAME MB MG MR PTR DNAME
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 39 => (0, 1),
        // SOA MINFO RP
        6 | 14 | 17 => (0, 2),
        // MX AFSDB RT KX
        15 | 18 | 21 | 36 => (2, 1),
        // PX
        26 => (2, 2),
        // SRV
        33 => (6, 1),
        // NAPTR: order, preference, three strings, then the name.
        35 => {
            let mut at = 4;
            for _ in 0..3 {
                at += 1 + usize::from(*rdata.get(at)?);
            }
            (at, 1)
        }
        // RRSIG, SIG: the signer's name.
        24 | 46 => (18, 1),
        _ => return None,
    })
}

/// Puts data of a type into canonical form; data that is cut short stays as it is.
pub fn fold_rdata(rtype: u16, rdata: &mut [u8]) {
    let Some((mut at, names)) = names_in(rtype, rdata) else { return };
    for _ in 0..names {
        let Some(len) = rdata.get(at..).and_then(name_len) else { return };
        rdata[at..at + len].make_ascii_lowercase();
        at += len;
    }
}

/// Bytes of the uncompressed name that the data begins with.
pub fn name_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at)?);
        if len > 63 {
            return None;
        }
        at += 1 + len;
        if len == 0 {
            return (at <= 255).then_some(at);
        }
    }
}

/// The labels of a name in wire form, from the left, without the root.
pub fn labels(name: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (len, behind) = rest.split_first()?;
        let (label, next) = behind.split_at_checked(usize::from(*len))?;
        rest = next;
        (!label.is_empty()).then_some(label)
    })
}

/// The labels field of a signature: without the root and a `*` at the left (RFC 4034 3.1.3).
pub fn label_count(owner: &[u8]) -> u8 {
    let all = labels(owner).count();
    let wildcards = usize::from(owner.starts_with(b"\x01*"));
    (all - wildcards) as u8
}

/// The order of names (RFC 4034 6.1).
pub fn order(left: &[u8], right: &[u8]) -> Ordering {
    let folded = |name: &[u8]| -> Vec<Vec<u8>> { labels(name).map(<[u8]>::to_ascii_lowercase).collect() };
    let (left, right) = (folded(left), folded(right));
    left.iter().rev().cmp(right.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            let bytes: Vec<u8> = match label {
                "\\001" => vec![1],
                "\\200" => vec![200],
                other => other.bytes().collect(),
            };
            wire.push(bytes.len() as u8);
            wire.extend(bytes);
        }
        wire.push(0);
        wire
    }

    #[test]
    fn names_are_ordered_as_the_rfc_shows() {
        // RFC 4034 6.1.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            "\\001.z.example",
            "*.z.example",
            "\\200.z.example",
        ];
        let mut names: Vec<Vec<u8>> = sorted.iter().rev().map(|text| name(text)).collect();
        names.sort_by(|left, right| order(left, right));
        assert_eq!(names, sorted.map(name));
    }

    #[test]
    fn only_old_types_lower_their_names() {
        let check = |rtype, rdata: &[u8], want: &[u8]| {
            let mut folded = rdata.to_vec();
            fold_rdata(rtype, &mut folded);
            assert_eq!(folded, want, "type {rtype}");
        };
        check(2, b"\x02NS\x01T\0", b"\x02ns\x01t\0");
        check(15, b"\0AMX\0", b"\0AMX\0"); // cut short: as it is
        check(15, b"\0A\x02MX\0", b"\0A\x02mx\0");
        check(33, b"\0A\0B\0C\x01S\0", b"\0A\0B\0C\x01s\0");
        check(35, b"\0A\0B\x01S\x01X\x02AB\x01N\0", b"\0A\0B\x01S\x01X\x02AB\x01n\0");
        check(6, b"\x01M\0\x01R\0ABCDABCDABCDABCDABCD", b"\x01m\0\x01r\0ABCDABCDABCDABCDABCD");
        check(16, b"\x02TX", b"\x02TX");
        check(64, b"\0A\x01S\0", b"\0A\x01S\0");
        check(47, b"\x01N\0\0\x01\x40", b"\x01N\0\0\x01\x40");
    }

    #[test]
    fn a_wildcard_does_not_count_as_a_label() {
        assert_eq!(label_count(b"\0"), 0);
        assert_eq!(label_count(&name("*.example.com")), 2);
        assert_eq!(label_count(&name("a.*.example.com")), 4);
    }
}
