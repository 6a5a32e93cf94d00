//! Where a control node looks endpoint sources up.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a control node looks endpoint sources up: `[sources]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcesConfig {
    /// The resolvers for sources in DNS, asked in this order. Default: those of `/etc/resolv.conf`.
    pub resolvers: Vec<SocketAddr>,
    /// The folder that holds the folders of `directory` sources. Default `endpoints` in `data_dir`.
    pub directory: PathBuf,
}
