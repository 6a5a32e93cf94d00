//! Services and whom they call.
//!
//! 1. Names are read before calls: the order of the tables is free.
//! 2. A way of calls that comes back to where it began has no length, so it is refused; the first call that closes a ring is told.
//!
//! Not here: arithmetic (`hf-capacity`).

use hf_model::ServiceName;

use super::zones::named;
use crate::estate::{Call, CallScope, Service, ServiceIx, limits};
use crate::walk::{Fields, Names, Report, Value, clip};

/// A call with the place where it is written.
struct Written {
    call: Call,
    at: usize,
}

/// A service whose calls are read.
struct Draft {
    name: Option<ServiceName>,
    calls: Option<Vec<Written>>,
}

/// The services of the file; those with a problem are `None`.
pub(super) fn services(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Vec<Option<Service>> {
    let mut names = Names::new("service");
    let tables = root.list("service", "a service", limits::SERVICES, report);
    let named: Vec<_> = (0_u16..)
        .zip(tables)
        .map(|(position, mut fields)| {
            let name = named(&mut fields, "name", position, &mut names, report);
            (name.and_then(|name| name.read(report, ServiceName::new)), fields)
        })
        .collect();
    let drafts: Vec<Draft> = named
        .into_iter()
        .map(|(name, mut fields)| {
            let calls = match fields.get("calls") {
                Some(value) => calls(value, &names, report),
                None => Some(Vec::new()),
            };
            fields.finish(&[], report);
            Draft { name, calls }
        })
        .collect();
    refuse_rings(&drafts, report);
    let service = |draft: Draft| {
        let calls = draft.calls?.into_iter().map(|written| written.call).collect();
        Some(Service { name: draft.name?, calls })
    };
    drafts.into_iter().map(service).collect()
}

fn calls(value: Value<'_, '_>, names: &Names, report: &mut Report<'_>) -> Option<Vec<Written>> {
    let (mut all, mut whole) = (Vec::<Written>::new(), true);
    for item in value.items_up_to(limits::CALLS, report)? {
        match call(item, names, report) {
            Some(call) if all.iter().any(|other| other.call.to == call.call.to) => {
                report.add(call.at, "this service is called twice; remove one of the two");
            }
            Some(call) => all.push(call),
            None => whole = false,
        }
    }
    whole.then_some(all)
}

fn call(item: Value<'_, '_>, names: &Names, report: &mut Report<'_>) -> Option<Written> {
    let mut fields = item.fields("a call", report)?;
    let at = fields.at();
    let to = fields
        .need("service", report)
        .and_then(|value| names.find(value.text(report)?, value.at(), report))
        .map(ServiceIx);
    let scope = fields.need("scope", report).and_then(|value| value.read(report, read_scope));
    fields.finish(&[], report);
    Some(Written { call: Call { to: to?, scope: scope? }, at })
}

fn read_scope(text: &str) -> Result<CallScope, String> {
    match text {
        "regional" => Ok(CallScope::Regional),
        "zonal" => Ok(CallScope::Zonal),
        _ => Err(format!(
            "`scope` is \"regional\" (any zone of the region) or \"zonal\" (the caller's own), not {:?}; change it",
            clip(text)
        )),
    }
}

/// Where a walk along calls has been.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    OnTheWay,
    Done,
}

/// Tells the first call of each ring that closes it. Work: each call once.
fn refuse_rings(drafts: &[Draft], report: &mut Report<'_>) {
    let mut seen = vec![Seen::Not; drafts.len()];
    let calls_of = |at: usize| drafts[at].calls.as_deref().unwrap_or_default();
    for start in 0..drafts.len() {
        // Services on the way, and how many of their calls were followed.
        let mut way: Vec<(usize, usize)> = Vec::new();
        if seen[start] == Seen::Not {
            seen[start] = Seen::OnTheWay;
            way.push((start, 0));
        }
        while let Some((at, followed)) = way.last_mut() {
            let Some(written) = calls_of(*at).get(*followed) else {
                seen[*at] = Seen::Done;
                way.pop();
                continue;
            };
            *followed += 1;
            let to = written.call.to.at();
            match seen[to] {
                Seen::Not => {
                    seen[to] = Seen::OnTheWay;
                    way.push((to, 0));
                }
                Seen::OnTheWay => {
                    let name = drafts[to].name.as_ref().map_or("itself", |name| name.as_str());
                    let what =
                        format!("this call leads back to `{name}`; a request would never end: remove it");
                    report.add(written.at, what);
                }
                Seen::Done => {}
            }
        }
    }
}
