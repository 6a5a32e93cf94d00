//! Calculated checks: m of n others, or their majority, wherever these stand, and never in a ring.

use hf_model::CheckName;

use crate::estate::{Calculated, CheckIx, CheckKind, HealthCheck, Needs};
use crate::walk::{Fields, Names, Report, Value, clip};

/// Checks that one check counts.
const OF_MAX: usize = 100;

pub(super) fn read(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Calculated> {
    let of = fields.need("of", report)?.items_up_to(OF_MAX, report)?;
    if of.is_empty() {
        let at = fields.at();
        report.add(at, "a calculated check of no others would never fail; name some in `of`");
        return None;
    }
    let count = of.len() as u16;
    let needs = match fields.get("at_least") {
        Some(value) if value.as_text().is_some() => value.read(report, |text| {
            if text == Needs::MAJORITY {
                return Ok(Needs::Majority);
            }
            let mend = format!("write 1 to {count} without quotes, or \"majority\"");
            Err(format!("`at_least` is a number or \"majority\", this is {:?}; {mend}", clip(text)))
        }),
        Some(value) => {
            let found = value.whole(1, i64::from(count), report);
            found.and_then(|found| u16::try_from(found).ok()).map(Needs::AtLeast)
        }
        None => Some(Needs::AtLeast(count)),
    };
    // Names come once all checks are known.
    Some(Calculated { of: Vec::new(), needs: needs? })
}

/// Looks the names up and refuses rings, too many levels, and what could never fail.
pub(super) fn resolve(
    list: &mut [Option<HealthCheck>],
    names: &Names,
    pending: &[(CheckIx, Value<'_, '_>)],
    report: &mut Report<'_>,
) {
    // By position: whom each counts; also of those that are wrong otherwise.
    let mut of_each: Vec<Vec<CheckIx>> = vec![Vec::new(); list.len()];
    for (at, value) in pending {
        for item in value.items(report).unwrap_or_default().into_iter().take(OF_MAX) {
            let Some(found) = item.text(report).and_then(|text| names.find(text, item.at(), report)) else {
                list[at.at()] = None;
                continue;
            };
            let of = &mut of_each[at.at()];
            if of.contains(&CheckIx(found)) {
                report.add(item.at(), "this check is counted twice; remove one of the two");
            }
            of.push(CheckIx(found));
        }
    }
    for (at, level) in levels(&of_each).into_iter().enumerate() {
        let Some((_, value)) = pending.iter().find(|(pending, _)| pending.at() == at) else { continue };
        match level {
            None => report.add(
                value.at(),
                "these checks count one another in a ring, so none of them could ever be told; break it",
            ),
            Some(level) if level > Calculated::DEPTH => {
                let max = Calculated::DEPTH;
                report.add(value.at(), format_args!("calculated checks stand in at most {max} levels, this one in {level}; count their checks directly"));
            }
            Some(_) => {}
        }
        let is_off = |of: &CheckIx| list[of.at()].as_ref().is_some_and(|check| check.disabled);
        let off = of_each[at].iter().filter(|of| is_off(of)).count();
        let is_voteless = |of: &&CheckIx| list[of.at()].as_ref().is_some_and(|check| !check.is_standing());
        let voteless = of_each[at].iter().find(is_voteless).and_then(|of| list[of.at()].as_ref());
        let voteless = voteless.map(|check| (check.name.clone(), check.kind.as_str()));
        if let Some(HealthCheck { kind: CheckKind::Calculated(calculated), inverted, disabled, .. }) =
            &mut list[at]
        {
            calculated.of.clone_from(&of_each[at]);
            let Needs::AtLeast(at_least) = calculated.needs else {
                majority(value.at(), voteless, (off, of_each[at].len()), report);
                continue;
            };
            if off < usize::from(at_least) || *disabled {
                continue;
            }
            if *inverted {
                report.add(
                    value.at(),
                    "enough of these checks are disabled, and so healthy, that this inverted one could never pass; enable some, raise `at_least` or disable this one, too",
                );
            } else {
                report.advise(
                    value.at(),
                    "enough of these checks are disabled, and so healthy, that this one never fails; enable some or raise `at_least`",
                );
            }
        }
    }
}

/// What is wrong with a majority: whom it may not count, and how many of how many are disabled.
fn majority(
    at: usize,
    voteless: Option<(CheckName, &'static str)>,
    (off, count): (usize, usize),
    report: &mut Report<'_>,
) {
    if let Some((name, kind)) = voteless {
        report.add(
            at,
            format_args!(
                "a majority is of checks that stand by themselves, and `{name}` of kind {kind} does not; give it an `address`, count others, or \
                 write a number in `at_least`"
            ),
        );
    } else if off == count {
        report.advise(at, "all of these checks are disabled, and so nobody decides; enable some");
    } else if (count - off).is_multiple_of(2) {
        let voting = count - off;
        report.advise(
            at,
            format_args!("{voting} checks may be of two minds by half, which changes nothing; take one more or one less"),
        );
    }
}

/// How many levels of calculated checks each is: 0 for those that count nobody; none in a ring, and above one.
fn levels(of_each: &[Vec<CheckIx>]) -> Vec<Option<usize>> {
    let mut waits: Vec<usize> = of_each.iter().map(Vec::len).collect();
    let mut counted_by: Vec<Vec<usize>> = vec![Vec::new(); of_each.len()];
    for (at, of) in of_each.iter().enumerate() {
        for of in of {
            counted_by[of.at()].push(at);
        }
    }
    let mut levels: Vec<Option<usize>> = vec![None; of_each.len()];
    let mut ready: Vec<usize> = (0..of_each.len()).filter(|at| waits[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        let below = of_each[at].iter().filter_map(|of| levels[of.at()]).max();
        levels[at] = Some(below.map_or(0, |below| below + 1));
        for above in &counted_by[at] {
            waits[*above] -= 1;
            if waits[*above] == 0 {
                ready.push(*above);
            }
        }
    }
    levels
}
