//! Dynamic updates of hosted zones (RFC 2136), judged over what is declared and what earlier updates brought.
//!
//! 1. The hosted zone is in the estate and its records are: one that nodes read from files, or transfer, is changed where it comes from.
//! 2. Whoever signed has a rule in the estate; without one nothing is told of the hosted zone, not even whether a prerequisite holds.
//! 3. Prerequisites hold (RFC 2136 3.2); a steered set exists, whatever its data is now.
//! 4. Every change is of a name and type that a rule of the key allows, and that the estate neither declares nor steers: what people
//!    declared is changed where they declared it.
//! 5. Then all is done, in order, or nothing (`hf_hosted::update`).
//! 6. What comes out can be served: no DNAME at a delegation, no set that no answer holds.
//! 7. What changes nothing is done already.
//!
//! Not here: signatures (whoever hands an update in has checked them), the wire form (`hf-wire`), RFC 2136 itself (`hf_hosted::update`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hf_config::estate::{AddressFamily, Estate, HostedZone, PlainRecord, UpdateRule, ZoneSource};
use hf_config::{data_text, is_data, type_text};
use hf_hosted::update::{self as rfc2136, Change, Prerequisite, Zone};
use hf_hosted::{Changes, Rr};
use hf_model::{DnsName, WireName};

use super::Effect;
use crate::command::{Event, Refusal};
use crate::hosted::{DynamicZone, HostedUpdate, UpdateChange, UpdatePrerequisite, UpdateRcode};
use crate::state::State;

const CNAME: u16 = 5;
const SOA: u16 = 6;
const NS: u16 = 2;
const DNAME: u16 = 39;
/// DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY: of these only DS is anybody's but the signer's.
const SIGNERS: [u16; 7] = [46, 47, 48, 50, 51, 59, 60];
/// The largest TTL (RFC 2181 8).
const TTL_MAX: u32 = i32::MAX as u32;
/// Characters of before and after that an event keeps: a line of the journal has a size.
const WORDS_CHARS_MAX: usize = 2_000;
/// Bytes of one set in an answer at most: each record takes [`RECORD_BYTES`] beside its data, and a message holds no more.
const SET_BYTES_MAX: usize = 65_000;
const RECORD_BYTES: usize = 12;

/// One name and type.
type Key = (DnsName, u16);

impl State {
    pub(super) fn update_hosted_zone(&mut self, update: &HostedUpdate) -> Result<Effect, Refusal> {
        let estate = self.estate.clone();
        let refuse = |code, why: String| {
            let why = if why.chars().count() > 300 { why.chars().take(300).collect() } else { why };
            Refusal::Update { hosted_zone: update.hosted_zone.clone(), code, why }
        };
        let found = estate.as_deref().and_then(|estate| {
            Some((estate, estate.hosted_zones.iter().find(|zone| zone.name == update.hosted_zone)?))
        });
        let Some((estate, zone)) = found else {
            let why = "there is no such hosted zone in the estate; send it to the server of the zone";
            return Err(refuse(UpdateRcode::NotAuth, why.to_owned()));
        };
        if zone.source != ZoneSource::Estate {
            let why = "its records are not in the estate; change the nodes' file, or send the update to its primary";
            return Err(refuse(UpdateRcode::NotAuth, why.to_owned()));
        }
        let rules: Vec<&UpdateRule> = zone.updates.iter().filter(|rule| rule.key == update.key).collect();
        if rules.is_empty() {
            let why = format!(
                "key {} has no rule in `updates` of this hosted zone; add one to the estate",
                update.key
            );
            return Err(refuse(UpdateRcode::Refused, why));
        }
        let (code, parts) = (UpdateRcode::Refused, HostedUpdate::PARTS);
        if update.prerequisites.len() > parts || update.changes.len() > parts {
            return Err(refuse(
                code,
                format!("an update has at most {parts} prerequisites and changes; split it"),
            ));
        }
        let declared = Declared::of(estate, zone);
        let kept = self.dynamic.iter().find(|known| known.name == zone.name);
        let outside = update.prerequisites.iter().find(|part| !part.name().is_at_or_below(&zone.name));
        if let Some(part) = outside {
            let why = format!("{} is not in the hosted zone; name one that is", part.name());
            return Err(refuse(UpdateRcode::NotZone, why));
        }
        let view = View::of(&declared, kept, update);
        let prerequisites: Vec<Prerequisite> = update.prerequisites.iter().map(prerequisite).collect();
        rfc2136::check(&view, &prerequisites).map_err(|refused| {
            let why =
                format!("a prerequisite does not hold: {refused}; look at what is there and send it anew");
            refuse(UpdateRcode::of(refused), why)
        })?;
        for change in &update.changes {
            declared.check(change, &rules).map_err(|(code, why)| refuse(code, why))?;
        }
        let changes: Vec<Change> = update.changes.iter().map(change).collect();
        let after = view.after(&rfc2136::plan(&view, &changes));
        let before = view.dynamic;
        if before == after {
            return Ok(Effect { revision: self.revision, shift: None, object: None, events: Vec::new() });
        }
        declared.check_sets(&before, &after).map_err(|why| refuse(UpdateRcode::Refused, why))?;
        self.check_room(&zone.name, &after).map_err(|why| refuse(UpdateRcode::ServFail, why))?;
        let event = told(&zone.name, &before, &after);
        self.put_dynamic(zone.name.clone(), after.into_values().flatten().collect());
        Ok(self.done(None, vec![event]))
    }

