//! Dynamic updates (RFC 2136): clients who change names of one hosted zone through whichever control node answers, and what must be so of those names.
//!
//! 1. An update changes the two names of a pair together: in every revision and in every answer both have the same text, so no half of one is seen.
//! 2. A counter is raised on condition that it has the value that a node told, which may be old news. Of two updates that saw the same value one is done.
//! 3. Our own count says what each revision has and which updates are done: prerequisites are judged on the very state that the entry changes.
//! 4. Every node answers for each name what its revision has. What was acknowledged is there once all is healed.
//! 5. The serial rises with every update that changed something, and falls nowhere.
//!
//! Not here: RFC 2136 in full (`hf-hosted`), messages and signatures (`hf-dns`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hf_answer::{Asked, Asker, Compiled, ExplainTxt, HostedSet};
use hf_config::estate::PlainRecord;
use hf_control::{Command, HostedUpdate, Intent, Outcome, Refusal, UpdateChange, UpdatePrerequisite};
use hf_health::Verdicts;
use hf_model::{DnsName, RequestId, WireName};
use hf_snapshot::Snapshot;

use super::plan::{MEMBERS, Plan};
use super::store::Put;
use super::world::World;

/// Pairs of names, each with a counter.
const PAIRS: u64 = 4;
const TXT: u16 = 16;
const SOA: u16 = 6;

/// The one record of each name that has one.
type Texts = BTreeMap<DnsName, Vec<u8>>;

/// What the checks remember of updates.
#[derive(Debug, Default)]
pub struct KnownUpdates {
    /// What clients asked for.
    asked: BTreeMap<RequestId, HostedUpdate>,
    /// What became of each request in the ledger, the first time.
    outcomes: BTreeMap<RequestId, Outcome>,
    /// Requests that are done, by the names that clients gave them.
    done: BTreeSet<RequestId>,
    /// Requests whose clients were told that they are done.
    acknowledged: BTreeSet<RequestId>,
    /// From a revision on, until the next.
    texts: BTreeMap<u64, Arc<Texts>>,
    /// The serial that is shown, by revision.
    serials: BTreeMap<u64, u32>,
}

impl KnownUpdates {
    fn texts_at(&self, revision: u64) -> Option<(u64, &Arc<Texts>)> {
        self.texts.range(..=revision).next_back().map(|(since, texts)| (*since, texts))
    }
}

impl World {
    /// The next update of a client. What it knows, a control node told it, perhaps one that is behind.
    pub fn draw_update(&mut self, request: &RequestId) -> HostedUpdate {
        let pair = self.rng.below(PAIRS);
        let at = self.rng.below(MEMBERS as u64) as usize;
        let told = self.members[at].running.as_ref().map(|running| running.replica.state().intent());
        let counter = name(&format!("counter-{pair}"));
        let count = told.and_then(|intent| texts_of(&intent).remove(&counter));
        let [left, right] = both(pair);
        let (mut prerequisites, mut changes) = (Vec::new(), Vec::new());
        let mut set = |name: &DnsName, rdata: Vec<u8>| {
            changes.push(UpdateChange::DeleteSet(name.clone(), TXT));
            changes.push(UpdateChange::Add(PlainRecord { name: name.clone(), rtype: TXT, ttl: 5, rdata }));
        };
        match self.rng.below(10) {
            0..=5 => {
                let number: u64 = count.as_ref().map_or(0, |rdata| number_in(rdata) + 1);
                prerequisites.push(match count {
                    Some(rdata) => UpdatePrerequisite::RecordExists(counter.clone(), TXT, rdata),
                    None => UpdatePrerequisite::SetMissing(counter.clone(), TXT),
                });
                set(&left, text(request.as_str()));
                set(&right, text(request.as_str()));
                set(&counter, text(&number.to_string()));
            }
            6 => {
                prerequisites.push(UpdatePrerequisite::NameNotInUse(left.clone()));
                set(&left, text(request.as_str()));
                set(&right, text(request.as_str()));
            }
            7 => {
                prerequisites.push(UpdatePrerequisite::NameInUse(right.clone()));
                changes.extend([left, right].map(UpdateChange::DeleteName));
            }
            _ => {
                set(&left, text(request.as_str()));
                set(&right, text(request.as_str()));
            }
        }
        let update = HostedUpdate { hosted_zone: apex(), key: name_of("sim."), prerequisites, changes };
        self.known.updates.asked.insert(request.clone(), update.clone());
        update
    }

