//! Every command, against roles and scopes, on a state that real entries made.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use hf_access::{Role, Scopes};
use hf_config::estate::EstateBundle;
use hf_control::{ControlSet, Entry, Outcome, RuleRef, State};
use hf_model::{Operator, RequestId, Revision, Switch, Timestamp};

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
control = "cells/b"
[[pool]]
name = "web"
protocol = "http"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }, { address = "10.0.0.2:80", zone = "b" }]
[[pool]]
name = "api"
protocol = "http"
all_down = "closed"
control = "cells/api"
endpoints = [{ address = "10.0.0.1:81", zone = "a" }, { address = "10.0.0.2:81", zone = "b" }]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
[[control_panel]]
name = "regions"
[[control_panel]]
name = "cells"
[[routing_control]]
name = "one"
panel = "regions"
[[routing_control]]
name = "two"
panel = "cells"
[[routing_control]]
name = "b"
panel = "cells"
[[routing_control]]
name = "api"
panel = "cells"
[[safety_rule]]
name = "keep"
panel = "regions"
assert = { at_least = 1, of = ["one"] }
"#;

struct World {
    state: State,
}

impl World {
    fn new() -> World {
        let mut world = World { state: State::default() };
        let bundle = EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
        world.apply(Command::ApplyEstate { bundle, if_match: None });
        world
    }

    fn apply(&mut self, command: Command) -> Outcome {
        let revision = Revision(self.state.revision.0 + 1);
        let entry = Entry {
            request: RequestId::new(&format!("r-{revision}")).unwrap(),
            stamp: Timestamp(1_700_000_000_000),
            by: Operator::new("test"),
            from: None,
            command,
        };
        let (outcome, _) = self.state.apply(revision, &entry);
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        outcome
    }

    fn may(&self, who: &str, command: &Command) -> String {
        let intent = self.state.intent();
        let shifts: Vec<Shift> = self.state.shifts.values().cloned().collect();
        let estate = self.state.estate.clone();
        let scene = Scene { estate: estate.as_deref(), intent: &intent, shifts: &shifts };
        match scene.judge(&principal(who), command) {
            Ok(()) => "yes".to_owned(),
            Err(forbidden) => forbidden.to_string().split("; ask").next().unwrap().to_owned(),
        }
    }

    fn check(&self, who: &str, command: &Command, expected: &Expect) {
        expected.assert_eq(&self.may(who, command));
    }
}

/// `operate zones=a pools=web panels=regions`
fn principal(text: &str) -> Principal {
    let mut words = text.split(' ');
    let roles = words.next().unwrap().split(',').filter_map(Role::named).collect();
    let mut scopes = Scopes::default();
    for (kind, names) in words.map(|word| word.split_once('=').unwrap()) {
        let names = names.split(',');
        match kind {
            "zones" => scopes.zones = Some(names.map(|name| ZoneId::new(name).unwrap()).collect()),
            "pools" => scopes.pools = Some(names.map(|name| PoolName::new(name).unwrap()).collect()),
            _ => scopes.panels = Some(names.map(|name| ControlName::new(name).unwrap()).collect()),
        }
    }
    Principal { name: Operator::new("ann"), roles, scopes }
}

fn pools(names: &[&str]) -> Vec<PoolName> {
    names.iter().map(|name| PoolName::new(name).unwrap()).collect()
}

fn shift(zone: &str, scope: &str, floors: &[&str]) -> Command {
    Command::StartShift {
        zone: ZoneId::new(zone).unwrap(),
        scope: scope.parse().unwrap(),
        length: Duration::from_mins(10),
        reason: "x".to_owned(),
        floor_overrides: pools(floors),
    }
}

fn set(controls: &[ControlRef], rules: usize) -> Command {
    let sets = controls.iter().map(|control| ControlSet { control: control.clone(), to: Switch::Off });
    Command::SetControls {
        sets: sets.collect(),
        rule_overrides: vec![RuleRef::Name(ControlName::new("keep").unwrap()); rules],
        floor_overrides: Vec::new(),
        reason: String::new(),
    }
}

