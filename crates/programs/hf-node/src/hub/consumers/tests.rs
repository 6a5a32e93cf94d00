use hf_config::node::NodeConfig;
use hf_consumers::{Acts, Board, ConsumerKind, ConsumerName, InstanceId};
use hf_control::{Scope, Shift, ShiftKind, ShiftState};
use hf_model::{Operator, ShiftId, ZoneId};

use super::*;
use crate::hub::FromDisk;
use crate::testing::{config, intent};

const T: Timestamp = Timestamp(1_000_000_000);

fn hub() -> Hub {
    Hub::new(&NodeConfig { roles: vec![Role::Status], ..config("n1") }, FromDisk::default(), T)
}

fn peer(name: &str, role: Role) -> Peer {
    Peer { node: NodeId::new(name).unwrap(), zone: None, roles: vec![role], version: String::new() }
}

fn groups(instance: &str, at: Timestamp) -> Groups {
    let mut board = Board::default();
    board.tell(hf_consumers::Told {
        name: ConsumerName::new("orders").unwrap(),
        instance: InstanceId::new(instance).unwrap(),
        kind: ConsumerKind::Worker,
        zone: None,
        revision: None,
        acts: Acts::UNKNOWN,
        running: Some(std::collections::BTreeMap::new()),
        at,
    });
    board.groups(at, Revision(0))
}

fn told(instance: &str, at: Timestamp) -> Told {
    Told { sent_at: at, groups: groups(instance, at) }
}

#[test]
fn each_nodes_newest_word_is_kept_and_told_once() {
    let mut hub = hub();
    assert!(hub.news_of_consumers().is_none(), "nothing was heard");
    hub.take_own_consumers(groups("own", T), T);
    // Its clock is an hour behind: instants are turned into ours.
    hub.take_consumers(&peer("s2", Role::Status), told("theirs", Timestamp(T.0 - 3_600_000)), T);
    hub.take_consumers(&peer("b1", Role::Balancer), told("nobodys", T), T);
    let heard = hub.news_of_consumers().unwrap();
    let nodes: Vec<&str> = heard.by_node.keys().map(NodeId::as_str).collect();
    assert_eq!(nodes, ["n1", "s2"], "who has not the role has nothing to tell");
    assert!(heard.by_node.values().all(|heard| heard.groups.groups[0].last_heard == T));
    assert!(hub.news_of_consumers().is_none());
}

#[test]
fn nodes_are_bounded_and_forgotten_after_a_day() {
    let mut hub = hub();
    for number in 0..=TELLERS_MAX {
        let at = Timestamp(T.0 + number as u64);
        hub.take_consumers(&peer(&format!("s{number}"), Role::Status), told("i", at), at);
    }
    let heard = hub.news_of_consumers().unwrap();
    assert_eq!(heard.by_node.len(), TELLERS_MAX);
    assert!(!heard.by_node.contains_key(&NodeId::new("s0").unwrap()));
    let next_day = T.plus(KEPT_SILENT * 2);
    hub.take_consumers(&peer("late", Role::Status), told("i", next_day), next_day);
    assert_eq!(hub.news_of_consumers().unwrap().by_node.len(), 1);
}

#[test]
fn only_acts_leave_anybody_behind() {
    let shift = Shift {
        id: ShiftId::new("shift-5").unwrap(),
        kind: ShiftKind::Zonal,
        zone: ZoneId::new("a").unwrap(),
        scope: Scope::Everything,
        reason: "a drill".to_owned(),
        by: Operator::new("ann"),
        started_at: T,
        ends_at: T.plus(std::time::Duration::from_hours(1)),
        state: ShiftState::Active,
        floor_overrides: Vec::new(),
        revision: Revision(5),
    };
    let mut hub = hub();
    let mut in_force = |intent: Intent| {
        hub.note_acts(&Arc::new(intent));
        hub.news_of_consumers().map(|heard| heard.in_force)
    };
    assert_eq!(in_force(intent(4, "web")), None, "nothing was done yet");
    let shifted = Intent { shifts: vec![shift], ..intent(5, "web") };
    assert_eq!(in_force(shifted.clone()), Some(Revision(5)));
    let with_another_estate = Intent { revision: Revision(6), ..shifted };
    assert_eq!(in_force(with_another_estate), None);
    assert_eq!(in_force(intent(7, "web")), Some(Revision(7)), "its end is an act too");
}
