//! What is asked about the service, as `--help` and the man pages tell it: `holdfast explain`, `whatif`, `hosted-zones`, `journal`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value;

/// `holdfast hosted-zones`
#[derive(Debug, Args)]
pub struct HostedZonesArgs {
    /// How often each steered name was answered since the node's start, and by which zone or branch, beside the weights.
    #[arg(long)]
    pub answers: bool,
    /// Only this name.
    #[arg(requires = "answers")]
    pub name: Option<String>,
}

/// `holdfast explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A DNS name such as www.example.test, pool/NAME, or check/NAME: which checkers say what of a health check.
    #[arg(value_parser = value::explained)]
    pub what: value::Explained,
    /// The record type, for a name.
    #[arg(default_value = "A", value_parser = value::rtype)]
    pub rtype: String,
    /// The client's address, for a name.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "from_zone", value_parser = value::address)]
    pub from: Option<std::net::IpAddr>,
    /// The client's network, where a resolver at --from tells it (EDNS Client Subnet), such as 198.51.100.0/24.
    #[arg(long, value_name = "NET", requires = "from", value_parser = value::network)]
    pub subnet: Option<hf_model::Cidr>,
    /// The balancer's zone, for a pool; without it the pool's zones, who votes what of its endpoints, and what the detectors of gray failure have
    /// against them.
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub from_zone: Option<String>,
}

/// `holdfast whatif`
#[derive(Debug, Args)]
pub struct WhatIfArgs {
    /// The zone, by id or alias, or the region.
    #[arg(long, value_name = "ZONE|REGION")]
    pub lose: String,
}

/// `holdfast journal`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct JournalArgs {
    /// Lines at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only lines after this number.
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
    /// What else to do with it.
    #[command(subcommand)]
    pub command: Option<JournalCommand>,
}

/// What else may be done with the journal.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Write the journal as JSON lines, as it was written, with the chain of digests through it.
    #[command(after_help = "\
Examples:
  holdfast journal export > journal.jsonl
  holdfast journal export --since 24h > yesterday.jsonl
  holdfast journal export --after 1200 >> journal.jsonl    go on after line 1200")]
    Export {
        /// Only lines after this number.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// Only lines of the last so long, such as 24h, or since an instant such as 2026-12-24 or 2026-12-24T18:00:00Z.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Check that no line was changed, left out or put in: of an export, or, without a file, of a node's journal.
    #[command(after_help = "\
Examples:
  holdfast journal verify journal.jsonl
  holdfast journal verify                       the journal of a node with a ledger
  holdfast journal verify --link 1f0c…          and the newest line is still the one with this link, or follows it")]
    Verify {
        /// What `journal export` wrote.
        file: Option<PathBuf>,
        /// A link that an earlier `verify` gave and that was kept elsewhere: it must be in the chain.
        #[arg(long, value_name = "LINK", value_parser = value::link)]
        link: Option<hf_model::Digest>,
    },
}
