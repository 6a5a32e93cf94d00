use std::cell::Cell;
use std::fmt::Write as _;

use hf_config::estate::EstateBundle;
use hf_config::read_estate;

use super::*;

const GROUND: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[control_panel]]
name = "p"
[[routing_control]]
name = "edge"
panel = "p"
[[health_check]]
name = "web"
kind = "tcp"
[[health_check]]
name = "told"
kind = "pushed"
[[health_check]]
name = "alone"
kind = "tcp"
address = "10.0.1.1:80"
[[health_check]]
name = "switch"
kind = "control"
control = "edge"
[[health_check]]
name = "most"
kind = "calculated"
of = ["web", "told", "alone"]
at_least = 2
[[health_check]]
name = "off"
kind = "tcp"
disabled = true
[[health_check]]
name = "not-most"
kind = "calculated"
inverted = true
of = ["most", "off"]
[[pool]]
name = "web"
health_check = "web"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }, { address = "10.0.0.2:80", zone = "a" }, { address = "10.0.0.3:80", zone = "a" }]
[[pool]]
name = "told"
health_check = "told"
endpoints = [{ address = "10.0.0.4:80", zone = "a" }, { address = "10.0.0.5:80", zone = "a" }]
[[pool]]
name = "both"
health_check = "most"
endpoints = [{ address = "10.0.0.6:80", zone = "a" }]
"#;

fn estate() -> Estate {
    let bundle = EstateBundle { toml: GROUND.to_owned(), ..EstateBundle::default() };
    read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Three endpoints of web, two of told, one of both; then the checks web, told, alone: `+`, `-` or `?` each.
fn verdicts(text: &str) -> Verdicts {
    let read = |c| match c {
        '+' => Verdict::Healthy,
        '-' => Verdict::Unhealthy,
        _ => Verdict::Unknown,
    };
    Verdicts { of: text.chars().filter(|c| *c != ' ').map(read).collect() }
}

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Healthy => '+',
        Verdict::Unhealthy => '-',
        Verdict::Unknown => '?',
    }
}

/// The checks web, told, alone, switch, most, off, not-most.
#[track_caller]
fn check(given: &str, is_on: Option<bool>, want: &str) {
    let estate = estate();
    let verdicts = verdicts(given);
    let by_name = check_verdicts(&estate, &verdicts, |_| is_on);
    let got: String = estate.health_checks.iter().map(|check| sign(by_name[&check.name])).collect();
    assert_eq!(got, want, "{given}");
}

#[test]
fn each_kind_has_its_own_way_to_a_verdict() {
    check("+++ ++ ? ?+?", Some(true), "++?+++-");
    check("+-- ?? ? ?-+", Some(false), "--+--++");
    check("??? ?? ? ???", None, "???+?+?");
}

#[test]
fn half_of_the_known_endpoints_are_enough() {
    check("+-? ?? ? ?++", Some(true), "++++++-");
    check("+-- ?? ? ?++", Some(true), "-+++++-");
}

#[test]
fn a_pushed_check_without_a_result_of_its_own_goes_by_its_endpoints() {
    check("??? -- ? ??+", Some(true), "?-++?+?");
}

#[test]
fn calculated_checks_are_sure_when_the_unknown_cannot_change_them() {
    check("--- -? ? ?-?", Some(true), "--?+-++");
    check("--- ?? ? ??+", Some(true), "-?++?+?");
}

#[test]
fn pools_whose_check_is_not_about_each_endpoint_have_one_verdict() {
    let estate = estate();
    let verdicts = verdicts("+++ ?- ? ?+-");
    let pools = ["web", "told", "both"].map(|name| estate.pool_named(&name.parse().unwrap()).unwrap());
    let common = pools.map(|pool| common_verdict(&estate, &verdicts, |_| None, pool));
    assert_eq!(common, [None, None, Some(Verdict::Healthy)]);
    assert_eq!(endpoint_verdict(&estate, &verdicts, pools[1], 3), Verdict::Healthy, "told of all");
    assert_eq!(endpoint_verdict(&estate, &verdicts, pools[1], 4), Verdict::Unhealthy, "told of it");
    assert_eq!(endpoint_verdict(&estate, &verdicts, pools[0], 0), Verdict::Healthy);
}

/// Eight layers of ten, each counting all ten of the layer below: a thousand million ways down.
#[test]
fn each_check_is_judged_once_however_many_count_it() {
    let mut toml =
        "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\n[[control_panel]]\nname = \"p\"\n"
            .to_owned();
    for at in 0..10 {
        writeln!(toml, "[[routing_control]]\nname = \"c{at}\"\npanel = \"p\"").unwrap();
        writeln!(toml, "[[health_check]]\nname = \"l0-{at}\"\nkind = \"control\"\ncontrol = \"c{at}\"")
            .unwrap();
    }
    for layer in 1..=Calculated::DEPTH {
        let below = (0..10).map(|at| format!("\"l{}-{at}\"", layer - 1)).collect::<Vec<_>>().join(", ");
        for at in 0..10 {
            let name = format!("name = \"l{layer}-{at}\"");
            writeln!(toml, "[[health_check]]\n{name}\nkind = \"calculated\"\nof = [{below}]\nat_least = 10")
                .unwrap();
        }
    }
    let bundle = EstateBundle { toml, ..EstateBundle::default() };
    let estate = read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
    let verdicts = Verdicts::unknown(estate.subject_count());
    let asked = Cell::new(0);
    let all_on_but_one = |path: &ControlPath| {
        asked.set(asked.get() + 1);
        Some(path.to_string() != "p/c7")
    };

    let by_name = check_verdicts(&estate, &verdicts, all_on_but_one);
    assert_eq!((by_name.len(), asked.take()), (90, 10));
    assert_eq!(by_name.values().filter(|verdict| **verdict == Verdict::Healthy).count(), 9);

    let top = estate.check_named(&"l8-0".parse().unwrap()).unwrap();
    assert_eq!(check_verdict(&estate, &verdicts, all_on_but_one, top), Verdict::Unhealthy);
    assert_eq!(asked.take(), 10);
}
