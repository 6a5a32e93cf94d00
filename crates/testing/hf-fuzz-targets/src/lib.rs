//! What must hold for any bytes: one function for each parser of untrusted input.
//!
//! 1. A target is `fn(&[u8])`. It returns for any bytes, or it panics with what did not hold.
//! 2. A target does more than call its parser: what came out is written and read again, used as the program would use it, and
//!    compared with a second opinion where there is one.
//! 3. The fuzzer (`fuzz/`, `cargo xtask fuzz`) and the replay of `fuzz/corpus` (`tests/replay.rs`) run the same functions.
//! 4. An input that found a bug stays in `fuzz/corpus/<target>/` under the bug's name.
//!
//! Not here: what finds inputs (`fuzz/`), properties over values (each crate's own tests).

mod arc;
mod bundle;
mod codec;
mod dns_answer;
mod dns_fast;
mod dns_query;
mod dns_tsig;
mod dns_update;
mod estate;
mod feed;
mod hosted_update;
mod hosted_zone;
mod http_framing;
mod ledger;
mod master_file;
mod node_file;
mod operator_acts;
mod places;
mod proxy_header;
mod roundtrip;
mod snapshot;
mod status_wire;
mod stores;
mod texts;
mod tls_hello;
mod world;

/// A parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: on the command line, and the folder of its corpus.
    pub name: &'static str,
    /// Checks one input.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "arc", run: arc::check },
    Target { name: "break_glass", run: operator_acts::check },
    Target { name: "codec", run: codec::check },
    Target { name: "dns_answer", run: dns_answer::check },
    Target { name: "dns_fast", run: dns_fast::check },
    Target { name: "dns_query", run: dns_query::check },
    Target { name: "dns_tsig", run: dns_tsig::check },
    Target { name: "dns_update", run: dns_update::check },
    Target { name: "estate", run: estate::check },
    Target { name: "feed", run: feed::check },
    Target { name: "hosted_update", run: hosted_update::check },
    Target { name: "hosted_zone", run: hosted_zone::check },
    Target { name: "http_framing", run: http_framing::check },
    Target { name: "ledger", run: ledger::check },
    Target { name: "master_file", run: master_file::check },
    Target { name: "node_file", run: node_file::check },
    Target { name: "proxy_header", run: proxy_header::check },
    Target { name: "snapshot", run: snapshot::check },
    Target { name: "status_wire", run: status_wire::check },
    Target { name: "stores", run: stores::check },
    Target { name: "texts", run: texts::check },
    Target { name: "tls_hello", run: tls_hello::check },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
