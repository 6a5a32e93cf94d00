//! Break-glass shifts: signed on the operator's machine, taken by any node, passed from node to node.
//!
//! 1. The signature covers every field; the signer is one of the node file's `break_glass_keys`, found by its name. An act is for one
//!    estate: a node that obeys another, or none yet, does not take it.
//! 2. A shift lasts 1 minute to 72 hours; a cancel ends at the instant of its signing. Neither comes from the future
//!    (a minute of difference between clocks is let pass), neither counts for longer than 72 hours after its signing. Whoever hands one
//!    in has just signed it ([`BEHIND_MAX`]): what is older comes from a clock that is behind, or is a replay. Nodes that pass acts on
//!    to one another are not held to that.
//! 3. For each zone the newest signature wins. What has ended stays in the book until 72 hours after its signing: an
//!    older, longer shift that comes late must not undo it.
//! 4. The book is bounded ([`BreakGlassBook::MAX`]); when it is full, an act for a further zone is refused. None makes room for another
//!    before its 72 hours are over: a cancel that is forgotten would undo itself.
//!
//! Not here: who asked (`hf-control-plane` takes them, `hf-node` merges them), what follows (`hf-decide`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use hf_config::node::OperatorKey;
use hf_control::BreakGlassShift;
use hf_model::{EstateId, Operator, Timestamp, ZoneId, format_duration};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The shortest break-glass shift.
pub const LENGTH_MIN: Duration = Duration::from_mins(1);
/// The longest, and how long after its signing anything counts.
pub const LENGTH_MAX: Duration = Duration::from_hours(72);
/// How far an operator's clock may run ahead of a node's.
pub const AHEAD_MAX: Duration = Duration::from_mins(1);
/// How long before it is handed in an act may have been signed, and how far an operator's clock may be behind.
pub const BEHIND_MAX: Duration = Duration::from_mins(1);
/// Characters of a reason at most; as for shifts of the ledger.
pub const REASON_MAX: usize = 500;

/// A break-glass shift with the signature of the key that `shift.by` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBreakGlass {
    /// What is asked.
    pub shift: BreakGlassShift,
    /// Ed25519 over [`signed_bytes`].
    pub signature: [u8; 64],
}

/// Why a break-glass shift is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BreakGlassRefused {
    /// No such key here.
    #[error(
        "no break-glass key is called `{0}`; put it under `[[break_glass_key]]` in this node's file, or sign with a key that is there"
    )]
    UnknownKey(Operator),
    /// The signature is not this key's over these fields.
    #[error(
        "the signature is not that of the key `{0}` over this shift; sign again with the private key that belongs to it"
    )]
    BadSignature(Operator),
    /// Signed for another estate.
    #[error(
        "it is for estate {found}, this node obeys {ours}; sign it for this one: `holdfast runbook init --force` stores its id"
    )]
    OtherEstate {
        /// The act's.
        found: EstateId,
        /// The one in force here.
        ours: EstateId,
    },
    /// No estate is in force here, so it cannot be told whether the act is for it.
    #[error(
        "this node obeys no estate yet, and an act is for one estate; give it to a node that does, they pass it on"
    )]
    NoEstate,
    /// Too short or too long.
    #[error("a break-glass shift lasts 1m to 72h, this one {}; change `--for`", format_duration(*.0))]
    Length(Duration),
    /// Ends before it is signed.
    #[error("the shift ends before it was signed; check the clock of the machine that signed it")]
    EndsBeforeSigned,
    /// Signed by a clock that is ahead.
    #[error("it was signed {} ahead of this node's clock; set the clocks of both machines and sign again", format_duration(*.0))]
    FromTheFuture(Duration),
    /// Signed by a clock that is behind, or kept for a while.
    #[error(
        "it was signed {} ago by this node's clock, and an act is handed in when it is signed: the clock of the machine that signed it is \
         behind, or it is a replay; set the clocks of both machines and sign again",
        format_duration(*.0)
    )]
    Stale(Duration),
    /// Too old to count.
    #[error("it was signed more than 72h ago; sign a new one")]
    TooOld,
    /// It has ended already.
    #[error("it ended {} ago; sign a new one", format_duration(*.0))]
    Ended(Duration),
    /// No words, or too many.
    #[error("a reason has 1 to {REASON_MAX} characters, this one has {0}; say why in `--reason`")]
    Reason(usize),
    /// A newer one is known for the zone.
    #[error(
        "a newer break-glass act of `{by}` for this zone is known, signed {} after this one; sign again to replace it, and if that does \
         not help set the clock of the machine that signs",
        format_duration(*.later)
    )]
    Superseded {
        /// Who signed the newer one.
        by: Operator,
        /// How much later.
        later: Duration,
    },
    /// The book is full.
    #[error(
        "there are {} break-glass shifts already, the most that there may be; cancel one first",
        BreakGlassBook::MAX
    )]
    TooMany,
}

