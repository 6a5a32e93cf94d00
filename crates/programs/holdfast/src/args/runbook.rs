//! `holdfast runbook`, as `--help` and the man pages tell it.

use clap::{Args, Subcommand};

/// `holdfast runbook`
#[derive(Debug, Args)]
pub struct RunbookArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RunbookCommand,
}

/// What may be done with the runbook.
#[derive(Debug, Subcommand)]
pub enum RunbookCommand {
    /// Write the runbook file (mode 0600): endpoints, keys that nodes are known by, credentials, the estate, a break-glass key.
    ///
    /// A node that answers tells where all the others are; what it tells is added to what is given here.
    #[command(after_help = "\
Examples:
  holdfast runbook init --endpoint https://10.0.0.1:7600 --pin sha256/… --token TOKEN --operator ann
  holdfast runbook init --force        ask the nodes again where all of them are, keep the rest
  holdfast runbook check               who answers, how fast, and whether it is still the same estate and key")]
    Init {
        /// A data-plane node's API for break-glass; may be repeated. Without any: all that the nodes know, else the endpoints.
        #[arg(long = "node", value_name = "URL")]
        nodes: Vec<String>,
        /// Your name as the node files will have it; default `operator`.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
        /// Replace an existing runbook; its key is kept, and so is all that is not given anew.
        #[arg(long)]
        force: bool,
        /// Ask no node: store what is given and nothing else.
        #[arg(long)]
        offline: bool,
    },
    /// Show the runbook without its secrets.
    Show,
    /// Ask every endpoint of the runbook: who answers, how fast, whose key or estate is another one than stored.
    Check,
}
