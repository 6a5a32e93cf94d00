//! Private keys: DNSSEC key pairs that sign, secrets sealed on disk, and the store of signatures.
//!
//! 1. A private key leaves memory only sealed: ChaCha20-Poly1305 under a key in a file of its own ([`SealKey`]).
//! 2. Files with secrets belong to their owner only ([`private_file`]).
//! 3. Signatures are made ahead for all that is known, by content, so that a change signs only what it brings; what cannot be known
//!    ahead (names that do not exist) is signed when somebody asks, within a budget, and kept in a bounded cache ([`ZoneSigner`]).
//!
//! Not here: what is covered and by which key (`hf-dnssec`), when to prepare (`hf-dns`), the keys' steps (`hf-control`).

mod budget;
mod pair;
pub mod private_file;
mod seal;
mod store;

pub use budget::Budget;
pub use pair::{KeyPair, NoKeyPair, generate, seal_pair, unseal_pair};
pub use seal::{SealError, SealKey};
pub use store::{Counts, Prepared, Room, ZoneSigner};
