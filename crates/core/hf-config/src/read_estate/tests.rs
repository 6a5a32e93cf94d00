#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

mod bad;
mod carrying;
mod checks;
mod closing;
mod consumers;
mod controls;
mod good;
mod hosting;
mod services;
mod sources;
mod total;
mod trees;

/// The example of the design page, with its second zone declared and what this version does not carry left out.
pub(crate) const DESIGN: &str = include_str!("tests/design.toml");
pub(crate) const DESIGN_ZONE: &str = include_str!("tests/example.test.zone");

pub(crate) fn bundle(toml: &str) -> EstateBundle {
    let files = BTreeMap::from([("example.test.zone".to_owned(), DESIGN_ZONE.to_owned())]);
    EstateBundle { toml: toml.to_owned(), files }
}

fn check(toml: &str, expected: Expect) {
    let found = match read_estate("estate.toml", &bundle(toml)) {
        Ok(estate) => format!("{estate:#?}\n"),
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&found);
}

/// Beyond these counts reading would take the square of what is written.
#[test]
fn aliases_and_networks_are_bounded() {
    let aliases: Vec<String> = (0..65).map(|at| format!("\"a{at}\"")).collect();
    let networks = |of: u32| -> String {
        let each: Vec<String> =
            (0..2_049).map(|at| format!("\"10.{of}.{}.{}/32\"", at / 256, at % 256)).collect();
        each.join(", ")
    };
    let toml = format!(
        "[[region]]\nid = \"r\"\n[[zone]]\nid = \"a\"\nregion = \"r\"\naliases = [{}]\nnetworks = [{}]\n\
         [[zone]]\nid = \"b\"\nregion = \"r\"\nnetworks = [{}]\n",
        aliases.join(", "),
        networks(0),
        networks(1)
    );
    let bundle = crate::estate::EstateBundle { toml, files: std::collections::BTreeMap::new() };
    let problems = crate::read_estate("estate.toml", &bundle).unwrap_err().to_string();
    assert!(problems.contains("at most 64 of `aliases`, there are 65; remove some"), "{problems}");
    assert!(problems.contains("at most 2047 of `networks`, there are 2049; remove some"), "{problems}");
}
