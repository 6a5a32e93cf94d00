//! Which kinds of checks there are, and which keys each has.

use crate::walk::{Fields, Report, Value, clip, nearest};

/// In the order of the manual.
const KINDS: [&str; 11] = [
    "http",
    "https",
    "tcp",
    "grpc",
    "dns",
    "command",
    "pushed",
    "metric",
    "zone-status",
    "calculated",
    "control",
];

/// Those that go over the network to each endpoint, or to one address.
const NETWORK: &[&str] = &["http", "https", "tcp", "grpc", "dns"];
/// Those with a pace.
const PACED: &[&str] = &["http", "https", "tcp", "grpc", "dns", "command", "metric", "zone-status"];
/// Those whose results are counted.
const COUNTED: &[&str] =
    &["http", "https", "tcp", "grpc", "dns", "command", "metric", "zone-status", "pushed"];
const WEB: &[&str] = &["http", "https"];

/// Keys that not all kinds have.
const KEYS: [(&str, &[&str]); 34] = [
    ("method", WEB),
    ("path", &["http", "https", "metric"]),
    ("host", &["http", "https", "grpc", "metric", "zone-status"]),
    ("headers", &["http", "https", "metric", "zone-status"]),
    ("http", WEB),
    ("follow_redirects", WEB),
    ("expect", &["http", "https", "tcp", "dns"]),
    ("tls", &["https", "tcp", "grpc", "metric", "zone-status"]),
    ("send", &["tcp"]),
    ("service", &["grpc"]),
    ("query", &["dns", "metric"]),
    ("command", &["command"]),
    ("lease", &["pushed"]),
    ("missing", &["pushed", "metric"]),
    ("good", &["metric"]),
    ("zone", &["zone-status"]),
    ("resource", &["zone-status"]),
    ("of", &["calculated"]),
    ("at_least", &["calculated"]),
    ("control", &["control"]),
    ("interval", PACED),
    ("timeout", PACED),
    ("confirm_interval", PACED),
    ("rise", COUNTED),
    ("fall", COUNTED),
    ("count", COUNTED),
    ("quorum", COUNTED),
    ("port", NETWORK),
    ("initial", NETWORK),
    ("address", &["http", "https", "tcp", "grpc", "dns", "metric", "zone-status"]),
    ("inverted", &KINDS),
    ("disabled", &KINDS),
    ("name", &KINDS),
    ("kind", &KINDS),
];

/// Whether checks of this kind have this key.
pub(super) fn has(kind: &str, key: &str) -> bool {
    KEYS.iter().any(|(known, kinds)| *known == key && kinds.contains(&kind))
}

/// The kind that a value names.
pub(super) fn kind(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<&'static str> {
    let text = value.text(report)?;
    let found = KINDS.into_iter().find(|kind| *kind == text);
    if found.is_none() {
        let near =
            nearest(text, KINDS.into_iter()).map_or(String::new(), |near| format!("did you mean {near}? "));
        report.add(
            value.at(),
            format_args!("no check is of kind {:?}; {near}there are {}", clip(text), KINDS.join(", ")),
        );
    }
    found
}

/// Takes all keys as known: of a check whose kind is not, nothing is said of them.
pub(super) fn know_all(fields: &mut Fields<'_, '_>) {
    for (key, _) in KEYS {
        let _ = fields.get(key);
    }
}

/// Names the keys that belong to other kinds.
pub(super) fn refuse_foreign(fields: &mut Fields<'_, '_>, kind: &str, report: &mut Report<'_>) {
    for (key, kinds) in KEYS {
        let Some(value) = fields.get(key).filter(|_| !kinds.contains(&kind)) else { continue };
        if kind == "control" || kind == "calculated" {
            report.add(value.at(), format_args!("a check of kind {kind} sends nothing; remove it"));
        } else if (kind, key) == ("http", "tls") {
            report
                .add(value.at(), "a check of kind http is without TLS; write kind = \"https\" or remove it");
        } else {
            let kinds = kinds.join(", ");
            report.add(
                value.at(),
                format_args!("a check of kind {kind} has no `{key}`, those of {kinds} have; remove it"),
            );
        }
    }
}
