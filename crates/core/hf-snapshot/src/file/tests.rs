//! The file's form: what is written is read, and nothing else is.

use expect_test::{Expect, expect, expect_file};
use hf_config::estate::EstateBundle;
use hf_control::{BreakGlassShift, Intent, Pin, PinTo, Scope, Shift, ShiftKind, ShiftState};
use hf_health::Verdict;
use hf_model::{EstateId, Operator, PoolName, Revision, ShiftId, ZoneId};
use proptest::prelude::*;

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "alive"
kind = "tcp"
[[pool]]
name = "web"
health_check = "alive"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
  { address = "10.0.0.3:80", zone = "b" },
]
"#;

fn snapshot(verdicts: &[Verdict], shift_ends_at: Option<u64>, break_glass: Vec<BreakGlassShift>) -> Snapshot {
    let by = Operator::new("ann");
    let shift = |ends_at| Shift {
        id: ShiftId::new("shift-2").unwrap(),
        zone: ZoneId::new("a").unwrap(),
        scope: Scope::Pool(PoolName::new("web").unwrap()),
        reason: "gray".to_owned(),
        by: by.clone(),
        started_at: Timestamp(1_000),
        ends_at: Timestamp(ends_at),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(2),
    };
    let pin = Pin {
        zone: ZoneId::new("b").unwrap(),
        scope: Scope::Everything,
        to: PinTo::In,
        reason: "keep".to_owned(),
        by: by.clone(),
        started_at: Timestamp(4_000),
        ends_at: Timestamp(90_000),
        floor_overrides: vec![],
        revision: Revision(3),
    };
    let intent = Intent {
        revision: Revision(3),
        estate_revision: Revision(1),
        estate: EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() },
        shifts: shift_ends_at.into_iter().map(shift).collect(),
        pins: vec![pin],
        ..Intent::default()
    };
    let estate = hf_control::read_estate(&intent.estate).expect("the test's estate reads");
    let verdicts = Verdicts { of: verdicts.to_vec() };
    Snapshot::build(7, Timestamp(5_000), Arc::new(intent), Arc::new(estate), break_glass, verdicts)
}

fn sample() -> Snapshot {
    let glass = BreakGlassShift {
        estate: EstateId::default(),
        zone: ZoneId::new("b").unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("key-1"),
        signed_at: Timestamp(2_000),
        ends_at: Timestamp(60_000),
    };
    snapshot(&[Verdict::Healthy, Verdict::Unhealthy, Verdict::Unknown], Some(61_000), vec![glass])
}

