//! Differences that are meant, each with its reason. What is not here fails the test.

use crate::message::{How, Query, Reply};

/// Why our reply may differ from another server's, if it may.
pub fn reason(query: &Query, ours: &Reply, theirs: &Reply, who: &str) -> Option<&'static str> {
    let part = theirs.answer.iter().all(|record| ours.answer.contains(record));
    if query.rtype == 46 && matches!(who, "knotd" | "named") && part {
        return Some(
            "RRSIG at an alias: signatures of the alias itself to Knot and BIND; NSD follows it as we do (RFC 1034 4.3.2)",
        );
    }
    if who == "named" && theirs.rcode == 2 && ours.answer == theirs.answer {
        return Some(
            "a loop of aliases: SERVFAIL from BIND with the same records; Knot and NSD say NOERROR as we do",
        );
    }
    if query.rtype == 255 && ours.rcode == 0 && theirs.rcode == 3 && ours.answer == theirs.answer {
        return Some(
            "ANY below a DNAME: the alias is our whole answer (RFC 8482 4), others go on to its end",
        );
    }
    let same_cut = ours.rcode == theirs.rcode && !ours.aa && ours.authority == theirs.authority;
    if who == "named" && same_cut && theirs.additional.is_empty() {
        return Some(
            "a referral to servers named outside of the cut: their addresses are no glue to BIND's minimal replies",
        );
    }
    if query.rtype == 255 && ours.rcode == theirs.rcode {
        return Some("ANY: each server chooses its own small answer (RFC 8482 4)");
    }
    if ours.tc != theirs.tc && ours.rcode == theirs.rcode && ours.bytes.abs_diff(theirs.bytes) > 0 {
        let (cut, whole) = if ours.tc { (ours, theirs) } else { (theirs, ours) };
        // Compression differs, so near the limit one fits and the other does not.
        if cut.tc && whole.bytes + 80 > limit(query) {
            return Some("the reply is near the limit: compression decides which one is cut");
        }
    }
    if ours.tc && theirs.tc {
        return Some(
            "a cut reply: we leave the sections empty, others fill them (RFC 2181 9 wants neither read)",
        );
    }
    None
}

/// The most bytes that a reply to this query may have.
pub fn limit(query: &Query) -> usize {
    match query.how {
        How::Tcp => 65_535,
        How::Plain | How::Header(_) | How::Opcode(_) => 512,
        How::Edns(size) => usize::from(size.clamp(512, 1232)),
        _ => 1232,
    }
}
