//! Differences that are meant, each with its reason. What is not here fails the test.

use super::message::{How, Query, Reply};

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

/// Why what came of a broken message may differ from another server's, if it may: response codes, none for silence. `with_us` of the three others answer
/// as we do.
pub fn broken(what: &str, ours: Option<u16>, theirs: Option<u16>, with_us: usize) -> Option<&'static str> {
    const NO_ERROR: u16 = 0;
    const FORM_ERR: u16 = 1;
    const NOT_IMP: u16 = 4;
    const REFUSED: u16 = 5;
    let is = |rcode| ours == Some(rcode);
    if what.contains("class 255") || what.contains("byte 31 is 0xff") {
        return is(REFUSED)
            .then_some("class ANY: Knot and NSD take it for IN, BIND for malformed; we have IN only and refuse all others");
    }
    if theirs.is_none() && is(FORM_ERR) {
        return Some("silence: that it is malformed is the better answer (RFC 8906 3.1)");
    }
    if (what.contains("subnet") || what.contains("cookie")) && is(FORM_ERR) && theirs == Some(NO_ERROR) {
        return Some(
            "a malformed client subnet or cookie: FORMERR, as RFC 7871 7.1.2 and RFC 7873 5.2.2 have it; Knot and NSD do not read them",
        );
    }
    if what.contains("byte 29 is 0xff") && is(NO_ERROR) {
        return Some("ANY: each server chooses its own small answer (RFC 8482 4)");
    }
    if is(REFUSED) && theirs == Some(FORM_ERR) {
        return Some(
            "a class that is not IN, and more that is wrong behind it: we refuse the first, others tell the second",
        );
    }
    if what.starts_with("operation 4") && is(NOT_IMP) {
        return Some(
            "NOTIFY for an address: NOTIMP, NOTAUTH, FORMERR and NXDOMAIN from the four of us; it is none (RFC 1996 3.7)",
        );
    }
    if is(NO_ERROR) && theirs == Some(FORM_ERR) && what.contains("byte 34 is 0x01") {
        return Some(
            "an address of 11 bytes beside a query: nobody needs it, we do not read it, others find it malformed",
        );
    }
    (with_us > 0).then_some("the others differ too, and at least one of them answers as we do")
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
