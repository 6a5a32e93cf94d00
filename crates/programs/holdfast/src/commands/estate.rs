//! `holdfast diff` and `holdfast apply`.

use std::path::Path;

use hf_api::{ApplyEstate, ChangeKind, Diff, WriteDone};

use super::check::load_bundle;
use super::read_file;
use crate::args::{ApplyArgs, Common};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// Shows what would change.
pub async fn diff(path: &Path, common: &Common) -> Result<(), Failure> {
    let diff = client(common)?.diff_estate(&load(path)?).await?;
    show(common.output, &diff, in_lines)
}

/// Puts an estate in force: compares first, and refuses if it moved on between the two.
pub async fn apply(args: &ApplyArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    let mut estate = load(&args.estate)?;
    let diff = client.diff_estate(&estate).await?;
    estate.if_match = Some(args.if_match.unwrap_or(diff.revision));
    estate.request_id = Some(hf_api::client::request_id());
    let done = client.apply_estate(&estate).await?;
    if !diff.changes.is_empty() {
        eprint!("{}", in_lines(&diff));
    }
    if let Some(warning) = &done.warning {
        eprintln!("warning: {warning}");
    }
    show(common.output, &done, |done| applied(&diff, done))
}

/// One of: nothing changes; nothing but its text; it is in force.
fn applied(diff: &Diff, done: &WriteDone) -> String {
    match (diff.changes.is_empty(), done.revision == diff.revision) {
        (true, true) => in_lines(diff),
        (true, false) => {
            format!(
                "nothing changes but the text of the estate; it is in force at revision {}",
                done.revision
            )
        }
        (false, _) => format!("the estate is in force at revision {}", done.revision),
    }
}

fn load(path: &Path) -> Result<ApplyEstate, Failure> {
    let text = read_file(path)?;
    let bundle = load_bundle(path, &text);
    hf_config::read_estate(&path.display().to_string(), &bundle)
        .map_err(|problems| Failure::Usage(problems.to_string()))?;
    Ok(ApplyEstate { toml: bundle.toml, files: bundle.files, if_match: None, request_id: None })
}

fn in_lines(diff: &Diff) -> String {
    if diff.changes.is_empty() {
        return format!("nothing would change; the estate in force came with revision {}\n", diff.revision);
    }
    let mut text = String::new();
    for change in &diff.changes {
        let sign = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        };
        text.push_str(&format!("{sign} {}", change.what));
        if !change.detail.is_empty() {
            text.push_str(&format!(": {}", change.detail));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use hf_api::Change;

    use super::*;

    #[test]
    fn an_apply_says_one_thing() {
        let done = |revision| WriteDone { revision, warning: None };
        let mut diff = Diff { revision: 4, changes: Vec::new() };
        let same = applied(&diff, &done(4));
        assert_eq!(same, "nothing would change; the estate in force came with revision 4\n");
        assert!(applied(&diff, &done(5)).starts_with("nothing changes but the text"));
        let change = Change { kind: ChangeKind::Added, what: "zone b".to_owned(), detail: String::new() };
        diff.changes.push(change);
        assert_eq!(applied(&diff, &done(5)), "the estate is in force at revision 5");
    }
}