    /// An entry was committed: an update is done when its prerequisites held before it, and then all of it.
    pub fn check_update(&mut self, put: &Put) -> Result<(), String> {
        let revision = self.store.newest();
        let known = &mut self.known.updates;
        let before = known.texts_at(revision).map(|(_, texts)| texts.clone()).unwrap_or_default();
        let mut after = before.clone();
        if let Command::UpdateHostedZone(given) = &put.entry.command {
            let request = &put.entry.request;
            let outcome = self.store.outcomes.get(&revision).ok_or("an entry without an outcome")?;
            let named = self.known.aliases.get(request).unwrap_or(request);
            if let Some(first) = known.outcomes.get(request) {
                if first != outcome {
                    return Err(format!(
                        "{request} came to {first:?} first, and at {revision} to {outcome:?}"
                    ));
                }
            } else {
                let asked = known.asked.get(named).unwrap_or(given);
                let missing = asked.prerequisites.iter().find(|part| !holds(&before, part));
                match (missing, outcome) {
                    (None, Outcome::Done { .. }) => {
                        after = Arc::new(changed(&before, &given.changes));
                        known.done.insert(named.clone());
                        self.seen.updates += 1;
                    }
                    (Some(_), Outcome::Refused(Refusal::Update { .. })) => self.seen.updates_refused += 1,
                    (missing, outcome) => {
                        return Err(format!(
                            "{named} is {outcome:?} at revision {revision}, and this prerequisite of it does not hold: {missing:?}"
                        ));
                    }
                }
                known.outcomes.insert(request.clone(), outcome.clone());
            }
        }
        let truth = self.store.truth.get(&revision).ok_or("a revision without an intent")?;
        let has = texts_of(truth);
        if has != *after {
            return Err(format!("the names at revision {revision} are {has:?}, by our own count {after:?}"));
        }
        no_half(revision, |name| has.get(name).cloned())?;
        if !Arc::ptr_eq(&before, &after) {
            known.texts.insert(revision, after);
        }
        Ok(())
    }

    /// A client is told what became of its request.
    pub fn told_update(&mut self, request: &RequestId, outcome: &Outcome) {
        if matches!(outcome, Outcome::Done { .. }) && self.known.updates.asked.contains_key(request) {
            self.known.updates.acknowledged.insert(request.clone());
        }
    }

    /// What answers are made of at a revision: every name as our own count has it, and a serial that fits those of other revisions.
    pub fn check_answers(&mut self, who: &str, snapshot: &Arc<Snapshot>) -> Result<(), String> {
        let revision = snapshot.intent.revision.0;
        let compiled = Compiled::new(snapshot.clone(), Arc::new(HostedSet::default()));
        let answered = |name: &DnsName| answer(&compiled, name, TXT);
        let known = &mut self.known.updates;
        let (since, texts) =
            known.texts_at(revision).map_or((0, Arc::default()), |(since, texts)| (since, texts.clone()));
        for pair in 0..PAIRS {
            let [left, right] = both(pair);
            for name in [&left, &right, &name(&format!("counter-{pair}"))] {
                let (answer, wanted) = (answered(name), texts.get(name).cloned());
                if answer != wanted {
                    return Err(format!(
                        "{who} answers {answer:?} for {name} at revision {revision}, and that has {wanted:?}"
                    ));
                }
            }
        }
        no_half(revision, answered)?;
        let soa = answer(&compiled, &apex(), SOA).ok_or(format!("{who} answers no SOA"))?;
        let at = soa.len().checked_sub(20).ok_or("an SOA that is too short")?;
        let serial = u32::from_be_bytes([soa[at], soa[at + 1], soa[at + 2], soa[at + 3]]);
        let before = known.serials.range(..revision).next_back();
        let after = known.serials.range(revision + 1..).next();
        let falls = before.is_some_and(|(_, before)| *before > serial)
            || after.is_some_and(|(_, after)| *after < serial);
        let stays = before.is_some_and(|(at, before)| *at < since && *before == serial);
        let differs = known.serials.get(&revision).is_some_and(|known| *known != serial);
        if falls || stays || differs {
            return Err(format!(
                "{who} shows serial {serial} at revision {revision}, whose names are as since {since}; before it {before:?}, after it {after:?}"
            ));
        }
        known.serials.insert(revision, serial);
        Ok(())
    }

