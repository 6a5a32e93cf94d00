//! How a node's assign role runs: `[assign]`.

use std::net::{Ipv4Addr, SocketAddr};

use hf_model::Cidr;

use super::Certificate;

/// Where sessions ask for their place. What signs their tickets is
/// [`BalancerConfig::ticket_key_file`](super::BalancerConfig::ticket_key_file).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignConfig {
    /// Its listener. Default `127.0.0.1:7603`.
    pub listen: SocketAddr,
    /// Without it, plain HTTP: behind a balancer that ends TLS. Read again when it changes.
    pub tls: Option<Certificate>,
    /// Networks whose `X-Forwarded-For` counts; default none: a client is who connects.
    pub trusted: Vec<Cidr>,
}

impl AssignConfig {
    /// The port where a node assigns unless told otherwise.
    pub const PORT: u16 = 7603;
}

impl Default for AssignConfig {
    fn default() -> Self {
        AssignConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, AssignConfig::PORT)),
            tls: None,
            trusted: Vec::new(),
        }
    }
}
