//! What is no query, or hardly one: cuts and bent bytes of a good one, and what a hostile or old client may make up.

use super::message::{How, Query, wire};

/// A broken message and what is wrong with it. The first two bytes are for the caller.
pub struct Broken {
    pub what: String,
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn all() -> Vec<Broken> {
    let mut all = Vec::new();
    let mut add = |what: String, bytes: Vec<u8>| all.push(Broken { what, bytes });
    let good = |how| Query { name: "www.alpha.test.".to_owned(), rtype: 1, how }.bytes(0);
    for (form, good) in [("plain", good(How::Plain)), ("with a subnet", good(How::Subnet))] {
        for at in 2..good.len() {
            add(format!("{form}, cut at {at}"), good[..at].to_vec());
            for byte in [0x00, 0x01, 0x3f, 0x40, 0x80, 0xc0, 0xff, good[at].wrapping_add(1)] {
                if byte != good[at] {
                    let mut bent = good.clone();
                    bent[at] = byte;
                    add(format!("{form}, byte {at} is {byte:#04x} instead of {:#04x}", good[at]), bent);
                }
            }
        }
        add(format!("{form}, a byte too many"), [&good[..], &[0]].concat());
        add(format!("{form}, twice"), good.repeat(2));
    }
    made_up(&mut add);
    all
}

/// A header with these flags and counts, and a body.
fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let numbers = [0, flags].into_iter().chain(counts);
    [numbers.flat_map(u16::to_be_bytes).collect(), body.concat()].concat()
}

fn opt(options: &[u8]) -> Vec<u8> {
    let len = (options.len() as u16).to_be_bytes();
    [&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0], &len[..], options].concat()
}

fn made_up(add: &mut impl FnMut(String, Vec<u8>)) {
    let name = wire("www.alpha.test.");
    let question = |class: u16, rtype: u16| [&name[..], &rtype.to_be_bytes(), &class.to_be_bytes()].concat();
    let a = question(1, 1);
    let record = [&a[..], &[0, 0, 0, 60, 0, 4, 192, 0, 2, 1]].concat();
    for flags in [0x8000, 0x0400, 0x0200, 0x0080, 0x0001, 0x000f] {
        add(format!("flags {flags:#06x}"), message(flags, [1, 0, 0, 0], &[&a]));
    }
    for opcode in (1..16).filter(|opcode| *opcode != 5) {
        add(format!("operation {opcode}"), message(opcode << 11, [1, 0, 0, 0], &[&a]));
    }
    for class in [0, 2, 3, 4, 254, 255, 1000] {
        add(format!("class {class}"), message(0, [1, 0, 0, 0], &[&question(class, 1)]));
    }
    for rtype in [0, 41, 128, 249, 250, 253, 254] {
        add(format!("type {rtype}"), message(0, [1, 0, 0, 0], &[&question(1, rtype)]));
    }
    add("two questions".to_owned(), message(0, [2, 0, 0, 0], &[&a, &a]));
    add("no question".to_owned(), message(0, [0, 0, 0, 0], &[]));
    add("no question, but EDNS".to_owned(), message(0, [0, 0, 0, 1], &[&opt(b"")]));
    add("an answer in a query".to_owned(), message(0, [1, 1, 0, 0], &[&a, &record]));
    add("an authority in a query".to_owned(), message(0, [1, 0, 1, 0], &[&a, &record]));
    add("another additional record".to_owned(), message(0, [1, 0, 0, 1], &[&a, &record]));
    for (what, name) in [
        ("points at itself", &b"\xc0\x0c"[..]),
        ("points forward", b"\xc0\x20"),
        ("points out", b"\xff\xff"),
        ("points into the header", b"\xc0\x02"),
        ("has labels of a kind that was given up", b"\x41\x01\0"),
        ("ends nowhere", b"\x05alpha"),
        ("is the root", b"\0"),
    ] {
        add(format!("the name {what}"), message(0, [1, 0, 0, 0], &[name, &[0, 1, 0, 1]]));
    }
    let long: Vec<u8> = b"\x3f".iter().chain(&[b'a'; 63]).copied().collect::<Vec<_>>().repeat(4);
    add("a name of 257 bytes".to_owned(), message(0, [1, 0, 0, 0], &[&long, b"\0\0\x01\0\x01"]));
    let with = |parts: &[&[u8]], count| message(0, [1, 0, 0, count], &[&[&a[..]], parts].concat());
    add("two OPT records".to_owned(), with(&[&opt(b""), &opt(b"")], 2));
    add("OPT with an owner".to_owned(), with(&[&name, &opt(b"")[1..]], 1));
    add("OPT as an answer".to_owned(), message(0, [1, 1, 0, 0], &[&a, &opt(b"")]));
    add("OPT with a longer length".to_owned(), with(&[&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 9]], 1));
    add("OPT with a response code".to_owned(), with(&[&[0, 0, 41, 4, 0xd0, 7, 0, 0, 0, 0, 0]], 1));
    add("OPT announced, not there".to_owned(), with(&[], 1));
    add("OPT not announced".to_owned(), with(&[&opt(b"")], 0));
    for (what, options) in [
        ("an option that is cut", &b"\0\x03\0"[..]),
        ("an option longer than its record", b"\0\x03\0\x05a"),
        ("a subnet of no family", b"\0\x08\0\x04\0\0\0\0"),
        ("a subnet of a family that nobody knows", b"\0\x08\0\x05\0\x09\x08\0\xc0"),
        ("a subnet of 33 bits", b"\0\x08\0\x09\0\x01\x21\0\xc0\0\x02\x01\0"),
        ("a subnet with bits behind its end", b"\0\x08\0\x07\0\x01\x14\0\xc0\0\xff"),
        ("a subnet with too few bytes", b"\0\x08\0\x06\0\x01\x18\0\xc0\0"),
        ("a subnet with too many bytes", b"\0\x08\0\x08\0\x01\x18\0\xc0\0\x02\x01"),
        ("a subnet with a scope", b"\0\x08\0\x07\0\x01\x18\x18\xc0\0\x02"),
        ("an empty subnet", b"\0\x08\0\0"),
        ("a cookie of 7 bytes", b"\0\x0a\0\x071234567"),
        ("a cookie of 41 bytes", b"\0\x0a\0\x2912345678901234567890123456789012345678901"),
        ("an empty cookie", b"\0\x0a\0\0"),
        ("a keepalive over UDP", b"\0\x0b\0\0"),
        ("a keepalive with a byte", b"\0\x0b\0\x01a"),
        ("an NSID that says something", b"\0\x03\0\x03abc"),
        ("padding", b"\0\x0c\0\x04\0\0\0\0"),
        ("a chain of queries", b"\0\x0d\0\x01\0"),
    ] {
        add(what.to_owned(), with(&[&opt(options)], 1));
    }
    let tsig = b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x3d\x0bhmac-sha256\0\0\0\x65\x53\xf1\0\x01\x2c\0\x20";
    let tsig = [&tsig[..], &[7; 32], &[0, 0, 0, 0, 0, 0]].concat();
    add("a key that nobody has".to_owned(), with(&[&tsig], 1));
    add("a signature before OPT".to_owned(), with(&[&tsig, &opt(b"")], 2));
    add("a signature that is cut".to_owned(), with(&[&tsig[..tsig.len() - 9]], 1));
}
