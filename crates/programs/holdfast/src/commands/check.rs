//! `holdfast check`: all problems of node and estate files at once.

use std::path::{Path, PathBuf};

use hf_config::estate::EstateBundle;
use hf_config::{Problem, Problems};
use serde::Serialize;

use super::read_file;
use crate::args::Output;
use crate::failure::Failure;
use crate::output::{say, show};

/// What `-o json` prints.
#[derive(Serialize)]
struct Checked {
    files: Vec<String>,
    problems: Vec<Found>,
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
    let mut problems = Vec::new();
    for file in &files {
        if let Err(found) = check(file)? {
            problems.extend(found.0);
        }
    }
    let checked = Checked {
        files: files.iter().map(|file| file.display().to_string()).collect(),
        problems: problems.iter().map(found).collect(),
    };
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if output == Output::Json || problems.is_empty() {
        show(output, &checked, |checked| {
            format!("{} files are good: {}", checked.files.len(), checked.files.join(", "))
        })?;
    } else {
        say(&lines.join("\n"));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(format!("{} problems found", problems.len())))
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

fn check(path: &Path) -> Result<Result<(), Problems>, Failure> {
    let shown = path.display().to_string();
    let text = read_file(path)?;
    if hf_config::is_node_file(&text) {
        return Ok(hf_config::read_node(&shown, &text).map(|_| ()));
    }
    Ok(load_bundle(path, &text).and_then(|bundle| hf_config::read_estate(&shown, &bundle).map(|_| ())))
}

/// The estate file with the master files that it names, which stand beside it.
pub fn load_bundle(path: &Path, text: &str) -> Result<EstateBundle, Problems> {
    let shown = path.display().to_string();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut bundle = EstateBundle { toml: text.to_owned(), files: std::collections::BTreeMap::new() };
    let mut problems = Vec::new();
    for name in hf_config::estate_files(&shown, text)? {
        match std::fs::read_to_string(folder.join(&name)) {
            Ok(content) => {
                bundle.files.insert(name, content);
            }
            Err(error) => problems.push(Problem {
                file: shown.clone(),
                line: 0,
                column: 0,
                what: format!(
                    "the master file `{name}` cannot be read ({error}); put it beside the estate file"
                ),
            }),
        }
    }
    if problems.is_empty() { Ok(bundle) } else { Err(Problems(problems)) }
}
