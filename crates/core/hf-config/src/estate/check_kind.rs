//! What a probe of each kind does.
//!
//! Not here: pace and counting (`check`), the probes themselves (`hf-probe`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hf_model::{ControlPath, DnsName, ZoneId};

use super::patience::StatusRange;
use super::pattern::Pattern;
use super::{CheckIx, EndpointHttp};

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Opens a TCP connection.
    Tcp(TcpCheck),
    /// Sends a request over HTTP.
    Http(Box<HttpCheck>),
    /// Asks `grpc.health.v1.Health/Check`.
    Grpc(GrpcCheck),
    /// Asks a DNS server.
    Dns(Box<DnsCheck>),
    /// Runs a program.
    Command(CommandCheck),
    /// Sends nothing: somebody tells the results.
    Pushed(PushedCheck),
    /// Asks Prometheus for a number.
    Metric(Box<MetricCheck>),
    /// Asks an endpoint of zone status whether a zone is open.
    ZoneStatus(Box<ZoneStatusCheck>),
    /// Sends nothing: healthy while enough of other checks are.
    Calculated(Calculated),
    /// Sends nothing: healthy exactly while a routing control is on.
    Control {
        /// Which; it is declared in this estate.
        control: ControlPath,
    },
}

impl CheckKind {
    /// As written.
    pub fn as_str(&self) -> &'static str {
        match self {
            CheckKind::Tcp(_) => "tcp",
            CheckKind::Http(http) if http.tls.is_some() => "https",
            CheckKind::Http(_) => "http",
            CheckKind::Grpc(_) => "grpc",
            CheckKind::Dns(_) => "dns",
            CheckKind::Command(_) => "command",
            CheckKind::Pushed(_) => "pushed",
            CheckKind::Metric(_) => "metric",
            CheckKind::ZoneStatus(_) => "zone-status",
            CheckKind::Calculated(_) => "calculated",
            CheckKind::Control { .. } => "control",
        }
    }

    /// Plain TCP: a connection is opened and closed.
    pub fn tcp() -> Self {
        CheckKind::Tcp(TcpCheck::default())
    }

    /// `GET path` over HTTP/1.1, every other option at its default.
    pub fn http(path: &str) -> Self {
        CheckKind::Http(Box::new(HttpCheck::new(path)))
    }
}

/// TLS of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckTls {
    /// Which name the certificate is for, sent as server name. Default: the host that is asked for, else the address.
    pub server_name: Option<String>,
    /// Whether the certificate is verified. Default yes.
    pub verify: bool,
    /// PEM of the authorities that may have signed it. Default: those that browsers trust.
    pub authorities: Option<Arc<str>>,
}

impl Default for CheckTls {
    fn default() -> Self {
        CheckTls { server_name: None, verify: true, authorities: None }
    }
}

/// A check of kind tcp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpCheck {
    /// What is sent once connected. Default nothing.
    pub send: Option<String>,
    /// Text that the first 64 KiB of what comes back must hold. Default: nothing is read.
    pub expect: Option<String>,
    /// TLS over it; none by default.
    pub tls: Option<CheckTls>,
}

/// What is asked for over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// With a body in the answer. The default.
    #[default]
    Get,
    /// Headers alone.
    Head,
}

impl Method {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
        }
    }
}

/// A check of kind http or https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// GET or HEAD.
    pub method: Method,
    /// Absolute path, default `/`.
    pub path: String,
    /// The `Host` header, default the endpoint's address.
    pub host: Option<String>,
    /// Further headers, at most 32.
    pub headers: Vec<(String, String)>,
    /// HTTP/1.1, or HTTP/2; without TLS with prior knowledge.
    pub version: EndpointHttp,
    /// TLS; always there with https, never with http.
    pub tls: Option<CheckTls>,
    /// Redirects that are followed, to the same address alone. 0 to 10, default 0.
    pub follow_redirects: u8,
    /// Statuses that count as good, default 200 to 399.
    pub status: Vec<StatusRange>,
    /// Text that the first 64 KiB of the body must hold.
    pub body: Option<String>,
    /// A regular expression that matches somewhere in the first 64 KiB of the body.
    pub body_regex: Option<Pattern>,
}

impl HttpCheck {
    /// The most redirects that are followed.
    pub const REDIRECTS: u8 = 10;

    /// `GET path`, every other option at its default.
    pub fn new(path: &str) -> Self {
        HttpCheck {
            method: Method::Get,
            path: path.to_owned(),
            host: None,
            headers: Vec::new(),
            version: EndpointHttp::Http1,
            tls: None,
            follow_redirects: 0,
            status: vec![StatusRange { from: 200, to: 399 }],
            body: None,
            body_regex: None,
        }
    }
}

