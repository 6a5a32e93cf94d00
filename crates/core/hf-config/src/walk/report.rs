//! The problems of one file, and their places.
//!
//! Not here: what is wrong.

use std::fmt::Display;

use toml::de::DeTable;

use super::clip;
use crate::{Problem, Problems};

/// Problems that are told one by one; whoever has more, mends these first.
pub(crate) const PROBLEMS_MAX: usize = 1_000;

/// Texts up to this size have all their syntax errors told; a larger one the first: errors could outgrow the text many times.
const RECOVERY_BYTES_MAX: usize = 256 << 10;

/// The problems of one file.
pub(crate) struct Report<'a> {
    file: String,
    text: &'a str,
    found: Vec<(Option<usize>, String)>,
    more: usize,
    advice: Vec<(usize, String)>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &str, text: &'a str) -> Self {
        Report { file: file.to_owned(), text, found: Vec::new(), more: 0, advice: Vec::new() }
    }

    /// Takes a problem at a byte offset.
    pub(crate) fn add(&mut self, at: usize, what: impl Display) {
        self.push(Some(at), what);
    }

    /// Takes what is allowed and seldom meant, at a byte offset; beyond a bound the rest is left out.
    pub(crate) fn advise(&mut self, at: usize, what: impl Display) {
        if self.advice.len() < PROBLEMS_MAX {
            self.advice.push((at, what.to_string()));
        }
    }

    /// What is allowed and seldom meant, with its places, in their order.
    pub(crate) fn take_advice(&mut self) -> Vec<Problem> {
        let mut advice = std::mem::take(&mut self.advice);
        advice.sort();
        advice.dedup();
        let mut sweep = Sweep::new(self.text);
        let problem = |(at, what)| {
            let (line, column) = sweep.place(at);
            Problem { file: self.file.clone(), line, column, what }
        };
        advice.into_iter().map(problem).collect()
    }

    /// Takes a problem of the whole file.
    pub(crate) fn add_whole(&mut self, what: impl Display) {
        self.push(None, what);
    }

    fn push(&mut self, at: Option<usize>, what: impl Display) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.found.push((at, what.to_string()));
        }
    }

    /// Whether further problems are only counted: their texts need not be built.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= PROBLEMS_MAX
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The problems with their places, in the order of their places.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.found.sort();
        self.found.dedup();
        let mut sweep = Sweep::new(self.text);
        let mut problems: Vec<Problem> = Vec::with_capacity(self.found.len() + 1);
        for (at, what) in std::mem::take(&mut self.found) {
            let (line, column) = at.map_or((0, 0), |at| sweep.place(at));
            problems.push(Problem { file: self.file.clone(), line, column, what });
        }
        if self.more > 0 {
            let what = format!("{} more problems are not shown; mend these first", self.more);
            problems.push(Problem { file: self.file, line: 0, column: 0, what });
        }
        problems
    }

    /// Reads the text as TOML, or reports why it is not.
    pub(crate) fn parse(&mut self) -> Option<DeTable<'a>> {
        match DeTable::parse(self.text) {
            Ok(root) => Some(root.into_inner()),
            Err(first) => {
                let errors = if self.text.len() <= RECOVERY_BYTES_MAX {
                    DeTable::parse_recoverable(self.text).1
                } else {
                    vec![first]
                };
                for error in errors {
                    self.add_syntax(&error);
                }
                None
            }
        }
    }

    fn add_syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(self.text.len()..self.text.len());
        if error.message() == "duplicate key" {
            let key = self.text.get(span.clone()).unwrap_or_default();
            self.add(span.start, format_args!("`{}` is here twice; remove one of the two", clip(key)));
        } else {
            self.add(span.start, format_args!("not TOML: {}", error.message()));
        }
    }
}

/// Counts lines and columns in one pass; the offsets asked for never go back.
pub(crate) struct Sweep<'a> {
    text: &'a str,
    done: usize,
    line: u32,
    column: u32,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Sweep { text, done: 0, line: 1, column: 1 }
    }

    pub(crate) fn place(&mut self, at: usize) -> (u32, u32) {
        let mut end = at.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        for c in self.text.get(self.done..end).unwrap_or_default().chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.done = self.done.max(end);
        (self.line, self.column)
    }
}

/// The problems of several files as one error, or nothing wrong.
pub(crate) fn verdict(reports: Vec<Report<'_>>) -> Result<(), Problems> {
    let problems: Vec<Problem> = reports.into_iter().flat_map(Report::into_problems).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}
