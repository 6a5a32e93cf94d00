//! Each format against its golden file, against itself, and against bytes of others.

mod arbitrary;
mod foreign;
mod golden;
mod roundtrip;
mod sizes;
