//! What a node with the status role tells HAProxy: `[haproxy]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hf_model::PoolName;

/// What this node tells HAProxy. Nothing unless it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaproxyConfig {
    /// Where HAProxy's agent checks ask. Default none: nobody is answered.
    pub agent_listen: Option<SocketAddr>,
    /// What an agent check hears of what is away.
    pub away: AwayWord,
    /// Processes of HAProxy that are told over their runtime sockets.
    pub sockets: Vec<HaproxySocket>,
}

/// What an agent check hears of a server that is to get nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AwayWord {
    /// `drain`: what is under way finishes, and sticky clients are still let through. The default.
    #[default]
    Drain,
    /// `maint`: HAProxy checks the server no more, and sticky clients go elsewhere.
    Maint,
    /// `down #reason`: as if a health check had failed.
    Down,
}

impl AwayWord {
    /// All of them.
    pub const ALL: [AwayWord; 3] = [AwayWord::Drain, AwayWord::Maint, AwayWord::Down];

    /// As written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            AwayWord::Drain => "drain",
            AwayWord::Maint => "maint",
            AwayWord::Down => "down",
        }
    }
}

/// One process of HAProxy and its runtime socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxySocket {
    /// How it is called among the consumers. Default `haproxy`; needed when there are several.
    pub name: String,
    /// Where its socket with `level admin` is.
    pub at: SocketPlace,
    /// Which of its backends has the endpoints of which pool. Empty: each backend that is called as a pool has that pool's.
    pub backends: Vec<HaproxyBackend>,
    /// Between two looks at what HAProxy does, changes apart. 500 ms to 1 m, default 2 s.
    pub every: Duration,
}

impl HaproxySocket {
    /// Between two looks unless told otherwise: a HAProxy that was started again is put right within two seconds.
    pub const EVERY: Duration = Duration::from_secs(2);
}

/// Where a runtime socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketPlace {
    /// A Unix socket.
    Path(PathBuf),
    /// A TCP socket: whoever reaches it may do anything with that HAProxy.
    Address(SocketAddr),
}

impl std::fmt::Display for SocketPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SocketPlace::Path(path) => path.display().fmt(f),
            SocketPlace::Address(address) => address.fmt(f),
        }
    }
}

/// A backend of HAProxy and the pool whose endpoints its servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxyBackend {
    /// As HAProxy calls it.
    pub backend: String,
    /// As the estate does.
    pub pool: PoolName,
}
