//! DNSSEC keys of hosted zones: add, activate, retire, remove.
//!
//! 1. Its hosted zone is in the estate, and plain: one that is secondary is signed where it comes from.
//! 2. A key is published first; it signs when every cache that has the DNSKEY set of before has let go of it. The first key of a hosted
//!    zone need not wait: nobody could have checked anything.
//! 3. An active key stays while no other one has been active for as long as caches keep what only the old one signed.
//! 4. A key leaves the DNSKEY set when no cache has a signature of it any more. An active one never does.
//! 5. Force skips every wait, and lets the last active key go: after the parent's DS records are gone, that is how signing ends.

use hf_config::estate::ZoneSource;
use hf_model::DnsName;

use super::Effect;
use crate::command::{Bounded, Event, Refusal};
use crate::hosted::{KeyPace, ZoneKey, ZoneKeyCommand, ZoneKeyState, ZoneKeyStep};
use crate::state::State;

impl State {
    pub(super) fn change_zone_keys(&mut self, command: &ZoneKeyCommand) -> Result<Effect, Refusal> {
        let before = match command {
            ZoneKeyCommand::Add { hosted_zone, tag, algorithm, public, sealed } => {
                let key = ZoneKey {
                    hosted_zone: hosted_zone.clone(),
                    tag: *tag,
                    algorithm: *algorithm,
                    public: public.clone(),
                    sealed: sealed.clone(),
                    state: ZoneKeyState::Published,
                    since: self.stamp,
                    revision: self.revision,
                };
                self.check_new_key(&key)?;
                let before = self.keys_in_words(hosted_zone);
                let place = (&key.hosted_zone, key.tag);
                let at = self.zone_keys.partition_point(|known| (&known.hosted_zone, known.tag) < place);
                self.zone_keys.insert(at, key);
                before
            }
            ZoneKeyCommand::Activate(step) => self.move_key(step, ZoneKeyState::Active)?,
            ZoneKeyCommand::Retire(step) => self.move_key(step, ZoneKeyState::Retired)?,
            ZoneKeyCommand::Remove(step) => {
                let at = self.find_key(step)?;
                self.check_removal(&self.zone_keys[at], step.pace)?;
                let before = self.keys_in_words(&step.hosted_zone);
                self.zone_keys.remove(at);
                before
            }
        };
        let hosted_zone = command.hosted_zone().clone();
        let after = self.keys_in_words(&hosted_zone);
        Ok(self.done(None, vec![Event::HostedZoneChanged { hosted_zone, before, after }]))
    }

    fn check_new_key(&self, key: &ZoneKey) -> Result<(), Refusal> {
        let estate = self.estate.as_deref();
        let found =
            estate.and_then(|estate| estate.hosted_zones.iter().find(|zone| zone.name == key.hosted_zone));
        let Some(found) = found else {
            return Err(Refusal::UnknownHostedZone { hosted_zone: key.hosted_zone.clone() });
        };
        let what = || format!("DNSSEC key {} of {}", key.tag, key.hosted_zone);
        let invalid = |why: String| Err(Refusal::Invalid { what: what(), why });
        if let ZoneSource::Secondary(_) = found.source {
            return invalid(
                "the hosted zone comes from a primary elsewhere; sign it there, its signatures are handed on"
                    .to_owned(),
            );
        }
        match ZoneKey::public_bytes(key.algorithm) {
            None => {
                return invalid(format!(
                    "algorithm {} is not spoken; use 13 (ECDSA P-256) or 15 (Ed25519)",
                    key.algorithm
                ));
            }
            Some(bytes) if key.public.len() != bytes => {
                return invalid(format!(
                    "a public key of algorithm {} has {bytes} bytes, this one {}; copy it again",
                    key.algorithm,
                    key.public.len()
                ));
            }
            Some(_) => {}
        }
        if !(1..=ZoneKey::SEALED_BYTES).contains(&key.sealed.len()) {
            return invalid(format!(
                "a sealed private key has 1 to {} bytes, this one {}; seal it with the nodes' `dns.seal_file`",
                ZoneKey::SEALED_BYTES,
                key.sealed.len()
            ));
        }
        let of_the_zone = self.zone_keys.iter().filter(|known| known.hosted_zone == key.hosted_zone);
        if of_the_zone.clone().any(|known| known.tag == key.tag) {
            return invalid("there is a key of this tag already; make another key".to_owned());
        }
        if of_the_zone.count() >= ZoneKey::OF_A_ZONE {
            return Err(Refusal::TooMany { what: Bounded::ZoneKeys, count: ZoneKey::OF_A_ZONE });
        }
        Ok(())
    }

