//! The files that `holdfast watch` keeps.
//!
//! 1. Written when what is in them changes, in one step; and once at the start, whatever was there.
//! 2. The form `present` is a file that is there while a zone is away: one that went is made, one that is not wanted is removed.
//! 3. A write that fails is tried again by the caller; what is known to be on disk is remembered only after it succeeded.

use std::path::PathBuf;

use holdfast_client::{State, ZoneStatus, Zones};
use serde::Serialize;

use super::{replace, variables};
use crate::args::{FileForm, WatchArgs};

/// The files, and what was written last.
pub struct Files {
    state: Option<(PathBuf, FileForm)>,
    variables: Option<PathBuf>,
    is_written: bool,
    written_state: Option<String>,
    written_variables: Option<String>,
}

impl Files {
    /// Of a command line; nothing is written yet.
    pub fn of(args: &WatchArgs) -> Files {
        Files {
            state: args.file.clone().map(|path| (path, args.file_form)),
            variables: args.env.clone(),
            is_written: false,
            written_state: None,
            written_variables: None,
        }
    }

    /// Makes them hold this.
    pub fn write(&mut self, found: &[&ZoneStatus], zones: &Zones) -> Result<(), String> {
        if let Some((path, form)) = &self.state {
            let wanted = text(*form, found, zones);
            if !self.is_written || self.written_state != wanted {
                match &wanted {
                    Some(text) => replace(path, text)?,
                    None => match std::fs::remove_file(path) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(format!("cannot remove {}: {error}", path.display()));
                        }
                        _ => {}
                    },
                }
                self.is_written = true;
                self.written_state = wanted;
            }
        }
        if let Some(path) = &self.variables {
            let wanted = variable_lines(found);
            if self.written_variables.as_ref() != Some(&wanted) {
                replace(path, &wanted)?;
                self.written_variables = Some(wanted);
            }
        }
        Ok(())
    }
}

/// What is to be in the file; none: it is not to be there.
pub fn text(form: FileForm, found: &[&ZoneStatus], zones: &Zones) -> Option<String> {
    #[derive(Serialize)]
    struct Told<'a> {
        tag: Option<&'a str>,
        revision: Option<u64>,
        zones: &'a [&'a ZoneStatus],
    }
    let away = || found.iter().filter(|zone| zone.state == State::Away);
    match form {
        FileForm::Word => {
            let state = if away().next().is_some() { State::Away } else { State::Open };
            Some(format!("{}\n", state.word()))
        }
        FileForm::Json => {
            let told = Told { tag: zones.tag(), revision: zones.revision(), zones: found };
            Some(serde_json::to_string_pretty(&told).expect("statuses have text keys only") + "\n")
        }
        FileForm::Present => {
            let lines: String = away().map(|zone| format!("{}\n", zone.zone)).collect();
            (!lines.is_empty()).then_some(lines)
        }
    }
}

/// `NAME="value"` lines that shells and systemd read alike.
pub fn variable_lines(found: &[&ZoneStatus]) -> String {
    let ids = |state: State| {
        let of: Vec<&str> =
            found.iter().filter(|zone| zone.state == state).map(|zone| zone.zone.as_str()).collect();
        of.join(" ")
    };
    let mut pairs = vec![("HOLDFAST_CLOSED", ids(State::Away)), ("HOLDFAST_OPEN", ids(State::Open))];
    // Of several there is no one zone whose state it would be.
    if let [zone] = found {
        pairs.extend(variables(zone));
    }
    pairs.into_iter().map(|(name, value)| format!("{name}=\"{}\"\n", quoted(&value))).collect()
}

/// Within double quotes, where these have a meaning of their own.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for one in value.chars() {
        if matches!(one, '"' | '\\' | '$' | '`') {
            text.push('\\');
        }
        text.push(if one.is_control() { ' ' } else { one });
    }
    text
}
