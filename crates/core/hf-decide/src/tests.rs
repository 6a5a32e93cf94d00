//! The rules, in a notation that fits on a line, and the properties behind them.

mod accepted;
mod autoshift;
mod controls;
mod glass;
mod minimum;
mod properties;
mod returns;
mod rules;
mod trees;
mod world;
