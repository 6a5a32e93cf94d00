//! One node: the roles of a node file, wired together.

mod hub;
mod save;

#[cfg(test)]
mod testing;
