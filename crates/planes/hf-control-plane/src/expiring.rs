//! When an end is near: a shift or pin that ends unseen surprises whoever wanted it to last.
//!
//! 1. A warning is due when a tenth of the length is left, at least a minute before the end; of very short ones at half.
//! 2. Of several nodes with the control role one tells it: the first by name of those that are heard. Two may, while they cannot
//!    hear each other; the words of both are the same.
//! 3. It is told once for each end: one line at WARN, one in the journal. A line that the journal has already is not written
//!    again, so a restart tells nothing twice; an extended shift has a new end and a new warning.
//!
//! Not here: ends themselves (`control`).

use std::collections::BTreeSet;
use std::time::Duration;

use hf_api::serve::stopped;
use hf_config::node::{NoticeKind, Role};
use hf_control::{Intent, Shift};
use hf_ledger::{JournalLine, LedgerError};
use hf_model::Timestamp;
use tokio::sync::watch;
use tracing::warn;

use crate::api::Context;
use crate::lines::{DecisionLine, VERSION, encode};
use crate::teller::is_teller;

/// At least so long before the end.
const AT_LEAST: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Journal lines that are looked through for the same words.
const LOOK_BACK: usize = 1_000;

/// From when on what lasts from `started_at` to `ends_at` counts as expiring.
pub fn warns_at(started_at: Timestamp, ends_at: Timestamp) -> Timestamp {
    if started_at == Timestamp(0) {
        return Timestamp(ends_at.0.saturating_sub(ms(AT_LEAST))); // of a ledger that did not keep it
    }
    let length = ends_at.since(started_at);
    let lead = (length / 10).max(AT_LEAST).min(length / 2);
    Timestamp(ends_at.0.saturating_sub(ms(lead)))
}

/// Whether the end is near, or past.
pub fn is_expiring(started_at: Timestamp, ends_at: Timestamp, now: Timestamp) -> bool {
    now >= warns_at(started_at, ends_at)
}

/// The same of a shift. A closing source renews its shifts long before: one of them that is near its end was left to expire, however long it
/// has been in force.
pub fn is_shift_expiring(shift: &Shift, now: Timestamp) -> bool {
    let renewed_at = Timestamp(shift.ends_at.0.saturating_sub(ms(hf_closing::LENGTH)));
    let is_renewed = hf_closing::is_of_source(&shift.by);
    let started_at = if is_renewed { shift.started_at.max(renewed_at) } else { shift.started_at };
    is_expiring(started_at, shift.ends_at, now)
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Tells of ends that are near, until a stop is announced.
pub async fn run(context: &Context, mut shutdown: watch::Receiver<bool>) {
    if !context.roles.contains(&Role::Control) {
        return stopped(&mut shutdown).await;
    }
    let mut told = BTreeSet::new();
    loop {
        tell(context, &mut told).await;
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// A warning: its words, why the act was, and what it is of.
pub type Warning = (String, String, NoticeKind);

/// Tells what is due and not in `told`, and forgets there what is no longer due.
pub async fn tell(context: &Context, told: &mut BTreeSet<Warning>) {
    if !is_teller(context) {
        return;
    }
    let now = context.ledger_time();
    let due = due(&context.intent(), now);
    told.retain(|known| due.contains(known));
    for warning in due {
        if told.contains(&warning) {
            continue;
        }
        match write(context, now, &warning).await {
            Ok(()) => _ = told.insert(warning),
            // Tried again at the next look.
            Err(error) => warn!(%error, "a warning is missing in the journal"),
        }
    }
}

fn due(intent: &Intent, now: Timestamp) -> BTreeSet<Warning> {
    let is_near = |started_at, ends_at| is_expiring(started_at, ends_at, now) && now < ends_at;
    let is_ending = |shift: &&Shift| is_shift_expiring(shift, now) && now < shift.ends_at;
    let shifts = intent.shifts.iter().filter(is_ending).map(|shift| {
        let (id, zone, scope) = (&shift.id, &shift.zone, &shift.scope);
        let text = format!(
            "{id} ends {}: {scope} returns to {zone} then, unless it is extended",
            hf_api::instant(shift.ends_at.0)
        );
        (text, shift.reason.clone(), NoticeKind::ShiftExpiring)
    });
    let pins = intent.pins.iter().filter(|pin| is_near(pin.started_at, pin.ends_at)).map(|pin| {
        let text = format!(
            "the pin of {} for {} ends {}, unless it is set anew",
            pin.zone,
            pin.scope,
            hf_api::instant(pin.ends_at.0)
        );
        (text, pin.reason.clone(), NoticeKind::PinExpiring)
    });
    shifts.chain(pins).collect()
}

async fn write(context: &Context, now: Timestamp, (text, why, kind): &Warning) -> Result<(), LedgerError> {
    let journal = &context.journal;
    let newest = journal.newest_position().await?;
    let last = journal.read(newest.saturating_sub(LOOK_BACK as u64), LOOK_BACK).await?;
    let is_told = |line: &hf_ledger::Journalled| {
        serde_json::from_slice::<DecisionLine>(&line.bytes)
            .is_ok_and(|line| line.warning && line.text == *text)
    };
    if last.iter().any(is_told) {
        return Ok(());
    }
    let line = DecisionLine {
        version: VERSION,
        at_ms: now.0,
        by: context.node.to_string(),
        revision: context.intent().revision.0,
        text: text.clone(),
        why: why.clone(),
        suppressed: false,
        act: false,
        warning: true,
        notice: Some(kind.as_str().to_owned()),
    };
    journal.append(vec![JournalLine { revision: None, bytes: encode(&line) }]).await?;
    warn!(why, "{text}");
    Ok(())
}

/// How long until an end, for metrics; 0 once it is past.
pub fn seconds_left(ends_at: Timestamp, now: Timestamp) -> u64 {
    ends_at.since(now).as_secs()
}

#[cfg(test)]
mod tests {
    use hf_model::format_duration;

    use super::*;

    #[test]
    fn a_warning_comes_at_a_tenth_a_minute_or_half() {
        let lead = |length_s: u64| {
            let (from, to) = (Timestamp(5_000), Timestamp(5_000 + length_s * 1_000));
            format_duration(to.since(warns_at(from, to)))
        };
        assert_eq!(lead(72 * 3_600), "7h12m");
        assert_eq!(lead(1_800), "3m");
        assert_eq!(lead(600), "1m");
        assert_eq!(lead(180), "1m");
        assert_eq!(lead(60), "30s");
        assert_eq!(warns_at(Timestamp(0), Timestamp(100_000)), Timestamp(40_000));
        assert!(is_expiring(Timestamp(1), Timestamp(60_001), Timestamp(90_000)));
    }
}
