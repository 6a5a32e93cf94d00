//! Our DNS role beside Knot, NSD and BIND: as their primary and their secondary, for `nsupdate`, `dig -y` and `kdig +tls`.
//!
//! What only this can show: that others read our transfers, signatures and updates as we mean them, and we theirs.
//! `HF_DNS_CHANGES` says how many random changes each chain goes through; `cargo xtask dns-chain` asks for 10,000.

mod catalogs;
mod ours;
mod peers;
mod primaries;
mod secondaries;
mod tls;
mod updates;

/// How many random changes a chain of transfers goes through.
fn changes(otherwise: u32) -> u32 {
    std::env::var("HF_DNS_CHANGES").ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