impl BreakGlassRefused {
    /// One word, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            BreakGlassRefused::UnknownKey(_) => "unknown-key",
            BreakGlassRefused::BadSignature(_) => "bad-signature",
            BreakGlassRefused::OtherEstate { .. } => "other-estate",
            BreakGlassRefused::NoEstate => "no-estate",
            BreakGlassRefused::Length(_) => "length",
            BreakGlassRefused::EndsBeforeSigned | BreakGlassRefused::FromTheFuture(_) => "clock-ahead",
            BreakGlassRefused::Stale(_) => "clock-behind",
            BreakGlassRefused::TooOld | BreakGlassRefused::Ended(_) => "ended",
            BreakGlassRefused::Reason(_) => "reason",
            BreakGlassRefused::Superseded { .. } => "superseded",
            BreakGlassRefused::TooMany => "too-many",
        }
    }
}

/// The bytes that are signed: a heading for this purpose and version, then every field, texts with their length before them.
pub fn signed_bytes(shift: &BreakGlassShift) -> Vec<u8> {
    let mut bytes = b"holdfast break-glass 2\n".to_vec();
    bytes.extend_from_slice(&shift.estate.0);
    for text in [shift.zone.as_str(), shift.reason.as_str(), shift.by.as_str()] {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&shift.signed_at.0.to_be_bytes());
    bytes.extend_from_slice(&shift.ends_at.0.to_be_bytes());
    bytes
}

/// An operator's key pair.
#[derive(Debug)]
pub struct OperatorKeyPair(Ed25519KeyPair);

/// Why bytes are not a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 private key in PKCS#8 form ({0}); make one with `holdfast runbook init`")]
pub struct KeyError(String);

impl OperatorKeyPair {
    /// Makes a new key: the private part as PKCS#8, to be kept secret.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness: no key can be made safely then.
    pub fn generate_pkcs8() -> Vec<u8> {
        let random = ring::rand::SystemRandom::new();
        let made = Ed25519KeyPair::generate_pkcs8(&random).expect("the operating system gives random bytes");
        made.as_ref().to_vec()
    }

    /// Reads a private key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
            .map(Self)
            .map_err(|error| KeyError(error.to_string()))
    }

    /// The public part, as node files have it after base64.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs; `shift.by` must be the name that the node files give to this key.
    pub fn sign(&self, shift: BreakGlassShift) -> SignedBreakGlass {
        let signature = self.0.sign(&signed_bytes(&shift));
        let signature = signature.as_ref().try_into().expect("an Ed25519 signature has 64 bytes");
        SignedBreakGlass { shift, signature }
    }
}

/// Checks what another node passed on: signature, estate, length, age. It may have ended (rule 3).
///
/// `estate` is the one in force on this node.
pub fn verify(
    signed: &SignedBreakGlass,
    keys: &[OperatorKey],
    estate: EstateId,
    now: Timestamp,
) -> Result<(), BreakGlassRefused> {
    let shift = &signed.shift;
    // One name may have several keys, while an operator changes from one to the next.
    let mut named = keys.iter().filter(|key| key.name == shift.by.as_str()).peekable();
    if named.peek().is_none() {
        return Err(BreakGlassRefused::UnknownKey(shift.by.clone()));
    }
    let message = signed_bytes(shift);
    let is_of = |key: &OperatorKey| {
        UnparsedPublicKey::new(&ED25519, key.public_key).verify(&message, &signed.signature)
    };
    if !named.any(|key| is_of(key).is_ok()) {
        return Err(BreakGlassRefused::BadSignature(shift.by.clone()));
    }
    if estate == EstateId::NONE {
        return Err(BreakGlassRefused::NoEstate);
    }
    if shift.estate != estate {
        return Err(BreakGlassRefused::OtherEstate { found: shift.estate, ours: estate });
    }
    match shift.reason.chars().count() {
        1..=REASON_MAX => {}
        len => return Err(BreakGlassRefused::Reason(len)),
    }
    if shift.ends_at < shift.signed_at {
        return Err(BreakGlassRefused::EndsBeforeSigned);
    }
    let length = shift.ends_at.since(shift.signed_at);
    if !length.is_zero() && !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(BreakGlassRefused::Length(length));
    }
    let ahead = shift.signed_at.since(now);
    if ahead > AHEAD_MAX {
        return Err(BreakGlassRefused::FromTheFuture(ahead));
    }
    if now > shift.signed_at.plus(LENGTH_MAX) {
        return Err(BreakGlassRefused::TooOld);
    }
    Ok(())
}

/// Checks what an operator hands in: as [`verify`], and it must have been signed just now, and not have ended.
pub fn verify_new(
    signed: &SignedBreakGlass,
    keys: &[OperatorKey],
    estate: EstateId,
    now: Timestamp,
) -> Result<(), BreakGlassRefused> {
    verify(signed, keys, estate, now)?;
    let shift = &signed.shift;
    let age = now.since(shift.signed_at);
    if !shift.is_cancel() && shift.ends_at <= now {
        Err(BreakGlassRefused::Ended(now.since(shift.ends_at)))
    } else if age > BEHIND_MAX {
        Err(BreakGlassRefused::Stale(age))
    } else {
        Ok(())
    }
}

