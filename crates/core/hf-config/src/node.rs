//! The node file: how one process runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hf_model::{NodeId, ZoneId};

/// How one process runs. Paths are as written; the caller resolves them against the node file's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Its name, unique among the nodes.
    pub id: NodeId,
    /// Where it runs: an id or alias of the estate. Needed by checker and balancer, optional for the rest.
    pub zone: Option<ZoneId>,
    /// Where it keeps ledger, snapshot and tokens. Created with mode 0700 when missing.
    pub data_dir: PathBuf,
    /// What it does, at least one thing, in the fixed order of [`Role`].
    pub roles: Vec<Role>,
    /// The estate file that it watches and applies; only with the control role. Without it, `holdfast apply` does.
    pub estate: Option<PathBuf>,
    /// The API's listener. Default `127.0.0.1:7600`. Outside loopback TLS is required, unless the file says `plain = true`.
    pub api_listen: SocketAddr,
    /// Who may do what over the API, and its TLS.
    pub api: ApiConfig,
    /// The status role's listener. Default `127.0.0.1:7601`.
    pub status_listen: SocketAddr,
    /// How many it lets in.
    pub status: StatusConfig,
    /// The feed's listener. Default `127.0.0.1:7602`. Outside loopback TLS is required.
    pub feed_listen: SocketAddr,
    /// How the DNS role answers.
    pub dns: DnsConfig,
    /// How the balancer role runs.
    pub balancer: BalancerConfig,
    /// How the assign role runs.
    pub assign: AssignConfig,
    /// Between two full tables on the feed. 100 ms to 10 s, default 1 s; observations older than three beats count as missing.
    pub beat: Duration,
    /// Feed addresses of the other nodes to connect to.
    pub peers: Vec<SocketAddr>,
    /// Certificates for the feed.
    pub tls: Option<TlsConfig>,
    /// Where the ledger lives, with the control role. Default [`LedgerConfig::Embedded`].
    pub ledger: LedgerConfig,
    /// Public keys (Ed25519, base64) of operators whose break-glass shifts this node obeys.
    pub break_glass_keys: Vec<OperatorKey>,
    /// Where the control role looks endpoint sources up.
    pub sources: SourcesConfig,
    /// How the checker role runs.
    pub checker: CheckerConfig,
    /// What the status role tells HAProxy.
    pub haproxy: HaproxyConfig,
    /// Files that the status role writes for other programs.
    pub render: Vec<RenderFile>,
    /// Where the status role serves xDS, if it does.
    pub xds: Option<XdsConfig>,
    /// Whom it tells what happened, with the control role.
    pub notify: Vec<Notify>,
    /// How the control role looks at the stores of closing sources.
    pub stores: StoresConfig,
}

mod assign;
mod balancer;
mod checker;
mod dns;
mod haproxy;
mod notify;
mod render;
mod sources;
mod status;
mod stores;
mod xds;

pub use assign::AssignConfig;
pub use balancer::{AccessLog, BalancerConfig};
pub use checker::CheckerConfig;
pub use dns::{DnsConfig, DnsTls, DnstapSink, RateLimit, TsigAlgorithm, TsigKeyFile, Xdp, XdpMode};
pub use haproxy::{AwayWord, HaproxyBackend, HaproxyConfig, HaproxySocket, SocketPlace};
pub use notify::{NoticeKind, Notify, NotifyWay, Url};
pub use render::{Exists, Reload, RenderFile, Rendered};
pub use sources::SourcesConfig;
pub use status::StatusConfig;
pub use stores::{StoreCredentials, StoresConfig};
pub use xds::{XdsConfig, XdsTls};

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Keeps the ledger, serves writes.
    Control,
    /// Probes endpoints.
    Checker,
    /// Answers DNS.
    Dns,
    /// Carries requests and connections.
    Balancer,
    /// Tells zone status.
    Status,
    /// Assigns sessions to places.
    Assign,
}

impl Role {
    /// All of them, in order.
    pub const ALL: [Role; 6] =
        [Role::Control, Role::Checker, Role::Dns, Role::Balancer, Role::Status, Role::Assign];

    /// As written in files and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Control => "control",
            Role::Checker => "checker",
            Role::Dns => "dns",
            Role::Balancer => "balancer",
            Role::Status => "status",
            Role::Assign => "assign",
        }
    }
}

/// What guards the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiConfig {
    /// Who may do what. Default `access.toml` in `data_dir`, which is made at the first start; one that is named here is not.
    pub access: Option<PathBuf>,
    /// Without it the API is plain HTTP.
    pub tls: Option<ApiTls>,
}

/// The API's TLS, PEM files. They are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTls {
    /// This node's certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority of client certificates. Default: clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without one is let in no further. Default false: it may show a token.
    pub require_client_certificate: bool,
}

/// The feed's mutual TLS, PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificate of the authority that signed every node's certificate.
    pub ca: PathBuf,
    /// This node's certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the ledger lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerConfig {
    /// In one file in `data_dir`; there is one node with the control role.
    #[default]
    Embedded,
    /// In an etcd cluster; every node with the control role shares it.
    Etcd(EtcdConfig),
}

/// An etcd cluster and the part of it that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdConfig {
    /// Where its members serve clients; 1 to 16.
    pub endpoints: Vec<SocketAddr>,
    /// What all keys of this estate begin with; it begins and ends with `/`. Default `/holdfast/`.
    pub prefix: String,
    /// Whom to log in as, when etcd has authentication.
    pub login: Option<EtcdLogin>,
    /// How to speak TLS; without it the way is plain.
    pub tls: Option<EtcdTls>,
}

/// A user of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdLogin {
    /// Its name.
    pub user: String,
    /// The file that holds the password; one newline at its end is not part of it.
    pub password_file: PathBuf,
}

/// TLS to etcd, PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdTls {
    /// Certificates of the authorities that may have signed etcd's.
    pub ca: PathBuf,
    /// What this node shows, when etcd asks for a certificate.
    pub own: Option<Certificate>,
}

/// A certificate and its key, PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An operator's name and public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorKey {
    /// Who.
    pub name: String,
    /// 32 bytes of an Ed25519 public key.
    pub public_key: [u8; 32],
}
