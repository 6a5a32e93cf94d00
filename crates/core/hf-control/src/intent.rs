//! What people want to be so, as the data planes need it.

use hf_config::Problems;
use hf_config::estate::{EndpointSet, Estate, EstateBundle};
use hf_model::{
    ControlId, ControlPath, Digest, DnsName, EstateId, Operator, PoolName, Revision, ShiftId, Switch,
    Timestamp, ZoneId,
};

use crate::board::Board;
use crate::deployment::Deployment;
use crate::hosted::{DynamicZone, ZoneKey};

/// All intent at one revision: what the feed carries to every node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// Whose intent it is; a node that obeys one estate takes nothing from another.
    pub estate_id: EstateId,
    /// The newest ledger entry in it.
    pub revision: Revision,
    /// The entry that brought the estate.
    pub estate_revision: Revision,
    /// The estate as written; empty before the first `apply`.
    pub estate: EstateBundle,
    /// Active shifts, oldest first.
    pub shifts: Vec<Shift>,
    /// Pins in force, oldest first.
    pub pins: Vec<Pin>,
    /// Zones that are being deployed to, by revision: for the detectors of gray failure; nothing serves otherwise for it.
    pub deployments: Vec<Deployment>,
    /// How every routing control of the built-in cluster stands, by path.
    pub controls: Vec<ControlState>,
    /// All clusters, panels, controls and rules, without their tags: not obeyed by anybody, but with it a ledger that was lost goes on
    /// with every safety rule that guarded the controls.
    pub board: Board,
    /// The newest acts that have ended, oldest first, at most [`Intent::RETURNS`]: what they took away returns bit by bit.
    pub returns: Vec<Return>,
    /// What updates made of hosted zones, by name; one whose last record went stays, for its revision.
    pub dynamic: Vec<DynamicZone>,
    /// DNSSEC keys, by hosted zone and tag; private parts are sealed.
    pub zone_keys: Vec<ZoneKey>,
    /// What sources told of pools' endpoints, by pool.
    pub sets: Vec<EndpointSet>,
    /// What became of break-glass acts that the ledger knows, oldest first, at most [`crate::State::BREAK_GLASS`].
    pub break_glass: Vec<RecordedBreakGlass>,
}

impl Intent {
    /// Reads its estate, with what sources told of pools' endpoints in it.
    ///
    /// # Errors
    ///
    /// The problems of the text; sets have none.
    pub fn read_estate(&self) -> Result<Estate, Problems> {
        let estate = crate::read_estate(&self.estate)?;
        if self.sets.is_empty() { Ok(estate) } else { Ok(estate.with_sets(estate.digest, &self.sets)) }
    }

    /// The digest of the estate that [`Intent::read_estate`] gives, found without reading the text.
    pub fn estate_digest(&self) -> Digest {
        hf_config::estate::digest_with(self.estate.digest(), &self.sets)
    }

    /// What updates made of this hosted zone; none if nothing.
    pub fn dynamic_of(&self, hosted_zone: &DnsName) -> Option<&DynamicZone> {
        self.dynamic.iter().find(|zone| zone.name == *hosted_zone)
    }

    /// The DNSSEC keys of this hosted zone, by tag.
    pub fn keys_of(&self, hosted_zone: &DnsName) -> impl Iterator<Item = &ZoneKey> {
        self.zone_keys.iter().filter(move |key| key.hosted_zone == *hosted_zone)
    }

    /// Ended acts that it tells of.
    pub const RETURNS: usize = 64;

    /// How the routing control of this path stands; none if there is none.
    pub fn control(&self, path: &ControlPath) -> Option<&ControlState> {
        self.controls.binary_search_by(|control| control.path.cmp(path)).ok().map(|at| &self.controls[at])
    }
}

