//! How a node's DNS role answers: the section `[dns]` of its file.

use std::net::SocketAddr;
use std::path::PathBuf;

use hf_model::{Cidr, DnsName};

/// How the DNS role answers. Paths are as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// Its listeners, UDP and TCP each. Default `127.0.0.1:5300`.
    pub listen: Vec<SocketAddr>,
    /// DNS over TLS (RFC 7858). Default: not spoken.
    pub tls: Option<DnsTls>,
    /// The folder of the master files of hosted zones with `source = "node"`, each called `<name>zone`: `example.test.zone`.
    pub zone_dir: Option<PathBuf>,
    /// A database of places in MaxMind's format, for the filters `geo` and `near`.
    pub geo_database: Option<PathBuf>,
    /// A table of latencies, network by region, for the filter `latency`.
    pub latency_file: Option<PathBuf>,
    /// The secrets of TSIG keys that hosted zones name.
    pub tsig_keys: Vec<TsigKeyFile>,
    /// 32 bytes in base64 that seal DNSSEC keys in the ledger; the same file on every node. Without it signed zones are not signed here.
    pub seal_file: Option<PathBuf>,
    /// What identifies this server to clients that ask (RFC 5001). Absent: the node's id. Empty: nothing. At most 255 bytes.
    pub nsid: Option<String>,
    /// 16 bytes in hexadecimal from which server cookies are made (RFC 9018); the same on all nodes behind one address. Default: made in
    /// `data_dir`.
    pub cookie_secret_file: Option<PathBuf>,
    /// How many answers go to one network over UDP. Default: without a limit.
    pub rate_limit: Option<RateLimit>,
    /// Whose questions for `_explain.` names are answered. Default: nobody's.
    pub explain_networks: Vec<Cidr>,
    /// How many threads answer UDP. 1 to 256, default one for each core.
    pub workers: Option<u16>,
    /// Takes UDP past the kernel's network stack. Default: not.
    pub xdp: Option<Xdp>,
    /// Where each query and answer is told of (dnstap). Default: nowhere.
    pub dnstap: Option<DnstapSink>,
    /// The largest answer over UDP, whatever a client allows. 512 to 4096, default 1232: it passes every network in one piece (DNS flag day
    /// 2020).
    pub udp_payload_max: u16,
}

impl DnsConfig {
    /// The default of [`DnsConfig::udp_payload_max`].
    pub const UDP_PAYLOAD_MAX: u16 = 1232;

    /// Everything at its default, on these listeners.
    pub fn on(listen: Vec<SocketAddr>) -> Self {
        DnsConfig {
            listen,
            tls: None,
            zone_dir: None,
            geo_database: None,
            latency_file: None,
            tsig_keys: Vec::new(),
            seal_file: None,
            nsid: None,
            cookie_secret_file: None,
            rate_limit: None,
            explain_networks: Vec::new(),
            workers: None,
            xdp: None,
            dnstap: None,
            udp_payload_max: Self::UDP_PAYLOAD_MAX,
        }
    }
}

/// DNS over TLS, PEM files. They are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsTls {
    /// Its listeners, at least one; port 853 by convention.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The secret of a TSIG key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsigKeyFile {
    /// Its name.
    pub name: DnsName,
    /// How it signs. Default hmac-sha256.
    pub algorithm: TsigAlgorithm,
    /// The secret in base64.
    pub secret_file: PathBuf,
}

/// How a TSIG key signs (RFC 8945 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TsigAlgorithm {
    /// What everybody must know, and the default.
    #[default]
    HmacSha256,
    /// Longer.
    HmacSha384,
    /// Longest.
    HmacSha512,
    /// For partners that know nothing newer.
    HmacSha1,
}

impl TsigAlgorithm {
    /// All of them.
    pub const ALL: [TsigAlgorithm; 4] = [
        TsigAlgorithm::HmacSha256,
        TsigAlgorithm::HmacSha384,
        TsigAlgorithm::HmacSha512,
        TsigAlgorithm::HmacSha1,
    ];

    /// As written in files, and as a name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            TsigAlgorithm::HmacSha256 => "hmac-sha256",
            TsigAlgorithm::HmacSha384 => "hmac-sha384",
            TsigAlgorithm::HmacSha512 => "hmac-sha512",
            TsigAlgorithm::HmacSha1 => "hmac-sha1",
        }
    }
}

/// How many answers go to one network over UDP; forged queries must not make us flood somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Like answers to one network in a second, on each worker. 1 to 65535.
    pub per_second: u16,
    /// Every so-many-th answer above that is sent truncated, so that a real client comes again over TCP. 0 to 10, default 2; 0: none.
    pub slip: u8,
    /// The bits of a network, IPv4. 1 to 32, default 24.
    pub v4_bits: u8,
    /// The bits of a network, IPv6. 1 to 128, default 56.
    pub v6_bits: u8,
}

/// `AF_XDP` sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xdp {
    /// The network interface.
    pub interface: String,
    /// Its receive queues, at least one; a worker each.
    pub queues: Vec<u32>,
    /// Where the filter is attached.
    pub mode: XdpMode,
}

/// Where an XDP filter is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver, which must know how. The default.
    #[default]
    Native,
    /// In the kernel's general code: slower, on every interface.
    Generic,
}

/// Where dnstap goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnstapSink {
    /// To a Unix socket that somebody reads.
    Socket(PathBuf),
    /// Into a file.
    File(PathBuf),
}
