//! Consumers of zone status, by name, kind and zone. Bounded: the worst hundred groups; how many are left out is a number too.

use hf_config::estate::Estate;
use hf_consumers::Merged;

use super::Page;

/// Groups with lines of their own: names are whatever consumers call themselves.
const GROUPS_MAX: usize = 100;

pub(super) fn consumers(page: &mut Page, known: &Merged, estate: Option<&Estate>) {
    for group in known.groups.iter().take(GROUPS_MAX) {
        let labels = [
            ("consumer", group.name.to_string()),
            ("kind", group.kind.to_string()),
            ("zone", group.zone.as_ref().map_or_else(String::new, ToString::to_string)),
        ];
        let help = "Instances of a consumer of zone status that are known, silent ones too";
        page.gauge("consumer_instances", help, &labels, u64::from(group.instances));
        let help = "Of these, without a word for 30 s, or known to a node only that is not heard";
        page.gauge("consumer_silent", help, &labels, u64::from(group.silent));
        let help = "Of those that are heard, how many have applied less than the newest act";
        page.gauge("consumer_lagging", help, &labels, u64::from(group.lagging));
        let help = "Of those that are heard, how many have not said what they applied";
        page.gauge("consumer_not_told", help, &labels, u64::from(group.not_told));
        let help = "Of all instances, silent ones too, how many do not say what still runs";
        page.gauge("consumer_work_not_told", help, &labels, u64::from(group.work_not_told));
        let help = "1 for a consumer that the estate declares and of which nobody was heard";
        page.gauge("consumer_never_heard", help, &labels, u64::from(group.instances == 0));
        if let Some(revision) = group.lowest_revision {
            let help = "The oldest revision that one of those that are heard has applied";
            page.gauge("consumer_revision", help, &labels, revision.0);
        }
        for (zone, count) in group.running.iter() {
            // Zones that nobody declared are whatever a consumer made up.
            if estate.is_some_and(|estate| estate.zone_named(zone).is_some()) {
                let [name, kind, runs_in] = labels.clone();
                let labels = [name, kind, runs_in, ("running_in", zone.to_string())];
                let help = "What still runs in a zone, by the last word of each instance";
                page.gauge("consumer_running", help, &labels, *count);
            }
        }
    }
    let without_lines = known.groups.len().saturating_sub(GROUPS_MAX) as u64;
    let help = "Groups of consumers without lines of their own";
    page.gauge("consumer_groups_left_out", help, &[], u64::from(known.left_out) + without_lines);
    let help = "Instances of consumers that had to make room for others on some node";
    page.counter("consumer_instances_forgotten", help, &[], known.forgotten);
}
