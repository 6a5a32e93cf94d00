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
}

impl Outcome {
    /// Good or bad; none if it was not measured.
    pub fn is_good(&self) -> Option<bool> {
        match self {
            Outcome::Good => Some(true),
            Outcome::Bad(_) => Some(false),
            Outcome::Unmeasured(_) => None,
        }
    }
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
    /// Headers beyond our bounds.
    #[error("the answer's headers are larger than {max_bytes} bytes or more than {max_count}")]
    HeadTooLarge {
        /// Bytes.
        max_bytes: usize,
        /// Headers.
        max_count: usize,
    },
    /// Another status than asked for.
    #[error("answered {got}, want {}", range(*.want))]
    Status {
        /// What came.
        got: u16,
        /// From and to, inclusive.
        want: (u16, u16),
    },
    /// The text is not in the body.
    #[error("the first {read} bytes of the body do not hold {want:?}")]
    BodyText {
        /// The text, cut at 100 characters.
        want: String,
        /// How much was read: the whole body, or as much as we look at.
        read: usize,
    },
    /// The check cannot be put into an HTTP request.
    #[error("the check's path or host cannot be sent: {0}")]
    NotARequest(String),
}

fn range(want: (u16, u16)) -> String {
    if want.0 == want.1 { want.0.to_string() } else { format!("{}-{}", want.0, want.1) }
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
            ProbeFailure::Status { got: 503, want: (200, 299) }.to_string(),
            "answered 503, want 200-299"
        );
        assert_eq!(ProbeFailure::Status { got: 503, want: (204, 204) }.to_string(), "answered 503, want 204");
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