#[test]
fn shifts_are_judged_by_all_names_of_their_zone_and_by_the_pools_behind_records() {
    let world = World::new();
    for who in ["operate", "operate zones=a", "operate zones=aa", "operate zones=a pools=web,api"] {
        assert_eq!(world.may(who, &shift("aa", "pool/web", &[])), "yes", "{who}");
        assert_eq!(world.may(who, &shift("a", "record/www.example.test.", &[])), "yes", "{who}");
    }
    world.check(
        "operate zones=b",
        &shift("aa", "everything", &[]),
        &expect!["`ann` may not shift: zone `a` is outside of its zones (b)"],
    );
    world.check(
        "operate pools=web",
        &shift("a", "everything", &[]),
        &expect!["`ann` may not shift: every pool is outside of its pools (web)"],
    );
    world.check(
        "operate pools=api",
        &shift("a", "record/www.example.test.", &[]),
        &expect!["`ann` may not shift: pool `web` is outside of its pools (api)"],
    );
    world.check(
        "operate pools=api",
        &shift("a", "record/none.example.test.", &[]),
        &expect!["`ann` may not shift: every pool is outside of its pools (api)"],
    );
    world.check("operate", &shift("a", "everything", &["web"]), &expect!["`ann` may not shift and break a pool's floor: that takes the role `break-glass`, and `ann` has operate"]);
    world.check(
        "read",
        &shift("a", "everything", &[]),
        &expect!["`ann` may not shift: that takes the role `operate`, and `ann` has read"],
    );
}

#[test]
fn a_shift_that_is_there_is_judged_by_what_it_does() {
    let mut world = World::new();
    let Outcome::Done { shift: Some(web), .. } = world.apply(shift("a", "pool/web", &["web"])) else {
        panic!()
    };
    let extend = Command::UpdateShift {
        id: web.id.clone(),
        length: Some(Duration::from_mins(10)),
        reason: None,
        if_match: None,
    };
    let cancel = Command::CancelShift { id: web.id, if_match: None };
    world.check("operate zones=a pools=web", &extend, &expect!["`ann` may not shift and break a pool's floor: that takes the role `break-glass`, and `ann` has operate"]);
    assert_eq!(world.may("operate,break-glass zones=a pools=web", &extend), "yes");
    assert_eq!(world.may("operate zones=a pools=web", &cancel), "yes");
    world.check(
        "operate zones=b",
        &cancel,
        &expect!["`ann` may not shift: zone `a` is outside of its zones (b)"],
    );
    let unknown = Command::CancelShift { id: ShiftId::new("shift-99").unwrap(), if_match: None };
    world.check(
        "operate zones=a",
        &unknown,
        &expect!["`ann` may not shift: something in every zone is outside of its zones (a)"],
    );
    assert_eq!(world.may("operate", &unknown), "yes");
}

#[test]
fn controls_are_judged_by_their_panels_however_they_are_named() {
    let world = World::new();
    let intent = world.state.intent();
    let id = |name: &str| {
        let found = intent.board.controls.values().find(|control| control.name.as_str() == name);
        ControlRef::Id(found.unwrap().id)
    };
    let path = |text: &str| ControlRef::Path(text.parse().unwrap());
    let name = |text: &str| ControlRef::Name(ControlName::new(text).unwrap());
    for one in [id("one"), path("regions/one"), name("one")] {
        assert_eq!(
            world.may("operate panels=regions", &set(std::slice::from_ref(&one), 0)),
            "yes",
            "{one:?}"
        );
        for two in [id("two"), path("cells/two"), name("two")] {
            let batch = set(&[one.clone(), two], 0);
            world.check(
                "operate panels=regions",
                &batch,
                &expect![
                    "`ann` may not set routing controls: panel `cells` is outside of its panels (regions)"
                ],
            );
        }
    }
    world.check(
        "operate panels=regions",
        &set(&[name("none")], 0),
        &expect!["`ann` may not set routing controls: every panel is outside of its panels (regions)"],
    );
    world.check(
        "operate panels=regions",
        &set(&[ControlRef::Id(ControlId(7))], 0),
        &expect!["`ann` may not set routing controls: every panel is outside of its panels (regions)"],
    );
    world.check("operate", &set(&[name("one")], 1), &expect!["`ann` may not set routing controls and override safety rules: that takes the role `break-glass`, and `ann` has operate"]);
    assert_eq!(world.may("operate,break-glass panels=regions", &set(&[name("one")], 1)), "yes");
}

