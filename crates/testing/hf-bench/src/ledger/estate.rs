//! What the service is, in the benchmark: two regions that stand for one another, three zones, one pool, one name.
//!
//! Every batch turns one region off and the other on, so that each commit moves traffic. No wait periods, no return bit by bit: each is
//! the next one's beginning.

use std::fmt::Write as _;

use hf_api::{ControlSet, ControlTo, SetControls};

const SERVICE: &str = r#"
[[region]]
id = "r1"
control = "regions/r1"
[[region]]
id = "r2"
control = "regions/r2"
[[zone]]
id = "a"
region = "r1"
[[zone]]
id = "b"
region = "r1"
[[zone]]
id = "c"
region = "r2"
[[pool]]
name = "web"
protocol = "http"
cross_zone = true
min_zones = 1
min_capacity = "0%"
return_over = "0s"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" }, { address = "10.0.0.2:80", zone = "a" },
  { address = "10.0.1.1:80", zone = "b" }, { address = "10.0.1.2:80", zone = "b" },
  { address = "10.0.2.1:80", zone = "c" }, { address = "10.0.2.2:80", zone = "c" },
]
[[hosted_zone]]
name = "bench.test."
[[record]]
name = "www.bench.test."
type = "A"
ttl = "5s"
answer = { pool = "web" }
choose = ["open", "weighted", "take 2"]

[[control_panel]]
name = "regions"
[[routing_control]]
name = "r1"
panel = "regions"
[[routing_control]]
name = "r2"
panel = "regions"
[[safety_rule]]
name = "one-stays"
panel = "regions"
wait_period = "0s"
assert = { at_least = 1, of = ["r1", "r2"] }
"#;
/// Controls of a panel.
const CONTROLS: usize = 6;
/// Rules of a panel, on the large board.
const RULES: usize = 20;

/// One panel with two controls and a rule.
pub fn small() -> String {
    SERVICE.to_owned()
}

/// The same service, with so many panels of six controls and twenty rules each.
pub fn large(panels: usize) -> String {
    let mut text = SERVICE.to_owned();
    let line = "writing into a text does not fail";
    for at in 3..=CONTROLS {
        write!(text, "[[routing_control]]\nname = \"r{at}\"\npanel = \"regions\"\n").expect(line);
    }
    for at in 2..=RULES {
        write!(
            text,
            "[[safety_rule]]\nname = \"keep-{at}\"\npanel = \"regions\"\nwait_period = \"0s\"\n\
             assert = {{ at_least = 1, of = [\"r1\", \"r2\", \"r{}\"] }}\n",
            3 + at % 4
        )
        .expect(line);
    }
    for panel in 2..=panels {
        write!(text, "[[control_panel]]\nname = \"panel-{panel}\"\n").expect(line);
        for at in 1..=CONTROLS {
            write!(text, "[[routing_control]]\nname = \"c{at}\"\npanel = \"panel-{panel}\"\n").expect(line);
        }
        for at in 1..=RULES {
            let (one, other) = (1 + at % CONTROLS, 1 + (at + 1) % CONTROLS);
            write!(
                text,
                "[[safety_rule]]\nname = \"keep-{at}\"\npanel = \"panel-{panel}\"\n\
                 assert = {{ at_least = 1, of = [\"c{one}\", \"c{other}\"] }}\n"
            )
            .expect(line);
        }
    }
    text
}

/// What is on the large board.
pub fn size(panels: usize) -> String {
    format!("{} controls, {panels} panels, {} rules", CONTROLS * panels, RULES * panels)
}

/// The `turn`th batch: one region off, the other on; in the next turn the other way round.
pub fn batch(turn: u64) -> SetControls {
    let (r1, r2) = if turn.is_multiple_of(2) {
        (ControlTo::Off, ControlTo::On)
    } else {
        (ControlTo::On, ControlTo::Off)
    };
    let set = |control: &str, to| ControlSet { control: control.to_owned(), to };
    SetControls {
        sets: vec![set("regions/r1", r1), set("regions/r2", r2)],
        override_rules: Vec::new(),
        override_floor: Vec::new(),
        reason: "benchmark".to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hf_config::estate::EstateBundle;

    #[test]
    fn both_estates_are_read_without_a_problem() {
        for toml in [small(), large(50)] {
            let bundle = EstateBundle { toml, ..EstateBundle::default() };
            let read = hf_control::read_estate(&bundle).map_err(|problems| problems.to_string());
            assert!(read.is_ok(), "{read:?}");
        }
    }
}
