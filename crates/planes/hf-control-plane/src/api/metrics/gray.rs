//! What detectors of gray failure say, by pool and zone.

use hf_gray::{Judged, Stage};

use super::Page;

pub(super) fn gray(page: &mut Page, judged: &Judged) {
    for (reason, count) in &judged.seconds_dropped {
        let help =
            "Seconds of evidence on zones that were dropped, by a bound or because they came at a wrong time";
        page.counter("gray_seconds_dropped", help, &[("reason", (*reason).to_owned())], *count);
    }
    for (name, pool) in &judged.pools {
        let pool_label = [("pool", name.to_string())];
        let help = "Seconds until a detector of gray failure has seen enough for a verdict";
        page.gauge("gray_warm_in_seconds", help, &pool_label, u64::from(pool.warm_in_s));
        let found = crate::gray::found(name, pool);
        for sort in ["endpoint", "clients", "zone", "everything", "observer"] {
            let help = "Findings of the detector of gray failure now, by what each is of";
            let labels = [("pool", name.to_string()), ("sort", sort.to_owned())];
            let count = found.iter().filter(|told| told.sort == sort).count();
            page.gauge("gray_findings", help, &labels, count as u64);
        }
        for judged in &pool.zones {
            let (evidence, zone) = (&judged.evidence, judged.zone.to_string());
            let labels = [("pool", name.to_string()), ("zone", zone.clone())];
            for stage in [Stage::Normal, Stage::Suspect, Stage::Held, Stage::Impaired] {
                let help = "1 for the stage that a zone is in by the detector of gray failure";
                let [pool, zone] = labels.clone();
                let labels = [pool, zone, ("stage", stage.to_string())];
                page.gauge("gray_stage", help, &labels, u64::from(evidence.stage == stage));
            }
            let help = "The logarithm of the evidence that a zone fails in part";
            page.float("gray_evidence", help, &labels, evidence.total);
            let help = "What a verdict needs of it";
            page.float("gray_evidence_threshold", help, &labels, evidence.threshold);
            let help = "Faults a request over ten seconds, worst endpoints and clients left out";
            page.float("gray_fault_ratio", help, &labels, evidence.fault_rate);
            let help = "What is tolerated of them, by peers and the zone's own past";
            page.float("gray_fault_ratio_tolerated", help, &labels, evidence.fault_rate_tolerated);
            let help = "Seconds in a row for which a zone has been impaired";
            page.gauge("gray_impaired_seconds", help, &labels, u64::from(judged.impaired_s));
            let is_doubted = pool.observers_doubted.contains(&judged.zone);
            let help = "1 while what balancers of a zone see is left out, since the trouble is theirs";
            page.gauge("gray_observers_doubted", help, &labels, u64::from(is_doubted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_seconds_are_told_by_reason() {
        let mut page = Page::new();
        let seconds_dropped = [("late", 3), ("pools", 0)].into();
        gray(&mut page, &Judged { seconds_dropped, ..Judged::default() });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &page.registry).unwrap();
        for line in [
            "holdfast_gray_seconds_dropped_total{reason=\"late\"} 3\n",
            "holdfast_gray_seconds_dropped_total{reason=\"pools\"} 0\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
