//! What people want to be so, as the data planes need it.

use hf_config::estate::EstateBundle;
use hf_model::{DnsName, Operator, PoolName, Revision, ShiftId, Timestamp, ZoneId};

/// All intent at one revision: what the feed carries to every node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
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

/// An operator's evacuation of a zone; it ends by itself.
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
    /// The entry that last changed it.
    pub revision: Revision,
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
    /// When it ends.
    pub ends_at: Timestamp,
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
