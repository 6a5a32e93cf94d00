//! `holdfast control`, as `--help` and the man pages tell it.

use clap::{Args, Subcommand};

use super::value;

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
