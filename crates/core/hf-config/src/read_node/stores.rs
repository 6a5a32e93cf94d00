//! `[stores]` and `[[credentials]]`: how a control node looks at the stores of closing sources.
//!
//! Not here: the secrets, which are read when they are needed; the stores themselves, which the estate names.

use hf_model::CredentialsName;

use super::read_path;
use crate::estate::Estate;
use crate::node::{StoreCredentials, StoresConfig};
use crate::walk::{Fields, Names, Report, if_there};

/// Credentials of one node at most.
const CREDENTIALS_MAX: usize = 64;

pub(super) fn stores(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<StoresConfig> {
    let ca = match root.get("stores") {
        Some(value) => {
            let mut fields = value.fields("this section", report)?;
            let ca = if_there(fields.get("ca"), |value| value.read(report, read_path));
            fields.finish(&[], report);
            ca
        }
        None => Ok(None),
    };
    let mut names = Names::new("credentials");
    let (mut whole, mut all) = (true, Vec::new());
    for (position, fields) in
        (0..).zip(root.list("credentials", "an entry of credentials", CREDENTIALS_MAX, report))
    {
        let read = credentials(fields, position, &mut names, report);
        whole &= read.is_some();
        all.extend(read);
    }
    let ca = ca.ok()?;
    whole.then_some(StoresConfig { ca, credentials: all })
}

fn credentials(
    mut fields: Fields<'_, '_>,
    position: u16,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<StoreCredentials> {
    let name = fields.need("name", report).and_then(|value| {
        names.insert(value.text(report)?, position, value.at(), report);
        value.read(report, CredentialsName::new)
    });
    let access_key_id = fields.need("access_key_id", report).and_then(|value| value.read(report, key_id));
    let secret_file = fields.need("secret_file", report).and_then(|value| value.read(report, read_path));
    if fields.has("secret_access_key") {
        fields.ignore(&["secret_access_key"]);
        report.add(
            fields.at(),
            "a secret does not stand in a node file; put it into a file that only this user may read, and name that as `secret_file`",
        );
    }
    fields.finish(&[], report);
    Some(StoreCredentials { name: name?, access_key_id: access_key_id?, secret_file: secret_file? })
}

/// It stands in a header, in a list with commas and slashes.
fn key_id(text: &str) -> Result<String, &'static str> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.+=@:".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err("an access key id has 1 to 128 of A-Z a-z 0-9 - _ . + = @ :, as its store gave it; change it")
    }
}

/// Whether the node has the credentials that the estate's closing sources name.
pub(super) fn check(config: &StoresConfig, at: usize, estate: &Estate, report: &mut Report<'_>) {
    let mut told: Vec<&CredentialsName> = Vec::new();
    for source in &estate.closing_sources {
        let places = source.zones.iter().flat_map(|zone| &zone.stores);
        for name in places.filter_map(|place| place.credentials()) {
            if config.named(name).is_none() && !told.contains(&name) {
                told.push(name);
                report.add(
                    at,
                    format_args!(
                        "closing source `{}` asks with the credentials `{name}`, which this node does not have: its store would be silent here; add [[credentials]]",
                        source.name
                    ),
                );
            }
        }
    }
}
