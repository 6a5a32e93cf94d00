//! Routing controls: what one that is off asks for.
//!
//! 1. Behind a zone: that the zone is left. Behind a region: that each of its zones is left, one after another in the estate's order,
//!    as far as the floor allows; what stays is listed as not applied.
//! 2. Behind a pool or a record: that nobody of it serves, floor or no floor: the estate says with `all_down` what happens then.
//! 3. Behind a health check: that the endpoints of its pools count as unhealthy (`hf_health::checks`).
//! 4. A control that the intent does not know is on: losing word of it takes nothing away.
//!
//! Not here: who may turn a control, and safety rules (`hf-control`).

use std::collections::BTreeSet;

use hf_config::estate::{Estate, PoolIx, ZoneIx};
use hf_control::{ControlState, Intent, Scope};
use hf_health::{Verdict, Verdicts};
use hf_model::{ControlPath, Switch, Timestamp};

use crate::Inputs;
use crate::acts::{Act, Asks};
use crate::decision::{Reason, Source};

/// How a control stands, if it is off.
pub(crate) fn off<'a>(intent: &'a Intent, path: Option<&ControlPath>) -> Option<&'a ControlState> {
    intent.control(path?).filter(|control| control.to == Switch::Off)
}

/// The reason of what a control that is off has taken away.
pub(crate) fn reason(control: &ControlState) -> Reason {
    Reason::ControlOff { path: control.path.clone(), since: control.changed_at }
}

/// The zones that stand behind a control, themselves or by their region; in the estate's order.
fn zones_of<'a>(estate: &'a Estate, path: &'a ControlPath) -> impl Iterator<Item = ZoneIx> + 'a {
    estate.zone_indexes().filter(move |at| {
        let zone = estate.zone(*at);
        let region = &estate.regions[zone.region.at()];
        zone.control.as_ref() == Some(path) || region.control.as_ref() == Some(path)
    })
}

/// Every control that a zone or region stands behind, each once.
fn used(estate: &Estate) -> BTreeSet<&ControlPath> {
    let of_zones = estate.zones.iter().filter_map(|zone| zone.control.as_ref());
    of_zones.chain(estate.regions.iter().filter_map(|region| region.control.as_ref())).collect()
}

/// The acts of controls that are off; the one that was turned first comes first.
pub(crate) fn acts<'a>(inputs: &Inputs<'a>) -> Vec<Act<'a>> {
    let Inputs { estate, intent, .. } = *inputs;
    let mut all: Vec<&ControlState> =
        used(estate).into_iter().filter_map(|path| off(intent, Some(path))).collect();
    all.sort_by_key(|control| (control.changed_at, &control.path));
    let act = |(control, zone): (&'a ControlState, ZoneIx)| Act {
        source: Source::Control(control.path.clone()),
        zone,
        scope: Scope::Everything,
        asks: Asks::Out,
        overrides: &control.floor_overrides,
        reason: reason(control),
    };
    let of_zones =
        all.into_iter().flat_map(|control| zones_of(estate, &control.path).map(move |zone| (control, zone)));
    of_zones.map(act).collect()
}

/// When each control that zones stand behind was last turned on, with those zones. One that was never turned has taken nothing away.
pub(crate) fn turned_on<'a>(inputs: &Inputs<'a>) -> impl Iterator<Item = (ZoneIx, Timestamp)> + 'a {
    let Inputs { estate, intent, .. } = *inputs;
    used(estate).into_iter().flat_map(move |path| {
        let control = intent.control(path).filter(|control| control.to == Switch::On);
        let at = control.and_then(|control| match intent.board.controls.get(&control.id) {
            Some(known) => known.turned_at,
            None => Some(control.changed_at),
        });
        at.into_iter().flat_map(move |at| zones_of(estate, path).map(move |zone| (zone, at)))
    })
}

/// The one verdict on every endpoint of a pool whose health check is not about each of them (a routing control, a calculated check, one that
/// stands by itself); none for any other pool.
///
/// Whoever shows or uses single verdicts asks this before the verdicts of the checkers, which know nothing of such pools.
pub fn common_verdict(
    estate: &Estate,
    intent: &Intent,
    verdicts: &Verdicts,
    pool: PoolIx,
) -> Option<Verdict> {
    hf_health::common_verdict(estate, verdicts, |path| is_on(intent, path), pool)
}

/// How a control is switched, if the intent knows it.
pub fn is_on(intent: &Intent, path: &ControlPath) -> Option<bool> {
    intent.control(path).map(|control| control.to == Switch::On)
}
