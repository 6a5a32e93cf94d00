use super::*;

pub fn sample() -> NodeReport {
    NodeReport {
        node: NodeId::new("n1").unwrap(),
        zone: Some(ZoneId::new("use1-az1").unwrap()),
        roles: vec![Role::Checker, Role::Dns],
        version: "0.1.0".to_owned(),
        started_at: Timestamp(1),
        sent_at: Timestamp(2),
        api: Some("https://10.0.0.1:7600".to_owned()),
        status: Some("http://10.0.0.1:7601".to_owned()),
        api_key: Some("sha256/x".to_owned()),
        snapshot_number: 3,
        revision: Revision(4),
        estate: Some(Digest::of(b"estate")),
        booted_from_disk: true,
        contact: Some(Timestamp(5)),
        break_glass: vec![6, u64::MAX],
        refused_intent: Some(RefusedIntent {
            revision: Revision(7),
            problem: "estate.toml:1:1: no".to_owned(),
        }),
        estate_file_problem: Some("estate.toml: gone".to_owned()),
        ledger_problem: Some("it is behind".to_owned()),
        node_problem: Some("the certificate has expired".to_owned()),
        notices: [("pager".to_owned(), 9)].into(),
        activity: vec![line("web")],
        activity_left_out: 0,
    }
}

fn line(pool: &str) -> ZoneActivityReport {
    ZoneActivityReport {
        pool: PoolName::new(pool).unwrap(),
        zone: ZoneId::new("use1-az1").unwrap(),
        requests: 10,
        failures: 1,
        last_new_request_at: Some(Timestamp(8)),
        open_connections: 2,
        last_open_connection_at: None,
        bytes_to_endpoints: 11,
        bytes_to_clients: 12,
        last_byte_at: Some(Timestamp(13)),
        dns_answers: 3,
        last_dns_answer_at: Some(Timestamp(9)),
        outcomes: OutcomeTotals([6, 1, 1, 0, 0, 1, 2]),
        retried: 1,
        ejected: 1,
    }
}

#[test]
fn a_report_comes_back_as_it_was() {
    let report = sample();
    assert_eq!(decode_report(&encode_report(&report)), Ok(report));
}

#[test]
fn the_largest_report_fits_a_frame_and_says_what_it_left_out() {
    let mut report = sample();
    let mut longest = line(&"p".repeat(63));
    longest.requests = u64::MAX;
    longest.failures = u64::MAX;
    longest.dns_answers = u64::MAX;
    longest.open_connections = u64::MAX;
    longest.bytes_to_endpoints = u64::MAX;
    longest.bytes_to_clients = u64::MAX;
    longest.outcomes = OutcomeTotals([u64::MAX; 7]);
    longest.retried = u64::MAX;
    longest.ejected = u64::MAX;
    report.activity = vec![longest; ACTIVITY_MAX + 5];
    report.estate_file_problem = Some("é".repeat(TEXT_MAX));
    let bytes = encode_report(&report);
    assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());
    let back = decode_report(&bytes).unwrap();
    assert_eq!((back.activity.len(), back.activity_left_out), (ACTIVITY_MAX, 5));
}

#[test]
fn what_is_left_out_is_what_is_idle() {
    let mut report = sample();
    let idle = ZoneActivityReport {
        open_connections: 0,
        last_new_request_at: None,
        last_dns_answer_at: None,
        ..line("idle")
    };
    report.activity = vec![idle; ACTIVITY_MAX];
    report.activity.push(line("busy"));
    let back = decode_report(&encode_report(&report)).unwrap();
    assert_eq!(back.activity.len(), ACTIVITY_MAX);
    assert_eq!(back.activity.last().unwrap().pool.as_str(), "busy");
}

#[test]
fn foreign_bytes_are_an_error_and_a_newer_version_is_told_apart() {
    let good = encode_report(&sample());
    for len in 0..good.len() {
        assert!(matches!(decode_report(&good[..len]), Err(ReportError::Bad(_))), "{len} bytes");
    }
    let mut newer = good;
    newer[0] = 9;
    assert_eq!(decode_report(&newer), Err(ReportError::Version(9)));
}

/// A sender that does not keep to the bound of texts cannot fill our memory with them on every beat.
#[test]
fn texts_are_cut_by_the_receiver_too() {
    let long = || "x".repeat(TEXT_MAX + 1);
    let mut report = sample();
    let bytes = encode_report(&report);
    let mut wire: Wire = postcard::from_bytes(&bytes[1..]).unwrap();
    wire.version = long();
    wire.refused_intent = Some((7, long()));
    wire.estate_file_problem = Some(long());
    wire.ledger_problem = Some(long());
    let cut = "x".repeat(TEXT_MAX);
    report.version.clone_from(&cut);
    report.refused_intent = Some(RefusedIntent { revision: Revision(7), problem: cut.clone() });
    report.estate_file_problem = Some(cut.clone());
    report.ledger_problem = Some(cut);
    let sent = postcard::to_extend(&wire, vec![VERSION]).unwrap();
    assert_eq!(decode_report(&sent), Ok(report));
}

/// Fields have no names on the wire: with one more, the fuzzer would begin from bytes that are no report. `UPDATE_EXPECT=1`
/// writes the file anew.
#[test]
fn the_fuzzer_begins_with_a_report() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fuzz/corpus/feed/report");
    // The first byte names the kind of frame to the fuzz target `feed`.
    let bytes = [vec![3], encode_report(&sample())].concat();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &bytes).unwrap();
    }
    assert!(std::fs::read(path).unwrap() == bytes, "the form changed; run with UPDATE_EXPECT=1");
}
