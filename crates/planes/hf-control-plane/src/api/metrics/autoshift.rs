//! What autoshift makes of the evidence, by resource.

use super::Page;
use crate::autoshift::Autoshifts;

pub(super) fn autoshift(page: &mut Page, told: &Autoshifts) {
    for seen in told.seen().iter() {
        let labels = [
            ("resource", seen.resource.to_string()),
            ("setting", seen.setting.to_string()),
            ("word", seen.word.kind().to_owned()),
        ];
        page.gauge("autoshift", "1 with what autoshift makes of the evidence for a resource", &labels, 1);
    }
    for ((resource, what), count) in told.counts() {
        let labels = [("resource", resource), ("what", what.to_owned())];
        let help = "What autoshift did on this node: start, renew, end, advise, and what the ledger refused";
        page.counter("autoshift_acts", help, &labels, count);
    }
}
