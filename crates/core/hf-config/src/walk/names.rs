//! Names of things and references to them.
//!
//! Not here: which texts are names (`hf-model`).

use std::collections::BTreeMap;

use super::{Report, clip, nearest};

/// The names of one sort of things, as written, and their positions.
pub(crate) struct Names {
    /// Without article: `zone`.
    what: &'static str,
    by_name: BTreeMap<String, u16>,
}

impl Names {
    pub(crate) fn new(what: &'static str) -> Self {
        Names { what, by_name: BTreeMap::new() }
    }

    /// Takes the name of the thing at `position`; reports one that was there before.
    pub(crate) fn insert(&mut self, name: &str, position: u16, at: usize, report: &mut Report<'_>) {
        if self.by_name.contains_key(name) {
            let what = self.what;
            report.add(at, format_args!("{what} `{}` is listed twice; remove one of the two", clip(name)));
        } else {
            self.by_name.insert(name.to_owned(), position);
        }
    }

    /// The position without any report.
    pub(crate) fn get(&self, name: &str) -> Option<u16> {
        self.by_name.get(name).copied()
    }

    /// All names, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The position of the thing that is named at `at`, or a problem that says which names exist.
    pub(crate) fn find(&self, name: &str, at: usize, report: &mut Report<'_>) -> Option<u16> {
        let found = self.get(name);
        if found.is_none() {
            let what = self.what;
            if report.is_full() {
                report.add(at, "");
            } else if self.by_name.is_empty() {
                report.add(
                    at,
                    format_args!("no {what} is named `{}` and there is none at all; add it", clip(name)),
                );
            } else {
                let near = nearest(name, self.by_name.keys().map(String::as_str))
                    .map_or(String::new(), |near| format!("did you mean `{near}`? "));
                let all = there(self.by_name.keys().map(String::as_str));
                report.add(at, format_args!("no {what} is named `{}`; {near}{all}", clip(name)));
            }
        }
        found
    }
}

/// Which names there are: the first of them, and how many more.
pub(crate) fn there<'n>(names: impl Iterator<Item = &'n str>) -> String {
    there_up_to(16, names)
}

/// The same, of the keys of a table: there are never many more, and whoever looks for one wants them all.
pub(crate) fn all_there<'n>(names: impl Iterator<Item = &'n str>) -> String {
    there_up_to(64, names)
}

fn there_up_to<'n>(shown: usize, names: impl Iterator<Item = &'n str>) -> String {
    let (mut text, mut count) = (String::new(), 0);
    for name in names {
        if count < shown {
            text.push_str(if count == 0 { "`" } else { ", `" });
            text.push_str(&clip(name));
            text.push('`');
        }
        count += 1;
    }
    match count {
        0 => "there is none".to_owned(),
        1 => format!("there is only {text}"),
        _ if count <= shown => format!("there are {text}"),
        _ => format!("there are {text} and {} more", count - shown),
    }
}