#[test]
fn what_stands_behind_a_control_is_inside_the_scopes_too() {
    let world = World::new();
    let turn = |text: &str| set(&[ControlRef::Path(text.parse().unwrap())], 0);
    for (who, control) in [
        ("operate pools=web zones=a", "cells/two"), // nothing is behind it
        ("operate zones=b", "cells/b"),
        ("operate zones=a,b pools=api", "cells/api"),
        ("operate panels=cells", "cells/api"),
    ] {
        assert_eq!(world.may(who, &turn(control)), "yes", "{who}: {control}");
    }
    world.check(
        "operate zones=a",
        &turn("cells/b"),
        &expect!["`ann` may not set routing controls: zone `b` is outside of its zones (a)"],
    );
    world.check(
        "operate pools=web",
        &turn("cells/b"),
        &expect!["`ann` may not set routing controls: every pool is outside of its pools (web)"],
    );
    world.check(
        "operate pools=web",
        &turn("cells/api"),
        &expect!["`ann` may not set routing controls: pool `api` is outside of its pools (web)"],
    );
    world.check(
        "operate zones=a pools=api",
        &turn("cells/api"),
        &expect!["`ann` may not set routing controls: zone `b` is outside of its zones (a)"],
    );
}

#[test]
fn definitions_are_judged_by_the_panel_that_they_are_in() {
    let world = World::new();
    let intent = world.state.intent();
    let panel = intent.board.panels.values().find(|panel| panel.name.as_str() == "regions").unwrap();
    let control = intent.board.controls.values().find(|control| control.name.as_str() == "two").unwrap();
    let rule = intent.board.rules.values().next().unwrap();
    let new = ControlName::new("new").unwrap();
    let board = Command::Board;
    let rename = board(BoardCommand::RenamePanel { id: panel.id, name: new.clone() });
    world.check(
        "administer panels=regions",
        &rename,
        &expect![
            "`ann` may not change panels, controls and rules: panel `new` is outside of its panels (regions)"
        ],
    );
    assert_eq!(world.may("administer panels=regions,new", &rename), "yes");
    let delete = board(BoardCommand::DeleteControl { id: control.id });
    world.check("administer panels=regions", &delete, &expect!["`ann` may not change panels, controls and rules: panel `cells` is outside of its panels (regions)"]);
    assert_eq!(
        world.may("administer panels=regions", &board(BoardCommand::DeleteRule { id: rule.id })),
        "yes"
    );
    let create =
        board(BoardCommand::CreateControl { cluster: panel.cluster, panel: None, name: new.clone() });
    assert!(
        world.may("administer panels=regions", &create).contains("is outside of its panels"),
        "the default panel is another one"
    );
    let cluster = board(BoardCommand::DeleteCluster { id: panel.cluster });
    world.check(
        "administer panels=regions",
        &cluster,
        &expect!["`ann` may not change the estate: every panel is outside of its panels (regions)"],
    );
    let untag = board(BoardCommand::Untag { object: ObjectId::Control(control.id), keys: Vec::new() });
    assert_eq!(world.may("administer panels=cells", &untag), "yes");
    assert!(world.may("operate", &untag).contains("takes the role `administer`"));
    let bundle = EstateBundle { toml: String::new(), files: BTreeMap::new() };
    world.check(
        "administer zones=a",
        &Command::ApplyEstate { bundle, if_match: None },
        &expect!["`ann` may not change the estate: something in every zone is outside of its zones (a)"],
    );
}

#[test]
fn practice_settings_are_administered_and_runs_are_operated() {
    let world = World::new();
    let resource = |text: &str| text.parse::<Resource>().unwrap();
    let delete = |text: &str| Command::DeletePractice { resource: resource(text) };
    assert_eq!(world.may("administer pools=web", &delete("pool/web")), "yes");
    assert_eq!(world.may("administer pools=web", &delete("record/www.example.test.")), "yes");
    world.check(
        "administer pools=web",
        &delete("region/r"),
        &expect![
            "`ann` may not change practice and autoshift settings: every pool is outside of its pools (web)"
        ],
    );
    let run = Command::StartPractice {
        resource: resource("pool/web"),
        zone: ZoneId::new("a").unwrap(),
        reason: "rehearsal".to_owned(),
    };
    assert_eq!(world.may("operate zones=aa pools=web", &run), "yes");
    world.check(
        "administer",
        &run,
        &expect!["`ann` may not run a practice: that takes the role `operate`, and `ann` has administer"],
    );
}
