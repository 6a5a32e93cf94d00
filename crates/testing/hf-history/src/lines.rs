//! Histories of routing controls in files: one JSON text a line.
//!
//! ```text
//! {"holdfast_history":1,"initial":{"a":"on","b":"on"},"rules":[{"name":"keep-one","of":["a","b"],"at_least":1}]}
//! {"client":1,"called_us":10,"returned_us":25,"asked":{"set":{"request":"r1","controls":{"a":"off"}}},"answered":{"done":{"revision":3}}}
//! {"client":2,"called_us":12,"returned_us":30,"asked":{"get":{}},"answered":{"values":{"revision":3,"controls":{"a":"off","b":"on"}}}}
//! {"client":1,"called_us":31,"asked":{"set":{"request":"r2","controls":{"b":"off"}}}}
//! ```
//!
//! 1. The first line says what it is: format 1, the controls before the first operation, and the rules.
//! 2. Every other line is one operation, in any order. One without `returned_us` and `answered` has an unknown outcome.
//! 3. A file is read line by line; a line has at most [`LINE_BYTES`], a history at most [`OPERATIONS_MAX`] operations.
//!
//! Not here: whether a history is a good one (`check`).

use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::controls::{ControlOperation, Controls, ControlsModel, Input, Output, merge_requests};
use crate::history::{Returned, at_least_one_answer};
use crate::search::{Limits, Passed, check};

#[cfg(test)]
mod tests;

/// Bytes of one line: 300 controls with names of 64 characters on each side of a panel have 50 KB.
pub const LINE_BYTES: usize = 1 << 20;
/// Operations of one history.
pub const OPERATIONS_MAX: usize = 1_000_000;
/// The format that is written and read.
const FORMAT: u32 = 1;

/// A recorded history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The controls, before it.
    pub controls: Controls,
    /// What was done.
    pub operations: Vec<ControlOperation>,
}

/// Why a file is not a history.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The system refused.
    #[error("line {line}: cannot be read or written")]
    Io {
        /// Which.
        line: usize,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// Not a line of ours.
    #[error("line {line}: {what}")]
    Line {
        /// Which.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    holdfast_history: u32,
    #[serde(flatten)]
    controls: Controls,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client: u32,
    called_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned_us: Option<u64>,
    asked: Input,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<Output>,
}

impl Recorded {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`LinesError`] with the number of the first line that is wrong.
    pub fn read(mut from: impl BufRead) -> Result<Recorded, LinesError> {
        let mut recorded = Recorded::default();
        let (mut text, mut number) = (Vec::new(), 0);
        loop {
            number += 1;
            text.clear();
            let most = LINE_BYTES as u64 + 1;
            let read = from.by_ref().take(most).read_until(b'\n', &mut text);
            read.map_err(|source| LinesError::Io { line: number, source })?;
            let wrong = |what: String| LinesError::Line { line: number, what };
            if text.len() > LINE_BYTES {
                return Err(wrong(format!("a line has at most {LINE_BYTES} bytes")));
            }
            if text.is_empty() {
                break;
            }
            if number == 1 {
                recorded.controls = header(&text).map_err(wrong)?;
            } else if recorded.operations.len() == OPERATIONS_MAX {
                return Err(wrong(format!("a history has at most {OPERATIONS_MAX} operations")));
            } else {
                recorded.operations.push(operation(&text).map_err(wrong)?);
            }
        }
        if number == 1 {
            let what = "the file is empty; a history begins with a line that names its controls".to_owned();
            return Err(LinesError::Line { line: 1, what });
        }
        Ok(recorded)
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// [`LinesError::Io`].
    pub fn write(&self, mut to: impl Write) -> Result<(), LinesError> {
        write_header(&mut to, &self.controls).map_err(|source| LinesError::Io { line: 1, source })?;
        for (operation, line) in self.operations.iter().zip(2..) {
            write_operation(&mut to, operation).map_err(|source| LinesError::Io { line, source })?;
        }
        Ok(())
    }

    /// Whether one thread could have done it.
    ///
    /// # Errors
    ///
    /// A text for people: the shortest beginning that fails, a request with two answers, a search without an end, or a history that
    /// cannot show anything.
    pub fn check(self, limits: Limits) -> Result<Passed, String> {
        if !at_least_one_answer(&self.operations) {
            return Err("no operation of the history has an answer, so that it shows nothing".to_owned());
        }
        let operations =
            merge_requests(self.operations).map_err(|contradiction| contradiction.to_string())?;
        check(&ControlsModel::new(self.controls), &operations, limits).passed()
    }
}

fn header(text: &[u8]) -> Result<Controls, String> {
    let header: Header = serde_json::from_slice(text)
        .map_err(|error| format!("a history begins with {{\"holdfast_history\":1,…}}: {error}"))?;
    if header.holdfast_history != FORMAT {
        return Err(format!("format {} is not known; this program reads {FORMAT}", header.holdfast_history));
    }
    Ok(header.controls)
}

fn operation(text: &[u8]) -> Result<ControlOperation, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let returned = match (line.returned_us, line.answered) {
        (Some(at_us), Some(output)) if at_us >= line.called_us => Some(Returned { at_us, output }),
        (Some(_), Some(_)) => return Err("it returned before it was called".to_owned()),
        (None, None) => None,
        _ => return Err("`returned_us` and `answered` come together, or not at all".to_owned()),
    };
    Ok(ControlOperation { client: line.client, called_us: line.called_us, input: line.asked, returned })
}

/// Writes the first line: for those who record while they go.
///
/// # Errors
///
/// As the writer's.
pub fn write_header(to: &mut impl Write, controls: &Controls) -> std::io::Result<()> {
    let header = Header { holdfast_history: FORMAT, controls: controls.clone() };
    write_line(to, &header)
}

/// Writes one operation: for those who record while they go.
///
/// # Errors
///
/// As the writer's.
pub fn write_operation(to: &mut impl Write, operation: &ControlOperation) -> std::io::Result<()> {
    let line = Line {
        client: operation.client,
        called_us: operation.called_us,
        returned_us: operation.returned.as_ref().map(|returned| returned.at_us),
        asked: operation.input.clone(),
        answered: operation.output().cloned(),
    };
    write_line(to, &line)
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}
