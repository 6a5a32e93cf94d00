//! `holdfast cert`, as `--help` and the man pages tell it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
