//! One small estate, asked everything.

mod apex;
mod names;
mod steered;
mod trees;
mod world;
mod written;
