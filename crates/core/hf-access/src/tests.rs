//! Roles, scopes and credentials, by example and as properties.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use expect_test::{Expect, expect};
use hf_model::{Digest, Operator, Timestamp};
use proptest::prelude::*;

use super::*;

/// `ann read,operate zones=a,b pools= panels=x`
fn principal(text: &str) -> Principal {
    let mut words = text.split(' ');
    let name = Operator::new(words.next().unwrap());
    let roles = words.next().unwrap().split(',').filter_map(Role::named).collect();
    let mut scopes = Scopes::default();
    for word in words {
        let (kind, names) = word.split_once('=').unwrap();
        let names = names.split(',').filter(|name| !name.is_empty());
        match kind {
            "zones" => scopes.zones = Some(names.map(|name| ZoneId::new(name).unwrap()).collect()),
            "pools" => scopes.pools = Some(names.map(|name| PoolName::new(name).unwrap()).collect()),
            "panels" => scopes.panels = Some(names.map(|name| ControlName::new(name).unwrap()).collect()),
            "checks" => scopes.checks = Some(names.map(|name| CheckName::new(name).unwrap()).collect()),
            other => panic!("{other}"),
        }
    }
    Principal { name, roles, scopes }
}

/// `shift a,alias all|web,api !web`, `set x,y +2 !web`, `read`, `estate`, `panels x`, `settings web`.
fn told(who: &str, action: &str) -> String {
    let words: Vec<&str> = action.split(' ').collect();
    let list = |at: usize| words.get(at).copied().unwrap_or("all").split(',').collect::<Vec<_>>();
    let pools_at = |at: usize| list(at).iter().map(|name| PoolName::new(name).unwrap()).collect::<Vec<_>>();
    let panels_at =
        |at: usize| list(at).iter().map(|name| ControlName::new(name).unwrap()).collect::<Vec<_>>();
    let floors: Vec<PoolName> = words
        .iter()
        .filter_map(|word| word.strip_prefix('!'))
        .map(|name| PoolName::new(name).unwrap())
        .collect();
    let rules =
        words.iter().find_map(|word| word.strip_prefix('+')).map_or(0, |count| count.parse().unwrap());
    let all = |at: usize| words.get(at) == Some(&"all");
    let zone: Vec<ZoneId> = if matches!(words[0], "shift" | "pin" | "practice") && !all(1) {
        list(1).iter().map(|zone| ZoneId::new(zone).unwrap()).collect()
    } else {
        Vec::new()
    };
    let (pools, panels) = match words[0] {
        "shift" | "pin" | "practice" if !all(2) => (pools_at(2), Vec::new()),
        "settings" if !all(1) => (pools_at(1), Vec::new()),
        "set" | "panels" if !all(1) => (Vec::new(), panels_at(1)),
        _ => (Vec::new(), Vec::new()),
    };
    let pools = if pools.is_empty() { Reach::Everything } else { Reach::These(pools.as_slice()) };
    let panels = if panels.is_empty() { Reach::Everything } else { Reach::These(panels.as_slice()) };
    let place = Place { zone: &zone, pools, floor_overrides: &floors };
    let check = CheckName::new("nightly").unwrap();
    let action = match words[0] {
        "push" => Action::PushResult { check: &check, place },
        "read" => Action::Read,
        "shift" => Action::Shift(place),
        "pin" => Action::Pin(place),
        "practice" => Action::PracticeRun(place),
        "deploy" => Action::Deploy(place),
        "set" => Action::SetControls { panels, overrides: Overrides { rules, floors: &floors } },
        "estate" => Action::Administer,
        "panels" => Action::AdministerPanels(panels),
        "settings" => Action::AdministerPools(pools),
        other => panic!("{other}"),
    };
    let told =
        principal(who).may(&action).map_or_else(|forbidden| forbidden.to_string(), |()| "yes".to_owned());
    told.split("; ask an administrator").next().unwrap().to_owned()
}

fn check(who: &str, action: &str, expected: Expect) {
    expected.assert_eq(&told(who, action));
}

#[test]
fn each_action_takes_its_role_and_no_role_contains_another() {
    for (action, role) in [
        ("read", "read"),
        ("shift a all", "operate"),
        ("pin a web", "operate"),
        ("practice a web", "operate"),
        ("set x", "operate"),
        ("estate", "administer"),
        ("panels x", "administer"),
        ("settings web", "administer"),
    ] {
        assert_eq!(told(&format!("ann {role}"), action), "yes");
        for other in Role::ALL.map(Role::as_str).into_iter().filter(|other| *other != role) {
            assert_ne!(told(&format!("ann {other}"), action), "yes", "{other}");
        }
    }
    check(
        "ann read",
        "shift a all",
        expect!["`ann` may not shift: that takes the role `operate`, and `ann` has read"],
    );
    check(
        "ann x",
        "read",
        expect!["`ann` may not read from another machine: that takes the role `read`, and `ann` has none"],
    );
}

