//! Tables for people, JSON for programs, times in both.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::Output;
use crate::failure::Failure;

/// Prints to standard output; a closed pipe ends the program quietly, as `| head` wants.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints `value` as JSON, or what `table` makes of it.
pub fn show<V: Serialize>(
    output: Output,
    value: &V,
    table: impl FnOnce(&V) -> String,
) -> Result<(), Failure> {
    match output {
        Output::Json => {
            let text =
                serde_json::to_string_pretty(value).map_err(|error| Failure::Refused(error.to_string()))?;
            say(&text);
        }
        Output::Jsonl => say(&line(value)?),
        Output::Table => say(table(value).trim_end()),
    }
    Ok(())
}

/// `value` as JSON on one line.
pub fn line<V: Serialize>(value: &V) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Refused(error.to_string()))
}

/// Rows in columns as wide as their widest cell; the last column is not padded.
pub fn columns<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let pad = if column + 1 == N { 0 } else { widths[column] + 2 - cell.chars().count() };
            text.push_str(cell);
            text.push_str(&" ".repeat(pad));
        }
        text.trim_end().to_owned() + "\n"
    };
    let mut text = line(header);
    for row in rows {
        text.push_str(&line(std::array::from_fn(|column| row[column].as_str())));
    }
    text
}

/// A number of things: `1 file`, `2 files`.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Whether colour is welcome: a terminal, and no `NO_COLOR`.
pub fn is_colourful() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A length of time for people: `29m`, `3h12m`, `250ms`.
pub fn rough(ms: u64) -> String {
    let rounded = match ms {
        0..=9_999 => ms,
        10_000..=3_599_999 => ms / 1_000 * 1_000,
        _ => ms / 60_000 * 60_000,
    };
    hf_model::format_duration(std::time::Duration::from_millis(rounded))
}

/// How an instant lies to now: `in 29m58s` or `12s ago`.
pub fn relative(at_ms: u64, now_ms: u64) -> String {
    // Beyond a second nobody counts milliseconds to or from an instant.
    let told = |ms: u64| rough(if ms < 1_000 { ms } else { ms / 1_000 * 1_000 });
    if at_ms >= now_ms {
        format!("in {}", told(at_ms - now_ms))
    } else {
        format!("{} ago", told(now_ms - at_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = columns(["A", "LONGER"], &[["wide".into(), "x".into()], ["b".into(), String::new()]]);
        assert_eq!(text, "A     LONGER\nwide  x\nb\n");
    }

    #[test]
    fn instants_are_told_from_now() {
        assert_eq!(relative(70_500, 10_000), "in 1m");
        assert_eq!(relative(10_000, 10_250), "250ms ago");
        assert_eq!(relative(14_977, 10_000), "in 4s");
        assert_eq!(relative(7_200_000 + 59_000, 0), "in 2h");
    }
}
