//! Bytes as an estate with its master files, and the problems of one.
//!
//! The TOML text comes first; a line `%%% NAME` begins the master file NAME.

use hf_config::estate::EstateBundle;

use crate::places::check_problem;

/// How the TOML text is called in problems.
pub(crate) const FILE: &str = "estate.toml";

/// Takes bytes apart; what is not UTF-8 is replaced, since a caller could not pass it on either.
pub(crate) fn bundle(data: &[u8]) -> EstateBundle {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split("\n%%% ");
    let toml = parts.next().unwrap_or_default().to_owned();
    let files = parts.filter_map(|part| part.split_once('\n'));
    EstateBundle { toml, files: files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect() }
}

/// At least one problem, each in a file that there is and at a place in it, by file in the order of their places.
pub(crate) fn check_problems(problems: &hf_config::Problems, bundle: &EstateBundle) {
    assert!(!problems.0.is_empty(), "refused without a problem");
    for problem in &problems.0 {
        if problem.file == FILE {
            check_problem(problem, &bundle.toml);
        } else {
            let text = bundle.files.get(&problem.file);
            check_problem(problem, text.unwrap_or_else(|| panic!("no file is called so: {problem}")));
        }
    }
    for pair in problems.0.windows(2).filter(|pair| pair[0].file == pair[1].file && pair[1].line > 0) {
        let place = |at: usize| (pair[at].line, pair[at].column);
        assert!(place(0) <= place(1), "out of order:\n{}\n{}", pair[0], pair[1]);
    }
}
