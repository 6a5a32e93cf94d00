//! What a store says when it refuses: its code and its words.

use super::listing::{document, text};
use crate::shown;

/// Of S3: `<Error><Code>…</Code><Message>…</Message></Error>`, as `AccessDenied: …`; empty if it is something else.
pub fn xml_refusal(answer: &[u8]) -> String {
    let Ok(whole) = std::str::from_utf8(answer) else { return String::new() };
    let Ok(document) = document(whole) else { return String::new() };
    // Some servers wrap it.
    let found = document.descendants().take(16).find(|node| node.tag_name().name() == "Error");
    let Some(error) = found else { return String::new() };
    told(text(error, "Code").unwrap_or_default(), text(error, "Message").unwrap_or_default())
}

/// Of DynamoDB: `{"__type": "…#ResourceNotFoundException", "message": "…"}`, likewise.
pub fn json_refusal(answer: &[u8]) -> String {
    let Ok(whole) = serde_json::from_slice::<serde_json::Value>(answer) else { return String::new() };
    let member = |name: &str| whole.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let kind = member("__type");
    let kind = kind.rsplit_once('#').map_or(kind, |(_, kind)| kind);
    let message = member("message");
    told(kind, if message.is_empty() { member("Message") } else { message })
}

fn told(code: &str, message: &str) -> String {
    let (code, message) = (shown(code), shown(message));
    if code.is_empty() || message.is_empty() {
        format!("{code}{message}")
    } else {
        format!("{code}: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_the_stores_words() {
        let denied = b"<?xml version=\"1.0\"?><Error xmlns=\"x\"><Code>AccessDenied</Code><Message>Access\nDenied</Message></Error>";
        assert_eq!(xml_refusal(denied), "AccessDenied: Access Denied");
        assert_eq!(xml_refusal(b"<ErrorResponse><Error><Code>A</Code></Error></ErrorResponse>"), "A");
        assert_eq!(xml_refusal(b"<html><body>502</body></html>"), "");
        assert_eq!(xml_refusal(b"\xff"), "");
        let missing = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no such table"}"#;
        assert_eq!(json_refusal(missing), "ResourceNotFoundException: no such table");
        assert_eq!(json_refusal(br#"{"Message":"slow down"}"#), "slow down");
        assert_eq!(json_refusal(b"[1]"), "");
        assert_eq!(
            xml_refusal(format!("<Error><Code>{}</Code></Error>", "a".repeat(300)).as_bytes()).len(),
            203
        );
    }
}
