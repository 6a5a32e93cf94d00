//! `holdfast dnssec`, as `--help` and the man pages tell it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `holdfast dnssec`
///
/// A hosted zone with `dnssec` in the estate is signed by every DNS node while it has an active key. Keys are made here, sealed with the nodes' seal file, and kept in the
/// ledger; the ledger cannot open them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast dnssec enable example.test. --seal-file seal.key     the first key; signs at once
  holdfast dnssec ds example.test.                              what the registrar wants
  holdfast dnssec status example.test.                          where each key is, and what to do next
  holdfast dnssec roll example.test. --seal-file seal.key       begin a roll-over, or take its next step")]
pub struct DnssecArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DnssecCommand,
}

/// What may be done with the keys of a hosted zone.
#[derive(Debug, Subcommand)]
pub enum DnssecCommand {
    /// Make a hosted zone's first key and let it sign; the estate says with which algorithm.
    Enable(EnableArgs),
    /// Show where each key is in its life, and what to do next.
    Status {
        /// The hosted zone, such as example.test.
        hosted_zone: String,
    },
    /// Take the next step of a roll-over: publish a new key, activate it, retire the old one, remove it.
    ///
    /// One call, one step; a step that has to wait for caches says until when. A change of the algorithm in the estate is rolled over to alike.
    Roll(RollArgs),
    /// Print the DS records for the parent: what to give to the registrar.
    Ds {
        /// The hosted zone, such as example.test.
        hosted_zone: String,
    },
}

/// `holdfast dnssec enable`
#[derive(Debug, Args)]
pub struct EnableArgs {
    /// The hosted zone, such as example.test.
    pub hosted_zone: String,
    /// The key that seals private keys: the file that every DNS node names as `dns.seal_file`. Made when missing; copy it to them then.
    #[arg(long, value_name = "FILE")]
    pub seal_file: PathBuf,
}

/// `holdfast dnssec roll`
#[derive(Debug, Args)]
pub struct RollArgs {
    /// The hosted zone, such as example.test.
    pub hosted_zone: String,
    /// As for `enable`; needed for the first step only, which makes a key.
    #[arg(long, value_name = "FILE")]
    pub seal_file: Option<PathBuf>,
    /// The parent has the new key's DS record: without it the old key is not retired.
    #[arg(long)]
    pub ds_published: bool,
    /// Do not wait until caches have let go of what was before: who has it validates no more until they do.
    #[arg(long)]
    pub force: bool,
}