    fn check_room(&self, name: &DnsName, after: &Sets) -> Result<(), String> {
        let others =
            || self.dynamic.iter().filter(|zone| zone.name != *name).flat_map(|zone| zone.records.iter());
        let all = || others().chain(after.values().flatten());
        let (count, max) = (all().count(), DynamicZone::RECORDS);
        if count > max {
            return Err(format!(
                "there would be {count} dynamic records in all hosted zones, {max} are the most; delete some first, or declare \
                 them in the estate"
            ));
        }
        let bytes: usize = all().map(|record| record.rdata.len()).sum();
        if bytes > DynamicZone::BYTES {
            return Err(format!(
                "dynamic records would have {bytes} bytes of data in all, {} are the most; delete some first",
                DynamicZone::BYTES
            ));
        }
        Ok(())
    }

    fn put_dynamic(&mut self, name: DnsName, records: Arc<[PlainRecord]>) {
        let revision = self.revision;
        match self.dynamic.binary_search_by(|zone| zone.name.cmp(&name)) {
            // It stays when nothing is left: its revision is what keeps the serial from going back.
            Ok(at) => {
                (self.dynamic[at].records, self.dynamic[at].revision) = (records, revision);
            }
            Err(_) if records.is_empty() => {}
            Err(at) => self.dynamic.insert(at, DynamicZone { name, revision, records }),
        }
    }

    /// What of a new estate stands in the way of dynamic records and keys that are there.
    pub(super) fn check_hosted_in_use(&self, estate: &Estate) -> Result<(), Refusal> {
        let has = |name: &DnsName| estate.hosted_zones.iter().any(|zone| zone.name == *name);
        let takes_updates = |name: &DnsName| {
            estate.hosted_zones.iter().any(|zone| zone.name == *name && zone.source == ZoneSource::Estate)
        };
        if let Some(zone) =
            self.dynamic.iter().find(|zone| !zone.records.is_empty() && !takes_updates(&zone.name))
        {
            let holds =
                format!("its dynamic records ({}) have no place in the new estate", zone.records.len());
            return Err(Refusal::NotEmpty { what: format!("hosted zone {}", zone.name), holds });
        }
        if let Some(key) = self.zone_keys.iter().find(|key| !has(&key.hosted_zone)) {
            let holds = format!("it has the DNSSEC key {}", key.tag);
            return Err(Refusal::NotEmpty { what: format!("hosted zone {}", key.hosted_zone), holds });
        }
        Ok(())
    }

    /// Dynamic records that the estate now declares, or cannot stand beside what it declares, go: what people declare counts.
    pub(super) fn yield_to_declared(&mut self, estate: &Estate) -> Vec<Event> {
        let mut events = Vec::new();
        // Where nothing is left, the estate may drop the hosted zone, and what is known of it goes with it.
        self.dynamic.retain(|zone| {
            !zone.records.is_empty() || estate.hosted_zones.iter().any(|hosted| hosted.name == zone.name)
        });
        for at in (0..self.dynamic.len()).rev() {
            let name = self.dynamic[at].name.clone();
            let Some(zone) = estate.hosted_zones.iter().find(|zone| zone.name == name) else { continue };
            let declared = Declared::of(estate, zone);
            let before = sets_of(&self.dynamic[at].records);
            let mut after = before.clone();
            after.retain(|(name, rtype), _| {
                let has_others = *rtype == CNAME && declared.types_at(name).next().is_some();
                !declared.has(name, *rtype)
                    && !declared.has(name, CNAME)
                    && !has_others
                    && declared.at_odds(name, *rtype).is_none()
            });
            if after != before {
                events.push(told(&name, &before, &after));
                self.put_dynamic(name, after.into_values().flatten().collect());
            }
        }
        events
    }
}

