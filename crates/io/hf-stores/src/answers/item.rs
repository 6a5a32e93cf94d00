//! The answer to `GetItem`, asked for one attribute.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What an item says of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The attribute is true.
    Healthy,
    /// The attribute is false.
    Unhealthy,
    /// There is no such item, or it has no such attribute.
    Untold,
}

/// Another member is another API's answer, from which nothing follows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    #[serde(rename = "Item")]
    item: Option<BTreeMap<String, Value>>,
    /// Some stores tell it unasked.
    #[serde(rename = "ConsumedCapacity")]
    _consumed: Option<Value>,
}

/// Reads the attribute: `BOOL`; `S` of `true` or `false` in any case, `1` or `0`; `N` of 1 or 0.
///
/// # Errors
///
/// Why it is no answer of a table, or no truth.
pub fn health(answer: &[u8], attribute: &str) -> Result<Health, String> {
    let output: Output = serde_json::from_slice(answer)
        .map_err(|error| format!("no item: {}", crate::shown(&error.to_string())))?;
    let Some(mut item) = output.item else { return Ok(Health::Untold) };
    let Some(value) = item.remove(attribute) else { return Ok(Health::Untold) };
    let truth = value.as_object().filter(|form| form.len() == 1).and_then(|form| {
        let (form, value) = form.iter().next()?;
        match (form.as_str(), value) {
            ("BOOL", Value::Bool(truth)) => Some(*truth),
            ("S", Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
            ("S", Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
            ("S" | "N", Value::String(text)) if text == "1" => Some(true),
            ("S" | "N", Value::String(text)) if text == "0" => Some(false),
            _ => None,
        }
    });
    match truth {
        Some(true) => Ok(Health::Healthy),
        Some(false) => Ok(Health::Unhealthy),
        None => Err(format!(
            "an item whose {attribute} is {}; write the boolean true or false there",
            crate::shown(&value.to_string())
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Result<Health, &str>) {
        let read = health(answer.as_bytes(), "Healthy");
        match expected {
            Ok(expected) => assert_eq!(read, Ok(expected), "{answer}"),
            Err(words) => {
                let error = read.expect_err(answer);
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn a_plain_truth_counts() {
        for healthy in
            [r#"{"BOOL":true}"#, r#"{"S":"true"}"#, r#"{"S":"True"}"#, r#"{"S":"1"}"#, r#"{"N":"1"}"#]
        {
            check(&format!(r#"{{"Item":{{"Healthy":{healthy}}}}}"#), Ok(Health::Healthy));
        }
        for unhealthy in
            [r#"{"BOOL":false}"#, r#"{"S":"false"}"#, r#"{"S":"FALSE"}"#, r#"{"S":"0"}"#, r#"{"N":"0"}"#]
        {
            check(&format!(r#"{{"Item":{{"Healthy":{unhealthy}}}}}"#), Ok(Health::Unhealthy));
        }
    }

    #[test]
    fn an_item_or_attribute_that_is_not_there_says_nothing_bad() {
        check("{}", Ok(Health::Untold));
        check(r#"{"Item":{}}"#, Ok(Health::Untold));
        check(
            r#"{"Item":{"healthy":{"BOOL":false}},"ConsumedCapacity":{"CapacityUnits":1}}"#,
            Ok(Health::Untold),
        );
    }

    #[test]
    fn everything_else_is_no_answer() {
        for other in [
            r#"{"BOOL":"false"}"#,
            r#"{"S":"maybe"}"#,
            r#"{"N":"2"}"#,
            r#"{"NULL":true}"#,
            r#"{"L":[]}"#,
            r#"{"BOOL":false,"S":"true"}"#,
            "false",
            "{}",
        ] {
            check(&format!(r#"{{"Item":{{"Healthy":{other}}}}}"#), Err("write the boolean"));
        }
        for other in [
            "",
            "<html></html>",
            "[]",
            "null",
            r#"{"status":"ok"}"#,
            r#"{"Item":[]}"#,
            r#"{"Item":{},"Item":{}}"#,
        ] {
            check(other, Err("no item"));
        }
    }
}
