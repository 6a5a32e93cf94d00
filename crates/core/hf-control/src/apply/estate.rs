//! Putting an estate in force.
//!
//! 1. It must replace what the caller saw: a caller who read another one is refused, also when nothing would change.
//! 2. The estate in force, asked for again, is done already: that is a success.
//! 3. It must read without a problem and keep every zone, pool and record that an active shift or a pin acts on.
//!
//! 4. The routing controls that it declares are brought onto the board ([`super::declared`]); practice settings
//!    and marks of deployments of what it no longer has go.
//! 5. It keeps every hosted zone that has dynamic records or DNSSEC keys; dynamic records of what it now declares go.
//!
//! 6. What sources told of pools' endpoints stays, as far as it fits ([`super::sources`]).
//!
//! An estate may raise a floor above what shifts in force leave: the text is right, and `hf-decide` then lets the weakest
//! act yield, in sight of everybody.

use std::fmt::Write as _;
use std::sync::Arc;

use hf_config::Problems;
use hf_config::estate::{Estate, EstateBundle};
use hf_model::{Operator, Revision, ZoneId};

use super::{Effect, asked};
use crate::command::{Event, Refusal};
use crate::intent::Scope;
use crate::state::State;

/// Problems that a refusal repeats; the rest is counted. With [`PROBLEM_CHARS_MAX`] at most 8 KiB of each of the 4,096
/// outcomes that a checkpoint holds.
const PROBLEMS_SHOWN_MAX: usize = 10;
/// Characters of each of them.
const PROBLEM_CHARS_MAX: usize = 200;

impl State {
    pub(super) fn apply_estate(
        &mut self,
        bundle: &EstateBundle,
        if_match: Option<Revision>,
        by: &Operator,
    ) -> Result<Effect, Refusal> {
        asked::check_match(if_match, self.estate_revision)?;
        if self.estate.is_some() && *bundle == self.bundle {
            return Ok(Effect {
                revision: self.estate_revision,
                shift: None,
                object: None,
                events: Vec::new(),
            });
        }
        let estate =
            read_estate(bundle).map_err(|problems| Refusal::BadEstate { problems: digest_of(&problems) })?;
        self.check_in_use(&estate)?;
        self.check_hosted_in_use(&estate)?;
        let sets = self.sets_for(&estate);
        let estate = if sets.is_empty() { estate } else { estate.with_sets(estate.digest, &sets) };
        let declared = self.declare(&estate, &mut self.numbers(), by)?;
        let were_away = self.zones_that_controls_take();
        let before = self.estate.as_ref().map(|estate| estate.digest);
        let after = estate.digest;
        self.bundle = bundle.clone();
        self.sets = sets;
        self.estate = Some(Arc::new(estate));
        self.estate_revision = self.revision;
        let mut events = vec![Event::EstateApplied { before, after }];
        self.board = declared.board;
        self.return_zones(&were_away);
        events.extend(declared.events);
        if let Some(estate) = self.estate.clone() {
            events.extend(self.forget_practices(&estate));
            events.extend(self.forget_deployments(&estate));
            events.extend(self.yield_to_declared(&estate));
        }
        Ok(self.done(None, events))
    }

    /// Whether `estate` has all that shifts and pins act on. An id that became an alias of another zone is another place.
    fn check_in_use(&self, estate: &Estate) -> Result<(), Refusal> {
        let shifts = self.active_shifts().map(|shift| (shift.id.to_string(), &shift.zone, &shift.scope));
        let pins = self
            .pins
            .iter()
            .map(|pin| (format!("the pin of {} for {}", pin.zone, pin.scope), &pin.zone, &pin.scope));
        for (by, zone, scope) in shifts.chain(pins) {
            if let Some(what) = missing(estate, zone, scope) {
                return Err(Refusal::InUse { by, what });
            }
        }
        Ok(())
    }
}

/// Reads an estate as the state machine does; the problems name the file as operators know it.
pub fn read_estate(bundle: &EstateBundle) -> Result<Estate, Problems> {
    hf_config::read_estate("estate.toml", bundle)
}

fn missing(estate: &Estate, zone: &ZoneId, scope: &Scope) -> Option<String> {
    if !estate.zones.iter().any(|kept| kept.id == *zone) {
        return Some(format!("zone {zone}"));
    }
    if asked::has_scope(estate, scope) { None } else { Some(scope.to_string()) }
}

/// The first problems, one a line: a refusal is remembered and must stay small.
fn digest_of(problems: &Problems) -> String {
    let shown: Vec<String> = problems
        .0
        .iter()
        .take(PROBLEMS_SHOWN_MAX)
        .map(|problem| {
            let text = problem.to_string();
            text.chars().take(PROBLEM_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
        })
        .collect();
    let mut text = shown.join("\n");
    let rest = problems.0.len() - shown.len();
    if rest > 0 {
        let _ = write!(text, "\nand {rest} more; `holdfast check` lists all of them");
    }
    text
}
