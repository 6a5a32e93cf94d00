//! Zones that are being deployed to.

use hf_api::Deployment;
use hf_model::Timestamp;

use super::Page;

pub(super) fn deployments(page: &mut Page, known: &[Deployment]) {
    for mark in known {
        let labels = [
            ("zone", mark.zone.clone()),
            ("resource", mark.resource.clone()),
            ("known_by", mark.known_by.as_str().to_owned()),
        ];
        let help = "1 while a zone counts as being deployed to; no line otherwise";
        page.gauge("deployment_in_progress", help, &labels, 1);
        let help = "When that ends by itself";
        page.instant("deployment_ends_timestamp_seconds", help, &labels, Timestamp(mark.ends_at_ms));
    }
}
