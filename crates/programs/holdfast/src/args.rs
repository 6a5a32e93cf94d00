//! The command line, as `--help` and the man pages tell it.
//!
//! What can be judged here is refused here (exit code 2), before anything is asked of a node: `value`.
//!
//! Not here: the environment and the runbook (`session`). clap is not told of the variables: it would count them as given flags, and
//! empty ones too.

pub mod access;
mod cert;
mod control;
mod deploy;
pub mod detect;
pub mod dnssec;
pub mod endpoint;
pub mod health;
mod practice;
mod questions;
mod runbook;
mod shift;
pub mod value;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use cert::{CertArgs, CertCommand};
pub use control::{ControlArgs, ControlCommand, TurnHow};
pub use deploy::{DeployArgs, DeployCommand};
pub use practice::{AutoshiftArgs, AutoshiftCommand, PracticeArgs, PracticeCommand};
pub use questions::{ExplainArgs, HostedZonesArgs, JournalArgs, JournalCommand, WhatIfArgs};
pub use runbook::{RunbookArgs, RunbookCommand};
pub use shift::{
    CancelArgs, GlassArgs, ListState, PinArgs, PinCommand, PinSetArgs, ShiftArgs, ShiftCommand, StartArgs,
};
pub use watch::{FileForm, WatchArgs};

/// Keeps a service answering when an availability zone or a region fails.
///
/// Evacuate a zone everywhere with one act: `holdfast shift start ZONE --for 30m --reason TEXT`.
/// See it work at home: `holdfast demo`.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, max_term_width = 100, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command knows.
    #[command(flatten)]
    pub common: Common,
}

/// What every command knows.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// A node's API, such as http://127.0.0.1:7600; may be repeated, any one that answers will do.
    ///
    /// Without it: HOLDFAST_ENDPOINTS (comma-separated), then the runbook file, then http://127.0.0.1:7600. An empty variable counts as
    /// unset.
    #[arg(long = "endpoint", value_name = "URL", global = true, value_delimiter = ',')]
    pub endpoints: Vec<String>,
    /// The token for writes; better in HOLDFAST_TOKEN or the runbook file than on the command line.
    ///
    /// A control node makes one at its first start: the file operator.token in its data folder.
    #[arg(long, value_name = "TOKEN", global = true)]
    pub token: Option<String>,
    /// The certificate of the authority that nodes with https:// are known by (PEM); default HOLDFAST_CA, then the runbook's.
    #[arg(long, value_name = "FILE", global = true)]
    pub ca: Option<PathBuf>,
    /// The key that nodes with https:// are known by, sha256/…, instead of an authority; may be repeated.
    ///
    /// A node prints its key at its start. Default HOLDFAST_PIN (comma-separated), then the runbook's.
    #[arg(long = "pin", value_name = "KEY", global = true, value_delimiter = ',')]
    pub pins: Vec<hf_api::tls::KeyPin>,
    /// Your certificate, for nodes that know operators by one (PEM); default HOLDFAST_CLIENT_CERTIFICATE, then the runbook's.
    #[arg(long = "client-certificate", value_name = "FILE", global = true)]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM); default HOLDFAST_CLIENT_KEY, then the runbook's.
    #[arg(long = "client-key", value_name = "FILE", global = true)]
    pub certificate_key: Option<PathBuf>,
    /// The runbook file; default HOLDFAST_RUNBOOK, then ~/.config/holdfast/runbook.toml when it is there.
    #[arg(long, value_name = "FILE", global = true)]
    pub runbook: Option<PathBuf>,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t = Output::Table, global = true)]
    pub output: Output,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs: one JSON value.
    Json,
    /// The same on one line; of lists that may be long (`journal export`), one value a line.
    Jsonl,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a living local world: 2 regions x 3 zones, a real web app, live traffic; kill, shift and heal zones.
    Demo(DemoArgs),
    /// Run a node; its roles are in the file.
    Serve(ServeArgs),
    /// Validate node and estate files: all problems at once as file:line:column, exit 0 or 2.
    Check(CheckArgs),
    /// Replay recorded seconds of requests and probes: which zone fails in part, and when that is certain.
    Detect(detect::DetectArgs),
    /// Show what applying an estate file would change.
    Diff {
        /// The estate file.
        estate: PathBuf,
    },
    /// Put an estate file in force, at once and everywhere; refuses when the estate moved on meanwhile.
    Apply(ApplyArgs),
    /// Show the zones at a glance: open or away and why, share of traffic, shifts with time to zero, who has seen which revision.
    Status(StatusArgs),
    /// Obey zone status for a program that cannot ask by itself: run a command, keep a file, at every change.
    Watch(WatchArgs),
    /// Evacuate zones: start, list, show, extend, cancel.
    Shift(ShiftArgs),
    /// Turn routing controls on and off, all or none, within their safety rules.
    ///
    /// Panels, routing controls and safety rules are declared in the estate file; more are made over the API (`/v1/panels`, or the aws
    /// command). What stands behind a control is declared in the estate file alone.
    Control(ControlArgs),
    /// Rehearse evacuations: start a practice run, and say when they may run.
    Practice(PracticeArgs),
    /// Say for which resources automatic shifts may act, or only advise, and list what they see.
    Autoshift(AutoshiftArgs),
    /// Pin a zone in or out: an operator's word that outranks shifts and health; it ends by itself.
    Pin(PinArgs),
    /// Mark zones as being deployed to, one at a time: restarts there are then not taken for a bad zone so soon.
    Deploy(DeployArgs),
    /// Say why a name or pool is answered as it is: every filter, what it removed and why.
    Explain(ExplainArgs),
    /// Say who would carry what if a zone or region went, and what would be refused; exit 1 if it would not go well.
    #[command(
        name = "whatif",
        after_help = "\
Example:
  holdfast whatif --lose use1-az1"
    )]
    WhatIf(WhatIfArgs),
    /// List the hosted zones as one node has them: where each comes from, its serial, its records, its age, what is wrong.
    HostedZones(HostedZonesArgs),
    /// Show the decisions and who made them, oldest first.
    Journal(JournalArgs),
    /// Store endpoints and credentials on this machine, so that an evacuation needs no look-up.
    Runbook(RunbookArgs),
    /// Say who may do what: principals with roles and scopes, their tokens, certificates and access keys.
    Access(access::AccessArgs),
    /// Sign hosted zones (DNSSEC): make keys, see where they are, roll them over, print what the registrar wants.
    Dnssec(dnssec::DnssecArgs),
    /// List endpoints of pools; register and deregister those of services that come and go by themselves.
    Endpoint(endpoint::EndpointArgs),
    /// Tell checkers results of pushed health checks, and list what they were told.
    Health(health::HealthArgs),
    /// Make certificates: a small authority, one certificate a node for feed and API, one an operator.
    Cert(CertArgs),
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all pages into a folder.
    Man {
        /// Where to write holdfast.1, holdfast-shift.1, and so on.
        folder: Option<PathBuf>,
    },
}

