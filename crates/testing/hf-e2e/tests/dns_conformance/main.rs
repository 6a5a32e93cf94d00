//! Our DNS answers beside those of Knot, NSD and BIND, over the same hosted zones: no difference that is not explained.
//!
//! 1. Every name worth asking for, all types, and each way to ask: without and with EDNS, DO, a client subnet, a bad version, an
//!    unknown option, over TCP, with several sizes.
//! 2. Compared are response code, AA, answers, authority where it carries meaning (a "no" and referrals) and glue.
//! 3. A difference to one server is either explained (`explained`, with the reason) or fails the test.
//! 4. Broken packets go to all, too: silence and answers are compared as in 2, and explained or failed as in 3. All go on answering.
//!
//! Needs root, knotd, nsd and named.

mod broken;
mod explained;
mod message;
mod servers;
mod zones;

use std::collections::BTreeMap;

use hf_e2e::netns::{Network, enter};
use message::{How, Query, Record, Reply, read};
use servers::Server;
use zones::{TYPES, Zone};

/// Differences that are shown at most.
const SHOWN: usize = 40;

fn world(zones: &[Zone]) -> (Network, tempfile::TempDir, Vec<Server>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut network = Network::new();
    network.add("dns", servers::ADDRESS);
    enter(&network, "dns");
    let files: Vec<(&str, String)> = zones.iter().map(|zone| (zone.name, zone.text.clone())).collect();
    let running = servers::start(&network, folder.path(), &files);
    (network, folder, running)
}

fn ask(server: &Server, query: &Query, id: u16) -> Option<Reply> {
    let bytes = query.bytes(id);
    let reply = if query.how == How::Tcp { server.ask_tcp(&bytes) } else { server.ask(&bytes) };
    reply.map(|bytes| {
        read(&bytes)
            .unwrap_or_else(|| panic!("{} sent what cannot be read to {query}: {bytes:02x?}", server.name))
    })
}

/// What is compared of a reply.
#[expect(clippy::struct_excessive_bools, reason = "flags of a DNS header, each alone")]
#[derive(Debug, PartialEq, Eq)]
struct Seen<'r> {
    rcode: u16,
    aa: bool,
    tc: bool,
    ra: bool,
    z: bool,
    answer: &'r [Record],
    /// NS and SOA of "no" and of referrals.
    authority: Vec<&'r Record>,
    glue: Vec<&'r Record>,
    edns: Option<(u8, bool, u16)>,
}

fn seen(reply: &Reply) -> Seen<'_> {
    let is_no = !reply.authority.iter().any(|record| record.1 == 2);
    let referral = !is_no && (!reply.aa || reply.answer.is_empty());
    let authority =
        reply.authority.iter().filter(|record| record.1 == 6 || referral && matches!(record.1, 2 | 43));
    Seen {
        rcode: reply.rcode,
        aa: reply.aa,
        tc: reply.tc,
        ra: reply.ra,
        z: reply.z,
        answer: &reply.answer,
        authority: authority.collect(),
        glue: reply.additional.iter().filter(|record| referral && matches!(record.1, 1 | 28)).collect(),
        edns: reply.opt.as_ref().map(|opt| (opt.version, opt.dnssec_ok, opt.other_bits)),
    }
}

/// What is compared, in one line.
fn told(reply: &Reply) -> String {
    let seen = seen(reply);
    let list = |records: &mut dyn Iterator<Item = &Record>| {
        let one = |(owner, rtype, ttl, rdata): &Record| {
            format!("{owner} {rtype} {ttl} {}", rdata[..rdata.len().min(24)].escape_ascii())
        };
        records.map(one).collect::<Vec<_>>().join(" | ")
    };
    format!(
        "rcode {} aa {} tc {} ra {} z {} edns {:?} answer [{}] authority [{}] glue [{}]",
        seen.rcode,
        seen.aa,
        seen.tc,
        seen.ra,
        seen.z,
        seen.edns,
        list(&mut seen.answer.iter()),
        list(&mut seen.authority.iter().copied()),
        list(&mut seen.glue.iter().copied()),
    )
}

