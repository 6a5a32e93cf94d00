//! `holdfast dnssec`: keys of hosted zones, made here and kept sealed in the ledger.
//!
//! 1. A private key is made on this machine and leaves it sealed with the nodes' seal file; nothing of it is printed or stored here.
//! 2. What the next step is, and when, follows from the keys alone (`hf_dnssec::roll`); the ledger judges it once more.
//! 3. An old key is retired only when the operator says that the parent has the new one's DS record: no node can know that.

pub mod words;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hf_api::{AddZoneKey, Client, MoveZoneKey, ZoneKey, ZoneKeyState, ZoneKeys};
use hf_config::estate::DnssecAlgorithm;
use hf_dnssec::roll::{self, Key, Lifetimes, Next, Phase};
use hf_dnssec::{Signer as _, rdata};
use hf_keys::{KeyPair, SealKey};
use hf_model::{DnsName, Timestamp, WireName};

use super::wait::until_applied;
use crate::args::Common;
use crate::args::dnssec::{DnssecArgs, DnssecCommand, EnableArgs, RollArgs};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// Runs one of the DNSSEC commands.
pub async fn run(args: &DnssecArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        DnssecCommand::Enable(args) => enable(args, common).await,
        DnssecCommand::Status { hosted_zone } => {
            let known = Known::read(&client(common)?, hosted_zone).await?;
            show(common.output, &known.zone, |_| words::status(&known, hf_clock::Clock::system().now()))
        }
        DnssecCommand::Roll(args) => step(args, common).await,
        DnssecCommand::Ds { hosted_zone } => {
            let known = Known::read(&client(common)?, hosted_zone).await?;
            let records = known.ds_records();
            if records.is_empty() {
                return Err(Failure::Refused(format!(
                    "{} has no active key, so the parent must have no DS record; begin with `holdfast dnssec enable {0}`",
                    known.name
                )));
            }
            show(common.output, &records, |records| records.join("\n"))
        }
    }
}

/// A hosted zone's keys as the ledger has them.
pub struct Known {
    /// The hosted zone.
    pub name: DnsName,
    /// As on the wire.
    pub zone: ZoneKeys,
    /// The same for `hf_dnssec`; in the same order.
    pub keys: Vec<Key>,
}

impl Known {
    async fn read(client: &Client, hosted_zone: &str) -> Result<Known, Failure> {
        let name = name(hosted_zone)?;
        let zone = client.zone_keys(name.as_str()).await?;
        let keys: Option<Vec<Key>> = zone.keys.iter().map(key).collect();
        let keys = keys.ok_or_else(|| {
            Failure::Refused(
                "the node tells of a key that this version cannot read; update this program".to_owned(),
            )
        })?;
        Ok(Known { name, zone, keys })
    }

    /// The algorithm of the estate.
    fn algorithm(&self) -> Result<DnssecAlgorithm, Failure> {
        let wanted = self.zone.dnssec.as_ref().ok_or_else(|| {
            Failure::Refused(format!(
                "the estate does not say that {} is signed; add `dnssec = {{}}` to its [[hosted_zone]] and apply it",
                self.name
            ))
        })?;
        rdata::algorithm(wanted.algorithm).ok_or_else(|| {
            Failure::Refused(format!("algorithm {} is not known here; update this program", wanted.algorithm))
        })
    }

    /// The next step; where all is settled and the estate wants another algorithm, nothing here begins it by itself.
    pub fn next(&self) -> Next {
        roll::next(&self.keys, Lifetimes::default())
    }

    /// The DS records of all active keys, as text.
    pub fn ds_records(&self) -> Vec<String> {
        let apex = WireName::from(&self.name);
        let active = self.keys.iter().filter(|key| key.phase == Phase::Active);
        let ds = active.map(|key| rdata::ds(apex.as_wire(), &rdata::dnskey(key.algorithm, &key.public)));
        ds.map(|ds| format!("{} IN DS {}", self.name, words::ds(&ds))).collect()
    }
}

fn name(text: &str) -> Result<DnsName, Failure> {
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    DnsName::new(&absolute).map_err(|error| Failure::Usage(format!("{text}: {error}")))
}

fn key(told: &ZoneKey) -> Option<Key> {
    Some(Key {
        algorithm: rdata::algorithm(told.algorithm)?,
        public: STANDARD.decode(&told.public).ok()?.into(),
        phase: match told.state {
            ZoneKeyState::Published => Phase::Published,
            ZoneKeyState::Active => Phase::Active,
            ZoneKeyState::Retired => Phase::Retired,
        },
        since: Timestamp(told.since_at_ms),
    })
}

