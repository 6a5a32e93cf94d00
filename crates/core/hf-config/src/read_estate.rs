//! The estate file: TOML and master files in, a checked [`Estate`] or all problems out.
//!
//! 1. Names are collected before anything refers to them: the order of the sections is free.
//! 2. A thing with a problem keeps its position, so that references to it are not reported too.
//! 3. Only a text without any problem becomes an estate.
//!
//! Total and deterministic: every node reads the same text out of the ledger and must come to the same estate.
//! Not here: files (the caller fills the bundle), what an unwise but possible estate means.

use hf_model::format_duration;

use crate::estate::{Estate, EstateBundle, limits};
use crate::walk::{Fields, Report, verdict};
use crate::{Problem, Problems};

pub(crate) use hosting::read_key;

mod assignments;
mod carrying;
mod catalogs;
mod chain;
mod checks;
mod closing;
mod collections;
mod consumers;
mod controls;
mod hosted;
mod hosting;
mod pools;
mod records;
mod rules;
mod same_as;
mod services;
mod sharing;
mod sources;
mod steered;
mod trees;
mod values;
mod zones;

/// Reads an estate. `file` is how the TOML text is called in problems; master files are called as written in it,
/// beside that file.
///
/// # Errors
///
/// All problems of all files, in the order of their places.
pub fn read_estate(file: &str, bundle: &EstateBundle) -> Result<Estate, Problems> {
    read_estate_advised(file, bundle).map(|(estate, _)| estate)
}

/// Reads an estate, and tells beside it what is allowed and seldom meant.
///
/// # Errors
///
/// As [`read_estate`].
pub fn read_estate_advised(file: &str, bundle: &EstateBundle) -> Result<(Estate, Vec<Problem>), Problems> {
    check_size(file, bundle)?;
    let mut report = Report::new(file, &bundle.toml);
    let Some(document) = report.parse() else { return Err(Problems(report.into_problems())) };
    if document.contains_key("node") && !document.contains_key("zone") {
        report.add_whole("this is a node file; an estate file has [[zone]] and [[pool]]");
        return Err(Problems(report.into_problems()));
    }
    let mut root = Fields::new(&document, 0, "an estate");
    let panels = controls::panels(&mut root, &mut report);
    let controls = controls::controls(&mut root, &panels, &mut report);
    let rules = rules::rules(&mut root, &panels, &controls, &mut report);
    let regions = zones::regions(&mut root, &controls, &mut report);
    let zones = zones::zones(&mut root, &regions, &controls, &mut report);
    let checks = checks::health_checks(&mut root, &controls, bundle, &mut report);
    let checking = checks::budget::read(&mut root, &mut report);
    let assigned = assignments::names(&mut root, &mut report);
    let pools = pools::pools(
        &mut root,
        &pools::Around { zones: &zones, checks: &checks, controls: &controls, assignments: &assigned },
        &mut report,
    );
    checks::budget::check(&checks, &pools, zones.list.len(), checking, &mut report);
    let mut hosted = hosted::hosted_zones(&mut root, bundle, &mut report);
    hosted::check_hosted_zones(&mut hosted, &zones, &pools, &mut report);
    let collections = collections::collections(&mut root, &mut report);
    let around = records::Around {
        regions: &regions,
        zones: &zones,
        pools: &pools,
        controls: &controls,
        collections: &collections,
    };
    let records = records::records(&mut root, &around, &mut hosted, &mut report);
    hosted::finish_hosted_zones(&mut hosted, &records, &mut report);
    let ground = assignments::Ground { records: &records, pools: &pools };
    let assignments = assignments::assignments(&mut root, &ground, &mut report);
    let services = services::services(&mut root, &mut report);
    let consumers = consumers::consumers(&mut root, &zones, &mut report);
    let around = closing::Around { zones: &zones, pools: &pools };
    let closing_sources = closing::closing_sources(&mut root, &around, &mut report);
    root.finish(&[], &mut report);

    let advice = report.take_advice();
    let mut reports = vec![report];
    let mut hosted_zones = Vec::new();
    for zone in hosted {
        reports.extend(zone.report);
        hosted_zones.push(zone.zone);
    }
    verdict(reports)?;
    let incomplete = || {
        let what =
            "could not be read, and no problem was found: a defect of Holdfast; please report it".to_owned();
        Problems(vec![Problem { file: file.to_owned(), line: 0, column: 0, what }])
    };
    let all = || {
        Some(Estate {
            digest: bundle.digest(),
            regions: regions.list.into_iter().collect::<Option<_>>()?,
            zones: zones.list.into_iter().collect::<Option<_>>()?,
            health_checks: checks.list.into_iter().collect::<Option<_>>()?,
            checking,
            pools: pools.list.into_iter().collect::<Option<_>>()?,
            hosted_zones: hosted_zones.into_iter().collect::<Option<_>>()?,
            records: records.steered.into_iter().collect::<Option<_>>()?,
            trees: records.trees.into_iter().collect::<Option<_>>()?,
            aliases: records.aliases.into_iter().collect::<Option<_>>()?,
            cidr_collections: collections.list.into_iter().collect::<Option<_>>()?,
            control_panels: panels.list.into_iter().collect::<Option<_>>()?,
            routing_controls: controls.list.into_iter().collect::<Option<_>>()?,
            safety_rules: rules.into_iter().collect::<Option<_>>()?,
            assignments: assignments.into_iter().collect::<Option<_>>()?,
            services: services.into_iter().collect::<Option<_>>()?,
            consumers: consumers.into_iter().collect::<Option<_>>()?,
            closing_sources: closing_sources.into_iter().collect::<Option<_>>()?,
        })
    };
    all().map(|estate| (estate, advice)).ok_or_else(incomplete)
}