/// Compares one question; adds differences that nothing explains.
fn compare(servers: &[Server], query: &Query, id: u16, tally: &mut Tally) {
    let (ours, others) = servers.split_first().expect("ours is the first");
    let Some(own) = ask(ours, query, id) else {
        tally.unexplained.push(format!("{query}: we are silent"));
        return;
    };
    assert!(own.bytes <= explained::limit(query), "{query}: {} bytes", own.bytes);
    for other in others {
        let Some(theirs) = ask(other, query, id) else {
            *tally.explained.entry(("silent: any answer is better", other.name)).or_default() += 1;
            continue;
        };
        tally.compared += 1;
        if seen(&own) == seen(&theirs) {
            continue;
        }
        match explained::reason(query, &own, &theirs, other.name) {
            Some(reason) => *tally.explained.entry((reason, other.name)).or_default() += 1,
            None => tally.unexplained.push(format!(
                "{query}\n   ours {}\n  {:5} {}",
                told(&own),
                other.name,
                told(&theirs)
            )),
        }
    }
}

#[derive(Default)]
struct Tally {
    compared: usize,
    explained: BTreeMap<(&'static str, &'static str), usize>,
    unexplained: Vec<String>,
}

impl Tally {
    fn verdict(self) {
        println!("{} replies compared", self.compared);
        for ((reason, who), count) in &self.explained {
            println!("{count:6} {who:6} {reason}");
        }
        let shown = &self.unexplained[..self.unexplained.len().min(SHOWN)];
        assert!(
            shown.is_empty(),
            "{} unexplained differences:\n{}",
            self.unexplained.len(),
            shown.join("\n")
        );
    }
}

#[test]
fn as_knot_nsd_and_bind_answer() {
    let seed = 0x5eed_0001;
    let zones = [zones::by_hand(), zones::drawn(seed)];
    let (_network, _folder, servers) = world(&zones);
    let mut tally = Tally::default();
    let mut id = 1_u16;
    let all = [
        How::Plain,
        How::Tcp,
        How::Edns(1232),
        How::Edns(512),
        How::Edns(700),
        How::Edns(4096),
        How::DnssecOk,
        How::BadVersion,
        How::UnknownOption,
        How::UnknownFlag,
        How::Subnet,
        How::Nsid,
        How::Header(0x100),
        How::Header(0x20),
        How::Header(0x10),
        How::Header(0x40),
    ];
    let ways = [&all[..], &[How::Plain, How::DnssecOk]];
    for (zone, ways) in zones.iter().zip(ways) {
        for name in &zone.names {
            for rtype in TYPES.into_iter().chain([255]) {
                // Types that matter in each way, the others in two.
                let few = !matches!(rtype, 1 | 2 | 6 | 16 | 43);
                for how in ways.iter().take(if few { 1 } else { ways.len() }) {
                    id = id.wrapping_add(1);
                    compare(&servers, &Query { name: name.clone(), rtype, how: *how }, id, &mut tally);
                }
            }
        }
    }
    for name in ["elsewhere.test.", "test.", ".", "xalpha.test."] {
        compare(&servers, &Query { name: name.to_owned(), rtype: 1, how: How::Plain }, 9, &mut tally);
    }
    tally.verdict();
}