/// `holdfast demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// What happens when, such as "kill:use1-az1@5s, heal:use1-az1@20s, shift:use1-az2@30s".
    ///
    /// Actions: kill, errors, slow, heal, shift, cancel (each with a zone), kill-control, heal-control.
    #[arg(long, value_name = "SCRIPT")]
    pub script: Option<String>,
    /// How long to run, such as 45s; for ever without.
    #[arg(long = "for", value_name = "TIME", value_parser = value::length)]
    pub length: Option<String>,
    /// Write the very node and estate files that the demo runs into this folder, and end; it must be new or empty.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["script", "length"])]
    pub eject: Option<PathBuf>,
    /// Print lines even on a terminal, instead of the living picture.
    #[arg(long)]
    pub plain: bool,
}

/// `holdfast serve`
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct ServeArgs {
    /// The node file.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// For a ledger that was lost or restored from an old copy: go on with what the nodes hold, as one entry after theirs.
    ///
    /// The ledger's file of before is kept beside it. With a ledger that has all that the nodes hold it does nothing. For one start:
    /// leave it out of the next.
    #[arg(long)]
    pub adopt_intent: bool,
    /// Take over from the process that runs this node, without a client of its balancer noticing: its listeners come over its
    /// `handover_socket`, it lets its clients finish for `drain` and ends.
    ///
    /// SIGUSR2 to a running node does the same with the program as it lies on the disk.
    #[arg(long)]
    pub takeover: bool,
    /// How much to log: error, warn, info, debug, trace, or a filter such as info,hf_feed=debug.
    #[arg(long, default_value = "info", env = "HOLDFAST_LOG")]
    pub log: String,
    /// One JSON object a line.
    #[arg(long)]
    pub log_json: bool,
    /// End when standard input closes: for a parent that must not leave nodes behind.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// `holdfast check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Node or estate files, or folders of them; which is which is told by what is in them.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `holdfast apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The estate file.
    pub estate: PathBuf,
    /// Only if the estate in force came with this revision; default the one that was read for the comparison.
    #[arg(long, value_name = "REVISION")]
    pub if_match: Option<u64>,
}

/// `holdfast status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Go on showing it, every second.
    #[arg(short, long)]
    pub watch: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
