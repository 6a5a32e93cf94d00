//! The command line, as `--help` and the man pages tell it.
//!
//! What can be judged here is refused here (exit code 2), before anything is asked of a node: `value`.
//!
//! Not here: the environment and the runbook (`session`). clap is not told of the variables: it would count them as given flags, and
//! empty ones too.

pub mod access;
pub mod detect;
pub mod dnssec;
pub mod endpoint;
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
    List(ShiftListArgs),
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

/// `holdfast shift list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast shift list                          those in force
  holdfast shift list --zone use1-az1 --all    all of one zone, ended ones too
  holdfast shift list --state expired          those that ended by themselves")]
pub struct ShiftListArgs {
    /// Ended ones too.
    #[arg(long)]
    pub all: bool,
    /// Only of this zone, by id or alias.
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub zone: Option<String>,
    /// Only of this resource: everything, pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", value_parser = value::scope)]
    pub resource: Option<String>,
    /// Only in this state; an ended state lists ended ones by itself.
    #[arg(long, value_enum)]
    pub state: Option<ListState>,
}

/// In which state a shift is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListState {
    /// In force.
    Active,
    /// Ended by an operator.
    Canceled,
    /// Ended by its length.
    Expired,
    /// A practice run that a stronger act ended.
    Interrupted,
    /// An autoshift whose evidence is gone, or a practice run that was judged.
    Completed,
}

/// `holdfast shift start`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast shift start use1-az1 --for 30m --reason 'bad switch'
  holdfast shift start use1-az1 --resource pool/web --for 2h --reason 'slow disks under web'
  holdfast shift start use1-az1 --resource region/us-east-1 --for 1h --reason 'refused unless the zone is there'
  holdfast shift start use1-az1 --for 15m --reason 'no control node answers' --break-glass")]
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
    /// What leaves the zone: everything, region/ID (everything of a zone of that region), pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", default_value = "everything", value_parser = value::resource)]
    pub resource: String,
    /// A pool whose floor (min_zones, min_capacity) may be broken; may be repeated. It is recorded, and shown while it lasts.
    #[arg(long, value_name = "POOL", value_parser = value::pool)]
    pub override_floor: Vec<String>,
    /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
    #[arg(long)]
    pub no_wait: bool,
    /// Speak straight to the data-plane nodes, with no ledger: for when no control node answers.
    #[arg(long)]
    pub break_glass: bool,
    /// How the nodes are asked for break-glass.
    #[command(flatten)]
    pub glass: GlassArgs,
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
    /// How the nodes are asked for break-glass.
    #[command(flatten)]
    pub glass: GlassArgs,
}

/// How a break-glass act is signed and given to the nodes.
#[derive(Debug, Args)]
pub struct GlassArgs {
    /// With --break-glass: change nothing; show which nodes would take it, and what the floor stops.
    #[arg(long, requires = "break_glass")]
    pub dry_run: bool,
    /// With --break-glass: give it also to nodes where the floor lets it do nothing now; it takes effect there as soon as it may.
    #[arg(long, requires = "break_glass")]
    pub anyway: bool,
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
    /// What is pinned: everything, region/ID, pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", default_value = "everything", value_parser = value::resource)]
    pub resource: String,
    /// A pool whose floor a pin out may break; may be repeated.
    #[arg(long, value_name = "POOL", value_parser = value::pool)]
    pub override_floor: Vec<String>,
}

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
    /// A DNS name such as www.example.test, or pool/NAME.
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
    /// The balancer's zone, for a pool; without it the pool's zones, and what the detectors of gray failure have against them.
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

/// `holdfast control`
#[derive(Debug, Args)]
pub struct ControlArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ControlCommand,
}

/// What may be done with routing controls.
#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// Show every panel with its switches and rules.
    List {
        /// Only panels of this name; may be repeated.
        #[arg(value_name = "PANEL")]
        panels: Vec<String>,
        /// What the node that answers knows, even with no quorum; without it all that was acknowledged before is in the answer.
        #[arg(long)]
        stale: bool,
    },
    /// Show one routing control or safety rule.
    Show {
        /// NAME, PANEL/NAME or #NUMBER.
        #[arg(value_parser = value::control)]
        name: String,
        /// As of `list`.
        #[arg(long)]
        stale: bool,
    },
    /// Turn routing controls on, all or none.
    #[command(after_help = "\
Example:
  holdfast control on regions/us-east-1 --reason 'east is well again'")]
    On(TurnArgs),
    /// Turn routing controls off, all or none.
    #[command(after_help = "\
Examples:
  holdfast control off regions/us-east-1 --reason 'east is down'
  holdfast control off us-east-1 us-east-2 --reason drill --override-rule keep-one")]
    Off(TurnArgs),
    /// Turn some on and others off in one batch: a safety rule sees all of it or nothing.
    #[command(after_help = "\
Example, for a pair of which one is to be on at any time:
  holdfast control set regions/us-east-1=off regions/eu-west-2=on --reason 'fail over'")]
    Set(SetArgs),
}

/// `holdfast control on|off`
#[derive(Debug, Args)]
pub struct TurnArgs {
    /// NAME, PANEL/NAME or #NUMBER.
    #[arg(required = true, value_name = "NAME", value_parser = value::control)]
    pub names: Vec<String>,
    /// Why, and what may be broken.
    #[command(flatten)]
    pub how: TurnHow,
}

/// `holdfast control set`
#[derive(Debug, Args)]
pub struct SetArgs {
    /// NAME=on or NAME=off, the name as of `on`.
    #[arg(required = true, value_name = "NAME=on|off", value_parser = value::set)]
    pub sets: Vec<hf_api::ControlSet>,
    /// Why, and what may be broken.
    #[command(flatten)]
    pub how: TurnHow,
}

/// Why, and what may be broken.
#[derive(Debug, Args)]
pub struct TurnHow {
    /// Why, for everybody who looks at it at 3 am.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// A safety rule that is not asked: NAME, PANEL/NAME or #NUMBER; may be repeated. It is recorded.
    #[arg(long, value_name = "RULE", value_parser = value::control)]
    pub override_rule: Vec<String>,
    /// A pool whose floor (min_zones, min_capacity) may be broken; may be repeated. It is recorded, and shown while it lasts.
    #[arg(long, value_name = "POOL", value_parser = value::pool)]
    pub override_floor: Vec<String>,
    /// Return as soon as it is acknowledged, without waiting for the nodes to report it applied.
    #[arg(long)]
    pub no_wait: bool,
}

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
        /// An alarm that fails a run; 1 to 10.
        #[arg(long, value_name = "ALARM", required = true)]
        outcome_alarm: Vec<String>,
        /// An alarm that keeps runs from beginning; 0 to 10.
        #[arg(long, value_name = "ALARM")]
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
        /// An address under which its feed and its API are reached; may be repeated.
        #[arg(long = "address", value_name = "IP", required = true)]
        addresses: Vec<std::net::IpAddr>,
        /// The authority's folder.
        #[arg(long, default_value = "certs")]
        folder: PathBuf,
    },
    /// Make an operator's certificate, for nodes that know operators by one ([api] tls with client_ca).
    Operator {
        /// The operator's name; `holdfast access add … --certificate-name NAME` says what it may do.
        name: String,
        /// The authority's folder. Best one of its own: whoever has a certificate of the feed's authority may speak to nodes' feeds.
        #[arg(long, default_value = "certs")]
        folder: PathBuf,
    },
    /// Print the key of a certificate as clients pin it: sha256/… for --pin and runbooks.
    Pin {
        /// The certificate (PEM).
        certificate: PathBuf,
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
