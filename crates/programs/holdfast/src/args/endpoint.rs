//! `holdfast endpoint`, as `--help` and the man pages tell it.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

/// `holdfast endpoint`
///
/// A pool whose `source` in the estate is `{ register = true }` takes services that register themselves. A registration has a lease: a service that does not renew it is out
/// when it ends. The credential needs the role `register`; scopes may narrow it to pools and zones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast endpoint register web web-1 10.1.1.10:8080 --zone euw2-az1 --keep    register, renew until interrupted, deregister
  holdfast endpoint register web web-1 10.1.1.10:8080 --lease 60                once; something else renews
  holdfast endpoint deregister web web-1
  holdfast endpoint list")]
pub struct EndpointArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: EndpointCommand,
}

/// What may be done with endpoints.
#[derive(Debug, Subcommand)]
pub enum EndpointCommand {
    /// Register an endpoint of a pool, or renew its lease.
    Register(RegisterArgs),
    /// Take a registered endpoint away.
    Deregister {
        /// The pool.
        pool: String,
        /// The endpoint's name.
        id: String,
    },
    /// List the endpoints of every pool: where each comes from, and how its source does.
    List {
        /// Only this pool.
        pool: Option<String>,
    },
}

/// `holdfast endpoint register`
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// The pool.
    pub pool: String,
    /// The endpoint's own name, such as its machine's: 1 to 128 of `A-Z a-z 0-9 -._:[]@#`.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// A zone's id or alias. Default: what the pool's source or the zones' networks say of the address.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Its share beside its peers, 0 to 65535. Default: 100.
    #[arg(long, value_name = "NUMBER")]
    pub weight: Option<u16>,
    /// For the filter `priority`: lower is used first. Default: 0.
    #[arg(long, value_name = "NUMBER")]
    pub priority: Option<u16>,
    /// Seconds without a renewal after which it is out.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(3..=86_400))]
    pub lease: u32,
    /// Renew it until this command is interrupted or terminated, then deregister it.
    #[arg(long)]
    pub keep: bool,
}
