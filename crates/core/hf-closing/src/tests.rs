//! Counting by example, the rule as stories, and what must never happen as properties.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use hf_control::{Scope, Shift, ShiftKind, ShiftState};
use hf_model::{Operator, Revision, ShiftId, Timestamp, ZoneId, parse_duration};
use proptest::prelude::*;

use super::*;

/// One letter for each store: `T`here, `A`bsent, `-` silent.
fn seen(letters: &str) -> Vec<Seen> {
    let look = |(at, letter)| {
        let store = format!("file /{at}");
        let look = match letter {
            'T' => Look::There { what: store.clone() },
            'A' => Look::Absent,
            _ => Look::Silent { why: format!("/{at}: no answer") },
        };
        Seen { store, look }
    };
    letters.chars().enumerate().map(look).collect()
}

#[track_caller]
#[allow(clippy::needless_pass_by_value)] // `expect!` stands in the call
fn check(cases: &[(&str, usize, bool)], expected: Expect) {
    let mut found = String::new();
    for (letters, quorum, inverted) in cases {
        let finding = count(&seen(letters), Asked { quorum: *quorum, inverted: *inverted });
        let _ = writeln!(found, "{letters} {}: {}", finding.as_str(), finding.why());
    }
    expected.assert_eq(&found);
}

