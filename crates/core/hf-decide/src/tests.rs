//! The rules, in a notation that fits on a line, and the properties behind them.

mod accepted;
mod controls;
mod glass;
mod properties;
mod returns;
mod rules;
mod world;
