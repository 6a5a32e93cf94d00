//! A walk through TOML that keeps every place and collects every problem.
//!
//! 1. [`Report`] takes problems by their byte offset; lines and columns are counted once, in one pass, at the end.
//! 2. [`Fields`] is one table being read: who reads it asks for each key that it knows, and [`Fields::finish`] names the rest.
//! 3. [`Value`] is one value with its key: asked for a type that it is not, it reports so and gives nothing.
//! 4. [`Names`] resolves references among things of the file, even to things that are wrong otherwise: one mistake, one line.
//!
//! Work is linear in the text, whatever it holds: problems beyond a bound are counted, not built.
//!
//! Not here: what the keys mean.

use std::fmt::Display;
use std::time::Duration;

use hf_model::{format_duration, parse_duration};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

mod names;
mod nearest;
mod report;

use names::all_there;
pub(crate) use names::{Names, there};
pub(crate) use nearest::clip;
pub use nearest::nearest;
pub(crate) use report::{Report, verdict};

/// One table being read.
pub(crate) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    at: usize,
    /// With its article: `a zone`.
    thing: &'static str,
    known: Vec<&'static str>,
    ignored: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(crate) fn new(table: &'t DeTable<'i>, at: usize, thing: &'static str) -> Self {
        Fields { table, at, thing, known: Vec::new(), ignored: Vec::new() }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The value under `key`, if there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Value<'t, 'i>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key).map(|node| Value { node, key })
    }

    /// Whether there is a value under `key`; asking does not make the key known.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Calls the table by another name, once it is known which of several sorts it is of.
    pub(crate) fn call(&mut self, thing: &'static str) {
        self.thing = thing;
    }

    /// Takes keys as known whose presence was told otherwise.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.ignored.extend(keys);
    }

    /// The value under `key`, or a problem.
    pub(crate) fn need(&mut self, key: &'static str, report: &mut Report<'_>) -> Option<Value<'t, 'i>> {
        let found = self.get(key);
        if found.is_none() {
            report.add(self.at, format_args!("{} needs `{key}`; add it", self.thing));
        }
        found
    }

    /// The tables `[[key]]`, at most `max`.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        thing: &'static str,
        max: usize,
        report: &mut Report<'_>,
    ) -> Vec<Fields<'t, 'i>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if let DeValue::Table(table) = value.node.get_ref() {
            report.add(value.at(), format_args!("there may be several of `{key}`; write [[{key}]]"));
            return vec![Fields::new(table, value.at(), thing)];
        }
        let items = value.items(report).unwrap_or_default();
        if let Some(first_over) = items.get(max) {
            report.add(
                first_over.at(),
                format_args!("at most {max} of `{key}`, there are {}; remove some", items.len()),
            );
        }
        items.into_iter().take(max).filter_map(|item| item.fields(thing, report)).collect()
    }

    /// Names the keys that nobody asked for. Those of `later` exist in the format, but not in this version.
    pub(crate) fn finish(self, later: &[&str], report: &mut Report<'_>) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if self.known.contains(&name) || self.ignored.contains(&name) {
                continue;
            }
            let at = key.span().start;
            if later.contains(&name) {
                report.add(at, format_args!("`{name}` is not in this version; remove it"));
            } else if !report.is_full() {
                let mend = match nearest(name, self.known.iter().copied()) {
                    Some(near) => format!("write `{near}` or remove it"),
                    None => format!("remove it, {}", all_there(self.known.iter().copied())),
                };
                report.add(at, format_args!("{} has no `{}`; {mend}", self.thing, clip(name)));
            } else {
                report.add(at, "");
            }
        }
    }
}

/// One value with the key that it stands under.
#[derive(Clone, Copy)]
pub(crate) struct Value<'t, 'i> {
    node: &'t Spanned<DeValue<'i>>,
    key: &'static str,
}

impl<'t, 'i> Value<'t, 'i> {
    pub(crate) fn at(self) -> usize {
        self.node.span().start
    }

