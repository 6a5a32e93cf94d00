//! `holdfast deploy`, as `--help` and the man pages tell it.

use clap::{Args, Subcommand};

use super::value;

/// `holdfast deploy`
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DeployCommand,
}

/// What may be done with marks of deployments.
#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Mark a zone as being deployed to, or give its mark a new end.
    ///
    /// Refused while another zone of the same pool (without --pool: any other zone) is being deployed to, is shifted away or is impaired:
    /// a deployment stops at a zone's edge.
    Start(DeployStartArgs),
    /// Say that a deployment is over.
    End(DeployedArgs),
    /// List the zones that count as being deployed to, also those where endpoints came or went lately.
    List,
}

/// `holdfast deploy start`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast deploy start --zone use1-az1 --pool web --reason 'release 4711' && ./deploy use1-az1
  holdfast deploy start --zone use1-az1 --for 1h
  holdfast deploy start --zone use1-az2 --pool web --override-zone use1-az1")]
pub struct DeployStartArgs {
    /// What is deployed, and where.
    #[command(flatten)]
    pub place: DeployedArgs,
    /// How long at most, 1m to 4h: the mark ends by itself. Start it again while the deployment goes on.
    #[arg(long = "for", value_name = "TIME", default_value = "20m", value_parser = value::length)]
    pub length: String,
    /// Why, such as the release.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Another zone that does not hold it up, by id or alias; may be repeated.
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub override_zone: Vec<String>,
}

/// What is deployed, and where.
#[derive(Debug, Args)]
pub struct DeployedArgs {
    /// The zone, by id or alias.
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub zone: String,
    /// The pool; without it everything in the zone.
    #[arg(long, value_name = "NAME", value_parser = value::pool)]
    pub pool: Option<String>,
}

impl DeployedArgs {
    /// As the API takes it.
    pub fn resource(&self) -> String {
        self.pool.as_ref().map_or_else(hf_api::shift::everything, |pool| format!("pool/{pool}"))
    }
}