/// All verified break-glass acts that a node knows, the newest of each zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakGlassBook {
    zones: BTreeMap<ZoneId, SignedBreakGlass>,
}

impl BreakGlassBook {
    /// Zones with a break-glass act at most: every zone that an estate may have.
    pub const MAX: usize = hf_config::estate::limits::ZONES;

    /// Takes a verified act. True if it is news; an error if it loses against what is known.
    pub fn insert(&mut self, signed: SignedBreakGlass) -> Result<bool, BreakGlassRefused> {
        let is_news = self.would_insert(&signed)?;
        if is_news {
            self.zones.insert(signed.shift.zone.clone(), signed);
        }
        Ok(is_news)
    }

    /// What [`BreakGlassBook::insert`] would say.
    pub fn would_insert(&self, signed: &SignedBreakGlass) -> Result<bool, BreakGlassRefused> {
        let Some(known) = self.zones.get(&signed.shift.zone) else {
            return if self.zones.len() >= Self::MAX { Err(BreakGlassRefused::TooMany) } else { Ok(true) };
        };
        // Of two that say the same the signature tells: any fixed order does, as long as every node uses it.
        let order = signed.shift.newness().cmp(&known.shift.newness());
        match order.then(signed.signature.cmp(&known.signature)) {
            Ordering::Equal => Ok(false),
            Ordering::Less => Err(BreakGlassRefused::Superseded {
                by: known.shift.by.clone(),
                later: known.shift.signed_at.since(signed.shift.signed_at),
            }),
            Ordering::Greater => Ok(true),
        }
    }

    /// Forgets what is not for this estate. True if there was any.
    pub fn keep_estate(&mut self, estate: EstateId) -> bool {
        let before = self.zones.len();
        self.zones.retain(|_, signed| signed.shift.estate == estate);
        self.zones.len() != before
    }

    /// Forgets what is too old to count. True if there was any.
    pub fn forget_old(&mut self, now: Timestamp) -> bool {
        let before = self.zones.len();
        self.zones.retain(|_, signed| now <= signed.shift.signed_at.plus(LENGTH_MAX));
        self.zones.len() != before
    }

    /// Whether exactly this act is known: then it needs no second check of its signature.
    pub fn knows(&self, signed: &SignedBreakGlass) -> bool {
        self.zones.get(&signed.shift.zone) == Some(signed)
    }

    /// All of them with their signatures, by zone: what is passed on.
    pub fn signed(&self) -> Vec<SignedBreakGlass> {
        self.zones.values().cloned().collect()
    }
}

/// Why bytes are not a list of break-glass acts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of break-glass shifts: {0}")]
pub struct ListError(String);

#[derive(Serialize, Deserialize)]
struct Wire {
    estate: [u8; 16],
    zone: String,
    reason: String,
    by: String,
    signed_at: u64,
    ends_at: u64,
    signature: Vec<u8>,
}

const VERSION: u8 = 2;

/// As bytes for wire and disk: a version byte and a postcard body.
pub fn encode_list(list: &[SignedBreakGlass]) -> Vec<u8> {
    let to_wire = |signed: &SignedBreakGlass| Wire {
        estate: signed.shift.estate.0,
        zone: signed.shift.zone.to_string(),
        reason: signed.shift.reason.clone(),
        by: signed.shift.by.to_string(),
        signed_at: signed.shift.signed_at.0,
        ends_at: signed.shift.ends_at.0,
        signature: signed.signature.to_vec(),
    };
    let wire: Vec<Wire> = list.iter().take(BreakGlassBook::MAX).map(to_wire).collect();
    postcard::to_extend(&wire, vec![VERSION]).expect("plain data always has a postcard form")
}

/// From bytes; nothing in it has been verified.
pub fn decode_list(bytes: &[u8]) -> Result<Vec<SignedBreakGlass>, ListError> {
    let body = bytes.strip_prefix(&[VERSION]).ok_or_else(|| ListError("unknown version".to_owned()))?;
    let wire: Vec<Wire> = postcard::from_bytes(body).map_err(|error| ListError(error.to_string()))?;
    if wire.len() > BreakGlassBook::MAX {
        return Err(ListError(format!("{} of them", wire.len())));
    }
    let from_wire = |wire: Wire| {
        Ok(SignedBreakGlass {
            shift: BreakGlassShift {
                estate: EstateId(wire.estate),
                zone: ZoneId::new(&wire.zone).map_err(|error| ListError(error.to_string()))?,
                reason: wire.reason,
                by: Operator::new(&wire.by),
                signed_at: Timestamp(wire.signed_at),
                ends_at: Timestamp(wire.ends_at),
            },
            signature: wire
                .signature
                .try_into()
                .map_err(|_| ListError("a signature without 64 bytes".to_owned()))?,
        })
    };
    wire.into_iter().map(from_wire).collect()
}

#[cfg(test)]
mod tests;