    /// Once all is healed: every control node and plane answers what was acknowledged.
    pub fn check_acknowledged(&mut self) -> Result<(), String> {
        let known = &self.known.updates;
        if let Some(lost) = known.acknowledged.iter().find(|request| !known.done.contains(*request)) {
            return Err(format!("the ledger has no {lost}, which was acknowledged"));
        }
        self.seen.acknowledged += known.acknowledged.len() as u64;
        for at in 0..self.planes.len() {
            let running = self.planes[at].running.as_ref();
            let snapshot = running.and_then(|running| running.snapshot.clone());
            let snapshot = snapshot.ok_or(format!("plane-{at} serves nothing, and all is healed"))?;
            self.check_answers(&format!("plane-{at}"), &snapshot)?;
        }
        for at in 0..self.members.len() {
            let Some(running) = &self.members[at].running else { continue };
            let intent = Arc::new(running.replica.state().intent());
            let (estate, wall) = (self.estate_of(&intent)?, self.wall_of(at));
            let verdicts = Verdicts::unknown(estate.subject_count());
            let snapshot = Snapshot::build(1, wall, intent, estate, Vec::new(), verdicts);
            self.check_answers(&format!("control-{at}"), &Arc::new(snapshot))?;
        }
        Ok(())
    }
}

/// Both names of a pair.
fn both(pair: u64) -> [DnsName; 2] {
    ["left", "right"].map(|side| name(&format!("{side}-{pair}")))
}

fn no_half(revision: u64, text_of: impl Fn(&DnsName) -> Option<Vec<u8>>) -> Result<(), String> {
    for pair in 0..PAIRS {
        let [left, right] = both(pair).map(|name| text_of(&name));
        if left != right {
            return Err(format!(
                "half of an update is seen at revision {revision}: {left:?} and {right:?} in pair {pair}"
            ));
        }
    }
    Ok(())
}

/// The names that an intent has. A name with two records would be a defect, and shows as one that differs.
fn texts_of(intent: &Intent) -> Texts {
    let records = intent.dynamic_of(&apex()).map(|zone| zone.records.clone()).unwrap_or_default();
    let mut texts = Texts::new();
    for record in records.iter().filter(|record| record.rtype == TXT) {
        texts.entry(record.name.clone()).or_default().extend_from_slice(&record.rdata);
    }
    texts
}

/// Our own count of what must hold; each name has one record at most.
fn holds(texts: &Texts, part: &UpdatePrerequisite) -> bool {
    match part {
        UpdatePrerequisite::NameInUse(name) | UpdatePrerequisite::SetExists(name, _) => {
            texts.contains_key(name)
        }
        UpdatePrerequisite::NameNotInUse(name) | UpdatePrerequisite::SetMissing(name, _) => {
            !texts.contains_key(name)
        }
        UpdatePrerequisite::RecordExists(name, _, rdata) => texts.get(name) == Some(rdata),
    }
}

fn changed(texts: &Texts, changes: &[UpdateChange]) -> Texts {
    let mut texts = texts.clone();
    for change in changes {
        match change {
            UpdateChange::Add(record) => _ = texts.insert(record.name.clone(), record.rdata.clone()),
            UpdateChange::DeleteSet(name, _)
            | UpdateChange::DeleteName(name)
            | UpdateChange::Delete(name, ..) => {
                texts.remove(name);
            }
        }
    }
    texts
}

/// The data of the answer; of several records one after another.
fn answer(compiled: &Compiled, name: &DnsName, rtype: u16) -> Option<Vec<u8>> {
    let name = WireName::from(name);
    let asked = Asked { name: name.as_wire(), rtype, class: 1, dnssec_ok: false, compact_ok: false };
    let asker = Asker {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        subnet: None,
        own_zone: None,
        seed: 0,
        explain: ExplainTxt::Refused,
    };
    let answer = compiled.answer(&asked, &asker);
    let of_type: Vec<u8> = answer
        .answers
        .iter()
        .filter(|record| record.rtype == rtype)
        .flat_map(|record| record.rdata.iter().copied())
        .collect();
    (!of_type.is_empty()).then_some(of_type)
}

fn apex() -> DnsName {
    name_of(Plan::HOSTED_ZONE)
}

fn name(label: &str) -> DnsName {
    name_of(&format!("{label}.{}", Plan::HOSTED_ZONE))
}

fn name_of(text: &str) -> DnsName {
    DnsName::new(text).expect("a name of the simulation")
}

/// TXT data of one string.
fn text(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn number_in(rdata: &[u8]) -> u64 {
    std::str::from_utf8(rdata.get(1..).unwrap_or_default())
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