/// Sets of records, in the order in which the state keeps them.
type Sets = BTreeMap<Key, Vec<PlainRecord>>;

fn sets_of(records: &[PlainRecord]) -> Sets {
    let mut sets = Sets::new();
    for record in records {
        sets.entry((record.name.clone(), record.rtype)).or_default().push(record.clone());
    }
    sets
}

/// What the estate says of a hosted zone.
struct Declared<'a> {
    zone: &'a HostedZone,
    plain: BTreeMap<(&'a DnsName, u16), Vec<&'a PlainRecord>>,
    /// Sets whose data is chosen for each answer.
    steered: BTreeSet<(&'a DnsName, u16)>,
    /// Above the zonal names of each pool.
    zonal: Vec<DnsName>,
}

impl<'a> Declared<'a> {
    fn of(estate: &'a Estate, zone: &'a HostedZone) -> Self {
        let mut plain: BTreeMap<(&DnsName, u16), Vec<&PlainRecord>> = BTreeMap::new();
        for record in &zone.plain {
            plain.entry((&record.name, record.rtype)).or_default().push(record);
        }
        let of_family = |family: AddressFamily| match family {
            AddressFamily::V4 => 1,
            AddressFamily::V6 => 28,
        };
        let records = estate.records.iter().map(|record| (&record.name, of_family(record.family)));
        let trees = estate.trees.iter().map(|tree| (&tree.name, of_family(tree.family)));
        let aliases = estate.aliases.iter().flat_map(|alias| [(&alias.name, 1), (&alias.name, 28)]);
        // The apex has both, declared or made up.
        let own = [(&zone.name, SOA), (&zone.name, NS)];
        let all = records.chain(trees).chain(aliases).chain(own);
        let steered = all.filter(|(name, _)| name.is_at_or_below(&zone.name)).collect();
        let pools = zone.name.child("pool").into_iter();
        let zonal = pools.flat_map(|above| {
            estate.pools.iter().filter_map(move |pool| above.child(pool.name.as_str()).ok())
        });
        Declared { zone, plain, steered, zonal: zonal.collect() }
    }

    fn has(&self, name: &DnsName, rtype: u16) -> bool {
        self.plain.contains_key(&(name, rtype)) || self.steered.contains(&(name, rtype))
    }

    fn types_at<'b>(&'b self, name: &'b DnsName) -> impl Iterator<Item = u16> + 'b {
        let plain = self.plain.range((name, 0)..=(name, u16::MAX)).map(|((_, rtype), _)| *rtype);
        plain.chain(self.steered.range((name, 0)..=(name, u16::MAX)).map(|(_, rtype)| *rtype))
    }

    /// What the estate declares that a set of this name and type cannot stand beside: a DNAME, a delegation.
    fn at_odds(&self, name: &DnsName, rtype: u16) -> Option<u16> {
        let other = other_of_cut(rtype)?;
        (*name != self.zone.name && self.has(name, other)).then_some(other)
    }

    /// Whether nodes can serve what an update changed. What it leaves as it was is not its fault, and what makes a set smaller helps.
    fn check_sets(&self, before: &Sets, after: &Sets) -> Result<(), String> {
        let bytes = |set: &Vec<PlainRecord>| -> usize {
            set.iter().map(|record| RECORD_BYTES + record.rdata.len()).sum()
        };
        for (key, set) in after.iter().filter(|(key, set)| before.get(key) != Some(set)) {
            let ((name, rtype), new) = (key, bytes(set));
            if new > SET_BYTES_MAX && before.get(key).is_none_or(|old| bytes(old) < new) {
                return Err(format!(
                    "the {} records of {name} would have {new} bytes, and an answer holds {SET_BYTES_MAX}; delete some first",
                    type_text(*rtype)
                ));
            }
            let dynamic = other_of_cut(*rtype)
                .filter(|other| *name != self.zone.name && after.contains_key(&(name.clone(), *other)));
            if let Some(other) = self.at_odds(name, *rtype).or(dynamic) {
                return Err(format!(
                    "{name} has {}, and {} cannot stand beside it: all below leads to one place; delete one of the two",
                    type_text(other),
                    type_text(*rtype)
                ));
            }
            if *rtype == DNAME && set.len() > 1 {
                return Err(format!("{name} would have {} DNAME records; there can be one", set.len()));
            }
        }
        Ok(())
    }

    /// Whether a change may be asked for at all.
    fn check(&self, change: &UpdateChange, rules: &[&UpdateRule]) -> Result<(), (UpdateRcode, String)> {
        let name = change.name();
        if !name.is_at_or_below(&self.zone.name) {
            return Err((
                UpdateRcode::NotZone,
                format!("{name} is not in the hosted zone; name one that is"),
            ));
        }
        if let Some(rtype) = change.rtype() {
            check_data(change, rtype)?;
        }
        let may = |rtype: u16| {
            rules.iter().any(|rule| {
                rule.names.iter().any(|pattern| pattern.holds(name))
                    && (rule.types.is_empty() || rule.types.contains(&rtype))
            })
        };
        let refused = |why: String| Err((UpdateRcode::Refused, why));
        let Some(rtype) = change.rtype() else {
            // All that is there and dynamic; whoever may change one type only names it.
            let may_all = rules
                .iter()
                .any(|rule| rule.types.is_empty() && rule.names.iter().any(|pattern| pattern.holds(name)));
            let is_apex_alone =
                *name == self.zone.name && self.types_at(name).all(|rtype| [SOA, NS].contains(&rtype));
            if !may_all {
                return refused(format!(
                    "the key may not change every type of {name}; name the type, or widen its rule in the estate"
                ));
            }
            if self.types_at(name).next().is_some() && !is_apex_alone {
                return refused(format!("the estate declares records of {name}; change it in the estate"));
            }
            return Ok(());
        };
        if !may(rtype) {
            return refused(format!(
                "the key may not change {name} {}; add the name and the type to its rule in the estate",
                type_text(rtype)
            ));
        }
        if let Some(zonal) = self.zonal.iter().find(|zonal| name.is_at_or_below(zonal)) {
            return refused(format!(
                "the names below {zonal} are zonal names of a pool; choose another name"
            ));
        }
        let is_below = |other: &DnsName| other != name && other.is_at_or_below(name);
        let steered = self.steered.iter().map(|(steered, _)| *steered);
        if [NS, DNAME].contains(&rtype)
            && let Some(hidden) = steered.chain(&self.zonal).find(|other| is_below(other))
        {
            return refused(format!("{} there would hide {hidden}; choose another name", type_text(rtype)));
        }
        if self.has(name, rtype) {
            return refused(format!(
                "the estate declares {name} {}; change it in the estate",
                type_text(rtype)
            ));
        }
        Ok(())
    }
}

/// Of a delegation and a DNAME the other: both say where all below a name is (RFC 6672 2.4).
fn other_of_cut(rtype: u16) -> Option<u16> {
    match rtype {
        NS => Some(DNAME),
        DNAME => Some(NS),
        _ => None,
    }
}

/// Whether a type and its data can be in a hosted zone by an update.
fn check_data(change: &UpdateChange, rtype: u16) -> Result<(), (UpdateRcode, String)> {
    let text = type_text(rtype);
    // 0, OPT, and 128 to 255: questions and what belongs to one message.
    if rtype == 0 || rtype == 41 || (128..=255).contains(&rtype) {
        return Err((
            UpdateRcode::FormErr,
            format!("{text} is no type of records; name the type that you mean"),
        ));
    }
    if rtype == SOA || SIGNERS.contains(&rtype) {
        let why = format!("{text} is made by the server; leave it out");
        return Err((UpdateRcode::Refused, why));
    }
    if let UpdateChange::Add(record) = change {
        if record.ttl > TTL_MAX {
            return Err((UpdateRcode::FormErr, format!("a TTL is at most {TTL_MAX} s; lower it")));
        }
        if !is_data(rtype, &record.rdata) {
            return Err((
                UpdateRcode::FormErr,
                format!("the data of {} {text} does not read; mend it", record.name),
            ));
        }
    }
    Ok(())
}

/// What there is, as RFC 2136 looks at it.
struct View<'a> {
    apex: WireName,
    declared: &'a Declared<'a>,
    dynamic: Sets,
    /// By name in wire form.
    names: BTreeMap<WireName, DnsName>,
}

