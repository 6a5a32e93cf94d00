//! Snapshots for tests.

use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::{BreakGlassShift, Intent, Shift, ShiftKind, ShiftState};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
[[zone]]
id = "c"
region = "r"
[[pool]]
name = "web"
protocol = "http"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
[[pool]]
name = "api"
protocol = "http"
endpoints = [
  { address = "10.0.0.3:80", zone = "a" },
  { address = "10.0.0.4:80", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
"#;

/// A request with the `Host` that HTTP/1.1 needs, in each of its heads that has none.
pub fn hosted(requests: &str) -> String {
    requests.replace(" HTTP/1.1\r\n", " HTTP/1.1\r\nhost: t\r\n")
}

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_000_000_000_000);

pub fn zone(name: &str) -> ZoneId {
    ZoneId::new(name).unwrap()
}

pub fn shift(name: &str, scope: &str, minutes: u64) -> Shift {
    Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: zone(name),
        scope: scope.parse().unwrap(),
        reason: "test".to_owned(),
        by: Operator::new("ann"),
        started_at: NOW,
        ends_at: NOW.plus(Duration::from_mins(minutes)),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: vec![],
        revision: Revision(7),
    }
}

pub fn snapshot(change: impl FnOnce(&mut Intent, &mut Vec<BreakGlassShift>)) -> Arc<Snapshot> {
    snapshot_of(ESTATE, 4, change)
}

pub fn snapshot_of(
    estate: &str,
    endpoints: usize,
    change: impl FnOnce(&mut Intent, &mut Vec<BreakGlassShift>),
) -> Arc<Snapshot> {
    let bundle = EstateBundle { toml: estate.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let mut intent = Intent { revision: Revision(7), estate: bundle, ..Intent::default() };
    let (mut break_glass, verdicts) = (Vec::new(), Verdicts { of: vec![Verdict::Healthy; endpoints] });
    change(&mut intent, &mut break_glass);
    Arc::new(Snapshot::build(3, NOW, Arc::new(intent), estate, break_glass, verdicts))
}

/// Without the pool `api`.
pub fn smaller() -> Arc<Snapshot> {
    let begin = ESTATE.find("[[pool]]\nname = \"api\"").unwrap();
    let end = ESTATE.find("[[hosted_zone]]").unwrap();
    snapshot_of(&[&ESTATE[..begin], &ESTATE[end..]].concat(), 2, |_, _| ())
}

pub fn open() -> Arc<Snapshot> {
    snapshot(|_, _| ())
}

/// Zone a is away, for everything.
pub fn shifted() -> Arc<Snapshot> {
    snapshot(|intent, _| intent.shifts.push(shift("a", "everything", 30)))
}

/// The same as [`open`] at a later revision.
pub fn open_at(revision: u64) -> Arc<Snapshot> {
    snapshot(|intent, _| intent.revision = Revision(revision))
}
