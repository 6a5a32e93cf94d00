//! Health checks of kind zone-status against real planes: a checker's probes, its table, and the majority that a node makes of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{Estate, EstateBundle};
use hf_health::{Bitmap, Table, Verdict, Verdicts, check_verdicts};
use hf_model::{CheckName, NodeId, Timestamp, ZoneId};
use hf_probe::{Outcome, Tools, probe};

use crate::planes::{DEADLINE, Plane};

const NOW: Timestamp = Timestamp(1);

fn estate(endpoints: &[SocketAddr]) -> Estate {
    let mut toml = "[[region]]\nid = \"r\"\n[[zone]]\nid = \"z\"\nregion = \"r\"\n".to_owned();
    let mut names = Vec::new();
    for (at, address) in endpoints.iter().enumerate() {
        // By its other name there.
        let place = format!("address = \"{address}\"\nzone = \"aa\"");
        let pace = format!("interval = \"{0}s\"\ntimeout = \"{0}s\"", DEADLINE.as_secs());
        writeln!(toml, "[[health_check]]\nname = \"s{at}\"\nkind = \"zone-status\"\n{place}\n{pace}")
            .unwrap();
        names.push(format!("\"s{at}\""));
    }
    let of = names.join(", ");
    writeln!(
        toml,
        "[[health_check]]\nname = \"open\"\nkind = \"calculated\"\nof = [{of}]\nat_least = \"majority\""
    )
    .unwrap();
    hf_config::read_estate("estate.toml", &EstateBundle { toml, ..EstateBundle::default() }).unwrap()
}

/// Asks all of them, and lays what they say over `last`: the verdicts, and the words of those that gave no result.
async fn ask(estate: &Estate, last: &Verdicts) -> (Verdicts, Vec<String>) {
    let count = estate.subject_count();
    let (mut known, mut healthy, mut silent) = (Bitmap::new(count), Bitmap::new(count), Vec::new());
    for at in estate.check_indexes() {
        let check = estate.health_check(at);
        let Some(address) = check.address else { continue };
        let outcome = probe(&Tools::default(), check, address).await.outcome;
        let subject = estate.check_subject(at);
        known.set(subject, outcome.is_good().is_some());
        healthy.set(subject, outcome == Outcome::Good);
        if let Outcome::Unmeasured(why) = outcome {
            silent.push(why);
        }
    }
    let (checker, zone) = (NodeId::new("n").unwrap(), ZoneId::new("z").unwrap());
    let table = Table { checker: checker.clone(), zone, estate: estate.digest, made_at: NOW, known, healthy };
    let tables = BTreeMap::from([(checker, (NOW, table))]);
    (last.merge(estate, &tables, NOW, Duration::from_secs(3)), silent)
}

fn open(estate: &Estate, verdicts: &Verdicts) -> Verdict {
    check_verdicts(estate, verdicts, |_| None)[&CheckName::new("open").unwrap()]
}

#[tokio::test]
async fn a_majority_of_status_endpoints_is_a_check() {
    let mut planes = Vec::new();
    for is_away in [true, true, true, false] {
        planes.push(Plane::start(is_away).await);
    }
    let gone = Plane::start(true).await;
    let silent = gone.address;
    let mut endpoints: Vec<SocketAddr> = planes.iter().map(|plane| plane.address).collect();
    endpoints.push(silent);
    let estate = estate(&endpoints);
    drop(gone);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while tokio::net::TcpStream::connect(silent).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "it stops");
        tokio::task::yield_now().await;
    }

    // Three say closed, one open, one is silent.
    let (verdicts, why) = ask(&estate, &Verdicts::unknown(estate.subject_count())).await;
    assert_eq!((open(&estate, &verdicts), why), (Verdict::Unhealthy, vec!["connection refused".to_owned()]));

    // Two, two, and one is silent: as it was, whichever that is.
    planes[0].say(false);
    let verdicts = until_told(&estate, &verdicts, &[true, false, false, true]).await;
    assert_eq!(open(&estate, &verdicts), Verdict::Unhealthy);
    planes[1].say(false);
    let verdicts = until_told(&estate, &verdicts, &[true, true, false, true]).await;
    assert_eq!(open(&estate, &verdicts), Verdict::Healthy);
    planes[0].say(true);
    let verdicts = until_told(&estate, &verdicts, &[false, true, false, true]).await;
    assert_eq!(open(&estate, &verdicts), Verdict::Healthy);

    // One that does not know the zone says nothing of it, and how to mend that.
    planes[3].say_nothing_of_a();
    let mut why = Vec::new();
    while why.len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "it has another estate: {why:?}");
        why = ask(&estate, &verdicts).await.1;
    }
    assert!(why[0].starts_with("it has no zone aa; write `zone`"), "{why:?}");
}

/// The verdicts once the first planes are seen to say so (open: true).
async fn until_told(estate: &Estate, last: &Verdicts, says: &[bool]) -> Verdicts {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let (verdicts, _) = ask(estate, last).await;
        let seen = says
            .iter()
            .zip(estate.check_indexes())
            .all(|(is_open, at)| (verdicts.get(estate.check_subject(at)) == Verdict::Healthy) == *is_open);
        if seen {
            return verdicts;
        }
        assert!(tokio::time::Instant::now() < deadline, "the planes tell {says:?}");
    }
}
