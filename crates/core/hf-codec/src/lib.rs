//! Versioned wire and file formats of the domain types: ledger entries, checkpoints, intent, tables, break-glass shifts.
//!
//! 1. Domain types are not serialisable; each format here has its own types, a version number and a golden file.
//! 2. decode(encode(x)) = x; decoding foreign bytes never panics and says what is wrong.
//! 3. JSON: small, rare, and an operator can read a ledger without us.
//!
//! Not here: framing, checksums and files (`hf-feed`, `hf-ledger`), the API's types (`hf-api`).
