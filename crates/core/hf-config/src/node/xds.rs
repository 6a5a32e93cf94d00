//! Where a node with the status role tells Envoy and gRPC clients: `[xds]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where xDS is served. Without the section it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdsConfig {
    /// Its listener. Default `127.0.0.1:7604`.
    pub listen: SocketAddr,
    /// Without it, plain: whoever can reach the port may read, as zone status.
    pub tls: Option<XdsTls>,
}

/// TLS of xDS, PEM files. They are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdsTls {
    /// This node's certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority of client certificates. With it nobody gets in without one; default: clients are not asked.
    pub client_ca: Option<PathBuf>,
}

impl XdsConfig {
    /// The port where a node serves xDS unless told otherwise.
    pub const PORT: u16 = 7604;
}

impl Default for XdsConfig {
    fn default() -> Self {
        XdsConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, XdsConfig::PORT)), tls: None }
    }
}
