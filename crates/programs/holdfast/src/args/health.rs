//! `holdfast health`, as `--help` and the man pages tell it.

use std::net::SocketAddr;

use clap::{Args, Subcommand, ValueEnum};
use hf_api::CheckResult;

use super::value;

/// `holdfast health`
///
/// A health check of kind `pushed` is told its results. Each counts for its lease at the checker that it was told to: this command tells every node that it knows of
/// (--endpoint, HOLDFAST_ENDPOINTS, `nodes` of the runbook), and is done when one checker has taken it. The credential needs the role `push`; scopes may narrow it to
/// checks, pools and zones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast health push backup pass --for 26h --text \"41 GiB\"                  a job that has to report each day
  holdfast health push app fail --address 10.1.1.10:8080 --text \"disk full\"   one endpoint of the pools that name the check
  holdfast health results app")]
pub struct HealthArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HealthCommand,
}

/// What may be done with pushed health checks.
#[derive(Debug, Subcommand)]
pub enum HealthCommand {
    /// Tell checkers a result; exit 0 when one of them has taken it.
    Push(PushArgs),
    /// List the last result of each subject, as each checker has it.
    Results {
        /// The health check.
        check: String,
    },
}

/// `holdfast health push`
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The health check, of kind pushed.
    pub check: String,
    /// The result.
    #[arg(value_enum)]
    pub result: ResultName,
    /// The endpoint that it is about, such as 10.1.1.10:8080. Default: the check as a whole.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<SocketAddr>,
    /// How long it counts, 1s to 24h. Default: the `lease` of the check.
    #[arg(long = "for", value_name = "TIME", value_parser = value::length)]
    pub length: Option<String>,
    /// Why, for people; at most 200 bytes.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
}

/// A result as it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultName {
    /// All is well.
    Pass,
    /// It is not.
    Fail,
}

impl From<ResultName> for CheckResult {
    fn from(name: ResultName) -> CheckResult {
        match name {
            ResultName::Pass => CheckResult::Pass,
            ResultName::Fail => CheckResult::Fail,
        }
    }
}