    /// The key that it stands under.
    pub(crate) fn key(self) -> &'static str {
        self.key
    }

    /// Whether this is `true` or `false`.
    pub(crate) fn is_truth(self) -> bool {
        self.node.get_ref().as_bool().is_some()
    }

    fn wrong_type(self, wanted: &str, report: &mut Report<'_>) {
        let found = match self.node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        report.add(self.at(), format_args!("`{}` is {wanted}, this is {found}; change it", self.key));
    }

    /// A string.
    pub(crate) fn text(self, report: &mut Report<'_>) -> Option<&'t str> {
        let found = self.node.get_ref().as_str();
        if found.is_none() {
            self.wrong_type("a string in quotes", report);
        }
        found
    }

    /// The string that it is, if it is one.
    pub(crate) fn as_text(self) -> Option<&'t str> {
        self.node.get_ref().as_str()
    }

    /// A string that `read` understands; its error is told as it is.
    pub(crate) fn read<T, E: Display>(
        self,
        report: &mut Report<'_>,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(report)?;
        read(text).map_err(|error| report.add(self.at(), error)).ok()
    }

    /// A whole number within bounds.
    pub(crate) fn whole(self, min: i64, max: i64, report: &mut Report<'_>) -> Option<i64> {
        let DeValue::Integer(digits) = self.node.get_ref() else {
            self.wrong_type(&format!("a whole number from {min} to {max}"), report);
            return None;
        };
        match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                let key = self.key;
                let found = clip(digits.as_str());
                report.add(self.at(), format_args!("`{key}` is {min} to {max}, this is {found}; change it"));
                None
            }
        }
    }

    /// A number, in thousandths.
    pub(crate) fn thousandths(self, min: i32, max: i32, report: &mut Report<'_>) -> Option<i32> {
        let digits = match self.node.get_ref() {
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
            DeValue::Float(digits) => digits.as_str(),
            _ => {
                self.wrong_type(&format!("a number from {min} to {max}"), report);
                return None;
            }
        };
        // IEEE parsing and one multiplication: the same bits on every machine.
        match digits.parse::<f64>() {
            Ok(number) if number >= f64::from(min) && number <= f64::from(max) => {
                Some((number * 1_000.0).round() as i32)
            }
            _ => {
                let key = self.key;
                let found = clip(digits);
                report.add(self.at(), format_args!("`{key}` is {min} to {max}, this is {found}; change it"));
                None
            }
        }
    }

    /// A number that is finite, as written.
    pub(crate) fn number(self, report: &mut Report<'_>) -> Option<&'t str> {
        let digits = match self.node.get_ref() {
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
            DeValue::Float(digits) => digits.as_str(),
            _ => {
                self.wrong_type("a number", report);
                return None;
            }
        };
        if digits.len() > 40 || !digits.parse::<f64>().is_ok_and(f64::is_finite) {
            let key = self.key;
            report.add(
                self.at(),
                format_args!("`{key}` is a number with an end, this is {}; change it", clip(digits)),
            );
            return None;
        }
        Some(digits)
    }

    /// `true` or `false`.
    pub(crate) fn truth(self, report: &mut Report<'_>) -> Option<bool> {
        let found = self.node.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type("true or false", report);
        }
        found
    }

    /// A length of time within bounds.
    pub(crate) fn duration(self, min: Duration, max: Duration, report: &mut Report<'_>) -> Option<Duration> {
        let Some(text) = self.node.get_ref().as_str() else {
            self.wrong_type("a length of time in quotes, such as \"5s\"", report);
            return None;
        };
        match parse_duration(text) {
            Err(error) => report.add(self.at(), error),
            Ok(length) if length >= min && length <= max => return Some(length),
            Ok(length) => report.add(
                self.at(),
                format_args!(
                    "`{}` is {} to {}, this is {}; change it",
                    self.key,
                    format_duration(min),
                    format_duration(max),
                    format_duration(length)
                ),
            ),
        }
        None
    }

    /// The items of a list, under the same key.
    pub(crate) fn items(self, report: &mut Report<'_>) -> Option<Vec<Value<'t, 'i>>> {
        let Some(array) = self.node.get_ref().as_array() else {
            self.wrong_type("a list in square brackets", report);
            return None;
        };
        Some(array.iter().map(|node| Value { node, key: self.key }).collect())
    }

    /// The values of a list that has at most `max`; no more than those are looked at.
    pub(crate) fn items_up_to(self, max: usize, report: &mut Report<'_>) -> Option<Vec<Value<'t, 'i>>> {
        let mut items = self.items(report)?;
        if let Some(first_over) = items.get(max) {
            let (key, count) = (self.key, items.len());
            report.add(
                first_over.at(),
                format_args!("at most {max} of `{key}`, there are {count}; remove some"),
            );
        }
        items.truncate(max);
        Some(items)
    }

    /// Whether this is a list.
    pub(crate) fn is_list(self) -> bool {
        self.node.get_ref().as_array().is_some()
    }

    /// Whether this is a whole number.
    pub(crate) fn is_whole(self) -> bool {
        self.node.get_ref().is_integer()
    }

    /// The keys of a table whose keys are the writer's own, each with its place and value, in the order of the keys.
    pub(crate) fn entries(self, report: &mut Report<'_>) -> Option<Vec<(&'t str, usize, Value<'t, 'i>)>> {
        let DeValue::Table(table) = self.node.get_ref() else {
            self.wrong_type("a table", report);
            return None;
        };
        let entry = |(key, node): (&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)| {
            let name: &'t str = key.get_ref();
            (name, key.span().start, Value { node, key: self.key })
        };
        Some(table.iter().map(entry).collect())
    }

    /// A table.
    pub(crate) fn fields(self, thing: &'static str, report: &mut Report<'_>) -> Option<Fields<'t, 'i>> {
        let DeValue::Table(table) = self.node.get_ref() else {
            self.wrong_type("a table", report);
            return None;
        };
        Some(Fields::new(table, self.at(), thing))
    }
}

/// Something that was reported.
pub(crate) struct Wrong;

/// Reads a value that may be left out: absent stays absent, present but wrong makes the whole wrong.
pub(crate) fn if_there<'t, 'i, T>(
    value: Option<Value<'t, 'i>>,
    read: impl FnOnce(Value<'t, 'i>) -> Option<T>,
) -> Result<Option<T>, Wrong> {
    value.map(|value| read(value).ok_or(Wrong)).transpose()
}

#[cfg(test)]
mod tests;
