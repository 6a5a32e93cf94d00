//! What is told: one thing that happened, and its form as JSON.

use hf_config::node::NoticeKind;
use hf_model::Timestamp;
use serde::Serialize;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same from every node and at every repetition: receivers know by it what they have had.
    pub id: String,
    /// What sort of thing.
    pub kind: NoticeKind,
    /// When it happened.
    pub at: Timestamp,
    /// The node that tells.
    pub node: String,
    /// The ledger's revision.
    pub revision: u64,
    /// Who did it.
    pub by: String,
    /// What happened, in one sentence.
    pub text: String,
    /// Why: in the words of who did it, or why it was refused.
    pub reason: String,
    /// The zone that it is about.
    pub zone: Option<String>,
    /// What of it: `everything`, `pool/NAME` or `record/NAME.`
    pub resource: Option<String>,
    /// The shift that it is about.
    pub shift: Option<String>,
    /// When that ends.
    pub until: Option<Timestamp>,
    /// How a practice run or a shift ended.
    pub outcome: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    node: &'a str,
    revision: u64,
    by: &'a str,
    text: &'a str,
    reason: &'a str,
    zone: Option<&'a str>,
    resource: Option<&'a str>,
    shift: Option<&'a str>,
    until: Option<String>,
    outcome: Option<&'a str>,
}

impl Notice {
    /// The body of webhooks and messages: the Standard Webhooks form, all keys always there.
    pub fn json(&self) -> String {
        let body = Body {
            kind: self.kind.as_str(),
            timestamp: rfc3339(self.at),
            data: Data {
                id: &self.id,
                node: &self.node,
                revision: self.revision,
                by: &self.by,
                text: &self.text,
                reason: &self.reason,
                zone: self.zone.as_deref(),
                resource: self.resource.as_deref(),
                shift: self.shift.as_deref(),
                until: self.until.map(rfc3339),
                outcome: self.outcome.as_deref(),
            },
        };
        serde_json::to_string(&body).expect("a notice has text keys only")
    }
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    // What no calendar has comes of no clock.
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX)
}

pub fn rfc3339(at: Timestamp) -> String {
    format!("{:.3}", instant(at))
}

/// As mails date themselves.
pub fn rfc5322(at: Timestamp) -> String {
    let text = jiff::fmt::rfc2822::DateTimePrinter::new();
    text.timestamp_to_string(&instant(at)).unwrap_or_else(|_| rfc3339(at))
}

#[cfg(test)]
pub mod tests {
    use expect_test::expect;

    use super::*;

    pub fn notice() -> Notice {
        Notice {
            id: "e1-42-0".to_owned(),
            kind: NoticeKind::ShiftStarted,
            at: Timestamp(1_614_265_330_123),
            node: "n1".to_owned(),
            revision: 42,
            by: "ops".to_owned(),
            text: "shift-42 takes everything out of euw2-az1 until …".to_owned(),
            reason: "broken\nswitch".to_owned(),
            zone: Some("euw2-az1".to_owned()),
            resource: Some("everything".to_owned()),
            shift: Some("shift-42".to_owned()),
            until: Some(Timestamp(1_614_267_130_123)),
            outcome: None,
        }
    }

    #[test]
    fn the_form_is_stable() {
        expect![[r#"{"type":"shift.started","timestamp":"2021-02-25T15:02:10.123Z","data":{"id":"e1-42-0","node":"n1","revision":42,"by":"ops","text":"shift-42 takes everything out of euw2-az1 until …","reason":"broken\nswitch","zone":"euw2-az1","resource":"everything","shift":"shift-42","until":"2021-02-25T15:32:10.123Z","outcome":null}}"#]]
            .assert_eq(&notice().json());
        assert_eq!(rfc5322(notice().at), "Thu, 25 Feb 2021 15:02:10 -0000");
    }
}
