//! How a balancer node runs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Certificate;

/// How the balancer role runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerConfig {
    /// What an unspecified pool listener (0.0.0.0:port) becomes on this balancer. Default the same unspecified address.
    pub address: Option<IpAddr>,
    /// Threads, each with its own listeners and kept connections. 1 to 256, default one for each core.
    pub workers: Option<u16>,
    /// How long connections to an evacuated zone may finish before they are cut; at shutdown, how long clients have. 0 s to 1 h, default 30 s.
    pub drain: Duration,
    /// Certificates for pools with `tls = true`, chosen by server name; the first is for clients that name none or an unknown one.
    pub certificates: Vec<Certificate>,
    /// Authorities that may have signed endpoints' certificates, PEM. Default: the public ones that browsers trust.
    pub endpoint_authorities: Option<PathBuf>,
    /// Over which a successor takes listeners over. Default `balancer.sock` in `data_dir`.
    pub handover_socket: Option<PathBuf>,
    /// 32 bytes in base64 that sign tickets, the same on all nodes; for the role assign, and for balancers of assigned pools.
    pub ticket_key_file: Option<PathBuf>,
    /// Where each request leaves a line. Default nowhere.
    pub access_log: Option<AccessLog>,
}

impl Default for BalancerConfig {
    fn default() -> Self {
        BalancerConfig {
            address: None,
            workers: None,
            drain: Duration::from_secs(30),
            certificates: Vec::new(),
            endpoint_authorities: None,
            handover_socket: None,
            ticket_key_file: None,
            access_log: None,
        }
    }
}

/// Where each request leaves a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// On standard output.
    Stdout,
    /// At the end of a file.
    File(PathBuf),
}