/// RFC 8906 8: what every server must bear.
#[test]
fn the_probes_of_rfc_8906() {
    let zones = [zones::by_hand()];
    let (_network, _folder, servers) = world(&zones);
    let ours = &servers[0];
    let asked = |rtype: u16, how: How| {
        let query = Query { name: "alpha.test.".to_owned(), rtype, how };
        ask(ours, &query, 77).unwrap_or_else(|| panic!("silent at {query}"))
    };
    let good =
        |reply: &Reply| reply.rcode == 0 && reply.aa && reply.answer.len() == 1 && !reply.ra && !reply.z;
    assert!(good(&asked(6, How::Plain)) && asked(6, How::Plain).opt.is_none());
    let nothing = asked(1000, How::Plain);
    assert!(nothing.rcode == 0 && nothing.answer.is_empty() && nothing.aa);
    for flags in [0x10, 0x20, 0x40, 0x100] {
        assert!(good(&asked(6, How::Header(flags))), "flags {flags:x}");
    }
    let opcode = asked(6, How::Opcode(15));
    assert!((opcode.rcode, opcode.opcode) == (4, 15), "{opcode:?}");
    assert!(good(&asked(6, How::Tcp)));
    for how in [How::Edns(1232), How::UnknownOption, How::UnknownFlag, How::DnssecOk, How::Subnet, How::Nsid]
    {
        let reply = asked(6, how);
        let opt = reply.opt.clone().unwrap_or_else(|| panic!("no OPT at {how:?}"));
        assert!(good(&reply) && opt.version == 0 && opt.other_bits == 0, "{how:?}: {reply:?}");
        assert!(!opt.options.contains(&0xfdea), "{how:?}: {opt:?}");
        assert_eq!(opt.dnssec_ok, how == How::DnssecOk, "{how:?}");
    }
    let version = asked(6, How::BadVersion);
    assert!(
        version.rcode == 16 && version.answer.is_empty() && version.opt.is_some_and(|opt| opt.version == 0)
    );
    let small = asked(48, How::Edns(512));
    assert!(small.rcode == 0 && small.bytes <= 512 && small.opt.is_some());
}

/// What came of a broken message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Silence,
    Reply(Box<Reply>),
    /// A question that came back as broken as it was.
    Unreadable(u16),
}

impl Came {
    fn of(bytes: Option<&Vec<u8>>) -> Came {
        let Some(bytes) = bytes else { return Came::Silence };
        read(bytes).map_or(Came::Unreadable(u16::from(bytes[3] & 15)), |reply| Came::Reply(Box::new(reply)))
    }

    fn rcode(&self) -> Option<u16> {
        match self {
            Came::Silence => None,
            Came::Reply(reply) => Some(reply.rcode),
            Came::Unreadable(rcode) => Some(*rcode),
        }
    }

    /// Whether an asker could tell them apart by more than how much of the broken question came back.
    fn is_like(&self, other: &Came) -> bool {
        match (self, other) {
            (Came::Reply(own), Came::Reply(other)) if own.rcode == 0 => seen(own) == seen(other),
            _ => self.rcode() == other.rcode(),
        }
    }

    fn told(&self) -> String {
        match self {
            Came::Silence => "silence".to_owned(),
            Came::Reply(reply) => told(reply),
            Came::Unreadable(rcode) => format!("rcode {rcode}, and what cannot be read"),
        }
    }
}

/// What is no query: every cut and many changed bytes of good ones, and what somebody made up.
#[test]
fn broken_packets_as_knot_nsd_and_bind_take_them() {
    let zones = [zones::by_hand()];
    let (_network, _folder, servers) = world(&zones);
    let all = broken::all();
    // By id; so nobody waits for those who are silent.
    let came: Vec<_> = servers.iter().map(|server| server.ask_all(&all)).collect();
    let mut tally = Tally::default();
    for (id, broken) in all.iter().enumerate() {
        let own = Came::of(came[0].get(&(id as u16)));
        let others: Vec<Came> = came[1..].iter().map(|came| Came::of(came.get(&(id as u16)))).collect();
        for (server, theirs) in servers[1..].iter().zip(&others) {
            tally.compared += 1;
            if own.is_like(theirs) {
                continue;
            }
            let with_us = others.iter().filter(|other| own.is_like(other)).count();
            match explained::broken(&broken.what, own.rcode(), theirs.rcode(), with_us) {
                Some(reason) => *tally.explained.entry((reason, server.name)).or_default() += 1,
                None => tally.unexplained.push(format!(
                    "{}: {:02x?}\n   ours {}\n  {:5} {}",
                    broken.what,
                    broken.bytes,
                    own.told(),
                    server.name,
                    theirs.told()
                )),
            }
        }
    }
    println!("{} broken packets", all.len());
    let query = Query { name: "www.alpha.test.".to_owned(), rtype: 1, how: How::Plain };
    for server in &servers {
        let reply = ask(server, &query, 64_242).unwrap_or_else(|| panic!("{} has had enough", server.name));
        assert_eq!((reply.rcode, reply.answer.len()), (0, 2), "{}", server.name);
    }
    let log = servers[0].log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    tally.verdict();
}
