//! Which endpoint takes a request.
//!
//! Not here: choosing it (`hf-balance`).

use std::time::Duration;

use hf_model::Share;

use super::{Beside, share, truth};
use crate::estate::{Balancing, Choice, HashKey, Protocol, StickyCookie};
use crate::walk::{Fields, Report, Value, clip, if_there, nearest};

const SLOW_START_MAX: Duration = Duration::from_mins(15);
const COOKIE_MAX: Duration = Duration::from_hours(24 * 365);
/// What `choice` may be, for a text that is nearly one of them.
const CHOICES: [&str; 4] = ["least-loaded", "weighted", "hash:client", "hash:path"];

pub(super) fn balancing(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<Balancing> {
    let choice_value = fields.get("choice");
    let choice = match choice_value {
        Some(value) => value.read(report, read_choice),
        None => Some(Choice::default()),
    };
    if let Some(Choice::Hash(HashKey::Header(_) | HashKey::Cookie(_) | HashKey::Path)) = choice
        && let (Some(value), Some(protocol)) = (choice_value, beside.protocol)
        && protocol != Protocol::Http
    {
        report.add(
            value.at(),
            format_args!(
                "the balancer does not look into {protocol}; write \"hash:client\", or another choice"
            ),
        );
    }
    let (affinity_value, spill_value) = (fields.get("affinity"), fields.get("spill"));
    for value in [affinity_value, spill_value].into_iter().flatten() {
        if beside.cross_zone == Some(false) {
            report.add(
                value.at(),
                format_args!(
                    "without cross_zone = true all requests stay in the zone while it serves; add that, or remove `{}`",
                    value.key()
                ),
            );
        }
    }
    let affinity = share(affinity_value, Share::ONE, report);
    let spill = truth(spill_value, true, report);
    let slow_start = match fields.get("slow_start") {
        Some(value) => value.duration(Duration::ZERO, SLOW_START_MAX, report),
        None => Some(Duration::ZERO),
    };
    let sticky_value = fields.get("sticky");
    beside.only(&[Protocol::Http], sticky_value, report);
    if let (Some(value), Some(Choice::Hash(_))) = (sticky_value, &choice) {
        report.add(value.at(), "a hash keeps clients at their endpoints by itself, and a cookie would override it; remove `sticky` or the hash");
    }
    let sticky = if_there(sticky_value, |value| sticky(value, report));
    Some(Balancing {
        choice: choice?,
        affinity: affinity?,
        slow_start: slow_start?,
        sticky: sticky.ok()?.flatten(),
        spill: spill?,
    })
}

fn read_choice(text: &str) -> Result<Choice, String> {
    let named = |name: &str| is_token(name).then(|| name.to_owned());
    let found = match text {
        "least-loaded" => Some(Choice::LeastLoaded),
        "weighted" => Some(Choice::Weighted),
        "hash:client" => Some(Choice::Hash(HashKey::Client)),
        "hash:path" => Some(Choice::Hash(HashKey::Path)),
        _ => match (text.strip_prefix("hash:header:"), text.strip_prefix("hash:cookie:")) {
            (Some(name), _) => {
                named(name).map(|name| Choice::Hash(HashKey::Header(name.to_ascii_lowercase())))
            }
            (_, Some(name)) => named(name).map(|name| Choice::Hash(HashKey::Cookie(name))),
            _ => None,
        },
    };
    found.ok_or_else(|| {
        let near = nearest(text, CHOICES.into_iter()).map_or(String::new(), |near| format!("did you mean {near}? "));
        format!(
            "{:?} is not a choice; {near}write least-loaded, weighted, hash:client, hash:header:NAME, hash:cookie:NAME or hash:path",
            clip(text)
        )
    })
}

/// A token of HTTP (RFC 9110, section 5.6.2), as names of headers and cookies are.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// `true`, `false` or a table.
#[expect(clippy::option_option, reason = "wrong, and said to be off")]
fn sticky(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Option<StickyCookie>> {
    if value.is_truth() {
        return value.truth(report).map(|on| on.then(StickyCookie::default));
    }
    let mut fields = value.fields("a sticky cookie", report)?;
    let name = match fields.get("name") {
        Some(value) => value.read(report, |text| {
            is_token(text)
                .then(|| text.to_owned())
                .ok_or("a cookie's name has 1 to 64 letters, digits and !#$%&'*+-.^_`|~; change it")
        }),
        None => Some(StickyCookie::default().name),
    };
    let lifetime = match fields.get("lifetime") {
        Some(value) => value.duration(Duration::ZERO, COOKIE_MAX, report),
        None => Some(Duration::ZERO),
    };
    fields.finish(&[], report);
    Some(Some(StickyCookie { name: name?, lifetime: lifetime? }))
}
