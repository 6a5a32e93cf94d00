use hf_consumers::{Acts, Board, InstanceId, Told};
use hf_control::{Scope, ShiftKind, ShiftState};
use hf_feed::HeardConsumers;
use hf_model::{NodeId, Operator};

use super::*;

const START: u64 = 1_000_000;
const BEAT: Duration = Duration::from_secs(1);

fn zone(text: &str) -> ZoneId {
    ZoneId::new(text).unwrap()
}

fn shift() -> Shift {
    Shift {
        id: ShiftId::new("shift-7").unwrap(),
        zone: zone("a1"),
        scope: Scope::Everything,
        reason: "a drill".to_owned(),
        by: Operator::new("ann"),
        started_at: Timestamp(START),
        ends_at: Timestamp(START + 3_600_000),
        state: ShiftState::Active,
        kind: ShiftKind::Zonal,
        floor_overrides: Vec::new(),
        revision: Revision(7),
    }
}

fn in_force(shifts: &[Shift]) -> InForce<'_> {
    InForce { shifts, revision: Revision(7), ..InForce::default() }
}

/// A node's board, told on as it is.
#[derive(Default)]
struct World {
    board: Board,
    progresses: Progresses,
}

impl World {
    /// `instance revision|- running|-` at so many milliseconds from the shift's start.
    fn tell(&mut self, after_ms: u64, words: &[&str]) -> &mut World {
        for line in words {
            let parts: Vec<&str> = line.split(' ').collect();
            self.board.tell(Told {
                name: ConsumerName::new("orders").unwrap(),
                instance: InstanceId::new(parts[0]).unwrap(),
                kind: ConsumerKind::Worker,
                zone: None,
                revision: parts[1].parse().ok().map(Revision),
                acts: Acts::UNKNOWN,
                running: parts[2].parse().ok().map(|count| BTreeMap::from([(zone("a1"), count)])),
                at: Timestamp(START + after_ms),
            });
        }
        self
    }

    /// What the shift's page says so many milliseconds after its start, when the node was heard last at `told_ms`.
    fn page(&mut self, after_ms: u64, told_ms: u64) -> String {
        let now = Timestamp(START + after_ms);
        let received_at = Timestamp(START + told_ms);
        let groups = Arc::new(self.board.groups(now, Revision(7)));
        let heard = HeardConsumers { received_at, groups };
        let by_node = BTreeMap::from([(NodeId::new("s1").unwrap(), heard)]);
        let heard = Arc::new(ConsumersHeard { in_force: Revision(7), by_node });
        self.progresses.update(&in_force(&[shift()]), &heard, now, BEAT);
        let page = self.progresses.of(&shift().id);
        format!(
            "{} applied, {} lag, {} unsaid, {} silent, {} run; all at {:?}, last work {:?}; {:?}",
            page.applied,
            page.lagging,
            page.not_told,
            page.silent,
            page.running,
            page.applied_ms,
            page.last_work_ms,
            page.groups.iter().map(|group| group.applied_ms).collect::<Vec<_>>()
        )
    }
}

#[test]
fn a_shift_is_applied_and_its_zone_empty_when_the_last_one_says_so() {
    let mut world = World::default();
    let page = world.tell(0, &["a 6 4", "b 6 0"]).page(100, 100);
    assert_eq!(page, "0 applied, 2 lag, 0 unsaid, 0 silent, 4 run; all at None, last work None; [None]");
    let page = world.tell(200, &["b 7 0"]).page(300, 300);
    assert_eq!(page, "1 applied, 1 lag, 0 unsaid, 0 silent, 4 run; all at None, last work None; [None]");
    let page = world.tell(400, &["a 7 4"]).page(500, 500);
    assert_eq!(
        page,
        "2 applied, 0 lag, 0 unsaid, 0 silent, 4 run; all at Some(500), last work None; [Some(500)]"
    );
    let page = world.tell(900, &["a 8 0"]).page(1_000, 1_000);
    let done =
        "2 applied, 0 lag, 0 unsaid, 0 silent, 0 run; all at Some(500), last work Some(1000); [Some(500)]";
    assert_eq!(page, done);
    assert_eq!(world.page(2_500, 2_500), done, "it stands");
}

