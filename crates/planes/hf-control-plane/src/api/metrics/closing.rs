//! What closing sources found, by source and zone.

use hf_model::Timestamp;

use super::Page;
use crate::closing::Closing;

pub(super) fn closing(page: &mut Page, told: &Closing, now: Timestamp) {
    for ((source, zone), line) in told.lines().iter() {
        let of = [("source", source.to_string()), ("zone", zone.to_string())];
        if let Some(finding) = &line.finding {
            let [source, zone] = of.clone();
            let labels = [source, zone, ("state", finding.as_str().to_owned())];
            let help = "1 with what the stores of a closing source say of a zone: closed, open or undecided";
            page.gauge("closing_source_state", help, &labels, 1);
        }
        let help = "1 while the ledger does not let a zone go that a closing source has closed";
        page.gauge("closing_source_refused", help, &of, u64::from(line.refused.is_some()));
        if let Some(looked_at) = line.looked_at {
            let age = u64::try_from(now.since(looked_at).as_millis()).unwrap_or(u64::MAX);
            let help = "How long ago the newest look at the stores of a closing source ended";
            page.gauge("closing_source_look_age_ms", help, &of, age);
        }
    }
    for (source, count) in told.silent() {
        let help = "Looks at stores of a closing source that came to silence on this node";
        page.counter("closing_source_store_silent", help, &[("source", source.to_string())], count);
    }
}
