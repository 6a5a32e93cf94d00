//! How the balancer carries a pool: what arrives at its listener, which endpoint is chosen, how the way there is.
//!
//! Not here: how long each phase may take and how much of everything there is ([`super::patience`]), choosing (`hf-balance`).

use std::time::Duration;

use hf_model::{Cidr, Share};

/// A name that clients call a pool by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name, in lower case, without a port.
    Exactly(String),
    /// Every name below this one (`*.x` as written), at any depth, in lower case.
    Below(String),
}

impl HostPattern {
    /// Whether it holds for `host`: lower case, without a port and a dot at its end.
    pub fn holds(&self, host: &str) -> bool {
        match self {
            HostPattern::Exactly(name) => name == host,
            HostPattern::Below(name) => host
                .strip_suffix(name.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }
}

/// As written.
impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostPattern::Exactly(name) => f.write_str(name),
            HostPattern::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// What arrives at a pool's listener. Pools that share a listener agree in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerOptions {
    /// Whether TLS ends here; certificates come from the node file, chosen by server name. Default no.
    pub tls: bool,
    /// Whether connections begin with a header that tells the client's address.
    pub proxy_protocol: ProxyAccept,
}

/// Whether connections begin with a PROXY protocol header, version 1 or 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyAccept {
    /// Connections begin with it; one without is closed. Default no: what looks like a header is then the client's own bytes.
    pub required: bool,
    /// From which networks; connections from elsewhere are closed while it is required. Empty: from anywhere, the default.
    pub from: Vec<Cidr>,
}

/// How the balancer speaks to a pool's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToEndpoint {
    /// TLS on the way; none by default.
    pub tls: Option<EndpointTls>,
    /// The version of HTTP.
    pub http: EndpointHttp,
    /// The PROXY protocol header that each connection begins with; none by default. With it no connection serves two clients.
    pub proxy_protocol: Option<ProxyVersion>,
}

/// TLS to endpoints. The authorities that may have signed their certificates are named in the node file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTls {
    /// Which name endpoints show a certificate for, sent as server name. Default: the endpoint's own address.
    pub server_name: Option<String>,
    /// Whether the certificate is verified. Default yes.
    pub verify: bool,
}

impl Default for EndpointTls {
    fn default() -> Self {
        EndpointTls { server_name: None, verify: true }
    }
}

/// The version of HTTP to endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointHttp {
    /// HTTP/1.1: every server speaks it. The default.
    #[default]
    Http1,
    /// HTTP/2; without TLS with prior knowledge. gRPC needs it.
    Http2,
}

impl EndpointHttp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            EndpointHttp::Http1 => "1.1",
            EndpointHttp::Http2 => "2",
        }
    }
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

impl ProxyVersion {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            ProxyVersion::V1 => "v1",
            ProxyVersion::V2 => "v2",
        }
    }
}

/// Which endpoint takes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancing {
    /// Among the endpoints of the zone that takes it.
    pub choice: Choice,
    /// The share of requests that prefer the balancer's zone, as far as it has room (`spill`); the others go to all zones by capacity.
    /// Only with `cross_zone = true`; without it all of them stay. Default 100 %.
    pub affinity: Share,
    /// Over how long an endpoint that begins to serve grows to its whole share. 0 s to 15 min, default 0 s: at once.
    pub slow_start: Duration,
    /// Keeps a client at its endpoint while that serves; none by default.
    pub sticky: Option<StickyCookie>,
    /// Whether requests beyond the own zone's part of the capacity go where capacity is left. Only with `cross_zone = true`. Default yes.
    pub spill: bool,
}

impl Default for Balancing {
    fn default() -> Self {
        Balancing {
            choice: Choice::default(),
            affinity: Share::ONE,
            slow_start: Duration::ZERO,
            sticky: None,
            spill: true,
        }
    }
}

/// How an endpoint is chosen among those of one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Of two drawn by weight the one with the smaller (requests in flight for its weight + 1) times latency. The default: it
    /// leaves a slow endpoint alone and needs no agreement among balancers.
    #[default]
    LeastLoaded,
    /// By weight alone.
    Weighted,
    /// The same key to the same endpoint, unless that has more than 1.25 times its share of the load.
    Hash(HashKey),
}

/// As written.
impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Choice::LeastLoaded => f.write_str("least-loaded"),
            Choice::Weighted => f.write_str("weighted"),
            Choice::Hash(HashKey::Client) => f.write_str("hash:client"),
            Choice::Hash(HashKey::Header(name)) => write!(f, "hash:header:{name}"),
            Choice::Hash(HashKey::Cookie(name)) => write!(f, "hash:cookie:{name}"),
            Choice::Hash(HashKey::Path) => f.write_str("hash:path"),
        }
    }
}

/// What of a request is hashed; a request without it is placed by load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address.
    Client,
    /// The value of the header of this lower-case name.
    Header(String),
    /// The value of the cookie of this name.
    Cookie(String),
    /// The path, without the query.
    Path,
}

/// The cookie that keeps a client at its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyCookie {
    /// Its name. Default `holdfast`.
    pub name: String,
    /// How long clients keep it. 0 s to 365 d; 0 s, the default: until the browser ends.
    pub lifetime: Duration,
}

impl Default for StickyCookie {
    fn default() -> Self {
        StickyCookie { name: "holdfast".to_owned(), lifetime: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_are_not_the_name_itself() {
        let below = HostPattern::Below("example.test".to_owned());
        for (host, want) in [
            ("a.example.test", true),
            ("b.a.example.test", true),
            ("example.test", false),
            (".example.test", false),
            ("badexample.test", false),
            ("", false),
        ] {
            assert_eq!(below.holds(host), want, "{host}");
        }
        assert!(HostPattern::Exactly("a.test".to_owned()).holds("a.test"));
        assert_eq!(below.to_string(), "*.example.test");
    }
}
