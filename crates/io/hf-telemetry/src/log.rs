//! Where logs go: standard error, filtered, for people or for programs.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Why the log cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "{filter:?} is no filter ({why}); write a level such as info, or targets such as info,hf_feed=debug"
    )]
    Filter {
        /// As given.
        filter: String,
        /// The parser's words.
        why: String,
    },
    /// Set up before.
    #[error("the log was set up already; do it once")]
    Twice,
}

/// Sends events that pass `filter` to standard error: one line each, or one JSON object each.
pub fn init(filter: &str, json: bool) -> Result<(), LogError> {
    let parsed = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LogError::Filter { filter: filter.to_owned(), why: error.to_string() })?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let is_colourful = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt().with_env_filter(parsed).with_writer(std::io::stderr).with_ansi(is_colourful);
    let set = if json { lines.json().try_init() } else { lines.try_init() };
    set.map_err(|_| LogError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = init("info,hf_feed=loud", false).unwrap_err().to_string();
        assert!(error.contains("info,hf_feed=loud") && error.contains("write a level"), "{error}");
    }
}
