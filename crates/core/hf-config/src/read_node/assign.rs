//! The section `[assign]` of a node file: where sessions ask for their place.
//!
//! Not here: the files that it names (their users open them), the key that signs tickets (`[balancer]`: balancers check them with it).

use hf_model::Cidr;

use super::{default_listener, listeners, read_path};
use crate::addresses::Taken;
use crate::node::{AssignConfig, Certificate};
use crate::walk::{Fields, Report, Value, clip, if_there};

/// Networks that are trusted at most.
const TRUSTED_MAX: usize = 100;

/// Reads the section; `taken` is there when this node has the role.
pub(super) fn assign(
    root: &mut Fields<'_, '_>,
    taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> Option<AssignConfig> {
    let Some(value) = root.get("assign") else {
        let listen = default_listener("assign", AssignConfig::PORT, taken, report);
        return Some(AssignConfig { listen, ..AssignConfig::default() });
    };
    let mut fields = value.fields("the section assign", report)?;
    let listen = match fields.get("listen") {
        Some(value) => listeners(value, false, taken, report).and_then(|list| list.first().copied()),
        None => Some(default_listener("assign", AssignConfig::PORT, taken, report)),
    };
    let tls = if_there(fields.get("tls"), |value| tls(value, report));
    let trusted = match fields.get("trusted") {
        Some(value) => trusted(value, report),
        None => Some(Vec::new()),
    };
    fields.finish(&[], report);
    Some(AssignConfig { listen: listen?, tls: tls.ok()?, trusted: trusted? })
}

fn tls(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Certificate> {
    let mut fields = value.fields("the assign role's tls", report)?;
    let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
    let (certificate, key) = (path("certificate"), path("key"));
    fields.finish(&[], report);
    Some(Certificate { certificate: certificate?, key: key? })
}

fn trusted(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Cidr>> {
    let mut networks: Vec<Cidr> = Vec::new();
    let mut whole = true;
    for item in value.items_up_to(TRUSTED_MAX, report)? {
        let Some(network) = item.read(report, Cidr::new) else {
            whole = false;
            continue;
        };
        if networks.contains(&network) {
            let text = item.text(report).unwrap_or_default();
            report.add(item.at(), format_args!("{} is listed twice; remove one of the two", clip(text)));
        }
        networks.push(network);
    }
    whole.then_some(networks)
}
