//! The command line, as `--help` and the man pages tell it.
//!
//! What can be judged here is refused here (exit code 2), before anything is asked of a node: `value`.
//!
//! Not here: the environment and the runbook (`session`). clap is not told of the variables: it would count them as given flags, and
//! empty ones too.

pub mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Show what applying an estate file would change.
    Diff {
        /// The estate file.
        estate: PathBuf,
    },
    /// Put an estate file in force, at once and everywhere; refuses when the estate moved on meanwhile.
    Apply(ApplyArgs),
    /// Show the zones at a glance: open or away and why, share of traffic, shifts with time to zero, who has seen which revision.
    Status(StatusArgs),
    /// Evacuate zones: start, list, show, extend, cancel.
    Shift(ShiftArgs),
    /// Pin a zone in or out: an operator's word that outranks shifts and health; it ends by itself.
    Pin(PinArgs),
    /// Say why a name or pool is answered as it is: every filter, what it removed and why.
    Explain(ExplainArgs),
    /// Show the decisions and who made them, oldest first.
    Journal(JournalArgs),
    /// Store endpoints and credentials on this machine, so that an evacuation needs no look-up.
    Runbook(RunbookArgs),
    /// Make certificates for the feed between machines: a small authority and one certificate a node.
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

/// `holdfast shift`
#[derive(Debug, Args)]
pub struct ShiftArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ShiftCommand,
}

/// What may be done with shifts.
#[derive(Debug, Subcommand)]
pub enum ShiftCommand {
    /// Take a zone out of every path that carries traffic, until it ends by itself.
    Start(StartArgs),
    /// List the shifts.
    List {
        /// Ended ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show one shift: who has applied it, and its measured time to zero.
    Show {
        /// Such as shift-42.
        id: String,
    },
    /// Give a shift a new end, counted from now.
    Extend {
        /// Such as shift-42.
        id: String,
        /// 1m to 72h from now.
        #[arg(long = "for", value_name = "TIME", value_parser = value::length)]
        length: String,
        /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
        #[arg(long)]
        no_wait: bool,
    },
    /// End a shift now.
    Cancel(CancelArgs),
}

/// `holdfast shift start`
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The zone to leave, by id or alias.
    #[arg(value_parser = value::zone)]
    pub zone: String,
    /// How long, 1m to 72h: it ends by itself.
    #[arg(long = "for", value_name = "TIME", value_parser = value::length)]
    pub length: String,
    /// Why, for everybody who looks at it at 3 am.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What leaves the zone: everything, pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", default_value = "everything", value_parser = value::resource)]
    pub resource: String,
    /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
    #[arg(long)]
    pub no_wait: bool,
    /// Speak straight to the data-plane nodes, with no ledger: for when no control node answers.
    #[arg(long)]
    pub break_glass: bool,
    /// The key and its name for break-glass.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// `holdfast shift cancel`
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Such as shift-42; with --break-glass the zone.
    pub id: String,
    /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
    #[arg(long)]
    pub no_wait: bool,
    /// Cancel a break-glass shift of this zone.
    #[arg(long)]
    pub break_glass: bool,
    /// The key and its name for break-glass.
    #[command(flatten)]
    pub signer: SignerArgs,
}

/// Who signs a break-glass shift.
#[derive(Debug, Args)]
pub struct SignerArgs {
    /// The operator's private key (base64 of PKCS#8); default the runbook's.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The name that node files give to the key; default the runbook's, else `operator`.
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
}

/// `holdfast pin`
#[derive(Debug, Args)]
pub struct PinArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PinCommand,
}

/// What may be done with pins.
#[derive(Debug, Subcommand)]
pub enum PinCommand {
    /// Keep a zone serving, whatever shifts and health say.
    In(PinSetArgs),
    /// Keep a zone out.
    Out(PinSetArgs),
    /// Take a pin away.
    Clear {
        /// The zone.
        #[arg(value_parser = value::zone)]
        zone: String,
        /// What was pinned.
        #[arg(long, value_name = "RESOURCE", default_value = "everything", value_parser = value::resource)]
        resource: String,
    },
}

/// `holdfast pin in|out`
#[derive(Debug, Args)]
pub struct PinSetArgs {
    /// The zone, by id or alias.
    #[arg(value_parser = value::zone)]
    pub zone: String,
    /// How long, 1m to 72h.
    #[arg(long = "for", value_name = "TIME", value_parser = value::length)]
    pub length: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What is pinned: everything, pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", default_value = "everything", value_parser = value::resource)]
    pub resource: String,
}

/// `holdfast explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A DNS name such as www.example.test, or pool/NAME.
    #[arg(value_parser = value::explained)]
    pub what: value::Explained,
    /// The record type, for a name.
    #[arg(default_value = "A", value_parser = value::rtype)]
    pub rtype: String,
    /// The client's address, for a name.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "from_zone", value_parser = value::address)]
    pub from: Option<std::net::IpAddr>,
    /// The balancer's zone, for a pool.
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub from_zone: Option<String>,
}

/// `holdfast journal`
#[derive(Debug, Args)]
pub struct JournalArgs {
    /// Lines at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only lines after this number.
    #[arg(long, value_name = "NUMBER")]
    pub after: Option<u64>,
}

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
    /// Write the runbook file (mode 0600) with --endpoint, --token and a break-glass key of your own.
    Init {
        /// A data-plane node's API for break-glass; may be repeated. Without any: the endpoints.
        #[arg(long = "node", value_name = "URL")]
        nodes: Vec<String>,
        /// Your name as the node files will have it; default `operator`.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
        /// Replace an existing runbook; its key is kept, and so is all that is not given anew.
        #[arg(long)]
        force: bool,
    },
    /// Show the runbook without its secrets.
    Show,
}

/// `holdfast cert`
#[derive(Debug, Args)]
pub struct CertArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CertCommand,
}

/// What may be made.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Make an authority: ca.pem and ca.key (mode 0600) in a folder.
    Authority {
        /// The folder.
        #[arg(default_value = "certs")]
        folder: PathBuf,
    },
    /// Make a node's certificate: NODE.pem and NODE.key beside the authority's.
    Node {
        /// The node's id.
        node: String,
        /// An address under which other nodes reach its feed; may be repeated.
        #[arg(long = "address", value_name = "IP", required = true)]
        addresses: Vec<std::net::IpAddr>,
        /// The authority's folder.
        #[arg(long, default_value = "certs")]
        folder: PathBuf,
    },
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
