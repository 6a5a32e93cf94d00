//! Writing an answer allocates nothing, whatever is asked.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hf_answer::{Asked, Asker, Compiled, ExplainTxt, Frame, Message, Scratch};
use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::Verdicts;
use hf_model::{DnsName, Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no counter any more, and needs none.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// An allocator cannot be written without it; it is for this test alone.
#[allow(unsafe_code)]
// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
networks = ["192.0.2.0/24"]
[[zone]]
id = "eu-az2"
region = "eu"
[[health_check]]
name = "tcp"
kind = "tcp"
[[pool]]
name = "web"
health_check = "tcp"
endpoints = [
  { address = "10.0.1.1:80", zone = "eu-az1" },
  { address = "10.0.1.1:81", zone = "eu-az1" },
  { address = "10.0.2.1:80", zone = "eu-az2", weight = 7 },
  { address = "[fd00::1]:80", zone = "eu-az2" },
]
[[pool]]
name = "spare"
endpoints = [{ address = "10.9.1.1:80", zone = "eu-az1" }]
[[hosted_zone]]
name = "example.test."
file = "example.test.zone"
[[hosted_zone]]
name = "gone.test."
source = "node"
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open", "same-zone", "weighted", "take 2"]
[[record]]
name = "sticky.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open", "sticky", "take 1"]
[[record]]
name = "tree.example.test."
type = "A"
answers = [
  { pool = "web", weight = 3 },
  { record = "www.example.test." },
  { pool = "spare" },
]
[[record]]
name = "example.test."
type = "ALIAS"
to = "www.example.test."
"#;

const ZONE: &str = "$ORIGIN example.test.
@ 60 IN SOA ns hostmaster 1 2 3 4 5
@ 60 IN NS ns
@ 60 IN MX 10 ns
ns 60 IN A 10.0.0.53
alias 60 IN CNAME www
loop 60 IN CNAME loop2
loop2 60 IN CNAME loop
*.wild 60 IN TXT \"hi\"
child 60 IN NS ns.child
ns.child 60 IN A 10.0.0.54
old 60 IN DNAME example.test.
";

fn compiled() -> Compiled {
    let files = [("example.test.zone".to_owned(), ZONE.to_owned())].into();
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let verdicts = Verdicts::unknown(estate.endpoint_refs().count());
    let intent = Intent { revision: Revision(1), estate: bundle, ..Intent::default() };
    let snapshot = Snapshot::build(1, Timestamp(0), Arc::new(intent), Arc::new(estate), Vec::new(), verdicts);
    Compiled::new(Arc::new(snapshot), Arc::default())
}

#[test]
fn writing_an_answer_allocates_nothing() {
    let compiled = compiled();
    let mut scratch = Scratch::with_room(4);
    let names = [
        "www.example.test.",
        "sticky.example.test.",
        "tree.example.test.",
        "example.test.",
        "ns.example.test.",
        "alias.example.test.",
        "loop.example.test.",
        "a.b.wild.example.test.",
        "x.child.example.test.",
        "www.old.example.test.",
        "old.old.old.example.test.",
        "nope.example.test.",
        "eu-az1.web.pool.example.test.",
        "web.pool.example.test.",
        "_explain.www.example.test.",
        "x.gone.test.",
        "example.net.",
        ".",
    ];
    let mut bytes = [0; 1_232];
    for name in names.map(|name| WireName::from(&DnsName::new(name).unwrap())) {
        for rtype in [1, 2, 5, 6, 15, 16, 28, 39, 43, 64, 252, 255] {
            for (limit, seed) in [(1_232, 1), (1_232, 2), (1_232, 3), (60, 4)] {
                let name = name.as_wire();
                bytes[12..12 + name.len()].copy_from_slice(name);
                let question_end = 12 + name.len() + 4;
                let asked = Asked { name, rtype, class: 1, dnssec_ok: false, compact_ok: false };
                let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
                let asker = Asker {
                    address,
                    subnet: Some((address, 24)),
                    own_zone: None,
                    seed,
                    explain: ExplainTxt::Refused,
                };
                let before = COUNT.with(Cell::get);
                let mut out = Message::new(&mut bytes, Frame { question_end, limit, room: 11 });
                compiled.write(&asked, &asker, &mut scratch, &mut out);
                let allocations = COUNT.with(Cell::get) - before;
                assert_eq!(
                    allocations,
                    0,
                    "{:?} type {rtype}, at most {limit} bytes",
                    WireName::from_wire(name)
                );
            }
        }
    }
}
