//! What a node heard of consumers of zone status, as it travels: on every beat, the same message whatever happened.
//!
//! 1. Groups, not instances, within [`BYTES_MAX`]. What has no room goes in this order: members (then counts of nodes are added up), then the
//!    groups at the end, where the well are; how many were left out is told.
//! 2. Instants are by the sender's clock, with the moment of sending; who receives them turns them into its own ([`Told::heard_at`]).
//! 3. A version byte and a postcard body, as reports have it: a version that is not known is skipped.
//!
//! Not here: what is concluded (`hf-consumers`), when it is sent (`pace`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_consumers::{
    ACTS_MAX, Acts, ConsumerKind, ConsumerName, GROUPS_MAX, Group, Groups, InstanceId, LAGGARDS_MAX,
    MEMBERS_MAX, Member, RUNNING_ZONES_MAX,
};
use hf_model::{NodeId, Revision, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::report::ReportError;

/// Bytes of one message at most: 500 groups with long names and what runs in sixty zones each have to leave some out.
pub const BYTES_MAX: usize = 512 << 10;
const VERSION: u8 = 4;
/// Different sets of break-glass acts in one message; whoever has applied another one has not said, to others.
const ACT_SETS_MAX: usize = 64;

/// What one node heard of consumers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// When this was made, by its own clock.
    pub sent_at: Timestamp,
    /// By name, kind and zone.
    pub groups: Groups,
}

impl Told {
    /// The groups with every instant by the clock of who received them at `received_at`.
    #[must_use]
    pub fn heard_at(mut self, received_at: Timestamp) -> Groups {
        let sent_at = self.sent_at;
        let moved = |at: &mut Timestamp| {
            *at = Timestamp(received_at.0.saturating_sub(sent_at.0.saturating_sub(at.0)));
        };
        for group in &mut self.groups.groups {
            moved(&mut group.last_heard);
            for member in &mut group.members {
                moved(&mut member.last_heard);
                member.said_at.iter_mut().for_each(moved);
            }
        }
        self.groups
    }
}

/// One node's word on consumers, and when it came, by the receiver's clock.
#[derive(Clone, Debug)]
pub struct HeardConsumers {
    /// When it came.
    pub received_at: Timestamp,
    /// What it says.
    pub groups: Arc<Groups>,
}

/// What every node with the role `status` told of consumers, the receiver's own word included.
#[derive(Clone, Debug, Default)]
pub struct ConsumersHeard {
    /// The revision of the newest act: who has applied less lags.
    pub in_force: Revision,
    /// The newest word of each.
    pub by_node: BTreeMap<NodeId, HeardConsumers>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    sent_at: u64,
    groups: Vec<WireGroup>,
    left_out: u32,
    forgotten: u64,
    /// The sets of break-glass acts that members name by their place here.
    acts: Vec<Vec<u64>>,
}

#[derive(Serialize, Deserialize)]
struct WireGroup {
    name: String,
    kind: String,
    zone: Option<String>,
    instances: u32,
    silent: u32,
    lagging: u32,
    not_told: u32,
    lowest: Option<u64>,
    highest: Option<u64>,
    running: Vec<(String, u64)>,
    work_not_told: u32,
    laggards: Vec<String>,
    last_heard: u64,
    members: Vec<WireMember>,
}

#[derive(Serialize, Deserialize)]
struct WireMember {
    key: u64,
    revision: Option<u64>,
    said_at: Option<u64>,
    /// A place in the message's sets of acts; none: not known.
    acts: Option<u8>,
    last_heard: u64,
    running: Option<Vec<(String, u64)>>,
}

/// As bytes for the wire; never longer than [`BYTES_MAX`].
pub fn encode_consumers(told: &Told) -> Vec<u8> {
    let groups = || told.groups.groups.iter().take(GROUPS_MAX);
    let acts = sets_of_acts(groups());
    let mut wire = Wire {
        sent_at: told.sent_at.0,
        groups: groups().map(|group| group_to_wire(group, &acts)).collect(),
        left_out: told.groups.left_out,
        forgotten: told.groups.forgotten,
        acts: acts.iter().filter_map(|acts| acts.numbers().map(<[u64]>::to_vec)).collect(),
    };
    let mut bytes = sealed(&wire);
    if bytes.len() > BYTES_MAX {
        wire.groups.iter_mut().for_each(|group| group.members.clear());
        wire.acts.clear();
        bytes = sealed(&wire);
    }
    while bytes.len() > BYTES_MAX {
        let before = wire.groups.len();
        wire.groups.truncate(before / 2);
        let left_out = u32::try_from(before - wire.groups.len()).unwrap_or(u32::MAX);
        wire.left_out = wire.left_out.saturating_add(left_out);
        bytes = sealed(&wire);
    }
    bytes
}

fn sealed(wire: &Wire) -> Vec<u8> {
    postcard::to_extend(wire, vec![VERSION]).expect("plain data always has a postcard form")
}