#[test]
fn a_shift_stays_within_zones_and_pools() {
    check("ann operate zones=a", "shift a all", expect!["yes"]);
    check(
        "ann operate zones=a",
        "shift b all",
        expect!["`ann` may not shift: zone `b` is outside of its zones (a)"],
    );
    check("ann operate zones=alias", "shift a,alias all", expect!["yes"]);
    check(
        "ann operate zones=a",
        "shift all all",
        expect!["`ann` may not shift: something in every zone is outside of its zones (a)"],
    );
    check("ann operate zones=a pools=web", "shift a web", expect!["yes"]);
    check(
        "ann operate zones=a pools=web",
        "shift a all",
        expect!["`ann` may not shift: every pool is outside of its pools (web)"],
    );
    check(
        "ann operate pools=web",
        "pin a web,api",
        expect!["`ann` may not pin: pool `api` is outside of its pools (web)"],
    );
    check(
        "ann operate pools=",
        "practice a web",
        expect!["`ann` may not run a practice: pool `web` is outside of its pools (none)"],
    );
    check("ann operate panels=", "shift a web", expect!["yes"]);
}

#[test]
fn a_batch_needs_every_controls_panel() {
    check("ann operate panels=x,y", "set x,y", expect!["yes"]);
    check(
        "ann operate panels=x",
        "set x,y",
        expect!["`ann` may not set routing controls: panel `y` is outside of its panels (x)"],
    );
    check(
        "ann operate panels=x",
        "set all",
        expect!["`ann` may not set routing controls: every panel is outside of its panels (x)"],
    );
}

#[test]
fn overrides_take_break_glass_besides() {
    check(
        "ann operate",
        "set x +1",
        expect![
            "`ann` may not set routing controls and override safety rules: that takes the role `break-glass`, and `ann` has operate"
        ],
    );
    check("ann operate,break-glass", "set x +1 !web", expect!["yes"]);
    check(
        "ann break-glass",
        "set x +1",
        expect![
            "`ann` may not set routing controls: that takes the role `operate`, and `ann` has break-glass"
        ],
    );
    check(
        "ann operate",
        "shift a web !web",
        expect![
            "`ann` may not shift and break a pool's floor: that takes the role `break-glass`, and `ann` has operate"
        ],
    );
    check(
        "ann operate,break-glass pools=web",
        "shift a web !api",
        expect!["`ann` may not shift: pool `api` is outside of its pools (web)"],
    );
}

#[test]
fn a_push_stays_within_its_checks_and_places() {
    check("ann push checks=nightly,other", "push a web", expect!["yes"]);
    check("ann administer", "push a web", expect!["yes"]);
    check(
        "ann push checks=other",
        "push a web",
        expect![
            "`ann` may not push results of health checks: health check `nightly` is outside of its checks (other)"
        ],
    );
    check(
        "ann push pools=web",
        "push all all",
        expect!["`ann` may not push results of health checks: every pool is outside of its pools (web)"],
    );
    check(
        "ann read,operate,register",
        "push a web",
        expect![
            "`ann` may not push results of health checks: that takes the role `push`, and `ann` has read, operate, register"
        ],
    );
    check("ann operate checks=", "shift a web", expect!["yes"]);
}

#[test]
fn an_estate_is_everything() {
    for scope in ["zones=a", "pools=web", "panels=x"] {
        let who = principal(&format!("ann administer {scope}"));
        assert!(who.may(&Action::Administer).is_err(), "{scope}");
    }
    check("ann administer panels=x", "panels x", expect!["yes"]);
    check(
        "ann administer pools=web",
        "settings api",
        expect![
            "`ann` may not change practice and autoshift settings: pool `api` is outside of its pools (web)"
        ],
    );
}

fn list() -> AccessList {
    let holder = |text: &str, token: &str, expires_at: Option<u64>, certificates: &[&str]| Holder {
        principal: principal(text),
        expires_at: None,
        tokens: vec![TokenDigest {
            digest: Digest::of(token.as_bytes()),
            expires_at: expires_at.map(Timestamp),
        }],
        certificates: certificates.iter().map(ToString::to_string).collect(),
        keys: vec![AccessKey {
            id: AccessKeyId::new(&format!("HF{}", "A".repeat(18 - token.len()) + &token.to_uppercase()))
                .unwrap(),
            sealed: vec![1],
            expires_at: None,
            line: 1,
        }],
    };
    let mut ended = holder("old read", "c", None, &["old.example"]);
    ended.expires_at = Some(Timestamp(50));
    AccessList {
        holders: vec![
            holder("ann read", "a", None, &["ann.example", "shared"]),
            holder("bob read", "b", Some(100), &["bob.example", "shared"]),
            ended,
        ],
    }
}

