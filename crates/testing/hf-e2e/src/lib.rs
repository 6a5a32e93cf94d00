//! End-to-end tests: real binaries, nginx, dig and curl in network namespaces, one per zone.
//!
//! What only they can show: that the built program carries real clients' traffic over real links, and what happens to it when links
//! turn into black holes or go down, when processes are killed, when a node boots alone.
//!
//! [`failures`] is a table: endpoints that fail in twelve ways, and what is decided. [`places`] is a second world: five places with an etcd member and a control node each, and twenty data planes.
//!
//! Needs root (namespaces), iproute2, nftables, nginx, dig, curl, etcd, etcdctl and faketime: `./test` installs them, a missing one fails the test by name.
//!
//! Not here: rules (unit tests of core), behaviour over time (`hf-scenarios`, `hf-sim`).

pub mod address;
pub mod clock;
pub mod estate;
pub mod failures;
pub mod family;
pub mod fronts;
pub mod load;
pub mod netns;
pub mod places;
pub mod process;
pub mod routes;
pub mod stores;
pub mod takers;
pub mod traffic;
pub mod virtual_address;
pub mod wait;
pub mod work;
pub mod world;

pub use wait::wait_for;
pub use world::World;