#[test]
fn a_quorum_decides() {
    check(
        &[
            ("T", 1, true),
            ("A", 1, true),
            ("-", 1, true),
            ("TTA", 2, true),
            ("TAA", 2, true),
            ("TA-", 2, true),
            ("T--", 2, true),
            ("TT-", 2, true),
            ("TA", 1, true),
            ("TTAAA", 3, true),
            ("TTAA-", 3, true),
        ],
        expect![[r#"
            T closed: file /0 is there
            A open: nothing closes it
            - undecided: no quorum of 1: of 1 stores 0 say closed, 0 say open and 1 say nothing: /0: no answer
            TTA closed: file /0 is there (2 of 3 stores)
            TAA open: nothing closes it (2 of 3 stores)
            TA- undecided: no quorum of 2: of 3 stores 1 say closed, 1 say open and 1 say nothing: /2: no answer
            T-- undecided: no quorum of 2: of 3 stores 1 say closed, 0 say open and 2 say nothing: /1: no answer
            TT- closed: file /0 is there (2 of 3 stores)
            TA undecided: no quorum of 1: of 2 stores 1 say closed, 1 say open and 0 say nothing
            TTAAA open: nothing closes it (3 of 5 stores)
            TTAA- undecided: no quorum of 3: of 5 stores 2 say closed, 2 say open and 1 say nothing: /4: no answer
        "#]],
    );
}

#[test]
fn what_is_not_there_closes_where_it_is_said_so() {
    check(
        &[("T", 1, false), ("A", 1, false), ("-", 1, false), ("AA-", 2, false), ("TT-", 2, false)],
        expect![[r#"
        T open: file /0 is there
        A closed: file /0 is not there
        - undecided: no quorum of 1: of 1 stores 0 say closed, 0 say open and 1 say nothing: /0: no answer
        AA- closed: file /0 is not there (2 of 3 stores)
        TT- open: file /0 is there (2 of 3 stores)
    "#]],
    );
}

/// A ledger of one zone and what a source does to it.
struct World {
    now: Timestamp,
    shifts: Vec<Shift>,
    own_cancels: Vec<ShiftId>,
    memory: Memory,
    by: Operator,
    zone: ZoneId,
    scope: Scope,
}

impl World {
    fn new() -> World {
        World {
            now: Timestamp(1_000_000_000),
            shifts: Vec::new(),
            own_cancels: Vec::new(),
            memory: Memory::default(),
            by: Operator::new("closing-source/runbook"),
            zone: ZoneId::new("a").unwrap(),
            scope: Scope::Everything,
        }
    }

    fn pass(&mut self, length: Duration) {
        self.now = self.now.plus(length);
        for shift in &mut self.shifts {
            if shift.state == ShiftState::Active && shift.ends_at <= self.now {
                shift.state = ShiftState::Expired(shift.ends_at);
            }
        }
    }

    fn add(&mut self, by: &Operator, scope: Scope, length: Duration, reason: &str) {
        let revision = Revision(self.shifts.len() as u64 + 1);
        self.shifts.push(Shift {
            id: ShiftId::new(&format!("shift-{revision}")).unwrap(),
            zone: self.zone.clone(),
            scope,
            reason: reason.to_owned(),
            by: by.clone(),
            started_at: self.now,
            ends_at: self.now.plus(length),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides: Vec::new(),
            revision,
        });
    }

    fn active(&self) -> Option<&Shift> {
        self.shifts.iter().find(|shift| shift.state == ShiftState::Active && shift.by == self.by)
    }

    fn cancel(&mut self) {
        let now = self.now;
        for shift in self.shifts.iter_mut().filter(|shift| shift.state == ShiftState::Active) {
            shift.state = ShiftState::Canceled(now);
        }
    }

    /// Looks once, and does what is to be done.
    fn look(&mut self, letters: &str) -> Word {
        let finding = count(&seen(letters), Asked { quorum: letters.len() / 2 + 1, inverted: true });
        let own_cancels = self.own_cancels.clone();
        let word = decide(
            &mut self.memory,
            &Inputs {
                finding: &finding,
                zone: &self.zone,
                scope: &self.scope,
                by: &self.by,
                shifts: &self.shifts,
                is_own_cancel: &|id| own_cancels.contains(id),
                now: self.now,
            },
        );
        match &word {
            Word::Start => {
                let by = self.by.clone();
                self.add(&by, self.scope.clone(), LENGTH, finding.why());
            }
            Word::Renew { id, reason } => {
                let ends_at = self.now.plus(LENGTH);
                let shift = self.shifts.iter_mut().find(|shift| shift.id == *id).unwrap();
                (shift.ends_at, shift.reason) = (ends_at, reason.clone());
            }
            Word::End { id } => {
                let now = self.now;
                let shift = self.shifts.iter_mut().find(|shift| shift.id == *id).unwrap();
                shift.state = ShiftState::Canceled(now);
                self.own_cancels.push(id.clone());
            }
            _ => {}
        }
        word
    }
}

/// Lines: `look TTA [every 5s for 1h]`, `pass 5m`, `cancel`, `leader`, `shift`, `extend 3h`. What is shown: each word that is another one than
/// before, and the reason.
#[track_caller]
#[allow(clippy::needless_pass_by_value)]
fn play(script: &str, expected: Expect) {
    let (mut world, mut found, mut last) = (World::new(), String::new(), None);
    let begun = world.now;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let length = |at: usize| parse_duration(words[at]).unwrap();
        match words[0] {
            "pass" => world.pass(length(1)),
            "cancel" => world.cancel(),
            "leader" => world.memory = Memory::default(),
            "shift" => world.add(&Operator::new("ann"), Scope::Everything, Duration::from_hours(2), "fire"),
            "extend" => {
                let ends_at = world.now.plus(length(1));
                world.shifts.last_mut().unwrap().ends_at = ends_at;
            }
            _ => {
                let (every, until) = if words.len() > 2 {
                    (length(3), world.now.plus(length(5)))
                } else {
                    (Duration::ZERO, world.now)
                };
                loop {
                    let word = world.look(words[1]);
                    if last.as_ref() != Some(&word) && !matches!(word, Word::Stay { .. }) {
                        let reason = world.active().map_or("", |shift| &shift.reason);
                        let after = world.now.since(begun).as_secs();
                        let _ = writeln!(found, "{after} s {}: {word} [{reason}]", word.as_str());
                        last = Some(word);
                    }
                    if world.now >= until {
                        break;
                    }
                    world.pass(every);
                }
            }
        }
    }
    expected.assert_eq(&found);
}

#[test]
fn it_is_begun_renewed_and_ended() {
    play(
        "look AAA\nlook TTA every 5s for 12m\nlook TAA",
        expect![[r#"
        0 s quiet: nothing is in force []
        0 s start: the zone is to be left [file /0 is there (2 of 3 stores)]
        300 s renew: shift-1 is in force [file /0 is there (2 of 3 stores)]
        720 s end: shift-1 is to end []
    "#]],
    );
}

#[test]
fn without_a_quorum_it_is_kept_for_an_hour_and_left_to_expire() {
    play(
        "look TTA every 5s for 7m\nlook T-- every 5s for 80m\nlook AAA\nlook TT-",
        expect![[r#"
        0 s start: the zone is to be left [file /0 is there (2 of 3 stores)]
        300 s renew: shift-1 is in force [file /0 is there (2 of 3 stores)]
        600 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 3m without a quorum]
        900 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 8m without a quorum]
        1200 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 13m without a quorum]
        1500 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 18m without a quorum]
        1800 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 23m without a quorum]
        2100 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 28m without a quorum]
        2400 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 33m without a quorum]
        2700 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 38m without a quorum]
        3000 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 43m without a quorum]
        3300 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 48m without a quorum]
        3600 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 53m without a quorum]
        3900 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 58m without a quorum]
        4020 s leave-to-expire: shift-1 is left to expire: there was no quorum for 1h [file /0 is there (2 of 3 stores); kept for 58m without a quorum]
        4500 s wait: nothing is in force, and nothing begins without a quorum []
        5220 s quiet: nothing is in force []
        5220 s start: the zone is to be left [file /0 is there (2 of 3 stores)]
    "#]],
    );
}

