//! What came of a probe, in words for an operator.

use std::io;
use std::time::Duration;

use hf_model::format_duration;

/// The result of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// What came of it.
    pub outcome: Outcome,
    /// From its start to its result; never longer than the check's timeout by more than a moment.
    pub took: Duration,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered as it should.
    Good,
    /// It did not.
    Bad(ProbeFailure),
    /// We could not ask: our side lacks something. Says nothing about the endpoint.
    Unmeasured(String),
    /// Time ran out while we stood still ourselves, so long past its end: it may have answered, and nobody looked.
    Behind(Duration),
}

impl Outcome {
    /// Good or bad; none if it was not measured.
    pub fn is_good(&self) -> Option<bool> {
        match self {
            Outcome::Good => Some(true),
            Outcome::Bad(_) => Some(false),
            Outcome::Unmeasured(_) | Outcome::Behind(_) => None,
        }
    }
}

/// The words for a probe that was not measured because we stood still.
pub fn behind(by: Duration) -> String {
    format!("this checker was {} behind itself", format_duration(by))
}

/// Why a probe was bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeFailure {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The network says that it cannot be reached.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// No connection in time: a black hole, or a full backlog.
    #[error("no connection within {}", format_duration(*.0))]
    NoConnection(Duration),
    /// Connected, but TLS did not come about in time.
    #[error("no TLS within {}", format_duration(*.0))]
    NoTls(Duration),
    /// TLS did not come about: a certificate that is not good, or no TLS at all.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// TLS without HTTP/2.
    #[error("its TLS does not offer HTTP/2 (ALPN h2)")]
    NoHttp2Offered,
    /// Connected, but no answer (headers) in time.
    #[error("no answer within {}", format_duration(*.0))]
    NoAnswer(Duration),
    /// Headers came, but the body did not end in time.
    #[error("the answer did not end within {}", format_duration(*.0))]
    NoEnd(Duration),
    /// The connection ended early.
    #[error("the connection was closed before the answer was complete")]
    ClosedEarly,
    /// Bytes that are not an HTTP/1 answer.
    #[error("what it answered is not HTTP/1.1")]
    NotHttp,
    /// Bytes that are not HTTP/2.
    #[error("what it answered is not HTTP/2")]
    NotHttp2,
    /// The other side ended the stream or the connection with an error.
    #[error("HTTP/2 ended: {0}")]
    Http2(String),
    /// Headers beyond our bounds.
    #[error("the answer's headers are larger than {max_bytes} bytes or more than {max_count}")]
    HeadTooLarge {
        /// Bytes.
        max_bytes: usize,
        /// Headers.
        max_count: usize,
    },
    /// Another status than asked for.
    #[error("answered {got}, want {want}")]
    Status {
        /// What came.
        got: u16,
        /// Ranges, as written.
        want: String,
    },
    /// The text is not in the body.
    #[error("the first {read} bytes of the body do not hold {want:?}")]
    BodyText {
        /// The text, cut at 100 characters.
        want: String,
        /// How much was read: the whole body, or as much as we look at.
        read: usize,
    },
    /// The expression does not match the body.
    #[error("the first {read} bytes of the body do not match {want:?}")]
    BodyPattern {
        /// The expression, cut at 100 characters.
        want: String,
        /// How much was read: the whole body, or as much as we look at.
        read: usize,
    },
    /// The text is not in what came over TCP.
    #[error("the first {read} bytes of what it said do not hold {want:?}")]
    Said {
        /// The text, cut at 100 characters.
        want: String,
        /// How much was read.
        read: usize,
    },
    /// It leads to where it led before.
    #[error("its redirects go in circles: {to:?} was asked for before")]
    RedirectLoop {
        /// Where it leads.
        to: String,
    },
    /// It leads on and on.
    #[error("more than {max} redirects")]
    RedirectsTooMany {
        /// As many as the check follows.
        max: u8,
    },
    /// It leads to another server.
    #[error("it redirects to {to:?}, which is not this endpoint; let its status be good, or probe there")]
    RedirectElsewhere {
        /// Where it leads.
        to: String,
    },
    /// The answer is not gRPC.
    #[error("what it answered is not gRPC")]
    NotGrpc,
    /// gRPC answered with an error.
    #[error("gRPC status {status} ({name}): {message}")]
    Grpc {
        /// Its number.
        status: u32,
        /// Its name.
        name: &'static str,
        /// What the server says of it.
        message: String,
    },
    /// The health service says so.
    #[error("the health service says {0}")]
    NotServing(&'static str),
    /// The answer is not DNS.
    #[error("what it answered is not a DNS message that can be read")]
    NotDns,
    /// Another response code than asked for.
    #[error("answered {got}, want {want}")]
    DnsCode {
        /// What came.
        got: String,
        /// What is good.
        want: String,
    },
    /// Too few records.
    #[error("the answer has {got} records of type {of}, want {want}")]
    DnsRecords {
        /// How many.
        got: usize,
        /// At least so many.
        want: u16,
        /// The type.
        of: String,
    },
    /// A record that should be there is not.
    #[error("the answer does not hold {want:?}, it has {got:?}")]
    DnsAnswer {
        /// The record that is missing.
        want: String,
        /// Those that came.
        got: String,
    },
    /// The command ended otherwise than well.
    #[error("the command ended with {status}: {said}")]
    Command {
        /// How it ended.
        status: String,
        /// The first line of its output.
        said: String,
    },
    /// The command did not end in time.
    #[error("the command did not end within {}", format_duration(*.0))]
    StillRunning(Duration),
    /// The command wrote too much.
    #[error("the command wrote more than {max_bytes} bytes")]
    OutputTooLong {
        /// What is read.
        max_bytes: usize,
    },
    /// A query gave no value.
    #[error("no value: {0}")]
    NoValue(String),
    /// A value is beyond the threshold.
    #[error("the value is {value}, want {want}")]
    Threshold {
        /// The value, and whose it is.
        value: String,
        /// The threshold.
        want: String,
    },
    /// An endpoint of zone status says that the zone is away.
    #[error("zone {zone} is away: {said}")]
    ZoneAway {
        /// As the check calls it.
        zone: String,
        /// Source and reason, as the endpoint told them, cut at 100 characters.
        said: String,
    },
    /// Somebody told a bad result.
    #[error("told: {0}")]
    Told(String),
    /// It is good, and the check is inverted.
    #[error("it is good, and the check is inverted")]
    Inverted,
    /// The check cannot be put into an HTTP request.
    #[error("the check's path, host or headers cannot be sent: {0}")]
    NotARequest(String),
}