/// Sixteen bytes a line: where, digits, and what of it is ASCII.
fn dump(bytes: &[u8]) -> String {
    let line = |(at, line): (usize, &[u8])| {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String =
            line.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
        format!("{:06x}  {:47}  {shown}\n", at * 16, digits.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

fn undump(text: &str) -> Vec<u8> {
    let digits = text.lines().flat_map(|line| line[8..55].split_whitespace());
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

/// The bytes with the right length and checksum for what they have become.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    let len = (bytes.len() + CHECKSUM_BYTES) as u64;
    bytes[12..20].copy_from_slice(&len.to_be_bytes());
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(&checksum.0);
    bytes
}

/// What is said of the sample's bytes after a change.
#[allow(clippy::needless_pass_by_value)] // `expect![…]` reads better without a `&` before each
fn check(change: impl Fn(&mut Vec<u8>), want: Expect) {
    let mut bytes = sample().encode().unwrap();
    change(&mut bytes);
    want.assert_eq(&Snapshot::decode(&bytes, Timestamp(5_000)).unwrap_err().to_string());
}

#[test]
fn the_format_is_the_golden_file() {
    expect_file!["../../golden/snapshot-v1.hex"].assert_eq(&dump(&sample().encode().unwrap()));
    let golden = undump(include_str!("../../golden/snapshot-v1.hex"));
    assert_eq!(Snapshot::decode(&golden, Timestamp(5_000)).unwrap(), sample());
}

#[test]
fn bytes_that_are_no_snapshot_say_what_they_are() {
    check(Vec::clear, expect!["the snapshot is empty; remove the file, the node writes a new one"]);
    check(
        |bytes| bytes.splice(.., *b"# a text file").for_each(drop),
        expect![
            "this is not a snapshot of Holdfast; look whether another file lies in its place, or remove it"
        ],
    );
    check(
        |bytes| bytes.truncate(4),
        expect![
            "the snapshot is cut short: it has 4 of 52 bytes; remove the file, the node writes a new one"
        ],
    );
    check(
        |bytes| bytes.truncate(100),
        expect![
            "the snapshot is cut short: it has 100 of 1481 bytes; remove the file, the node writes a new one"
        ],
    );
    check(
        |bytes| bytes[300] ^= 1,
        expect![
            "the snapshot is damaged: its checksum is 38059f06ac3c, its bytes have 981a22556728; remove the file, the node writes a new one, and look at the disk"
        ],
    );
    check(
        |bytes| bytes.push(0),
        expect![
            "the snapshot is damaged: its checksum is 059f06ac3cb1, its bytes have b339f2a8851f; remove the file, the node writes a new one, and look at the disk"
        ],
    );
}

#[test]
fn a_newer_format_is_named_if_its_bytes_are_whole() {
    let newer = |bytes: &mut Vec<u8>| {
        bytes[11] = 2;
        *bytes = resealed(std::mem::take(bytes));
    };
    check(
        newer,
        expect![
            "the snapshot was written by a newer Holdfast: format 2, this one reads 1; run that version, or remove the file"
        ],
    );
    check(
        |bytes| bytes[11] = 2,
        expect![
            "the snapshot is damaged: its checksum is 38059f06ac3c, its bytes have 7995af0e6b01; remove the file, the node writes a new one, and look at the disk"
        ],
    );
}

#[test]
fn parts_that_do_not_read_are_named() {
    let at_intent = 20 + 16;
    check(
        |bytes| {
            bytes[at_intent + 4] = b'x';
            *bytes = resealed(std::mem::take(bytes));
        },
        expect!["the snapshot's intent cannot be read; remove the file, the node writes a new one"],
    );
    check(
        |bytes| {
            bytes[at_intent] = 0xff;
            *bytes = resealed(std::mem::take(bytes));
        },
        expect!["the snapshot's parts do not fit its length; remove the file, the node writes a new one"],
    );
}

#[test]
fn an_estate_that_does_not_read_is_told_with_its_problems() {
    let mut broken = sample();
    let intent = Arc::make_mut(&mut broken.intent);
    intent.estate.toml = intent.estate.toml.replace("zone = \"a\"", "zone = \"gone\"");
    let error = Snapshot::decode(&broken.encode().unwrap(), Timestamp(5_000)).unwrap_err();
    assert!(
        matches!(&error, DecodeError::Estate(problems) if problems.to_string().contains("gone")),
        "{error:?}"
    );
}

#[test]
fn verdicts_on_another_estate_are_unknown() {
    let mut other = sample();
    Arc::make_mut(&mut other.estate).digest = Digest::of(b"another");
    let back = Snapshot::decode(&other.encode().unwrap(), Timestamp(5_000)).unwrap();
    assert_eq!(back.verdicts, Verdicts::unknown(other.estate.subject_count()));
}

#[test]
fn a_node_that_boots_late_holds_the_shift_and_drops_the_break_glass() {
    let booted = Snapshot::decode(&sample().encode().unwrap(), Timestamp(100_000)).unwrap();
    let web = &booted.decision.pools[0];
    let held = matches!(web.zones[0].reason, hf_decide::Reason::Shifted { held: true, .. });
    assert!(held, "{:?}", web.zones[0]);
    assert!(matches!(web.zones[1].reason, hf_decide::Reason::PinnedIn { .. }), "{:?}", web.zones[1]);
    assert_eq!((booted.number, booted.made_at), (7, Timestamp(5_000)));
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let verdict = prop_oneof![Just(Verdict::Healthy), Just(Verdict::Unhealthy), Just(Verdict::Unknown)];
    let glass = ("[ab]", "\\PC{0,20}", "\\PC{0,20}", any::<u64>(), any::<u64>()).prop_map(
        |(zone, reason, by, from, to)| BreakGlassShift {
            estate: EstateId::default(),
            zone: ZoneId::new(&zone).unwrap(),
            reason,
            by: Operator::new(&by),
            signed_at: Timestamp(from),
            ends_at: Timestamp(to),
        },
    );
    let verdicts = prop::collection::vec(verdict, 3);
    (verdicts, prop::option::of(any::<u64>()), prop::collection::vec(glass, 0..4), any::<u64>()).prop_map(
        |(verdicts, ends_at, glass, number)| Snapshot { number, ..snapshot(&verdicts, ends_at, glass) },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is written is read.
    #[test]
    fn decoding_gives_back_what_was_encoded(snapshot in snapshots()) {
        let bytes = snapshot.encode().unwrap();
        prop_assert_eq!(Snapshot::decode(&bytes, snapshot.made_at).unwrap(), snapshot);
    }

    /// Any flipped bit is refused.
    #[test]
    fn a_flipped_bit_is_refused(at in any::<prop::sample::Index>()) {
        let mut bytes = sample().encode().unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Snapshot::decode(&bytes, Timestamp(5_000)).is_err());
    }

    /// Any missing end is refused.
    #[test]
    fn a_cut_is_refused(at in any::<prop::sample::Index>()) {
        let bytes = sample().encode().unwrap();
        prop_assert!(Snapshot::decode(&bytes[..at.index(bytes.len())], Timestamp(5_000)).is_err());
    }

    /// Arbitrary bytes are refused without a panic, also behind a right head and checksum.
    #[test]
    fn arbitrary_bytes_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Snapshot::decode(&body, Timestamp(0)).is_err());
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&[0; CHECKSUM_BYTES]);
        prop_assert!(Snapshot::decode(&resealed(bytes), Timestamp(0)).is_err());
    }
}
