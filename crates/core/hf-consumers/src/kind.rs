//! What sort of thing obeys.

/// What a consumer is; told by itself, or known by the way in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsumerKind {
    /// Takes work from a queue.
    Worker,
    /// Says where and when work runs.
    Scheduler,
    /// Picks a worker, cell or endpoint for each piece of work.
    Router,
    /// Serves requests.
    Server,
    /// Adds and removes instances.
    Autoscaler,
    /// HAProxy that asks an agent check.
    HaproxyAgent,
    /// HAProxy that is told over its runtime socket.
    HaproxySocket,
    /// Envoy, or a gRPC client, that is told over xDS.
    Xds,
    /// A file that another program reads.
    File,
    /// Another balancer.
    Balancer,
    /// None of these.
    Other,
}

/// Why a text names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no kind of consumer; say one of {}", names())]
pub struct UnknownKind {
    /// The text, shortened.
    pub found: String,
}

fn names() -> String {
    ConsumerKind::ALL.map(ConsumerKind::as_str).join(", ")
}

impl ConsumerKind {
    /// All of them.
    pub const ALL: [ConsumerKind; 11] = [
        ConsumerKind::Worker,
        ConsumerKind::Scheduler,
        ConsumerKind::Router,
        ConsumerKind::Server,
        ConsumerKind::Autoscaler,
        ConsumerKind::HaproxyAgent,
        ConsumerKind::HaproxySocket,
        ConsumerKind::Xds,
        ConsumerKind::File,
        ConsumerKind::Balancer,
        ConsumerKind::Other,
    ];

    /// As it is written in requests, files and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            ConsumerKind::Worker => "worker",
            ConsumerKind::Scheduler => "scheduler",
            ConsumerKind::Router => "router",
            ConsumerKind::Server => "server",
            ConsumerKind::Autoscaler => "autoscaler",
            ConsumerKind::HaproxyAgent => "haproxy-agent",
            ConsumerKind::HaproxySocket => "haproxy-socket",
            ConsumerKind::Xds => "xds",
            ConsumerKind::File => "file",
            ConsumerKind::Balancer => "balancer",
            ConsumerKind::Other => "other",
        }
    }
}

impl std::fmt::Display for ConsumerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for ConsumerKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = || UnknownKind { found: text.chars().take(40).collect() };
        ConsumerKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in ConsumerKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let problem = "Worker".parse::<ConsumerKind>().unwrap_err().to_string();
        assert!(
            problem.starts_with("\"Worker\" is no kind of consumer; say one of worker, scheduler,"),
            "{problem}"
        );
    }
}
