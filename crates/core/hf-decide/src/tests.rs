//! The rules, in a notation that fits on a line, and the properties behind them.

mod accepted;
mod properties;
mod rules;
mod world;