/// How a routing control stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlState {
    /// Its panel and name.
    pub path: ControlPath,
    /// Its number.
    pub id: ControlId,
    /// How it stands.
    pub to: Switch,
    /// When it was last turned.
    pub changed_at: Timestamp,
    /// Who turned it.
    pub by: Operator,
    /// Pools whose floor it may break while it is off.
    pub floor_overrides: Vec<PoolName>,
}

/// Something that took a zone away and has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The zone.
    pub zone: ZoneId,
    /// What had left it.
    pub scope: Scope,
    /// When the ledger ended it.
    pub at: Timestamp,
}

/// A break-glass act that the ledger knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBreakGlass {
    /// As it was signed.
    pub act: BreakGlassShift,
    /// The entry that recorded it.
    pub revision: Revision,
    /// What became of it.
    pub fate: BreakGlassFate,
}

/// What became of a break-glass act when the ledger heard of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakGlassFate {
    /// It goes on as this shift: the shift's word counts, the act's own no more.
    Shift(ShiftId),
    /// It was a cancel, and ended these shifts; or it ended before the ledger heard of it, and these are none.
    Ended(Vec<ShiftId>),
    /// It contradicts what the ledger says; nodes obey it until its end. Says what it contradicts.
    Conflicts(String),
}

/// What a shift or pin acts on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every pool, record and worker of the zone.
    Everything,
    /// One pool: `pool/web`.
    Pool(PoolName),
    /// One steered name: `record/www.example.test.`
    Record(DnsName),
}

impl Scope {
    /// Whether one act on `self` and another on `other` could meet.
    pub fn overlaps(&self, other: &Scope) -> bool {
        self == other || *self == Scope::Everything || *other == Scope::Everything
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Everything => f.write_str("everything"),
            Scope::Pool(name) => write!(f, "pool/{name}"),
            Scope::Record(name) => write!(f, "record/{name}"),
        }
    }
}

/// Why a text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a resource; write `everything`, `pool/NAME` or `record/NAME`")]
pub struct ScopeError(pub String);

impl std::str::FromStr for Scope {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let error = || ScopeError(text.chars().take(80).collect());
        if text == "everything" {
            Ok(Scope::Everything)
        } else if let Some(name) = text.strip_prefix("pool/") {
            PoolName::new(name).map(Scope::Pool).map_err(|_| error())
        } else if let Some(name) = text.strip_prefix("record/") {
            // Operators write names as they say them; a scope is absolute all the same.
            let absolute =
                if name.is_empty() || name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
            DnsName::new(&absolute).map(Scope::Record).map_err(|_| error())
        } else {
            Err(error())
        }
    }
}

/// An evacuation of a zone; it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Its name: `shift-` and the revision that began it.
    pub id: ShiftId,
    /// The zone that is left.
    pub zone: ZoneId,
    /// What leaves it.
    pub scope: Scope,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who began it.
    pub by: Operator,
    /// When.
    pub started_at: Timestamp,
    /// When it is due to end. A node without contact holds it past that.
    pub ends_at: Timestamp,
    /// Whether it is in force.
    pub state: ShiftState,
    /// What kind of shift it is.
    pub kind: ShiftKind,
    /// Pools whose floor it may break, by the operator's explicit word.
    pub floor_overrides: Vec<PoolName>,
    /// The entry that last changed it.
    pub revision: Revision,
}

/// What kind of shift it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShiftKind {
    /// An operator's.
    #[default]
    Zonal,
    /// An operator's, given straight to the nodes and recorded afterwards.
    BreakGlass,
    /// A rehearsal: it yields to every other act of people.
    Practice,
    /// Begun by evidence, not by people: it yields to every act of theirs, and outranks rehearsals.
    Autoshift,
}

impl ShiftKind {
    /// Whether people asked for it, and mean it: such shifts are in each other's way, the others in nobody's.
    pub fn is_of_people(self) -> bool {
        match self {
            ShiftKind::Zonal | ShiftKind::BreakGlass => true,
            ShiftKind::Practice | ShiftKind::Autoshift => false,
        }
    }
}

