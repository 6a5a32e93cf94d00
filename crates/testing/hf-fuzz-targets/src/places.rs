//! Problems point into their file and stay on their line.

use hf_config::Problem;

/// The place is inside `text` (or right behind its end), and the sentence is one line of printable characters: a problem is
/// shown on terminals and travels in answers of the API.
pub(crate) fn check_problem(problem: &Problem, text: &str) {
    assert!(!problem.what.is_empty(), "a problem without a word: {problem:?}");
    assert!(!problem.what.contains(char::is_control), "control characters: {problem:?}");
    if problem.line == 0 {
        return;
    }
    let line = text.split('\n').nth(problem.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("{problem:?} lies behind the last line"));
    let columns = line.chars().count() + 1;
    assert!(problem.column as usize <= columns, "{problem:?} lies behind its line's end, column {columns}");
}
