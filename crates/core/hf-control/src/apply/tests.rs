//! Commands as an operator would say them, one a line; see [`script::parse`] for the words.

use expect_test::{Expect, expect};

use super::*;

mod autoshift;
mod board;
mod control_properties;
mod controls;
mod declared;
mod deployments;
mod estates;
mod glass;
mod hosted;
mod pins;
mod practice;
mod properties;
mod requests;
mod script;
mod shifts;
mod sources;

use script::Runner;

/// Runs a script on a state with the test estate in force (revision 1) and shows what each line did.
fn check(script: &str, expected: &Expect) {
    let mut runner = Runner::with_estate();
    let shown: String = script.trim().lines().map(|line| runner.show(line.trim()) + "\n").collect();
    expected.assert_eq(&shown);
}

/// The same with trees in the estate.
fn check_trees(script: &str, expected: &Expect) {
    let mut runner = Runner::with_trees();
    let shown: String = script.trim().lines().map(|line| runner.show(line.trim()) + "\n").collect();
    expected.assert_eq(&shown);
}

/// The same with routing controls in the estate.
fn check_controls(script: &str, expected: &Expect) {
    let mut runner = Runner::with_controls();
    let shown: String = script.trim().lines().map(|line| runner.show(line.trim()) + "\n").collect();
    expected.assert_eq(&shown);
}
