//! What a large hosted zone costs: seconds to read, bytes, nanoseconds a lookup.
//!
//! `cargo run --release -p hf-bench --example hosted_zone [NAMES]`: so many names (a million unless told) with A and AAAA.
//! The master file is fed in pieces as from a disk, so its text counts in no figure of memory.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use hf_hosted::master::Reader;
use hf_hosted::{Changes, Contents, Found, Rr};
use hf_model::{DnsName, WireName};

const ASKED: usize = 1 << 20;

fn main() {
    let names: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let apex = WireName::from(&DnsName::new("example.test.").expect("a name"));
    let before = resident_kib("VmRSS");
    let (contents, read_s) = read(&apex, names);
    println!(
        "names={} read_s={read_s:.2} table_bytes={} bytes_a_name={:.1} rss_mib={:.1} peak_mib={:.1}",
        contents.names(),
        contents.bytes(),
        contents.bytes() as f64 / names as f64,
        (resident_kib("VmRSS") - before) as f64 / 1024.0,
        resident_kib("VmHWM") as f64 / 1024.0,
    );
    lookups("base", &contents, names);
    let tags: Vec<(WireName, u32)> = (0..1_000).map(|n| (wire("h", n * 7), n as u32)).collect();
    let now = Instant::now();
    let tagged = contents.tagged(&tags);
    println!("tagged 1000 names: {:.2} ms", now.elapsed().as_secs_f64() * 1e3);
    lookups("with an overlay of 1000", &tagged, names);
    let mut changed = tagged;
    let now = Instant::now();
    for n in 0..100 {
        let rr = Rr { owner: wire("new", n), rtype: 1, ttl: 60, rdata: [192, 0, 2, 1].into() };
        changed = changed.changed(&Changes { removed: vec![], added: vec![rr] }).expect("a change");
    }
    println!("one change over it: {:.1} us", now.elapsed().as_secs_f64() * 1e6 / 100.0);
    let now = Instant::now();
    let compact = changed.compacted();
    println!("compacted: {:.2} s, {} names", now.elapsed().as_secs_f64(), compact.names());
    let now = Instant::now();
    let bytes: usize = compact.records().map(|record| record.rdata.len()).sum();
    println!("all records: {:.3} s, {bytes} bytes of data", now.elapsed().as_secs_f64());
}

fn read(apex: &WireName, names: usize) -> (Contents, f64) {
    let mut reader = Reader::new(apex);
    reader.feed(b"$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.53\n");
    let mut text = String::new();
    let mut spent = 0.0;
    for n in 0..names {
        let _ = writeln!(text, "h{n:07} A 10.{}.{}.{}", (n >> 16) & 255, (n >> 8) & 255, n & 255);
        let _ = writeln!(text, "h{n:07} AAAA 2001:db8::{:x}:{:x}", n >> 16, n & 0xffff);
        if text.len() > 1 << 18 || n + 1 == names {
            let now = Instant::now();
            reader.feed(text.as_bytes());
            spent += now.elapsed().as_secs_f64();
            text.clear();
        }
    }
    let now = Instant::now();
    let contents = reader.finish().expect("a good file");
    (contents, spent + now.elapsed().as_secs_f64())
}

fn wire(prefix: &str, n: usize) -> WireName {
    WireName::from(&DnsName::new(&format!("{prefix}{n:07}.example.test.")).expect("a name"))
}

fn lookups(what: &str, contents: &Contents, names: usize) {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % names
    };
    // In one piece, in the order of asking, so that reading the question misses no cache.
    let mut ask = |prefix: &str| {
        let asked: Vec<u8> = (0..ASKED).flat_map(|_| wire(prefix, random()).as_wire().to_vec()).collect();
        let len = asked.len() / ASKED;
        let now = Instant::now();
        let mut found = 0_usize;
        for name in asked.chunks_exact(len) {
            found += match contents.find(black_box(name)) {
                Found::Exists { node, .. } => node.set(28).map_or(0, |set| set.finished().len()),
                _ => 1,
            };
        }
        black_box(found);
        now.elapsed().as_secs_f64() * 1e9 / ASKED as f64
    };
    println!("{what}: {:.0} ns a name that exists, {:.0} ns one that does not", ask("h"), ask("x"));
}

fn resident_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}