#[test]
fn a_silent_one_is_not_fine_and_its_work_is_not_gone() {
    let mut world = World::default();
    world.tell(0, &["a 6 4", "b 7 0"]).page(100, 100);
    let page = world.tell(40_000, &["b 7 0"]).page(40_500, 40_500);
    assert_eq!(
        page,
        "1 applied, 0 lag, 0 unsaid, 1 silent, 4 run; all at Some(40500), last work None; [None]"
    );
}

#[test]
fn with_a_node_its_consumers_fall_silent() {
    let mut world = World::default();
    world.tell(0, &["a 7 0"]).page(100, 100);
    let page = world.page(5_000, 100);
    assert_eq!(page, "0 applied, 0 lag, 0 unsaid, 1 silent, 0 run; all at None, last work None; [None]");
}

#[test]
fn where_nothing_ran_nothing_had_to_leave() {
    let page = World::default().tell(0, &["a 6 0"]).page(100, 100);
    assert_eq!(page, "0 applied, 1 lag, 0 unsaid, 0 silent, 0 run; all at None, last work Some(0); [None]");
}

#[test]
fn while_nobody_says_what_runs_the_last_work_is_unknown() {
    let mut world = World::default();
    let page = world.tell(0, &["a 7 -", "b 7 -"]).page(100, 100);
    assert_eq!(
        page,
        "2 applied, 0 lag, 0 unsaid, 0 silent, 0 run; all at Some(100), last work None; [Some(100)]"
    );
    assert_eq!(world.progresses.of(&shift().id).work_not_told, 2);
    world.tell(200, &["b 7 0"]).page(300, 300);
    let shown = world.progresses.of(&shift().id);
    assert_eq!((shown.last_work_ms, shown.work_not_told), (Some(0), 1), "of those who say it, nothing ran");
}

#[test]
fn who_has_not_said_may_have_work() {
    let mut world = World::default();
    let unsaid = world.tell(0, &["a - 0", "b 6 0"]).page(100, 100);
    assert_eq!(unsaid, "0 applied, 1 lag, 1 unsaid, 0 silent, 0 run; all at None, last work None; [None]");
    let late = world.tell(9_000, &["a 7 0", "b 7 0"]).page(9_100, 9_100);
    let unknown =
        "2 applied, 0 lag, 0 unsaid, 0 silent, 0 run; all at Some(9100), last work None; [Some(9100)]";
    assert_eq!(late, unknown, "it says it too late to tell what ran at the start");
}

#[test]
fn a_node_that_began_later_does_not_know_what_ran_before() {
    let mut world = World::default();
    let page = world.tell(600_000, &["a 7 0"]).page(600_100, 600_100);
    assert_eq!(
        page,
        "1 applied, 0 lag, 0 unsaid, 0 silent, 0 run; all at Some(600100), last work None; [Some(600100)]"
    );
    world.tell(601_000, &["a 7 2"]).page(601_100, 601_100);
    let page = world.tell(602_000, &["a 7 0"]).page(602_100, 602_100);
    assert!(page.contains("last work Some(602100)"), "it saw this work leave: {page}");
}

#[test]
fn what_is_needed_only_while_a_shift_goes_on_is_let_go_of() {
    let mut world = World::default();
    world.tell(0, &["a 7 0"]).page(100, 100);
    assert_eq!(world.progresses.by_shift[&7].applied.len(), 1);
    let heard = Arc::new(ConsumersHeard::default());
    let later = Timestamp(START + 2_000);
    world.progresses.update(&InForce { revision: Revision(8), ..InForce::default() }, &heard, later, BEAT);
    assert!(world.progresses.by_shift[&7].applied.is_empty());
    assert_eq!(world.progresses.of(&shift().id).applied, 1, "its page stands");
}

