//! Reads members of a request one by one and gathers all that is wrong with them.
//!
//! 1. A wrong member is noted, with its path, and reading goes on: the caller learns all faults at once.
//! 2. `null` is as good as absent, and members that nobody asks for are passed over, both as AWS does.

use serde_json::{Map, Value};

use crate::error::{ArcError, Fault, ValidationReason as Reason};
use crate::request::{Request, decoded};
use crate::texts::{kind, shown, wrong};

/// Why one value is none.
pub(crate) struct Wrong {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

pub(crate) type Leaf<T> = Result<T, Wrong>;

/// Faults that are told; more are only known to be there.
const FAULTS_MAX: usize = 20;

/// The reading of one request.
#[derive(Default)]
pub(crate) struct Check {
    prefix: String,
    faults: Vec<Fault>,
    /// A limit of ours, which is an error of its own.
    limit: Option<ArcError>,
}

impl Check {
    fn fault(&mut self, name: &str, wrong: Wrong) {
        if self.faults.len() < FAULTS_MAX {
            let name = format!("{}{name}", self.prefix);
            self.faults.push(Fault { name, reason: wrong.reason, message: wrong.message });
        }
    }

    /// Notes what is wrong with something that was read well so far.
    pub(crate) fn add(&mut self, name: &str, reason: Reason, message: impl std::fmt::Display) {
        self.fault(name, wrong(reason, message));
    }

    /// Notes that a limit was passed, whatever else is wrong.
    pub(crate) fn passes(&mut self, limit: &'static str, message: String) {
        self.limit = Some(ArcError::LimitExceeded { message, limit });
    }

    fn missing(&mut self, name: &str) {
        self.add(name, Reason::MissingValue, "is required and absent");
    }

    fn noted<T>(&mut self, name: &str, outcome: Leaf<T>) -> Option<T> {
        outcome.map_err(|wrong| self.fault(name, wrong)).ok()
    }

    /// A value that is there already, such as the one of the path.
    pub(crate) fn value<T>(&mut self, name: &str, text: &str, read: impl Fn(&str) -> Leaf<T>) -> Option<T> {
        let outcome = read(text);
        self.noted(name, outcome)
    }

    /// A member that must be there.
    pub(crate) fn required<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        read: impl Fn(&Value) -> Leaf<T>,
    ) -> Option<T> {
        match members.get(name) {
            None | Some(Value::Null) => {
                self.missing(name);
                None
            }
            Some(value) => {
                let outcome = read(value);
                self.noted(name, outcome)
            }
        }
    }

    /// A member that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        read: impl Fn(&Value) -> Leaf<T>,
    ) -> Option<T> {
        match members.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let outcome = read(value);
                self.noted(name, outcome)
            }
        }
    }

    /// A list that may be absent. `reason` is that of a wrong number of items.
    pub(crate) fn list<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        (reason, min, max): (Reason, usize, usize),
        mut read: impl FnMut(&mut Check, &Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = match members.get(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.add(name, Reason::MissingValue, format!("must be a list, this is {}", kind(other)));
                return None;
            }
        };
        if items.len() < min || items.len() > max {
            self.add(name, reason, format!("must have {min} to {max} items, this one has {}", items.len()));
            return None;
        }
        let outer = self.prefix.len();
        let mut found = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            self.prefix.push_str(&format!("{name}[{at}]"));
            found.push(read(self, item));
            self.prefix.truncate(outer);
        }
        found.into_iter().collect()
    }

    /// A list that must be there.
    pub(crate) fn required_list<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        bounds: (Reason, usize, usize),
        read: impl FnMut(&mut Check, &Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        if members.get(name).is_none_or(Value::is_null) {
            self.missing(name);
        }
        self.list(members, name, bounds, read)
    }

    /// One item of a list, read as a leaf.
    pub(crate) fn item<T>(&mut self, value: &Value, read: impl Fn(&Value) -> Leaf<T>) -> Option<T> {
        let outcome = read(value);
        self.noted("", outcome)
    }

    /// One item of a list that is an object: its members are named behind a dot.
    pub(crate) fn item_object<T>(
        &mut self,
        value: &Value,
        read: impl FnOnce(&mut Check, &Map<String, Value>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(members) = value else {
            self.add("", Reason::MissingValue, format!("must be an object, this is {}", kind(value)));
            return None;
        };
        let outer = self.prefix.len();
        self.prefix.push('.');
        let found = read(self, members);
        self.prefix.truncate(outer);
        found
    }

    /// An object that may be absent.
    pub(crate) fn object<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Check, &Map<String, Value>) -> Option<T>,
    ) -> Option<T> {
        let value = members.get(name).filter(|value| !value.is_null())?;
        let outer = self.prefix.len();
        self.prefix.push_str(name);
        let found = self.item_object(value, read);
        self.prefix.truncate(outer);
        found
    }

    /// An object that must be there.
    pub(crate) fn required_object<T>(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Check, &Map<String, Value>) -> Option<T>,
    ) -> Option<T> {
        if members.get(name).is_none_or(Value::is_null) {
            self.missing(name);
        }
        self.object(members, name, read)
    }

    /// A parameter of the query that may be absent, and comes once. Its name is case-exact.
    pub(crate) fn parameter<T>(
        &mut self,
        request: &Request<'_>,
        name: &str,
        read: impl Fn(&str) -> Leaf<T>,
    ) -> Option<T> {
        let mut values = self.parameters(request, name, |text| Ok(text.to_owned()))?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => self.value(name, &value, read),
            (None, _) => None,
            (Some(_), false) => {
                self.add(name, Reason::MissingValue, "came more than once; give it once");
                None
            }
        }
    }

    /// All values of a parameter that may be repeated. None if one of them is wrong.
    pub(crate) fn parameters<T>(
        &mut self,
        request: &Request<'_>,
        name: &str,
        read: impl Fn(&str) -> Leaf<T>,
    ) -> Option<Vec<T>> {
        let mut found = Vec::new();
        for (_, value) in request.pairs().filter(|(key, _)| decoded(key).as_deref() == Some(name)) {
            let outcome = decoded(value)
                .ok_or_else(|| {
                    wrong(Reason::MissingValue, format!("{} is not percent-encoded UTF-8", shown(value)))
                })
                .and_then(|text| read(&text));
            found.push(self.noted(name, outcome));
        }
        found.into_iter().collect()
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn done<T>(self, made: Option<T>) -> Result<T, ArcError> {
        match (self.limit, made) {
            (Some(limit), _) => Err(limit),
            (None, Some(made)) if self.faults.is_empty() => Ok(made),
            _ => Err(ArcError::faults(self.faults)),
        }
    }
}

/// The members of a request's body; none for an empty one.
pub(crate) fn body(request: &Request<'_>) -> Result<Map<String, Value>, ArcError> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    // A page in a browser cannot send these types to another site without being asked first.
    let is_json = request.header("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.starts_with("application/x-amz-json-")
    });
    if !is_json {
        return Err(ArcError::unreadable(
            "the body's Content-Type is neither application/json nor application/x-amz-json-1.0; set it",
        ));
    }
    // serde_json refuses more than 128 levels.
    match serde_json::from_slice(request.body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(ArcError::unreadable(format!("the body is {}; send one JSON object", kind(&other)))),
        Err(error) => Err(ArcError::unreadable(format!("the body is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests;
