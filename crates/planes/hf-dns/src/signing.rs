//! Keys at work: which zones are signed, and when their signatures are made.
//!
//! 1. A hosted zone with a policy in the estate and an active key in the intent is signed, with the keys that the node's seal file opens. Where it
//!    does not, the zone still answers whoever wants no signatures; who wants them gets SERVFAIL from this node, and the log says so.
//! 2. What a new snapshot makes of steered names is signed before it goes into force, for at most [`AHEAD_MAX`]: a shift does not wait for
//!    more. What is left over is signed when it is first asked for, or a moment later by the keeper.
//! 3. The keeper signs all the rest on a thread of its own: after each change, and each [`KEEPER_PACE`] what is due. Of one zone
//!    at most [`SETS_MAX`] sets; sets beyond it are signed when they are asked for.
//! 4. Zones whose keys did not change keep their signatures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hf_answer::{Compiled, Scratch};
use hf_clock::Clock;
use hf_config::estate::ZoneIx;
use hf_control::{ZoneKey, ZoneKeyState};
use hf_dnssec::roll::{self, Key, Phase};
use hf_dnssec::{KeySets, OwnedSet, SetToSign, Signatures, SignedZone, Signing, Unsigned, rdata};
use hf_keys::{Room, SealKey, ZoneSigner};
use hf_model::WireName;
use hf_snapshot::Snapshot;
use tracing::{debug, error};

/// For how long a snapshot waits at most until what it brings is signed.
pub(crate) const AHEAD_MAX: Duration = Duration::from_millis(25);
/// The same at the first snapshot: nobody is answered yet.
const FIRST_MAX: Duration = Duration::from_secs(1);
/// How often the keeper looks for what is due.
pub(crate) const KEEPER_PACE: Duration = Duration::from_mins(1);
/// Sets of one zone that are signed ahead.
const SETS_MAX: usize = 100_000;
/// Sets in the cache of what was asked for: some 20 MB.
const ASKED_MAX: usize = 65_536;
/// Signatures a second for those who ask: at 50 µs each a tenth of a core.
const ASKED_PER_SECOND: u32 = 2_000;

/// The zones' signers, kept from snapshot to snapshot.
#[derive(Debug)]
pub(crate) struct Signers {
    seal: Option<Arc<SealKey>>,
    clock: Clock,
    room: Arc<Room>,
    zones: Mutex<BTreeMap<WireName, Zone>>,
}

/// One zone and what its signer was made of.
#[derive(Debug)]
struct Zone {
    keys: Vec<ZoneKey>,
    validity: Duration,
    signed: SignedZone,
    /// None where the keys do not open.
    signer: Option<Arc<ZoneSigner>>,
}

/// Signs nothing: the keys do not open.
#[derive(Debug)]
struct NoKeys;

impl Signatures for NoKeys {
    fn rrsigs(&self, _: &SetToSign<'_>, _: &mut dyn FnMut(&[u8])) -> Result<(), Unsigned> {
        Err(Unsigned::Failed)
    }
}

impl Signers {
    pub(crate) fn new(seal: Option<Arc<SealKey>>, clock: Clock) -> Signers {
        let room = Arc::new(Room::new(ASKED_MAX, ASKED_PER_SECOND));
        Signers { seal, clock, room, zones: Mutex::default() }
    }

    /// The same answers, signed where the snapshot says so; what chance and health make of them is signed first. Blocks.
    pub(crate) fn sign(&self, compiled: Compiled, own_zone: Option<ZoneIx>, is_first: bool) -> Compiled {
        let signing = self.signing(compiled.snapshot());
        let compiled = compiled.with_signing(Arc::new(signing));
        let deadline = Instant::now() + if is_first { FIRST_MAX } else { AHEAD_MAX };
        let mut scratch = Scratch::new();
        for apex in compiled.signed_zones() {
            let Some(signer) = self.signer(&apex) else { continue };
            // Keys and SOA are in every second answer.
            signer.prepare(&compiled.plain_sets(&apex, 4), deadline);
            for name in compiled.steered_names(&apex) {
                if Instant::now() >= deadline {
                    debug!(%apex, "not all variants are signed ahead of this snapshot; the keeper goes on");
                    break;
                }
                signer.prepare(&compiled.variants(&name, own_zone, &mut scratch), deadline);
            }
        }
        compiled
    }

