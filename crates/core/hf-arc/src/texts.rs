//! The small texts of the ARC APIs: how each is read, and what is wrong with those that are none.

use std::fmt::Display;
use std::time::Duration;

use hf_model::{ControlName, RequestId, ShiftId, Switch, ZoneId};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::arn::ResourceArn;
use crate::error::ValidationReason as Reason;
use crate::fields::{Leaf, Wrong};
use crate::operation::Operation;

/// What a client sent, fit to stand in a message: quoted, without control characters, 160 characters at most.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(160).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

pub(crate) fn wrong(reason: Reason, message: impl Display) -> Wrong {
    Wrong { reason, message: message.to_string() }
}

/// Any text of so many characters.
pub(crate) fn sized(reason: Reason, min: usize, max: usize) -> impl Fn(&str) -> Leaf<&str> {
    move |text| {
        let len = text.chars().count();
        if len < min || len > max {
            return Err(wrong(reason, format!("must have {min} to {max} characters, this one has {len}")));
        }
        Ok(text)
    }
}

/// A managed resource by its ARN, or by its short form of at least 8 characters.
pub(crate) fn resource(text: &str) -> Leaf<ResourceArn> {
    sized(Reason::InvalidResourceIdentifier, 8, 1024)(text)?;
    text.parse().map_err(|error| wrong(Reason::InvalidResourceIdentifier, error))
}

/// The id or an alias of a zone.
pub(crate) fn zone(text: &str) -> Leaf<ZoneId> {
    ZoneId::new(text).map_err(|error| wrong(Reason::InvalidAz, error))
}

/// Why, for the journal.
pub(crate) fn comment(text: &str) -> Leaf<String> {
    sized(Reason::MissingValue, 0, 128)(text).map(str::to_owned)
}

/// The longest shift.
const SHIFT_MAX: Duration = Duration::from_hours(72);

/// `90m` or `2h`; one minute to 72 hours.
pub(crate) fn expires_in(text: &str) -> Leaf<Duration> {
    let bad = |what| {
        wrong(
            Reason::InvalidExpiresIn,
            format!("{what}; write minutes or hours, such as 90m or 2h, from 1m to 72h"),
        )
    };
    let (digits, unit_s) = match (text.strip_suffix('m'), text.strip_suffix('h')) {
        (Some(digits), _) => (digits, 60),
        (_, Some(digits)) => (digits, 3_600),
        _ => return Err(bad(format!("{} has no unit m or h", shown(text)))),
    };
    if text.len() > 5 || digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad(format!("{} is not a length", shown(text))));
    }
    let number: u64 = digits.parse().map_err(|_| bad(format!("{} is not a length", shown(text))))?;
    let length = Duration::from_secs(number * unit_s);
    if length > SHIFT_MAX {
        return Err(bad(format!("{text} is more than 72 hours")));
    }
    Ok(length)
}

/// The id of a shift, by AWS's rule; `None` for one that no shift of ours can have.
pub(crate) fn shift_id(text: &str) -> Leaf<Option<ShiftId>> {
    sized(Reason::MissingValue, 6, 36)(text)?;
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(wrong(
            Reason::MissingValue,
            format!("{} is not the id of a shift: it has letters, digits and hyphens", shown(text)),
        ));
    }
    Ok(ShiftId::new(text).ok())
}

/// The name of a cluster, panel, control or rule.
pub(crate) fn name(text: &str) -> Leaf<ControlName> {
    ControlName::new(text).map_err(|error| wrong(Reason::MissingValue, error))
}

/// `On` or `Off`, exactly.
pub(crate) fn switch(text: &str) -> Leaf<Switch> {
    match text {
        "On" => Ok(Switch::On),
        "Off" => Ok(Switch::Off),
        other => Err(wrong(Reason::MissingValue, format!("{} is neither On nor Off", shown(other)))),
    }
}

/// A client's token: a repeated request with it has its first effect and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToken(String);

impl ClientToken {
    /// The request id that stands for it in the ledger: the same for the same token and operation, whoever sends it, wherever.
    pub fn request_id(&self, operation: Operation) -> RequestId {
        let digest = Sha256::digest(format!("{}\n{}", operation.name(), self.0));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        RequestId::new(&format!("arc-{hex}")).expect("letters, digits and one hyphen in 36 characters")
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(crate) fn client_token(text: &str) -> Leaf<ClientToken> {
    sized(Reason::MissingValue, 1, 64)(text)?;
    if text.chars().any(char::is_whitespace) {
        return Err(wrong(Reason::MissingValue, "a client token has no white space"));
    }
    Ok(ClientToken(text.to_owned()))
}

/// Keys of tags: AWS's limit for all its services.
pub(crate) fn tag_key(text: &str) -> Leaf<String> {
    sized(Reason::MissingValue, 1, 128)(text).map(str::to_owned)
}

/// A tag's value; an empty one is allowed.
pub(crate) fn tag_value(text: &str) -> Leaf<String> {
    sized(Reason::MissingValue, 0, 256)(text)?;
    if text.chars().any(char::is_whitespace) {
        return Err(wrong(Reason::MissingValue, "a tag's value has no white space"));
    }
    Ok(text.to_owned())
}

/// Reads text out of a JSON value, then `read`s it.
pub(crate) fn text<T>(read: impl Fn(&str) -> Leaf<T>) -> impl Fn(&Value) -> Leaf<T> {
    move |value| match value {
        Value::String(text) => read(text),
        other => Err(wrong(Reason::MissingValue, format!("must be text, this is {}", kind(other)))),
    }
}

/// Reads a whole number out of a JSON value.
pub(crate) fn integer(min: u64, max: u64) -> impl Fn(&Value) -> Leaf<u64> {
    move |value| match value {
        Value::Number(number) => match number.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(wrong(Reason::MissingValue, format!("must be a whole number from {min} to {max}"))),
        },
        other => Err(wrong(Reason::MissingValue, format!("must be a whole number, this is {}", kind(other)))),
    }
}

/// Reads true or false out of a JSON value.
pub(crate) fn boolean(value: &Value) -> Leaf<bool> {
    value
        .as_bool()
        .ok_or_else(|| wrong(Reason::MissingValue, format!("must be true or false, this is {}", kind(value))))
}

/// What a JSON value is, in a message.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
