//! `[sources]`: where a control node looks endpoint sources up.

use std::path::{Path, PathBuf};

use crate::addresses::read_socket;
use crate::node::SourcesConfig;
use crate::walk::{Fields, Report};

/// Resolvers at most: more are never asked.
const RESOLVERS_MAX: usize = 4;

pub(super) fn sources(
    root: &mut Fields<'_, '_>,
    data_dir: Option<&Path>,
    report: &mut Report<'_>,
) -> Option<SourcesConfig> {
    let default = data_dir.unwrap_or(Path::new("")).join("endpoints");
    let Some(value) = root.get("sources") else {
        return Some(SourcesConfig { resolvers: Vec::new(), directory: default });
    };
    let mut fields = value.fields("this section", report)?;
    let mut resolvers = Some(Vec::new());
    for value in
        fields.get("resolvers").and_then(|value| value.items_up_to(RESOLVERS_MAX, report)).unwrap_or_default()
    {
        let Some(address) = value.read(report, read_socket) else {
            resolvers = None;
            continue;
        };
        if address.port() == 0 {
            report.add(value.at(), "a resolver's port is 1 to 65535, this one is 0; it is mostly 53");
        }
        if let Some(known) = &mut resolvers {
            known.push(address);
        }
    }
    let directory = match fields.get("directory") {
        Some(value) => value.text(report).map(PathBuf::from),
        None => Some(default),
    };
    fields.finish(&[], report);
    Some(SourcesConfig { resolvers: resolvers?, directory: directory? })
}