/// Whether a shift is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShiftState {
    /// In force.
    Active,
    /// Ended by an operator at this instant.
    Canceled(Timestamp),
    /// Ended by its length at this instant.
    Expired(Timestamp),
    /// A practice run that a stronger act ended at this instant.
    Interrupted(Timestamp),
    /// An autoshift or practice run that was ended at this instant by whoever watches over it: the evidence is gone, or the run is judged.
    Completed(Timestamp),
}

impl ShiftState {
    /// When it ended; none while it is active.
    pub fn ended_at(self) -> Option<Timestamp> {
        match self {
            ShiftState::Active => None,
            ShiftState::Canceled(at)
            | ShiftState::Expired(at)
            | ShiftState::Interrupted(at)
            | ShiftState::Completed(at) => Some(at),
        }
    }
}

/// An operator's word on a zone that outranks every other; it ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The zone.
    pub zone: ZoneId,
    /// For what.
    pub scope: Scope,
    /// In or out.
    pub to: PinTo,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: Operator,
    /// When it was set; the beginning of time for one from a ledger that did not keep it.
    pub started_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Pools whose floor a pin out may break, by the operator's explicit word.
    pub floor_overrides: Vec<PoolName>,
    /// The entry that set it.
    pub revision: Revision,
}

/// The direction of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinTo {
    /// Serves whatever shifts and health say.
    In,
    /// Does not serve.
    Out,
}

/// A shift that came straight from an operator's machine to this node because no ledger could be reached.
///
/// It ends by each node's own clock, cannot be extended, and gives way to nothing but a pin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BreakGlassShift {
    /// The estate that it is for; it does nothing to another.
    pub estate: EstateId,
    /// The zone that is left, wholly.
    pub zone: ZoneId,
    /// Why.
    pub reason: String,
    /// The name of the key that signed it.
    pub by: Operator,
    /// When it was signed: the newest for a zone wins.
    pub signed_at: Timestamp,
    /// When it ends; equal to `signed_at` for a break-glass cancel.
    pub ends_at: Timestamp,
}

impl BreakGlassShift {
    /// Whether it takes nothing away, but ends what was signed before it.
    pub fn is_cancel(&self) -> bool {
        self.ends_at <= self.signed_at
    }

    /// Whether both are the same act: the ledger knows acts by zone, signer and instant.
    pub fn is_same(&self, other: &BreakGlassShift) -> bool {
        (&self.zone, self.signed_at, &self.by) == (&other.zone, other.signed_at, &other.by)
    }

    /// What names it among all acts: estate, zone, signer and instant.
    pub fn digest(&self) -> Digest {
        let mut bytes = self.estate.0.to_vec();
        for text in [self.zone.as_str(), self.by.as_str()] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.signed_at.0.to_be_bytes());
        Digest::of(&bytes)
    }

    /// Of two acts on one zone the greater counts, on every node and in the ledger alike.
    ///
    /// Of two signed at one instant the one that ends later counts: what was evacuated stays so.
    pub fn newness(&self) -> (Timestamp, Timestamp, &Operator, &str) {
        (self.signed_at, self.ends_at, &self.by, &self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = text.parse::<Scope>().map_or_else(|error| error.to_string(), |scope| scope.to_string());
        assert_eq!(found, expected);
    }

    #[test]
    fn a_scope_is_read_as_operators_write_it() {
        check("everything", "everything");
        check("pool/web", "pool/web");
        check("record/www.shop.test.", "record/www.shop.test.");
        check("record/www.shop.test", "record/www.shop.test.");
        check("record/WWW.shop.test", "record/www.shop.test.");
        for wrong in ["", "web", "pool/", "record/", "record/a..b", "record/a b"] {
            check(
                wrong,
                &format!("{wrong:?} is not a resource; write `everything`, `pool/NAME` or `record/NAME`"),
            );
        }
    }
}
