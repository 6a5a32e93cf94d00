//! Why a call has no answer, and why a text is not an endpoint.

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// None given.
    #[error("no endpoint is given; name one, such as http://127.0.0.1:7600")]
    None,
    /// Not a URL that we can use.
    #[error(
        "{url:?} is not an endpoint: {why}; write https://ADDRESS:PORT or http://ADDRESS:PORT, such as http://127.0.0.1:7600"
    )]
    Bad {
        /// As given.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Nobody said whom to trust.
    #[error(
        "{url:?} needs to be known by something: give the authority's certificate (--ca FILE) or the node's key (--pin sha256/…); \
         a node prints its key at its start"
    )]
    NoTrust {
        /// As given.
        url: String,
    },
    /// A token that cannot be sent.
    #[error("the token has characters that no token has; copy it again, without line breaks")]
    Token,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A node answered and refused; nothing was changed.
    #[error("{message}{}{mend}", if mend.is_empty() { "" } else { "; " })]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        message: String,
        /// One word for programs, see [`crate::code`].
        code: String,
        /// How to put it right.
        mend: String,
    },
    /// Every endpoint that answered keeps no ledger, and this needs one. A write may have happened on one that gave no answer:
    /// repeat it with the same request id.
    #[error(
        "no node with a ledger answered{}{}",
        list("; not reached: ", tried),
        list("; without a ledger: ", without)
    )]
    NoLedger {
        /// Those that gave no answer, in the order of trying.
        tried: Vec<Tried>,
        /// Those that keep no ledger or have no quorum for it, with their words.
        without: Vec<Tried>,
    },
    /// No endpoint gave an answer. A write may have happened: repeat it with the same request id.
    #[error("no endpoint can be reached: {}", tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unreachable {
        /// All of them, in the order of trying.
        tried: Vec<Tried>,
    },
}

/// One endpoint that did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// As given.
    pub endpoint: String,
    /// What happened.
    pub why: String,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.why)
    }
}

fn list(before: &str, tried: &[Tried]) -> String {
    let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
    if tried.is_empty() { String::new() } else { format!("{before}{}", tried.join(", ")) }
}
