//! `holdfast access`, as `--help` and the man pages tell it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hf_access::Role;

/// `holdfast access`
///
/// Works on files, not on a node: run it where the access file is, as a user who may write it. A running node counts a change
/// within a second; give every node the same file, and `seal.key` beside it if there are access keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast access -c node.toml list
  holdfast access -c node.toml add ann --role read --role operate
  holdfast access -c node.toml token ann --expires 2027-01-01 > ann.token
  holdfast access -c node.toml add web-team --role read --role operate --pool web --zone use1-az1
  holdfast access -c node.toml key web-team                   an access key for the aws command
  holdfast access -c node.toml add ann --role read --certificate-name ann.example.com
  holdfast access --file access.toml check")]
pub struct AccessArgs {
    /// The access file.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "config")]
    pub file: Option<PathBuf>,
    /// The node file that says where the access file is.
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: AccessCommand,
}

/// What may be done with an access file.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// List who may do what, and what they show; no secrets.
    List,
    /// Add a principal; give it a token or a key afterwards.
    Add(AddArgs),
    /// Give a principal a new token: it is printed once and kept as a digest only.
    Token {
        /// Whose.
        name: String,
        /// When it ends: a day or an instant in UTC, such as 2027-01-01 or 2027-01-01T18:00:00Z. Default: never.
        #[arg(long, value_name = "TIME", value_parser = expires)]
        expires: Option<String>,
    },
    /// Give a principal a new access key for signed requests (the aws command): the secret is printed once and kept sealed.
    Key {
        /// Whose.
        name: String,
        /// When it ends: a day or an instant in UTC, such as 2027-01-01 or 2027-01-01T18:00:00Z. Default: never.
        #[arg(long, value_name = "TIME", value_parser = expires)]
        expires: Option<String>,
    },
    /// Remove a principal with everything that it shows.
    Remove {
        /// Which.
        name: String,
    },
    /// Check the file, its mode and its sealed secrets: all problems at once, exit 0 or 2.
    Check,
}

/// `holdfast access add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Its name, as the journal will show it.
    pub name: String,
    /// What it may do; may be repeated. No role contains another one.
    #[arg(long = "role", value_enum, required = true)]
    pub roles: Vec<RoleName>,
    /// Only routing controls, rules and panels of this control panel; may be repeated. Default: all.
    #[arg(long = "panel", value_name = "PANEL")]
    pub panels: Vec<String>,
    /// Only this pool; may be repeated. Default: all. An act on everything of a zone takes all.
    #[arg(long = "pool", value_name = "POOL")]
    pub pools: Vec<String>,
    /// Only this zone; may be repeated. Default: all.
    #[arg(long = "zone", value_name = "ZONE")]
    pub zones: Vec<String>,
    /// Only results of this health check, for the role `push`; may be repeated. Default: all.
    #[arg(long = "check", value_name = "CHECK")]
    pub checks: Vec<String>,
    /// A name in its client certificates (the common name or a DNS name); may be repeated.
    #[arg(long = "certificate-name", value_name = "NAME")]
    pub certificates: Vec<String>,
    /// When all of its credentials end: a day or an instant in UTC, such as 2027-01-01. Default: never.
    #[arg(long, value_name = "TIME", value_parser = expires)]
    pub expires: Option<String>,
}

/// A role as it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Status, shifts, the estate, the journal, from other machines.
    Read,
    /// Shifts, pins, routing controls, practice runs.
    Operate,
    /// The estate, panels, controls and rules, practice configurations, autoshift settings.
    Administer,
    /// Handing in dynamic updates of hosted zones, and nothing else: for DNS nodes.
    Update,
    /// Registering endpoints of pools that let services register, and nothing else: for services.
    Register,
    /// Telling checkers results of pushed health checks, and nothing else: for pushers.
    Push,
    /// Overriding safety rules and floors by name, besides `operate`.
    BreakGlass,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::Read => Role::Read,
            RoleName::Operate => Role::Operate,
            RoleName::Administer => Role::Administer,
            RoleName::Update => Role::Update,
            RoleName::Register => Role::Register,
            RoleName::Push => Role::Push,
            RoleName::BreakGlass => Role::BreakGlass,
        }
    }
}

fn expires(text: &str) -> Result<String, String> {
    let ends = hf_access::expiry(text).map_err(|error| error.to_string())?;
    if ends <= hf_clock::Clock::system().now() {
        return Err("it is over already, and would let nobody in; give an instant to come".to_owned());
    }
    Ok(text.to_owned())
}