/// A check of kind grpc: the standard health service of gRPC, version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcCheck {
    /// Which service is asked for. Default "": the server as a whole.
    pub service: String,
    /// The `:authority` header, default the endpoint's address.
    pub host: Option<String>,
    /// TLS; none by default: HTTP/2 with prior knowledge.
    pub tls: Option<CheckTls>,
}

/// Types that a check of kind dns may ask for, with their numbers (RFC 1035 and later).
const TYPES: [(&str, u16); 12] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNSKEY", 48),
    ("HTTPS", 65),
    ("CAA", 257),
];

/// A type of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryType(u16);

impl QueryType {
    /// Addresses of version 4.
    pub const A: QueryType = QueryType(1);

    /// By its name.
    pub fn named(text: &str) -> Option<QueryType> {
        TYPES.iter().find(|(name, _)| *name == text).map(|(_, number)| QueryType(*number))
    }

    /// All names, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(name, _)| *name)
    }

    /// On the wire.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for QueryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = TYPES.iter().find(|(_, number)| *number == self.0);
        f.write_str(found.map_or("A", |(name, _)| name))
    }
}

/// Response codes that a check of kind dns may expect, in the order of their numbers.
pub const RCODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/// A check of kind dns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsCheck {
    /// What is asked for.
    pub name: DnsName,
    /// Of which type.
    pub of: QueryType,
    /// Response codes that count as good, positions in [`RCODES`]. Default NOERROR.
    pub rcodes: Vec<u8>,
    /// Records that the answer must hold, each as in a master file. Default none.
    pub answers: Vec<String>,
    /// Fewest records of the type in the answer. 0 to 1,000, default 1 with NOERROR alone, else 0.
    pub answers_min: u16,
}

/// A check of kind command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandCheck {
    /// The program, an absolute path, and its arguments: no shell reads them. It runs where the node file allows the program.
    pub command: Vec<String>,
}

/// A check of kind pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedCheck {
    /// How long a result counts. 1 s to 24 h, default 30 s.
    pub lease: Duration,
    /// What counts when it has run out. Default nothing: whoever tells may be cut off, while the service is well.
    pub missing: Missing,
}

/// What counts when there is nothing to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: the last verdict holds.
    Unknown,
    /// A bad result.
    Bad,
}

impl Missing {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Missing::Unknown => "unknown",
            Missing::Bad => "bad",
        }
    }
}

/// A check of kind metric: a query to the HTTP API of Prometheus, or of what speaks like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricCheck {
    /// PromQL that gives one number: a scalar, or a vector each of whose values is held against the threshold.
    pub query: String,
    /// When a value is good.
    pub good: Threshold,
    /// What counts when the query gives no value.
    pub missing: Missing,
    /// The path of the API, default `/api/v1/query`.
    pub path: String,
    /// The `Host` header, default the address.
    pub host: Option<String>,
    /// Further headers, at most 32.
    pub headers: Vec<(String, String)>,
    /// TLS; none by default.
    pub tls: Option<CheckTls>,
}

/// A bound for numbers. The number is kept as written: it is compared outside the core, where the measured one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Greater than this is good.
    Above(String),
    /// Less than this is good.
    Below(String),
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Above(bound) => write!(f, "gt {bound}"),
            Threshold::Below(bound) => write!(f, "lt {bound}"),
        }
    }
}

/// A check of kind zone-status: what one endpoint of zone status says of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneStatusCheck {
    /// As the endpoint calls the zone: an id or an alias there, which need not be one of this estate.
    pub zone: ZoneId,
    /// Of what: `everything` (default), `pool/NAME` or `record/NAME.`, as the endpoint calls it.
    pub resource: String,
    /// The `Host` header, default the address.
    pub host: Option<String>,
    /// Further headers, at most 32.
    pub headers: Vec<(String, String)>,
    /// TLS; none by default.
    pub tls: Option<CheckTls>,
}

/// A check of kind calculated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calculated {
    /// The checks that are counted: no ring, at most [`Calculated::DEPTH`] levels.
    pub of: Vec<CheckIx>,
    /// How they decide.
    pub needs: Needs,
}

/// How the checks under a calculated one decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// So many of them are healthy at least. 1 to their number, default all.
    AtLeast(u16),
    /// The majority of those that fresh results are known of; a tie, or nobody, keeps the last verdict. All of them stand by themselves.
    Majority,
}

impl Needs {
    /// How a majority is written.
    pub const MAJORITY: &'static str = "majority";
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Needs::AtLeast(count) => count.fmt(f),
            Needs::Majority => f.write_str(Needs::MAJORITY),
        }
    }
}

impl Calculated {
    /// Levels of calculated checks under one another.
    pub const DEPTH: usize = 8;
}
