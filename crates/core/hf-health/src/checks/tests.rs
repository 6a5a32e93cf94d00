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