/// The other node has heard of no quorum, and goes on where the first one was.
#[test]
fn the_hour_counts_across_nodes() {
    play(
        "look TTA every 5s for 7m\nlook T-- every 5s for 30m\nleader\nlook --- every 5s for 60m",
        expect![[r#"
            0 s start: the zone is to be left [file /0 is there (2 of 3 stores)]
            300 s renew: shift-1 is in force [file /0 is there (2 of 3 stores)]
            600 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 3m without a quorum]
            900 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 8m without a quorum]
            1200 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 13m without a quorum]
            1500 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 18m without a quorum]
            1800 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 23m without a quorum]
            2100 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 28m without a quorum]
            2400 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 33m without a quorum]
            2700 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 38m without a quorum]
            3000 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 43m without a quorum]
            3300 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 48m without a quorum]
            3600 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 53m without a quorum]
            3900 s renew: shift-1 is in force [file /0 is there (2 of 3 stores); kept for 58m without a quorum]
            4020 s leave-to-expire: shift-1 is left to expire: there was no quorum for 1h [file /0 is there (2 of 3 stores); kept for 58m without a quorum]
            4500 s wait: nothing is in force, and nothing begins without a quorum []
        "#]],
    );
}

#[test]
fn a_cancel_outranks_until_the_source_was_open_once() {
    play(
        "look TTT\npass 1m\ncancel\nlook TTT every 5s for 1h\nlook T-A\nlook TTT\nlook AAT\nlook TTT",
        expect![[r#"
        0 s start: the zone is to be left [file /0 is there (3 of 3 stores)]
        60 s outranked: shift-1 was canceled; the zone is not left again before the stores have said open []
        3660 s wait: nothing is in force, and nothing begins without a quorum []
        3660 s outranked: shift-1 was canceled; the zone is not left again before the stores have said open []
        3660 s quiet: nothing is in force []
        3660 s start: the zone is to be left [file /0 is there (3 of 3 stores)]
    "#]],
    );
}

#[test]
fn another_node_takes_a_cancel_of_the_source_for_its_own() {
    play(
        "look TTT\npass 1m\nlook AAA\nleader\nlook TTT\ncancel\nleader\nlook TTT",
        expect![[r#"
        0 s start: the zone is to be left [file /0 is there (3 of 3 stores)]
        60 s end: shift-1 is to end []
        60 s start: the zone is to be left [file /0 is there (3 of 3 stores)]
        60 s outranked: shift-2 was canceled; the zone is not left again before the stores have said open []
    "#]],
    );
}

#[test]
fn a_shift_of_people_is_left_alone() {
    play(
        "shift\nlook TTT every 5s for 1m\ncancel\nlook TTT\nextend 3h\nlook TTT every 5s for 20m\nlook AAA",
        expect![[r#"
        0 s left: shift-1 takes it out already []
        60 s start: the zone is to be left [file /0 is there (3 of 3 stores)]
        1260 s end: shift-2 is to end []
    "#]],
    );
}

#[test]
fn lost_stores_at_the_start_close_nothing() {
    play(
        "look --- every 5s for 2h\nlook T-- every 5s for 1m\nlook AA-",
        expect![[r#"
        0 s wait: nothing is in force, and nothing begins without a quorum []
        7260 s quiet: nothing is in force []
    "#]],
    );
}

fn letters(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('T'), Just('A'), Just('-')], count)
        .prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    /// Who is asked first changes nothing.
    #[test]
    fn the_order_of_stores_does_not_count(letters in letters(1..=5), quorum in 1usize..=5, inverted: bool) {
        let asked = Asked { quorum, inverted };
        let backwards: String = letters.chars().rev().collect();
        let (one, other) = (count(&seen(&letters), asked), count(&seen(&backwards), asked));
        prop_assert_eq!(one.as_str(), other.as_str());
    }

    /// A store that falls silent never makes a finding of another kind: it may only take one away.
    #[test]
    fn silence_decides_nothing(letters in letters(1..=5), quorum in 3usize..=5, at in 0usize..5, inverted: bool) {
        let asked = Asked { quorum, inverted };
        let quieter: String =
            letters.chars().enumerate().map(|(place, letter)| if place == at { '-' } else { letter }).collect();
        let (before, after) = (count(&seen(&letters), asked), count(&seen(&quieter), asked));
        prop_assert!(after.as_str() == before.as_str() || after.as_str() == "undecided");
    }

    /// Whatever stores say and whoever looks: nothing begins without a quorum that says closed, nothing ends before its time without one that says
    /// open, and nothing is in force for longer than the hold and one length after the last quorum that said closed.
    #[test]
    fn only_quorums_act(steps in proptest::collection::vec((letters(3..=3), 0u64..400, any::<bool>()), 1..120)) {
        let mut world = World::new();
        let mut closed_at = None;
        for (letters, pause, new_leader) in steps {
            world.pass(Duration::from_secs(pause));
            if new_leader && pause % 3 == 0 {
                world.memory = Memory::default();
            }
            let (there, absent) = (letters.matches('T').count(), letters.matches('A').count());
            let was_active = world.active().is_some();
            let word = world.look(&letters);
            if there >= 2 {
                closed_at = Some(world.now);
            }
            match word {
                Word::Start => prop_assert!(there >= 2 && !was_active),
                Word::End { .. } => prop_assert!(absent >= 2),
                _ => {}
            }
            if absent >= 2 {
                prop_assert!(world.active().is_none());
            }
            if let Some(shift) = world.active() {
                let last = closed_at.expect("nothing is in force that no quorum has closed");
                prop_assert!(shift.ends_at <= last.plus(HOLD + LENGTH + Duration::from_mins(1)), "{:?}", shift);
                prop_assert!(shift.reason.chars().count() <= 500);
            }
        }
        prop_assert!(world.shifts.iter().filter(|shift| shift.state == ShiftState::Active).count() <= 1);
    }
}
