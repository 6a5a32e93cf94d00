//! Control panels, routing controls and safety rules: what right ones become, and the line that each mistake gets.

#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::fmt::Write as _;

use super::*;

const BOARD: &str = r#"
[[control_panel]]
name = "regions"
[[control_panel]]
name = "Wartung-im-Süden"
[[routing_control]]
name = "london"
panel = "regions"
[[routing_control]]
name = "dublin"
panel = "regions"
initial = "off"
[[routing_control]]
name = "kasse"
panel = "Wartung-im-Süden"
[[routing_control]]
name = "london"
panel = "Wartung-im-Süden"
[[safety_rule]]
name = "one-stays"
panel = "regions"
assert = { at_least = 1, of = ["london", "dublin"] }
[[safety_rule]]
name = "by-hand"
panel = "regions"
wait_period = "0s"
gate = { all = true, of = ["dublin"], targets = ["london"], inverted = true }
"#;

/// The design example with the board behind it.
fn whole() -> String {
    format!("{DESIGN}{BOARD}")
}

/// What the estate says of controls, or all problems; each of `edits` is made once.
fn check(edits: &[(&str, &str)], expected: Expect) {
    let mut toml = whole();
    for (from, to) in edits {
        assert!(toml.contains(from), "{from:?} is not there");
        toml = toml.replacen(from, to, 1);
    }
    let mut text = String::new();
    match read_estate("estate.toml", &bundle(&toml)) {
        Err(problems) => writeln!(text, "{problems}").unwrap(),
        Ok(estate) => {
            let names: Vec<String> = estate.control_panels.iter().map(|of| of.name.to_string()).collect();
            writeln!(text, "panels {}", names.join(" ")).unwrap();
            for control in &estate.routing_controls {
                writeln!(text, "control {} {}", control.path, control.initial).unwrap();
            }
            for rule in &estate.safety_rules {
                writeln!(text, "rule {}: {}, {:?}", rule.path, rule.rule, rule.wait_period).unwrap();
            }
            let mut behind = |what: &dyn std::fmt::Display, control: &Option<hf_model::ControlPath>| {
                if let Some(path) = control {
                    writeln!(text, "{path} behind {what}").unwrap();
                }
            };
            estate.regions.iter().for_each(|of| behind(&of.id, &of.control));
            estate.zones.iter().for_each(|of| behind(&of.id, &of.control));
            estate.pools.iter().for_each(|of| behind(&of.name, &of.control));
            estate.records.iter().for_each(|of| behind(&of.name, &of.control));
            for check in &estate.health_checks {
                if let crate::estate::CheckKind::Control { control } = &check.kind {
                    writeln!(text, "{control} is check {}", check.name).unwrap();
                }
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn a_board_is_read() {
    check(
        &[],
        expect![[r#"
        panels regions Wartung-im-Süden
        control regions/london on
        control regions/dublin off
        control Wartung-im-Süden/kasse on
        control Wartung-im-Süden/london on
        rule regions/one-stays: at least 1 of london, dublin on, 5s
        rule regions/by-hand: london change only while not all of dublin on, 0ns
    "#]],
    );
}

/// By panel and name, and by name where that says which.
#[test]
fn things_stand_behind_controls() {
    check(
        &[
            ("id = \"eu-west-2\"", "id = \"eu-west-2\"\ncontrol = \"regions/london\""),
            ("id = \"euw2-az2\"", "id = \"euw2-az2\"\ncontrol = \"dublin\""),
            ("all_down = \"open\"", "all_down = \"closed\"\ncontrol = \"kasse\"\nreturn_over = \"1h\""),
            ("ttl = \"5s\"", "ttl = \"5s\"\ncontrol = \"kasse\""),
            (
                "[[pool]]",
                "[[health_check]]\nname = \"by-hand\"\nkind = \"control\"\ncontrol = \"kasse\"\n[[pool]]",
            ),
        ],
        expect![[r#"
            panels regions Wartung-im-Süden
            control regions/london on
            control regions/dublin off
            control Wartung-im-Süden/kasse on
            control Wartung-im-Süden/london on
            rule regions/one-stays: at least 1 of london, dublin on, 5s
            rule regions/by-hand: london change only while not all of dublin on, 0ns
            regions/london behind eu-west-2
            regions/dublin behind euw2-az2
            Wartung-im-Süden/kasse behind web
            Wartung-im-Süden/kasse behind www.example.test.
            Wartung-im-Süden/kasse is check by-hand
        "#]],
    );
}

#[test]
fn references_to_no_control() {
    let region = |text: &str| format!("id = \"eu-west-2\"\ncontrol = {text}");
    check(
        &[("id = \"eu-west-2\"", &region("\"london\""))],
        expect![[r#"
        estate.toml:3:11: several panels have a routing control `london`; write which, there are `regions/london`, `Wartung-im-Süden/london`
    "#]],
    );
    check(
        &[("id = \"eu-west-2\"", &region("\"dubln\""))],
        expect![[r#"
        estate.toml:3:11: no routing control is named `dubln`; did you mean `regions/dublin`? there are `Wartung-im-Süden/kasse`, `Wartung-im-Süden/london`, `regions/dublin`, `regions/london`
    "#]],
    );
    check(
        &[("id = \"eu-west-2\"", &region("\"region/dublin\""))],
        expect![[r#"
        estate.toml:3:11: no routing control is named `region/dublin`; did you mean `regions/dublin`? there are `Wartung-im-Süden/kasse`, `Wartung-im-Süden/london`, `regions/dublin`, `regions/london`
    "#]],
    );
    check(
        &[("id = \"eu-west-2\"", &region("7"))],
        expect![[r#"
        estate.toml:3:11: `control` is a string in quotes, this is a whole number; change it
    "#]],
    );
    check(
        &[("[[control_panel]]\nname = \"regions\"\n", "")],
        expect![[r#"
        estate.toml:54:9: no control panel is named `regions`; there is only `Wartung-im-Süden`
        estate.toml:57:9: no control panel is named `regions`; there is only `Wartung-im-Süden`
        estate.toml:67:9: no control panel is named `regions`; there is only `Wartung-im-Süden`
        estate.toml:71:9: no control panel is named `regions`; there is only `Wartung-im-Süden`
    "#]],
    );
}

#[test]
fn controls() {
    check(
        &[("panel = \"regions\"\ninitial", "initial")],
        expect![[r#"
        estate.toml:57:1: a routing control needs `panel`; add it
        estate.toml:69:42: no routing control of this panel is named `dublin`; there is only `london`
        estate.toml:74:28: no routing control of this panel is named `dublin`; there is only `london`
    "#]],
    );
    check(
        &[("initial = \"off\"", "initial = \"aus\"")],
        expect![[r#"
        estate.toml:60:11: "aus" is no state of a routing control; write on or off
    "#]],
    );
    check(
        &[("name = \"dublin\"", "name = \"dublin/2\"")],
        expect![[r#"
        estate.toml:58:8: a name has no white space, no control characters and no '/', this one has '/'; replace it
        estate.toml:70:42: no routing control of this panel is named `dublin`; did you mean `dublin/2`? there are `dublin/2`, `london`
        estate.toml:75:28: no routing control of this panel is named `dublin`; did you mean `dublin/2`? there are `dublin/2`, `london`
    "#]],
    );
    check(
        &[("name = \"dublin\"", "name = \"london\"")],
        expect![[r#"
        estate.toml:58:8: panel `regions` has routing control `london` twice; remove one of the two
        estate.toml:70:42: no routing control of this panel is named `dublin`; there is only `london`
        estate.toml:75:28: no routing control of this panel is named `dublin`; there is only `london`
    "#]],
    );
    check(
        &[("[[control_panel]]", "[[control_panel]]\nname = \"regions\"\n[[control_panel]]")],
        expect![[r#"
            estate.toml:53:8: control panel `regions` is listed twice; remove one of the two
        "#]],
    );
}

#[test]
fn rules() {
    let assert = "assert = { at_least = 1, of = [\"london\", \"dublin\"] }";
    let with = |text: &str, expected| check(&[(assert, text)], expected);
    with(
        "",
        expect![[r#"
        estate.toml:67:1: a safety rule needs `assert` (what stays on) or `gate` (what may change while something is on); add one
    "#]],
    );
    with(
        "assert = { at_least = 0, of = [\"london\", \"dublin\"] }",
        expect![[r#"
        estate.toml:70:23: `at_least` is 1 to 2, this is 0; change it
    "#]],
    );
    with(
        "assert = { at_least = 3, of = [\"london\", \"dublin\"] }",
        expect![[r#"
        estate.toml:70:23: `at_least` is 1 to 2, this is 3; change it
    "#]],
    );
    with(
        "assert = { at_least = 1, any = true, of = [\"london\", \"dublin\"] }",
        expect![[r#"
        estate.toml:70:32: one of `at_least`, `all` and `any` says how many are enough; remove the others
    "#]],
    );
    with(
        "assert = { any = false, of = [\"london\", \"dublin\"] }",
        expect![[r#"
        estate.toml:70:18: `any = false` says nothing; write `any = true` or `at_least = N`
    "#]],
    );
    with(
        "assert = { of = [\"london\", \"dublin\"] }",
        expect![[r#"
        estate.toml:70:10: this says not how many are enough; add `at_least = N`, `all = true` or `any = true`
    "#]],
    );
    with(
        "assert = { any = true }",
        expect![[r#"
        estate.toml:70:10: an assertion needs `of`; add it
    "#]],
    );
    with(
        "assert = { any = true, of = [] }",
        expect![[r#"
        estate.toml:70:29: `of` names no routing control; name at least one
    "#]],
    );
    with(
        "assert = { any = true, of = [\"london\", \"londn\", \"kasse\", \"london\"] }",
        expect![[r#"
        estate.toml:70:40: no routing control of this panel is named `londn`; did you mean `london`? there are `dublin`, `london`
        estate.toml:70:49: no routing control of this panel is named `kasse`; there are `dublin`, `london`
        estate.toml:70:58: routing control `london` is listed twice; remove one of the two
    "#]],
    );
    with(
        "assert = { any = true, of = [\"london\"], targets = [\"dublin\"] }",
        expect![[r#"
        estate.toml:70:41: an assertion has no `targets`; remove it, there are `of`, `at_least`, `all`, `any`, `inverted`
    "#]],
    );
    with(
        "gate = { any = true, of = [\"london\"] }",
        expect![[r#"
        estate.toml:70:8: a gate needs `targets`; add it
    "#]],
    );
    with(
        "assert = { any = true, of = [\"london\"] }\ngate = { any = true, of = [\"london\"], targets = [\"dublin\"] }",
        expect![[r#"
            estate.toml:71:8: a safety rule has `assert` or `gate`, not both; make it two rules
        "#]],
    );
    check(
        &[("name = \"by-hand\"", "name = \"one-stays\"")],
        expect![[r#"
        estate.toml:72:8: panel `regions` has safety rule `one-stays` twice; remove one of the two
    "#]],
    );
    check(
        &[("wait_period = \"0s\"", "wait_period = \"2h\"")],
        expect![[r#"
        estate.toml:74:15: `wait_period` is 0s to 1h, this is 2h; change it
    "#]],
    );
}

/// An Off control must be able to leave the pool without anybody.
#[test]
fn pools_and_records_behind_controls_can_be_empty() {
    check(
        &[("all_down = \"open\"", "all_down = \"open\"\ncontrol = \"kasse\"")],
        expect![[r#"
        estate.toml:34:11: while its routing control is off this pool has nobody to serve with, and all_down = "open" would serve all the same; write all_down = "closed" or "fallback:POOL"
    "#]],
    );
    check(
        &[("all_down = \"open\"", "control = \"kasse\"")],
        expect![[r#"
        estate.toml:33:11: while its routing control is off this pool has nobody to serve with, and all_down = "open" would serve all the same; write all_down = "closed" or "fallback:POOL"
    "#]],
    );
    check(
        &[("ttl = \"5s\"", "ttl = \"5s\"\ncontrol = \"kasse\"")],
        expect![[r#"
        estate.toml:47:11: while its routing control is off this record has nobody to answer with, and its pool `web` has all_down = "open"; write all_down = "closed" or "fallback:POOL" there
    "#]],
    );
    check(
        &[("all_down = \"open\"", "return_over = \"61m\"")],
        expect![[r#"
        estate.toml:33:15: `return_over` is 0s to 1h, this is 1h1m; change it
    "#]],
    );
}

#[test]
fn checks_of_kind_control() {
    check(
        &[("kind = \"http\" ", "kind = \"control\" ")],
        expect![[r#"
            estate.toml:16:1: a health check needs `control`; add it
            estate.toml:19:8: a check of kind control sends nothing; remove it
            estate.toml:20:10: a check of kind control sends nothing; remove it
            estate.toml:21:12: a check of kind control sends nothing; remove it
            estate.toml:22:11: a check of kind control sends nothing; remove it
            estate.toml:23:8: a check of kind control sends nothing; remove it
            estate.toml:24:8: a check of kind control sends nothing; remove it
        "#]],
    );
    check(
        &[("kind = \"http\" ", "control = \"kasse\"\nkind = \"http\" ")],
        expect![[r#"
            estate.toml:18:11: a check of kind http has no `control`, those of control have; remove it
        "#]],
    );
}

#[test]
fn panels_and_estates_are_bounded() {
    let mut toml = DESIGN.to_owned();
    for panel in 0..51 {
        write!(toml, "[[control_panel]]\nname = \"p{panel}\"\n").unwrap();
    }
    for control in 0..301 {
        let panel = control / 150;
        write!(toml, "[[routing_control]]\nname = \"c{control}\"\npanel = \"p{panel}\"\n").unwrap();
    }
    for rule in 0..21 {
        write!(
            toml,
            "[[safety_rule]]\nname = \"r{rule}\"\npanel = \"p0\"\nassert = {{ any = true, of = [\"c0\"] }}\n"
        )
        .unwrap();
    }
    super::check(
        &toml,
        expect![[r#"
        estate.toml:149:1: at most 50 of `control_panel`, there are 51; remove some
        estate.toml:451:1: a control panel has at most 100 routing controls; use another panel
        estate.toml:901:1: a control panel has at most 100 routing controls; use another panel
        estate.toml:1051:1: at most 300 of `routing_control`, there are 301; remove some
        estate.toml:1134:1: a control panel has at most 20 safety rules; use another panel
    "#]],
    );
}