#[test]
fn nobody_known_is_nothing_said() {
    let mut progresses = Progresses::default();
    let heard = Arc::new(ConsumersHeard::default());
    progresses.update(&in_force(&[shift()]), &heard, Timestamp(START + 5), BEAT);
    let page = progresses.of(&shift().id);
    assert!(page.is_empty());
    assert_eq!((page.applied_ms, page.last_work_ms), (None, None));
}

#[test]
fn figures_are_kept_for_as_many_shifts_as_are_remembered() {
    let mut progresses = Progresses::default();
    for number in 1..=KEPT as u64 + 5 {
        let shift = Shift { id: ShiftId::new(&format!("shift-{number}")).unwrap(), ..shift() };
        let heard = Arc::new(ConsumersHeard::default());
        let in_force = InForce { revision: Revision(number), ..in_force(std::slice::from_ref(&shift)) };
        progresses.update(&in_force, &heard, Timestamp(START), BEAT);
    }
    assert_eq!(progresses.by_shift.len(), KEPT);
    assert_eq!(progresses.by_shift.first_key_value().map(|(number, _)| *number), Some(6));
}

/// Who has applied a break-glass shift: instances that told these acts, none of which moves the ledger.
#[test]
fn a_break_glass_shift_is_applied_by_those_who_saw_it_in_force() {
    let act = BreakGlassShift {
        estate: hf_model::EstateId::NONE,
        zone: zone("a1"),
        reason: "the ledger is gone".to_owned(),
        by: Operator::new("ann"),
        signed_at: Timestamp(START),
        ends_at: Timestamp(START + 3_600_000),
    };
    let mut board = Board::default();
    let mut tell = |instance: &str, acts: Acts, revision: u64| {
        board.tell(Told {
            name: ConsumerName::new("orders").unwrap(),
            instance: InstanceId::new(instance).unwrap(),
            kind: ConsumerKind::Worker,
            zone: None,
            revision: Some(Revision(revision)),
            acts,
            running: Some(BTreeMap::new()),
            at: Timestamp(START + 100),
        });
        board.groups(Timestamp(START + 100), Revision(7))
    };
    tell("sees", Acts::of([act.digest()]), 7);
    tell("behind", Acts::numbered([]), 7);
    let groups = tell("older-program", Acts::UNKNOWN, 7);
    let page = |groups: hf_consumers::Groups, recorded: Option<u64>| {
        let heard = HeardConsumers { received_at: Timestamp(START + 100), groups: Arc::new(groups) };
        let by_node = BTreeMap::from([(NodeId::new("s1").unwrap(), heard)]);
        let heard = Arc::new(ConsumersHeard { in_force: Revision(7), by_node });
        let acts = vec![(&act, recorded.map(Revision))];
        let in_force = InForce { acts, revision: Revision(7), ..InForce::default() };
        let mut progresses = Progresses::default();
        progresses.update(&in_force, &heard, Timestamp(START + 200), BEAT);
        let page = progresses.of_act(&act);
        progresses.update(&InForce::default(), &heard, Timestamp(START + 2_000), BEAT);
        assert_eq!(progresses.of_act(&act), ShiftConsumers::default(), "it is over");
        ([page.applied, page.lagging, page.not_told], page.applied_ms)
    };
    assert_eq!(page(groups.clone(), None), ([1, 1, 1], None));
    let mut without_members = groups;
    without_members.groups[0].members.clear();
    assert_eq!(page(without_members, None).0, [0, 0, 3], "only counts are known");
    // The ledger goes on with it at revision 8: who has applied that has it, whatever it says of acts.
    let groups = tell("older-program", Acts::UNKNOWN, 8);
    assert_eq!(page(groups.clone(), Some(8)), ([2, 1, 0], None));
    let groups = tell("behind", Acts::of([act.digest()]), 7);
    assert_eq!(page(groups, Some(8)), ([3, 0, 0], Some(200)));
}