impl<'a> View<'a> {
    /// Of the names that an update speaks of.
    fn of(declared: &'a Declared<'a>, kept: Option<&DynamicZone>, update: &HostedUpdate) -> Self {
        let asked = update.prerequisites.iter().map(UpdatePrerequisite::name);
        let changed = update.changes.iter().map(UpdateChange::name);
        View {
            apex: WireName::from(&declared.zone.name),
            declared,
            dynamic: kept.map(|zone| sets_of(&zone.records)).unwrap_or_default(),
            names: asked.chain(changed).map(|name| (WireName::from(name), name.clone())).collect(),
        }
    }

    fn name(&self, owner: &WireName) -> Option<DnsName> {
        self.names.get(owner).cloned()
    }

    /// The dynamic records after these changes.
    fn after(&self, changes: &Changes) -> Sets {
        let mut sets = self.dynamic.clone();
        for gone in &changes.removed {
            let Some(key) = self.name(&gone.owner).map(|name| (name, gone.rtype)) else { continue };
            if let Some(set) = sets.get_mut(&key) {
                set.retain(|record| *record.rdata != *gone.rdata);
                if set.is_empty() {
                    sets.remove(&key);
                }
            }
        }
        for new in &changes.added {
            let Some(name) = self.name(&new.owner) else { continue };
            let set = sets.entry((name.clone(), new.rtype)).or_default();
            let record = PlainRecord { name, rtype: new.rtype, ttl: new.ttl, rdata: new.rdata.to_vec() };
            let at = set.partition_point(|known| known.rdata < record.rdata);
            set.insert(at, record);
        }
        sets
    }
}