#[test]
fn credentials_are_whose_they_are_until_they_end() {
    let list = list();
    let token = |token: &str, now| {
        list.by_token(&Digest::of(token.as_bytes()), Timestamp(now)).map(|who| who.name.to_string())
    };
    assert_eq!(token("a", 1_000).unwrap(), "ann");
    assert_eq!(token("b", 99).unwrap(), "bob");
    assert_eq!(token("b", 100).unwrap_err(), Unknown::Ended { name: "bob".to_owned(), at: Timestamp(100) });
    assert_eq!(token("c", 50).unwrap_err(), Unknown::Ended { name: "old".to_owned(), at: Timestamp(50) });
    assert_eq!(token("d", 0).unwrap_err(), Unknown::NotKnown);

    let certificate = |names: &[&str], now| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        list.by_certificate(&names, Timestamp(now)).map(|who| who.name.to_string())
    };
    assert_eq!(certificate(&["other", "ann.example"], 0).unwrap(), "ann");
    assert_eq!(
        certificate(&["shared"], 0).unwrap_err(),
        Unknown::Ambiguous("ann".to_owned(), "bob".to_owned())
    );
    assert_eq!(certificate(&[], 0).unwrap_err(), Unknown::NotKnown);
    assert!(matches!(certificate(&["old.example"], 51), Err(Unknown::Ended { .. })));

    let id = list.holders[0].keys[0].id.clone();
    assert_eq!(list.by_access_key(id.as_str(), Timestamp(0)).unwrap().0.name.as_str(), "ann");
    assert!(list.by_access_key(&id.as_str()[1..], Timestamp(0)).is_err());
}

#[test]
fn ends_are_read_as_people_write_them() {
    let check = |text: &str, expected: Result<u64, ExpiryError>| {
        assert_eq!(expiry(text), expected.map(|seconds| Timestamp(seconds * 1_000)), "{text}");
    };
    check("1970-01-01", Ok(0));
    check("2000-02-29", Ok(951_782_400));
    check("2026-12-31T18:00:01Z", Ok(1_798_740_001));
    check("2100-03-01", Ok(4_107_542_400));
    check("9999-12-31T23:59:59Z", Ok(253_402_300_799));
    for bad in [
        "",
        "1969-12-31",
        "2026-02-29",
        "2100-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-1-1",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+01:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00Z",
        "２026-01-01",
        "+026-01-01",
    ] {
        check(bad, Err(ExpiryError));
    }
}

proptest! {
    /// Whatever a scoped principal may do, the same without scopes may do too; and without roles nobody may do anything.
    #[test]
    fn scopes_only_narrow(roles in 0u8..16, zones in 0u8..8, pools in 0u8..8, zone in 0usize..3, touched in 1u8..8, floor in 0u8..8) {
        let names = ["a", "b", "c"];
        let pick = |bits: u8| names.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, name)| *name);
        let all = Role::ALL.into_iter().enumerate();
        let roles: BTreeSet<Role> = all.filter(|(at, _)| roles & (1 << at) != 0).map(|(_, role)| role).collect();
        let scopes = Scopes {
            zones: Some(pick(zones).map(|name| ZoneId::new(name).unwrap()).collect()),
            pools: Some(pick(pools).map(|name| PoolName::new(name).unwrap()).collect()),
            panels: None,
            checks: None,
        };
        let as_pools = |bits| pick(bits).map(|name| PoolName::new(name).unwrap()).collect::<Vec<_>>();
        let (zone, touched, floors) = ([ZoneId::new(names[zone]).unwrap()], as_pools(touched), as_pools(floor));
        let action = Action::Shift(Place { zone: &zone, pools: Reach::These(&touched), floor_overrides: &floors });
        let name = Operator::new("ann");
        let narrow = Principal { name: name.clone(), roles: roles.clone(), scopes };
        let wide = Principal { name: name.clone(), roles, scopes: Scopes::default() };
        if narrow.may(&action).is_ok() {
            prop_assert!(wide.may(&action).is_ok());
        }
        let nobody = Principal { name, roles: BTreeSet::new(), scopes: Scopes::default() };
        prop_assert!(nobody.may(&action).is_err());
    }

    /// No text makes it panic.
    #[test]
    fn any_end_is_read_or_refused(text in "[-0-9TZ:+.]{0,24}") {
        let _ = expiry(&text);
    }
}
