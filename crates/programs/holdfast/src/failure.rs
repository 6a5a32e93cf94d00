//! How a command fails, and with which exit code.

use std::process::ExitCode;

use hf_api::{ClientError, code};

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
    /// This exit code; what there is to say was said.
    Told(u8),
}

impl Failure {
    /// Tells it on standard error; problems of files come without a prefix, so that editors find the places.
    pub fn print(&self) {
        match self {
            Failure::Told(_) => {}
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
            Failure::Told(code) => *code,
        })
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable { .. } => Failure::Unreachable(error.to_string()),
            ClientError::NoLedger { .. } => Failure::NoLedger(error.to_string()),
            ClientError::Refused { code, message, .. } if code == code::NO_TOKEN => {
                Failure::Refused(format!(
                    "{message}; give --token TOKEN or HOLDFAST_TOKEN, or store it with `holdfast runbook init`; \
                 a node's own is in `operator.token` in its data_dir"
                ))
            }
            // A value of the command line that only a node can judge.
            ClientError::Refused { ref code, .. } if code == code::BAD_REQUEST => {
                Failure::Usage(format!("holdfast: {}", in_flags(&error.to_string())))
            }
            other => Failure::Refused(other.to_string()),
        }
    }
}

/// The API names fields of its own; operators know flags and arguments.
fn in_flags(text: &str) -> String {
    const NAMES: [(&str, &str); 18] = [
        ("allowed_windows", "--allowed-window"),
        ("blocked_dates", "--blocked-date"),
        ("blocked_windows", "--blocked-window"),
        ("blocking_alarms", "--blocking-alarm"),
        ("control", "NAME"),
        ("for", "--for"),
        ("from", "--from"),
        ("from_zone", "--from-zone"),
        ("if_match", "--if-match"),
        ("name", "NAME"),
        ("outcome_alarms", "--outcome-alarm"),
        ("override_floor", "--override-floor"),
        ("override_rules", "--override-rule"),
        ("pool", "pool/NAME"),
        ("reason", "--reason"),
        ("resource", "--resource"),
        ("type", "TYPE"),
        ("zone", "ZONE"),
    ];
    NAMES.iter().fold(text.to_owned(), |text, (field, flag)| text.replace(&format!("`{field}`"), flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, message: &str, mend: &str) -> Failure {
        let (code, message, mend) = (code.to_owned(), message.to_owned(), mend.to_owned());
        ClientError::Refused { status, message, code, mend }.into()
    }

    #[test]
    fn a_value_that_a_node_cannot_read_is_bad_usage_and_named_by_its_flag() {
        assert_eq!(
            refused(400, code::BAD_REQUEST, "`from_zone`: missing", "give the balancer's zone"),
            Failure::Usage("holdfast: --from-zone: missing; give the balancer's zone".to_owned())
        );
        assert_eq!(
            refused(409, code::FLOOR, "too little would stay", "wait"),
            Failure::Refused("too little would stay; wait".to_owned())
        );
    }

    #[test]
    fn a_missing_token_is_mended_on_the_command_line() {
        let Failure::Refused(text) =
            refused(401, code::NO_TOKEN, "this needs a token", "send `Authorization: Bearer TOKEN`")
        else {
            panic!("refused")
        };
        assert!(text.starts_with("this needs a token; give --token TOKEN or HOLDFAST_TOKEN"), "{text}");
        assert!(!text.contains("Authorization"), "{text}");
    }
}
