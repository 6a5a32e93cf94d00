//! What a node that answers DNS counts.
//!
//! Bound: at most [`NAME_LINES_MAX`] lines for names, theirs by zone and branch included, in the order of the estate. A name whose lines do not fit
//! is left out, with all behind it; how many there are is a line of its own, and `/v1/dns-answers` has them.

use super::Page;
use crate::dns_here::{DnsHere, DnsNameHere, ShareHere};

/// Lines of names: some 1 MB a scrape.
const NAME_LINES_MAX: usize = 10_000;

pub(super) fn dns(page: &mut Page, dns: &dyn DnsHere) {
    for (what, count) in dns.counts() {
        let help = "Messages and connections of DNS, by what became of them";
        page.counter("dns_events", help, &[("event", what.to_owned())], count);
    }
    let names = dns.names();
    let mut lines = 0;
    let fit = names.iter().take_while(|name| {
        lines += 1 + 2 * (name.zones.len() + name.branches.len());
        lines <= NAME_LINES_MAX
    });
    let fit = fit.count();
    let help = "Steered names whose counts are not here, since there are too many";
    page.gauge("dns_names_left_out", help, &[], (names.len() - fit) as u64);
    names[..fit].iter().for_each(|name| one(page, name));
}

fn one(page: &mut Page, name: &DnsNameHere) {
    let own = [("name", name.name.to_string()), ("type", name.rtype().to_owned())];
    page.counter("dns_name_answers", "DNS answers of a steered name", &own, name.answers);
    let with = |key, share: &ShareHere| [own[0].clone(), own[1].clone(), (key, share.of.clone())];
    for share in &name.zones {
        let labels = with("zone", share);
        let help = "Of these, those that named a zone; since the estate in force";
        page.counter("dns_name_zone_answers", help, &labels, share.answers);
        page.gauge("dns_name_zone_weight", "What a zone weighs in a steered name", &labels, share.weight);
    }
    for share in &name.branches {
        let labels = with("branch", share);
        let help = "Of these, those that a branch gave; since the estate in force";
        page.counter("dns_name_branch_answers", help, &labels, share.answers);
        page.gauge("dns_name_branch_weight", "What a branch weighs in a steered name", &labels, share.weight);
    }
}