/// The files that an estate's TOML text names, master files and authorities of checks, sorted, each once: what the caller loads into
/// the bundle.
///
/// # Errors
///
/// The text is not TOML, or a name is not a string. Everything else waits for [`read_estate`].
pub fn estate_files(file: &str, toml: &str) -> Result<Vec<String>, Problems> {
    let mut report = Report::new(file, toml);
    let mut files = std::collections::BTreeSet::new();
    if let Some(document) = report.parse() {
        let mut root = Fields::new(&document, 0, "an estate");
        for mut zone in root.list("hosted_zone", "a hosted zone", limits::HOSTED_ZONES, &mut report) {
            let name = zone.get("file").and_then(|value| value.text(&mut report));
            files.extend(name.map(str::to_owned));
        }
        for mut check in root.list("health_check", "a health check", limits::HEALTH_CHECKS, &mut report) {
            let tls = check.get("tls").filter(|value| !value.is_truth());
            let tls = tls.and_then(|value| value.fields("the TLS of a check", &mut report));
            let name = tls.and_then(|mut tls| tls.get("ca_file")).and_then(|value| value.text(&mut report));
            files.extend(name.map(str::to_owned));
        }
    }
    verdict(vec![report])?;
    Ok(files.into_iter().collect())
}

fn check_size(file: &str, bundle: &EstateBundle) -> Result<(), Problems> {
    let bytes = bundle.files.iter().map(|(name, content)| name.len() + content.len()).sum::<usize>()
        + bundle.toml.len();
    if bytes <= limits::BUNDLE_BYTES {
        return Ok(());
    }
    let what = format!(
        "the estate and its master files have {bytes} bytes together, at most {} are read; make them smaller",
        limits::BUNDLE_BYTES
    );
    Err(Problems(vec![Problem { file: file.to_owned(), line: 0, column: 0, what }]))
}

/// `"50%"`, with up to four digits behind the point, as a share.
fn parse_share(text: &str) -> Result<hf_model::Share, String> {
    let error = || format!("{:?} is not a share; write 0% to 100%, such as \"50%\"", crate::walk::clip(text));
    let number = text.strip_suffix('%').ok_or_else(error)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(error());
    }
    let whole: u32 = whole.parse().map_err(|_| error())?;
    let part: u32 = format!("{part:0<4}").parse().map_err(|_| error())?;
    hf_model::Share::from_ppm(whole * 10_000 + part).map_err(|_| error())
}

/// A length of time for a message.
fn length(of: std::time::Duration) -> String {
    format_duration(of)
}

#[cfg(test)]
mod tests;
