//! `holdfast check`: all problems of node and estate files at once, each file's own and those between them, and what is wrong in the files that a
//! node answers DNS by and signs tickets with.

use std::path::{Path, PathBuf};

use hf_config::estate::{Estate, EstateBundle};
use hf_config::{Problem, Problems};
use serde::Serialize;

use super::read_file;
use crate::args::Output;
use crate::failure::Failure;
use crate::output::{count, say, show};

/// What `-o json` prints.
#[derive(Serialize)]
struct Checked {
    files: Vec<String>,
    problems: Vec<Found>,
    /// What is allowed and seldom meant.
    advice: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    file: String,
    line: u32,
    column: u32,
    what: String,
}

/// Checks files, and the TOML files of folders.
pub fn run(files: &[PathBuf], output: Output) -> Result<(), Failure> {
    let files = expand(files)?;
    let (mut problems, mut advice) = (Vec::new(), Vec::new());
    let mut estates: Vec<(PathBuf, Estate)> = Vec::new();
    let mut nodes: Vec<(PathBuf, String)> = Vec::new();
    for path in &files {
        let shown = path.display().to_string();
        let text = read_file(path)?;
        if hf_config::is_node_file(&text) {
            match hf_config::read_node(&shown, &text) {
                Ok(_) => nodes.push((path.clone(), text)),
                Err(found) => problems.extend(found.0),
            }
        } else {
            match hf_config::read_estate_advised(&shown, &load_bundle(path, &text)) {
                Ok((estate, found)) => {
                    estates.push((path.clone(), estate));
                    advice.extend(found);
                }
                Err(found) => problems.extend(found.0),
            }
        }
    }
    for (path, text) in &nodes {
        let estate = match check_between(path, text, &files, &estates) {
            Ok(estate) => estate,
            Err(found) => {
                problems.extend(found.0);
                None
            }
        };
        if let Some(estate) = &estate {
            advice.extend(hf_config::advise_node_in(&path.display().to_string(), text, estate));
        }
        let (bad, missing) = check_named_files(path, text, estate.as_ref());
        problems.extend(bad);
        advice.extend(missing);
    }
    problems.sort();
    tell(&files, &problems, &advice, output)
}

fn tell(files: &[PathBuf], problems: &[Problem], advice: &[Problem], output: Output) -> Result<(), Failure> {
    let checked = Checked {
        files: files.iter().map(|file| file.display().to_string()).collect(),
        problems: problems.iter().map(found).collect(),
        advice: advice.iter().map(found).collect(),
    };
    if output == Output::Table {
        for found in advice {
            say(&format!("{found} (advice)"));
        }
    }
    if output != Output::Table || problems.is_empty() {
        let verb = if files.len() == 1 { "is" } else { "are" };
        show(output, &checked, |checked| {
            format!("{} {verb} good: {}", count(checked.files.len(), "file"), checked.files.join(", "))
        })?;
    } else {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        say(&lines.join("\n"));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(format!("{} found", count(problems.len(), "problem"))))
    }
}

fn found(problem: &Problem) -> Found {
    Found {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        what: problem.what.clone(),
    }
}

/// The files that a node's file names: those that are not good, and those that are not on this machine.
fn check_named_files(path: &Path, text: &str, estate: Option<&Estate>) -> (Vec<Problem>, Vec<Problem>) {
    let shown = path.display().to_string();
    let Ok(config) = hf_config::read_node(&shown, text) else { return Default::default() };
    let folder = path.parent().unwrap_or(Path::new("."));
    let found = hf_node::check_files(config, folder, estate);
    let (missing, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(|problem| problem.is_missing);
    let place = |found: hf_node::FileProblem| {
        let starts = |line: &str| line.contains(found.option) && !line.trim_start().starts_with('#');
        let line = text.lines().position(starts).map_or(0, |at| at + 1);
        Problem { file: shown.clone(), line: u32::try_from(line).unwrap_or(0), column: 0, what: found.what }
    };
    (bad.into_iter().map(&place).collect(), missing.into_iter().map(&place).collect())
}

/// A node and its estate: the file that it watches, else the only estate that is checked beside it. The estate, where it is known and good.
fn check_between(
    path: &Path,
    text: &str,
    files: &[PathBuf],
    estates: &[(PathBuf, Estate)],
) -> Result<Option<Estate>, Problems> {
    let shown = path.display().to_string();
    let config = hf_config::read_node(&shown, text)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    if let Some(named) = &config.estate {
        let wrong = |why: String| Err(hf_config::estate_reference_problem(&shown, text, &why));
        let estate_path = folder.join(named);
        let estate_text = match std::fs::read_to_string(&estate_path) {
            Ok(estate_text) => estate_text,
            Err(error) => {
                return wrong(format!(
                    "the estate file `{}` cannot be read ({error}); check the path",
                    named.display()
                ));
            }
        };
        if hf_config::is_node_file(&estate_text) {
            return wrong(format!("`{}` is a node file; name the estate file", named.display()));
        }
        let estate_shown = estate_path.display().to_string();
        // Its own problems are told when it is checked itself.
        return match hf_config::read_estate(&estate_shown, &load_bundle(&estate_path, &estate_text)) {
            Ok(estate) => hf_config::check_node_in(&shown, text, &estate).map(|()| Some(estate)),
            Err(_) if files.contains(&estate_path) => Ok(None),
            Err(problems) => wrong(format!(
                "the estate file `{}` has {}; `holdfast check {estate_shown}` tells",
                named.display(),
                count(problems.0.len(), "problem")
            )),
        };
    }
    let beside: Vec<&Estate> = estates
        .iter()
        .filter(|(estate, _)| estate.parent() == path.parent())
        .map(|(_, estate)| estate)
        .collect();
    match beside.as_slice() {
        [estate] => hf_config::check_node_in(&shown, text, estate).map(|()| Some(Estate::clone(estate))),
        _ => Ok(None),
    }
}

/// Folders become their TOML files, in order of name.
fn expand(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in files {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        let mut inside: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        if inside.is_empty() {
            return Err(Failure::Usage(format!(
                "{}: there is no .toml file in it; name files or another folder",
                path.display()
            )));
        }
        inside.sort();
        all.append(&mut inside);
    }
    Ok(all)
}

/// The estate file with the master files that it names, which stand beside it. One that cannot be read is left out: the
/// reader of the estate tells it at its place, together with everything else.
pub fn load_bundle(path: &Path, text: &str) -> EstateBundle {
    let folder = path.parent().unwrap_or(Path::new("."));
    let names = hf_config::estate_files(&path.display().to_string(), text).unwrap_or_default();
    let load = |name: String| Some((name.clone(), std::fs::read_to_string(folder.join(&name)).ok()?));
    EstateBundle { toml: text.to_owned(), files: names.into_iter().filter_map(load).collect() }
}
