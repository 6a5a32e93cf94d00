//! `cargo xtask failures [--only FAULT,FAULT|quick]`: endpoints that fail in twelve ways, one of them, a zone's, all; a table of what was decided and when.
//!
//! Built optimised. About ten minutes, as root.
//!
//! Not here: the world and what is expected (`hf-e2e`).

use std::process::ExitCode;

use crate::world;

/// Runs the command.
pub fn main(words: &[&str]) -> ExitCode {
    world::run("failures", words)
}