    fn find_key(&self, step: &ZoneKeyStep) -> Result<usize, Refusal> {
        let place = (&step.hosted_zone, step.tag);
        self.zone_keys
            .binary_search_by(|key| (&key.hosted_zone, key.tag).cmp(&place))
            .map_err(|_| Refusal::UnknownZoneKey { hosted_zone: step.hosted_zone.clone(), tag: step.tag })
    }

    fn move_key(&mut self, step: &ZoneKeyStep, to: ZoneKeyState) -> Result<Option<String>, Refusal> {
        let at = self.find_key(step)?;
        let key = &self.zone_keys[at];
        match (key.state, to) {
            (ZoneKeyState::Published, ZoneKeyState::Active) => self.check_activation(key, step.pace)?,
            (ZoneKeyState::Retired, ZoneKeyState::Active) => {}
            (ZoneKeyState::Active, ZoneKeyState::Retired) => self.check_retirement(key, step.pace)?,
            (from, to) => {
                return Err(Refusal::Invalid {
                    what: format!("DNSSEC key {} of {}", key.tag, key.hosted_zone),
                    why: format!(
                        "it is {from} and cannot become {to}; a key goes from published to active to retired"
                    ),
                });
            }
        }
        let before = self.keys_in_words(&step.hosted_zone);
        let (stamp, revision) = (self.stamp, self.revision);
        let key = &mut self.zone_keys[at];
        (key.state, key.since, key.revision) = (to, stamp, revision);
        Ok(before)
    }

    fn check_activation(&self, key: &ZoneKey, pace: KeyPace) -> Result<(), Refusal> {
        if self.active_keys(&key.hosted_zone).next().is_none() {
            return Ok(());
        }
        self.check_wait(key, key, pace)
    }

    fn check_retirement(&self, key: &ZoneKey, pace: KeyPace) -> Result<(), Refusal> {
        let others = self.active_keys(&key.hosted_zone).filter(|other| other.tag != key.tag);
        match others.min_by_key(|other| other.since) {
            Some(oldest) => self.check_wait(key, oldest, pace),
            None if pace == KeyPace::Forced => Ok(()),
            None => Err(Refusal::Invalid {
                what: format!("DNSSEC key {} of {}", key.tag, key.hosted_zone),
                why: "it is the only active one; activate another first, or, with its DS records gone from the parent, force it"
                    .to_owned(),
            }),
        }
    }

    fn check_removal(&self, key: &ZoneKey, pace: KeyPace) -> Result<(), Refusal> {
        match key.state {
            ZoneKeyState::Published => Ok(()),
            ZoneKeyState::Retired => self.check_wait(key, key, pace),
            ZoneKeyState::Active => Err(Refusal::Invalid {
                what: format!("DNSSEC key {} of {}", key.tag, key.hosted_zone),
                why: "it is active; retire it first".to_owned(),
            }),
        }
    }

    /// Whether `waited_for` has been as it is for long enough.
    fn check_wait(&self, key: &ZoneKey, waited_for: &ZoneKey, pace: KeyPace) -> Result<(), Refusal> {
        let next_at = waited_for.next_at();
        if pace == KeyPace::Forced || next_at <= self.stamp {
            return Ok(());
        }
        Err(Refusal::ZoneKeyWaits {
            hosted_zone: key.hosted_zone.clone(),
            tag: key.tag,
            left: next_at.since(self.stamp),
        })
    }

    fn active_keys(&self, hosted_zone: &DnsName) -> impl Iterator<Item = &ZoneKey> {
        let is_one =
            move |key: &&ZoneKey| key.hosted_zone == *hosted_zone && key.state == ZoneKeyState::Active;
        self.zone_keys.iter().filter(is_one)
    }

    /// Such as `DNSSEC keys 4711 active, 815 published`; none without keys.
    fn keys_in_words(&self, hosted_zone: &DnsName) -> Option<String> {
        let keys = self.zone_keys.iter().filter(|key| key.hosted_zone == *hosted_zone);
        let words: Vec<String> = keys.map(|key| format!("{} {}", key.tag, key.state)).collect();
        (!words.is_empty()).then(|| format!("DNSSEC keys {}", words.join(", ")))
    }
}
