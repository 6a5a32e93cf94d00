//! A finding told as what it is: one endpoint, clients, one zone, everything, or an observer; with its evidence and what follows.
//!
//! Not here: how it is found (`hf-gray`).

use hf_api::GrayTold;
use hf_gray::{Finding, Judged, PoolJudged, Stage, ZoneJudged};
use hf_model::PoolName;

/// Findings that the status tells of all pools, and `explain` of one: who has more trouble than that reads `/v1/gray`.
const SHORT_MAX: usize = 20;
/// Findings that `/v1/gray` tells of one pool.
const POOL_MAX: usize = 200;

/// Findings, as many as are told in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The first ones; what concerns most comes first.
    pub first: Vec<GrayTold>,
    /// How many more there are.
    pub more: u32,
}

impl Told {
    fn of(all: impl Iterator<Item = GrayTold>, most: usize) -> Told {
        let mut all = all;
        let first = all.by_ref().take(most).collect();
        Told { first, more: u32::try_from(all.count()).unwrap_or(u32::MAX) }
    }

    /// The findings' words, and a line on how many are left out.
    pub fn lines(self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more findings; `/v1/gray` tells them", self.more));
        self.first.into_iter().map(|told| told.text).chain(more)
    }
}

/// The findings of all pools, in the pools' order, as many as the status tells.
pub fn all(judged: &Judged) -> Told {
    Told::of(judged.pools.iter().flat_map(|(name, pool)| found(name, pool)), SHORT_MAX)
}

/// The findings of one pool, as many as `/v1/gray` tells.
pub fn of_pool(name: &PoolName, pool: &PoolJudged) -> Told {
    Told::of(found(name, pool).into_iter(), POOL_MAX)
}

/// The findings of one pool, as many as `explain` tells.
pub fn in_short(name: &PoolName, pool: &PoolJudged) -> Told {
    Told::of(found(name, pool).into_iter(), SHORT_MAX)
}

/// All findings of one pool; what concerns most comes first.
pub fn found(name: &PoolName, pool: &PoolJudged) -> Vec<GrayTold> {
    let told = |sort: &str, zone: Option<&ZoneJudged>, endpoint: Option<String>, text: String| GrayTold {
        pool: name.to_string(),
        sort: sort.to_owned(),
        zone: zone.map(|zone| zone.zone.to_string()),
        endpoint,
        text,
    };
    let mut found = Vec::new();
    if let Some(zone) = pool.impaired() {
        let text = format!("one zone ({}) is bad, the others are not: {}", zone.zone, zone.evidence);
        found.push(told("zone", Some(zone), None, text));
    }
    found.extend(everything(pool).map(|text| told("everything", None, None, text)));
    for zone in &pool.observers_doubted {
        let text = format!(
            "the observer {zone} sees every zone bad where observers elsewhere see the same endpoints answer: its own evidence counts for nothing"
        );
        found.push(told("observer", pool.zone(zone), None, text));
    }
    for (apart, address) in &pool.apart {
        let Some(zone) = pool.zones.get(apart.zone) else { continue };
        let rates = format!(
            "{} {} against {} of the others there (tolerated {}), evidence {:.0} of {:.0}, likelihood ratio of rates of 10 s",
            apart.what,
            percent(apart.rate.now),
            percent(apart.others),
            percent(apart.rate.tolerated),
            apart.evidence,
            zone.evidence.threshold
        );
        let zone_name = &zone.zone;
        found.push(if let Some(address) = address {
            let text = format!(
                "one endpoint ({address}) of {zone_name} is bad: {rates}; the zone is not left for it"
            );
            told("endpoint", Some(zone), Some(address.to_string()), text)
        } else {
            let text =
                format!("two clients have the faults in {zone_name}: {rates}; the zone is not left for them");
            told("clients", Some(zone), None, text)
        });
    }
    found
}

/// Trouble in several zones, while no single one is to be left.
fn everything(pool: &PoolJudged) -> Option<String> {
    let of = |zone: &ZoneJudged| format!("{}: {}", zone.zone, zone.evidence);
    if pool.finding == Finding::Several {
        let bad = pool.zones.iter().filter(|zone| zone.evidence.stage == Stage::Impaired);
        let told: Vec<String> = bad.map(of).collect();
        return Some(format!(
            "several zones are bad at once: nothing is evacuated, leaving one would not help; {}",
            told.join("; ")
        ));
    }
    let (what, zones) = pool.everywhere.as_ref().filter(|_| pool.impaired().is_none())?;
    let names: Vec<&str> =
        zones.iter().filter_map(|at| pool.zones.get(*at)).map(|zone| zone.zone.as_str()).collect();
    Some(format!(
        "everything is worse than it was, {} of {} zones ({}) at once have more {what}: nothing is evacuated",
        names.len(),
        pool.zones.len(),
        names.join(", ")
    ))
}

fn percent(of: f64) -> String {
    let percent = 100.0 * of;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}