/// From bytes off the wire.
pub fn decode_consumers(bytes: &[u8]) -> Result<Told, ReportError> {
    let (version, body) = bytes.split_first().ok_or_else(|| ReportError::Bad("no bytes".to_owned()))?;
    if *version != VERSION {
        return Err(ReportError::Version(*version));
    }
    let wire: Wire = postcard::from_bytes(body).map_err(bad)?;
    let members: usize = wire.groups.iter().map(|group| group.members.len()).sum();
    if wire.acts.len() > ACT_SETS_MAX || wire.acts.iter().any(|acts| acts.len() > ACTS_MAX) {
        return Err(ReportError::Bad(format!("{} sets of break-glass acts", wire.acts.len())));
    }
    if wire.groups.len() > GROUPS_MAX || members > MEMBERS_MAX {
        return Err(ReportError::Bad(format!(
            "{} groups of consumers with {members} members",
            wire.groups.len()
        )));
    }
    let acts: Vec<Acts> = wire.acts.iter().map(|acts| Acts::numbered(acts.iter().copied())).collect();
    let groups = wire.groups.iter().map(|group| group_from_wire(group, &acts)).collect::<Result<_, _>>()?;
    let groups = Groups { groups, left_out: wire.left_out, forgotten: wire.forgotten };
    Ok(Told { sent_at: Timestamp(wire.sent_at), groups })
}

/// The different sets that members have applied, the first of them.
fn sets_of_acts<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<Acts> {
    let mut sets: Vec<Acts> = Vec::new();
    for member in groups.flat_map(|group| &group.members) {
        let is_new = member.acts.numbers().is_some() && !sets.contains(&member.acts);
        if is_new && sets.len() < ACT_SETS_MAX {
            sets.push(member.acts.clone());
        }
    }
    sets
}

fn group_to_wire(group: &Group, acts: &[Acts]) -> WireGroup {
    WireGroup {
        name: group.name.to_string(),
        kind: group.kind.to_string(),
        zone: group.zone.as_ref().map(ToString::to_string),
        instances: group.instances,
        silent: group.silent,
        lagging: group.lagging,
        not_told: group.not_told,
        lowest: group.lowest_revision.map(|revision| revision.0),
        highest: group.highest_revision.map(|revision| revision.0),
        running: running_to_wire(&group.running),
        work_not_told: group.work_not_told,
        laggards: group.laggards.iter().take(LAGGARDS_MAX).map(ToString::to_string).collect(),
        last_heard: group.last_heard.0,
        members: group.members.iter().map(|member| member_to_wire(member, acts)).collect(),
    }
}

fn member_to_wire(member: &Member, acts: &[Acts]) -> WireMember {
    WireMember {
        key: member.key,
        revision: member.revision.map(|revision| revision.0),
        said_at: member.said_at.map(|at| at.0),
        acts: acts.iter().position(|acts| *acts == member.acts).and_then(|at| u8::try_from(at).ok()),
        last_heard: member.last_heard.0,
        running: member.running.as_ref().map(running_to_wire),
    }
}

fn running_to_wire(running: &BTreeMap<ZoneId, u64>) -> Vec<(String, u64)> {
    running.iter().take(RUNNING_ZONES_MAX).map(|(zone, count)| (zone.to_string(), *count)).collect()
}

fn group_from_wire(wire: &WireGroup, acts: &[Acts]) -> Result<Group, ReportError> {
    if wire.laggards.len() > LAGGARDS_MAX {
        return Err(ReportError::Bad(format!("{} laggards in one group", wire.laggards.len())));
    }
    Ok(Group {
        name: ConsumerName::new(&wire.name).map_err(bad)?,
        // One that only a newer program knows: the rest of the word still counts.
        kind: wire.kind.parse().unwrap_or(ConsumerKind::Other),
        zone: wire.zone.as_deref().map(ZoneId::new).transpose().map_err(bad)?,
        instances: wire.instances,
        silent: wire.silent,
        lagging: wire.lagging,
        not_told: wire.not_told,
        lowest_revision: wire.lowest.map(Revision),
        highest_revision: wire.highest.map(Revision),
        running: running_from_wire(&wire.running)?,
        work_not_told: wire.work_not_told,
        laggards: wire
            .laggards
            .iter()
            .map(|id| InstanceId::new(id).map_err(bad))
            .collect::<Result<_, _>>()?,
        last_heard: Timestamp(wire.last_heard),
        members: wire
            .members
            .iter()
            .map(|member| member_from_wire(member, acts))
            .collect::<Result<_, _>>()?,
    })
}

fn member_from_wire(wire: &WireMember, acts: &[Acts]) -> Result<Member, ReportError> {
    Ok(Member {
        key: wire.key,
        revision: wire.revision.map(Revision),
        said_at: wire.said_at.map(Timestamp),
        acts: wire.acts.and_then(|at| acts.get(usize::from(at)).cloned()).unwrap_or_default(),
        last_heard: Timestamp(wire.last_heard),
        running: wire.running.as_deref().map(running_from_wire).transpose()?,
    })
}

fn running_from_wire(wire: &[(String, u64)]) -> Result<BTreeMap<ZoneId, u64>, ReportError> {
    if wire.len() > RUNNING_ZONES_MAX {
        return Err(ReportError::Bad(format!("what runs in {} zones", wire.len())));
    }
    wire.iter().map(|(zone, count)| Ok((ZoneId::new(zone).map_err(bad)?, *count))).collect()
}

fn bad(error: impl std::fmt::Display) -> ReportError {
    ReportError::Bad(error.to_string())
}

#[cfg(test)]
mod tests;
