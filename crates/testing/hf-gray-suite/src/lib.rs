//! Episodes of simulated services, and the score of the detector of gray failure on them.
//!
//! 1. An episode is one service of three to five zones for 800 seconds, with one cause of trouble or none; it follows from kind and seed alone.
//! 2. Thirteen kinds are a zone's fault and want that zone found; twenty are not, and want nothing.
//! 3. Every request is drawn by itself: its fate, and its latency from a log-logistic body with a slow tail. Load, faults and latency drift, endpoints pause,
//!    clients burst: also in quiet services.
//! 4. The detector sees seconds as the balancers and checkers of a node tell them, and nothing else.
//!
//! Traffic is simulated, not recorded, and what a shift does to it afterwards is not simulated.
//!
//! Not here: the detector (`hf-gray`), replay of recordings (`holdfast detect`).

pub mod chance;
pub mod episode;
pub mod kind;
pub mod score;
pub mod service;

pub use episode::Episode;
pub use kind::Kind;
pub use score::{Score, Verdict};
