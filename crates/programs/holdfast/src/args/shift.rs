//! `holdfast shift` and `holdfast pin`, as `--help` and the man pages tell them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::value;

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
    /// Show one shift: who has applied it, consumers of zone status too, and its measured time to zero.
    Show {
        /// Such as shift-42; with --break-glass the zone, by id or alias.
        id: String,
        /// The zone's break-glass shift, which has no id until a ledger has recorded it.
        #[arg(long)]
        break_glass: bool,
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
  holdfast shift start use1-az1 --for 1h --reason 'bad switch' --wait-consumers 10s
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
    /// Wait so long too until every consumer of zone status that is heard has applied it, such as 10s; nobody waits for silent ones.
    #[arg(long, value_name = "TIME", value_parser = value::length, conflicts_with_all = ["no_wait", "break_glass"])]
    pub wait_consumers: Option<String>,
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