impl Zone for View<'_> {
    fn apex(&self) -> &WireName {
        &self.apex
    }

    fn records_at(&self, owner: &WireName, each: &mut dyn FnMut(u16, u32, &[u8])) {
        let Some(name) = self.names.get(owner) else { return };
        let key = |rtype| (name, rtype);
        for records in self.declared.plain.range(key(0)..=key(u16::MAX)).map(|(_, records)| records) {
            for record in records {
                each(record.rtype, record.ttl, &record.rdata);
            }
        }
        // Of what is chosen for each answer only that it is there: no data is like it.
        for (_, rtype) in self.declared.steered.range(key(0)..=key(u16::MAX)) {
            if !self.declared.plain.contains_key(&key(*rtype)) {
                each(*rtype, 0, &[]);
            }
        }
        let (from, to) = ((name.clone(), 0), (name.clone(), u16::MAX));
        for records in self.dynamic.range(from..=to).map(|(_, records)| records) {
            for record in records {
                each(record.rtype, record.ttl, &record.rdata);
            }
        }
    }
}

fn prerequisite(part: &UpdatePrerequisite) -> Prerequisite {
    let wire = |name: &DnsName| WireName::from(name);
    match part {
        UpdatePrerequisite::NameInUse(name) => Prerequisite::NameInUse(wire(name)),
        UpdatePrerequisite::NameNotInUse(name) => Prerequisite::NameNotInUse(wire(name)),
        UpdatePrerequisite::SetExists(name, rtype) => Prerequisite::SetExists(wire(name), *rtype),
        UpdatePrerequisite::SetMissing(name, rtype) => Prerequisite::SetMissing(wire(name), *rtype),
        UpdatePrerequisite::RecordExists(name, rtype, rdata) => {
            Prerequisite::SetHolds(wire(name), *rtype, rdata.as_slice().into())
        }
    }
}

fn change(change: &UpdateChange) -> Change {
    let wire = |name: &DnsName| WireName::from(name);
    match change {
        UpdateChange::Add(record) => Change::Add(Rr {
            owner: wire(&record.name),
            rtype: record.rtype,
            ttl: record.ttl,
            rdata: record.rdata.as_slice().into(),
        }),
        UpdateChange::Delete(name, rtype, rdata) => {
            Change::Delete(wire(name), *rtype, rdata.as_slice().into())
        }
        UpdateChange::DeleteSet(name, rtype) => Change::DeleteSet(wire(name), *rtype),
        UpdateChange::DeleteName(name) => Change::DeleteName(wire(name)),
    }
}

/// What changed, set by set.
fn told(hosted_zone: &DnsName, before: &Sets, after: &Sets) -> Event {
    let changed = |of: &Sets, other: &Sets| {
        let mut text = String::new();
        for (key, set) in of.iter().filter(|(key, set)| other.get(key) != Some(set)) {
            for record in set {
                let separator = if text.is_empty() { "" } else { "; " };
                let (name, rtype) = (&key.0, type_text(key.1));
                text.push_str(&format!("{separator}{name} {} {rtype} {}", record.ttl, data_text(record)));
                if text.len() > 4 * WORDS_CHARS_MAX {
                    return Some(cut(&text));
                }
            }
        }
        (!text.is_empty()).then(|| cut(&text))
    };
    Event::HostedZoneChanged {
        hosted_zone: hosted_zone.clone(),
        before: changed(before, after),
        after: changed(after, before),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= WORDS_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(WORDS_CHARS_MAX - 1).chain(['…']).collect()
}
