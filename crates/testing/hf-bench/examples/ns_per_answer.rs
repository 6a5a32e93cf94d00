//! How long one answer takes: `cargo run --release -p hf-bench --example ns_per_answer`.
//!
//! Nanoseconds of one thread for each answer, the best of several rounds; no socket, no reading of the query. What stands in the
//! tables is asked in an order that no cache foresees.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hf_answer::{Asked, Asker, Compiled, ExplainTxt, Frame, HostedSet, Message, Rcode, Scratch};
use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::Verdicts;
use hf_hosted::Builder;
use hf_model::{DnsName, Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;

const ROUNDS: usize = 9;

const HEAD: &str = r#"
[[region]]
id = "eu"
[[health_check]]
name = "tcp"
kind = "tcp"
[[hosted_zone]]
name = "bench.test."
file = "bench.test.zone"
[[hosted_zone]]
name = "large.test."
source = "node"
"#;

fn compiled(names: usize, large: usize) -> Compiled {
    let mut toml = HEAD.to_owned();
    for zone in 1..=3 {
        let _ = write!(toml, "[[zone]]\nid = \"eu-az{zone}\"\nregion = \"eu\"\n");
    }
    for pool in 0..100 {
        let _ = write!(toml, "[[pool]]\nname = \"p{pool}\"\nhealth_check = \"tcp\"\nendpoints = [\n");
        for (zone, endpoint) in (1..=3).flat_map(|zone| (1..=3).map(move |endpoint| (zone, endpoint))) {
            let weight = 10 * zone + endpoint;
            let _ = writeln!(
                toml,
                "{{ address = \"10.{pool}.{zone}.{endpoint}:80\", zone = \"eu-az{zone}\", weight = {weight} }},"
            );
        }
        let _ = write!(
            toml,
            "]\n[[record]]\nname = \"w{pool}.bench.test.\"\ntype = \"A\"\nanswer = {{ pool = \"p{pool}\" }}\n\
             choose = [\"open\", \"weighted\", \"take 3\"]\n"
        );
    }
    let mut file = "$ORIGIN bench.test.\n@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\n".to_owned();
    for name in 0..names {
        let _ = writeln!(file, "h{name:07} 60 IN A 10.1.{}.{}", name / 256 % 256, name % 256);
        let _ = writeln!(file, "h{name:07} 60 IN AAAA fd00::{:x}", name % 65_536);
    }
    let bundle = EstateBundle { toml, files: [("bench.test.zone".to_owned(), file)].into() };
    let estate =
        hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let verdicts = Verdicts::unknown(estate.subject_count());
    let intent = Intent { revision: Revision(1), estate: bundle, ..Intent::default() };
    let snapshot = Snapshot::build(1, Timestamp(0), Arc::new(intent), Arc::new(estate), Vec::new(), verdicts);
    let mut hosted = HostedSet::default();
    hosted.insert(Arc::new(large_zone(large)));
    Compiled::new(Arc::new(snapshot), Arc::new(hosted))
}

fn large_zone(names: usize) -> hf_hosted::Contents {
    let name = |text: &str| WireName::from(&DnsName::new(text).expect("a name"));
    let apex = name("large.test.");
    let mut builder = Builder::new(&apex);
    let soa = [apex.as_wire(), apex.as_wire(), &[0; 20]].concat();
    builder.push(apex.as_wire(), 6, 60, &soa).expect("a SOA");
    builder.push(apex.as_wire(), 2, 60, apex.as_wire()).expect("a name server");
    for at in 0..names {
        let owner = name(&format!("h{at:07}.large.test."));
        builder.push(owner.as_wire(), 1, 60, &(at as u32).to_be_bytes()).expect("a record");
        builder.push(owner.as_wire(), 28, 60, &(at as u128).to_be_bytes()).expect("a record");
    }
    builder.finish().unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Asks for `names` in turn, A and AAAA; nanoseconds of one answer.
fn measure(what: &str, compiled: &Compiled, names: &[String], types: &[u16], want: Rcode) {
    let names: Vec<WireName> =
        names.iter().map(|name| WireName::from(&DnsName::new(name).expect("a name"))).collect();
    let mut scratch = Scratch::new();
    let mut best = Duration::MAX;
    let mut bytes = [0; 1_232];
    let mut written = 0;
    let queries = argument(2, 200_000);
    for _ in 0..ROUNDS {
        let mut at: usize = 0;
        let begun = Instant::now();
        for query in 0..queries {
            at = (at + 7_919_317) % names.len();
            let name = names[at].as_wire();
            let rtype = types[query % types.len()];
            bytes[12..12 + name.len()].copy_from_slice(name);
            let question_end = 12 + name.len() + 4;
            let mut out = Message::new(&mut bytes, Frame { question_end, limit: 1_232, room: 11 });
            let asked = Asked { name, rtype, class: 1, dnssec_ok: false, compact_ok: false };
            let asker = Asker {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                subnet: None,
                own_zone: None,
                seed: query as u64 * 0x9e37_79b9,
                explain: ExplainTxt::Refused,
            };
            let outcome = compiled.write(&asked, &asker, &mut scratch, &mut out);
            assert_eq!(outcome.rcode, want);
            written += out.len();
        }
        best = best.min(begun.elapsed());
    }
    let each = best.as_nanos() as f64 / queries as f64;
    println!("{what:<36} {each:>7.1} ns  {:>4} bytes", written / queries / ROUNDS);
}

/// A number from the command line: names of the large zone, queries of a round.
fn argument(at: usize, default: usize) -> usize {
    std::env::args().nth(at).and_then(|count| count.parse().ok()).unwrap_or(default)
}

fn main() {
    let large = argument(1, 1_000_000);
    let begun = Instant::now();
    let compiled = compiled(1_000, large);
    println!("compiled {large} + 1000 names in {:.2} s", begun.elapsed().as_secs_f64());
    let names = |count: usize, name: fn(usize) -> String| (0..count).map(name).collect::<Vec<_>>();
    let few = names(1_000, |at| format!("h{at:07}.bench.test."));
    measure("static, 1,000 names", &compiled, &few, &[1, 28], Rcode::NoError);
    let many: Vec<String> = (0..large).map(|at| format!("h{at:07}.large.test.")).collect();
    measure("static, large", &compiled, &many, &[1, 28], Rcode::NoError);
    let weighted = names(100, |at| format!("w{at}.bench.test."));
    measure("weighted, 3 zones x 3, take 3", &compiled, &weighted, &[1], Rcode::NoError);
    let none = names(1_000, |at| format!("x{at:07}.bench.test."));
    measure("NXDOMAIN", &compiled, &none, &[1], Rcode::NxDomain);
    measure("NODATA", &compiled, &few, &[16], Rcode::NoError);
    let zonal = names(100, |at| format!("eu-az1.p{at}.pool.bench.test."));
    measure("zonal", &compiled, &zonal, &[1], Rcode::NoError);
    let snapshot = compiled.snapshot().clone();
    let newer = Arc::new(Snapshot { number: 2, ..(*snapshot).clone() });
    let begun = Instant::now();
    let updated = compiled.updated(newer, compiled.hosted().clone());
    println!("a newer snapshot of the same estate in {:?}", begun.elapsed());
    drop(updated);
}
