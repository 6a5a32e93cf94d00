#![allow(clippy::needless_pass_by_value)] // `expect!` stands in the call

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

mod bad;
mod good;
mod total;

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