/// The first 100 characters of a text, on one line.
pub fn first_words(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What a failed connection attempt says.
pub fn of_connect(error: &io::Error) -> Outcome {
    if is_our_own(error) {
        return Outcome::Unmeasured(format!("no connection could be tried: {error}"));
    }
    Outcome::Bad(match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeFailure::Refused,
        io::ErrorKind::ConnectionReset => ProbeFailure::ClosedEarly,
        _ => ProbeFailure::Unreachable(error.to_string()),
    })
}

/// Whether it is our side that lacks something: file descriptors, ports, memory, a network, or the leave to use it.
///
/// `EHOSTUNREACH` is not among them: that is the last router's, or the neighbour's, word on the endpoint.
fn is_our_own(error: &io::Error) -> bool {
    /// Too many open files, in the system and in the process: the same numbers on every Unix. std has no name for them.
    const ENFILE_EMFILE: [i32; 2] = [23, 24];
    /// No buffer space, Linux.
    const ENOBUFS: i32 = 105;
    // No route, no link, or a packet filter of this machine: it never left.
    let is_ours = matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::PermissionDenied
    );
    is_ours || error.raw_os_error().is_some_and(|code| ENFILE_EMFILE.contains(&code) || code == ENOBUFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_as_sentences() {
        let half = Duration::from_millis(500);
        assert_eq!(ProbeFailure::NoAnswer(half).to_string(), "no answer within 500ms");
        assert_eq!(
            ProbeFailure::Status { got: 503, want: "200-299,304".to_owned() }.to_string(),
            "answered 503, want 200-299,304"
        );
        let text = ProbeFailure::BodyText { want: "ok".to_owned(), read: 12 };
        assert_eq!(text.to_string(), "the first 12 bytes of the body do not hold \"ok\"");
    }

    #[test]
    fn our_own_want_is_not_the_endpoints_fault() {
        for code in [23, 24, 105, 99, 12, 101, 100, 1, 13] {
            let outcome = of_connect(&io::Error::from_raw_os_error(code));
            assert!(matches!(outcome, Outcome::Unmeasured(_)), "{code}: {outcome:?}");
        }
        assert_eq!(of_connect(&io::Error::from_raw_os_error(111)), Outcome::Bad(ProbeFailure::Refused));
        assert!(matches!(
            of_connect(&io::Error::from_raw_os_error(113)),
            Outcome::Bad(ProbeFailure::Unreachable(_))
        ));
    }
}