    /// Signs all that is new or due. Blocks, for as long as it takes.
    pub(crate) fn keep(&self, compiled: &Compiled, own_zone: Option<ZoneIx>) {
        let mut scratch = Scratch::new();
        for apex in compiled.signed_zones() {
            let Some(signer) = self.signer(&apex) else { continue };
            let mut sets: Vec<OwnedSet> = Vec::new();
            for name in compiled.steered_names(&apex) {
                sets.extend(compiled.variants(&name, own_zone, &mut scratch));
                if sets.len() >= SETS_MAX {
                    break;
                }
            }
            sets.extend(compiled.plain_sets(&apex, SETS_MAX));
            let prepared = signer.prepare_all(&sets);
            let counts = signer.counts();
            debug!(%apex, ?prepared, ?counts, "signatures are kept");
        }
    }

    fn signer(&self, apex: &WireName) -> Option<Arc<ZoneSigner>> {
        self.zones().get(apex)?.signer.clone()
    }

    fn zones(&self) -> std::sync::MutexGuard<'_, BTreeMap<WireName, Zone>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signing(&self, snapshot: &Snapshot) -> Signing {
        let mut zones = self.zones();
        let mut next = BTreeMap::new();
        for hosted in &snapshot.estate.hosted_zones {
            let Some(policy) = &hosted.dnssec else { continue };
            let keys: Vec<ZoneKey> = snapshot.intent.keys_of(&hosted.name).cloned().collect();
            let apex = WireName::from(&hosted.name).folded();
            let same =
                zones.remove(&apex).filter(|zone| zone.keys == keys && zone.validity == policy.validity);
            if let Some(zone) = same.or_else(|| self.zone(&apex, hosted.name.as_str(), keys, policy.validity))
            {
                next.insert(apex, zone);
            }
        }
        *zones = next;
        Signing(zones.iter().map(|(apex, zone)| (apex.clone(), zone.signed.clone())).collect())
    }

    /// A zone's signer; none without an active key.
    fn zone(&self, apex: &WireName, name: &str, keys: Vec<ZoneKey>, validity: Duration) -> Option<Zone> {
        let known: Vec<Key> = keys.iter().filter_map(key).collect();
        if !roll::is_signed(&known) {
            return None;
        }
        let sets = KeySets::new(apex.as_wire(), &known);
        let open = |key: &ZoneKey| {
            let algorithm = rdata::algorithm(key.algorithm)?;
            hf_keys::unseal_pair(self.seal.as_deref()?, name, key.tag, algorithm, &key.sealed).map(Arc::new)
        };
        let pairs: Option<Vec<_>> = keys.iter().map(open).collect();
        let signer = match pairs {
            Some(pairs) if pairs.len() == known.len() => {
                let pairs = pairs.into_iter().zip(known).collect();
                let (clock, room) = (self.clock.clone(), self.room.clone());
                Some(Arc::new(ZoneSigner::new(apex.as_wire(), pairs, validity, clock, room)))
            }
            _ => {
                error!(
                    hosted_zone = name,
                    "its keys do not open with `dns.seal_file`, so this node cannot sign it and answers SERVFAIL to who wants signatures; give it the \
                     file that the keys were sealed with"
                );
                None
            }
        };
        let signatures: Arc<dyn Signatures> = match &signer {
            Some(signer) => signer.clone(),
            None => Arc::new(NoKeys),
        };
        Some(Zone { keys, validity, signed: SignedZone { keys: sets, signatures }, signer })
    }
}

fn key(key: &ZoneKey) -> Option<Key> {
    Some(Key {
        algorithm: rdata::algorithm(key.algorithm)?,
        public: key.public.clone(),
        phase: match key.state {
            ZoneKeyState::Published => Phase::Published,
            ZoneKeyState::Active => Phase::Active,
            ZoneKeyState::Retired => Phase::Retired,
        },
        since: key.since,
    })
}
