//! Benchmarks of Holdfast: real processes, and beside each figure the same of what it stands on, in the same run.
//!
//! 1. One machine, loopback addresses; where root makes a figure truer it is used, and its want is said. Everything ends with the program; its files go too.
//! 2. Figures that are compared are taken in turns, in blocks, so that what else the machine does meets both.
//! 3. A figure says how it was taken; the report says machine, versions, command and date.
//!
//! `cargo xtask bench ledger`, `cargo xtask bench dns`, `cargo xtask bench proxy`, `cargo xtask bench health` and
//! `cargo xtask bench status`: see [`ledger`], [`dns`], [`proxy`], [`health`] and [`status`]. Not here: thresholds. What a figure has to be is for
//! readers; the tests show only that a small run works.

pub mod cores;
pub mod cpu;
pub mod dns;
pub mod figures;
pub mod health;
pub mod kept;
pub mod ledger;
pub mod netns;
pub mod pace;
pub mod process;
pub mod proxy;
pub mod status;

/// What went wrong, in words: there is nothing that a caller could do about it but tell.
pub type Told<T> = Result<T, String>;