/// Makes a key, seals it and publishes it; gives its tag and the revision.
async fn add(client: &Client, known: &Known, seal_file: &Path) -> Result<(u16, u64), Failure> {
    let algorithm = known.algorithm()?;
    let was_there = seal_file.exists();
    let seal = SealKey::open_or_make(seal_file).map_err(|error| Failure::Usage(error.to_string()))?;
    if !was_there {
        eprintln!(
            "made {}: copy it to every DNS node and name it there as `dns.seal_file`; without it they answer SERVFAIL to who validates",
            seal_file.display()
        );
    }
    let no_key = |error: hf_keys::NoKeyPair| Failure::Refused(error.to_string());
    // Two keys of one tag would confuse validators and people: about one try in 10,000 is made again.
    let (pair, pkcs8) = loop {
        let pkcs8 = hf_keys::generate(algorithm).map_err(no_key)?;
        let pair = KeyPair::from_pkcs8(algorithm, &pkcs8).map_err(no_key)?;
        if known.keys.iter().all(|key| key.tag() != pair.key_tag()) {
            break (pair, pkcs8);
        }
    };
    let tag = pair.key_tag();
    let add = AddZoneKey {
        tag,
        algorithm: algorithm as u8,
        public: STANDARD.encode(pair.public_key()),
        sealed: STANDARD.encode(hf_keys::seal_pair(&seal, known.name.as_str(), tag, &pkcs8)),
        request_id: Some(hf_api::client::request_id()),
    };
    let done = client.add_zone_key(known.name.as_str(), &add).await?;
    Ok((tag, done.revision))
}

async fn turn(
    client: &Client,
    known: &Known,
    tag: u16,
    to: ZoneKeyState,
    force: bool,
) -> Result<u64, Failure> {
    let wanted = MoveZoneKey { to, force, request_id: Some(hf_api::client::request_id()) };
    Ok(client.move_zone_key(known.name.as_str(), tag, &wanted).await?.revision)
}

async fn enable(args: &EnableArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    let known = Known::read(&client, &args.hosted_zone).await?;
    let tag = match known.next() {
        Next::Begin => add(&client, &known, &args.seal_file).await?.0,
        // A first call that ended between its two steps.
        Next::Activate { at, .. } if !roll::is_signed(&known.keys) => known.keys[at].tag(),
        _ => {
            return Err(Failure::Refused(format!(
                "{} is signed already; `holdfast dnssec roll {0}` gives it a new key",
                known.name
            )));
        }
    };
    let revision = turn(&client, &known, tag, ZoneKeyState::Active, false).await?;
    eprintln!("key {tag} signs from revision {revision} on");
    tell(&client, revision, &known.name, common).await
}

async fn step(args: &RollArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    let known = Known::read(&client, &args.hosted_zone).await?;
    let now = hf_clock::Clock::system().now();
    let tag = |at: usize| known.keys[at].tag();
    let revision = match known.next() {
        Next::Begin => {
            return Err(Failure::Refused(format!(
                "{} has no active key; begin with `holdfast dnssec enable {0} --seal-file FILE`",
                known.name
            )));
        }
        Next::Settled => {
            let Some(seal_file) = &args.seal_file else {
                return Err(Failure::Usage(
                    "a roll-over begins with a new key: name the nodes' seal file with --seal-file FILE"
                        .to_owned(),
                ));
            };
            let (tag, revision) = add(&client, &known, seal_file).await?;
            eprintln!("key {tag} is published");
            revision
        }
        Next::Activate { at, from } => {
            wait_is_over(from, now, args.force, &format!("key {} signs", tag(at)))?;
            let revision = turn(&client, &known, tag(at), ZoneKeyState::Active, args.force).await?;
            eprintln!("key {} is active; give its DS record to the parent now", tag(at));
            revision
        }
        Next::Retire { at, successor, from } => {
            if !args.ds_published {
                return Err(Failure::Refused(format!(
                    "key {} is retired when the parent has the DS record of key {}; when `dig DS {}` shows it, say --ds-published",
                    tag(at),
                    tag(successor),
                    known.name
                )));
            }
            wait_is_over(from, now, args.force, &format!("key {} is retired", tag(at)))?;
            let revision = turn(&client, &known, tag(at), ZoneKeyState::Retired, args.force).await?;
            eprintln!("key {} is retired; take its DS record from the parent now", tag(at));
            revision
        }
        Next::Remove { at, from } => {
            wait_is_over(from, now, args.force, &format!("key {} is removed", tag(at)))?;
            let revision = client.remove_zone_key(known.name.as_str(), tag(at), args.force).await?.revision;
            eprintln!("key {} is gone", tag(at));
            revision
        }
    };
    tell(&client, revision, &known.name, common).await
}

fn wait_is_over(from: Timestamp, now: Timestamp, force: bool, what: &str) -> Result<(), Failure> {
    if force || from <= now {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{what} from {} on, in {}: until then caches have what was before; --force does not wait",
        hf_api::instant(from.0),
        hf_model::format_duration(Duration::from_secs(from.since(now).as_secs().max(1)))
    )))
}

/// Waits for the nodes, then shows where all keys are.
async fn tell(client: &Client, revision: u64, name: &DnsName, common: &Common) -> Result<(), Failure> {
    until_applied(client, revision).await;
    let known = Known::read(client, name.as_str()).await?;
    show(common.output, &known.zone, |_| words::status(&known, hf_clock::Clock::system().now()))
}

#[cfg(test)]
mod tests;
