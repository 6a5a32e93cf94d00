//! How a command fails, and with which exit code.

use std::process::ExitCode;

use hf_api::ClientError;

/// Why a command did not do its work; the text says what, where and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Exit 1.
    Refused(String),
    /// Exit 2: a flag, a file, an environment variable.
    Usage(String),
    /// Exit 3.
    Unreachable(String),
    /// Exit 3 too: who answered keeps no ledger.
    NoLedger(String),
}

impl Failure {
    /// Tells it on standard error; problems of files come without a prefix, so that editors find the places.
    pub fn print(&self) {
        match self {
            Failure::Refused(text) => eprintln!("holdfast: {text}"),
            Failure::Usage(text) => eprintln!("{text}"),
            Failure::Unreachable(text) => eprintln!(
                "holdfast: {text}\n\
                 Name a node with --endpoint URL, HOLDFAST_ENDPOINTS or the runbook file; \
                 with no control node left, `holdfast shift start --break-glass` works without one."
            ),
            Failure::NoLedger(text) => eprintln!(
                "holdfast: {text}\n\
                 Name a control node with --endpoint URL, HOLDFAST_ENDPOINTS or the runbook file; \
                 `holdfast shift start --break-glass ZONE --for TIME --reason TEXT` works without one."
            ),
        }
    }

    /// The code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Refused(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Unreachable(_) | Failure::NoLedger(_) => 3,
        })
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { .. } => Failure::Unreachable(error.to_string()),
            ClientError::NoLedger { .. } => Failure::NoLedger(error.to_string()),
            other => Failure::Refused(other.to_string()),
        }
    }
}
