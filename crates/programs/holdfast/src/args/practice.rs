//! `holdfast practice` and `holdfast autoshift`, as `--help` and the man pages tell them.

use clap::{Args, Subcommand};

use super::value;

/// `holdfast practice`
#[derive(Debug, Args)]
pub struct PracticeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PracticeCommand,
}

/// What may be done about practice runs.
#[derive(Debug, Subcommand)]
pub enum PracticeCommand {
    /// Take a resource out of a zone for 30 minutes, yielding to every other act; `holdfast shift cancel` ends it.
    #[command(after_help = "\
Example:
  holdfast practice start pool/web --zone use1-az1 --reason 'weekly run'")]
    Start {
        /// region/ID, pool/NAME or record/NAME; it has a practice configuration.
        #[arg(value_parser = value::managed)]
        resource: String,
        /// The zone to leave, by id or alias.
        #[arg(long, value_parser = value::zone)]
        zone: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
        #[arg(long)]
        no_wait: bool,
    },
    /// List the resources that have a practice configuration.
    List,
    /// Show one resource's configuration and its runs.
    Show {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
    /// Show how one resource's newest runs went, with time to zero and headroom.
    History {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
    /// Exit 0 when a resource's newest judged run succeeded, and lately enough; else 1: for a release pipeline.
    #[command(after_help = "\
Example:
  holdfast practice gate pool/web --within 8d && ./deploy")]
    Gate {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
        /// How long ago the run may have ended at most.
        #[arg(long, value_name = "TIME", default_value = "8d", value_parser = hf_model::parse_duration)]
        within: std::time::Duration,
    },
    /// Say when a resource's runs may run and which alarms stop them; all of it, anew.
    #[command(after_help = "\
Example:
  holdfast practice configure pool/web --outcome-alarm checkout-errors \\
    --allowed-window Tue:09:00-Tue:17:00 --blocked-date 2026-12-24")]
    Configure {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
        /// An alarm that fails a run: a health check, `health-check:NAME`; 1 to 10.
        #[arg(long, value_name = "ALARM", required = true, value_parser = alarm)]
        outcome_alarm: Vec<String>,
        /// An alarm that keeps runs from beginning: a health check, `health-check:NAME`; 0 to 10.
        #[arg(long, value_name = "ALARM", value_parser = alarm)]
        blocking_alarm: Vec<String>,
        /// A weekly window without runs, UTC, such as Mon:09:00-Mon:17:30; 0 to 15.
        #[arg(long, value_name = "WINDOW", conflicts_with = "allowed_window")]
        blocked_window: Vec<String>,
        /// A weekly window with runs, UTC; no others then; 0 to 15.
        #[arg(long, value_name = "WINDOW")]
        allowed_window: Vec<String>,
        /// A day without runs, UTC, such as 2026-12-24; 0 to 15.
        #[arg(long, value_name = "DATE")]
        blocked_date: Vec<String>,
    },
    /// Take a resource's configuration away; autoshift must be off.
    Delete {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
}

/// `holdfast autoshift`
#[derive(Debug, Args)]
pub struct AutoshiftArgs {
    /// On or off.
    #[command(subcommand)]
    pub command: AutoshiftCommand,
}

/// What may be said about autoshift.
#[derive(Debug, Subcommand)]
pub enum AutoshiftCommand {
    /// Automatic shifts may act on the resource; it needs a practice configuration.
    On {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
    /// None is started; that one would have been is told in journal, status and metrics. Needs a practice configuration too.
    Advise {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
    /// What is made of the evidence now, for every resource that is watched.
    List,
    /// They may not.
    Off {
        /// region/ID, pool/NAME or record/NAME.
        #[arg(value_parser = value::managed)]
        resource: String,
    },
}

/// An alarm as the ledger keeps it, 8 to 1,024 characters.
fn alarm(text: &str) -> Result<String, String> {
    match text.chars().count() {
        8..=1_024 => Ok(text.to_owned()),
        _ => Err("an alarm is a health check of the estate, written `health-check:NAME`".to_owned()),
    }
}
