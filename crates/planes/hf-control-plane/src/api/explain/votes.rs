//! Whose word made a verdict: asked of the node's hub, which alone has the checkers' tables, and told in words.
//!
//! Not here: the rules (`hf_health::votes`), what is explained (`explain`, `explain::check`).

use std::time::Duration;

use hf_health::{Verdict, Vote, Weighs};
use hf_model::{Digest, NodeId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::Context;

/// How long the hub has to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A question to the node's hub: who says what of some subjects.
#[derive(Debug)]
pub struct AskedVotes {
    /// The version of the estate whose positions `subjects` are.
    pub estate: Digest,
    /// Positions in the order of `Estate::subject_count`.
    pub subjects: Vec<usize>,
    /// The answer, one list for each subject; none if another version is in force.
    pub reply: oneshot::Sender<Option<Vec<Vec<Vote>>>>,
}

/// Asks; one list for each subject, or why there is none: the rest of the explanation stands without them.
pub(super) async fn ask(
    context: &Context,
    estate: Digest,
    subjects: Vec<usize>,
) -> Result<Vec<Vec<Vote>>, &'static str> {
    let (reply, told) = oneshot::channel();
    let asked = AskedVotes { estate, subjects, reply };
    context.votes.try_send(asked).map_err(|error| match error {
        TrySendError::Full(_) => "too many ask for them at this moment; ask again in a second",
        TrySendError::Closed(_) => "this node is stopping; ask another one",
    })?;
    match timeout(PATIENCE, told).await {
        Ok(Ok(Some(votes))) => Ok(votes),
        Ok(Ok(None)) => Err("another version of the estate came into force meanwhile; ask again"),
        Ok(Err(_)) => Err("this node is stopping; ask another one"),
        Err(_) => Err("this node had no time to count them within a second; ask again, or another node"),
    }
}

/// As they are shown: `a: n1 says unhealthy; b: n2 and n3 say healthy, and do not count: …`.
pub(super) fn in_words(votes: &[Vote]) -> String {
    if votes.is_empty() {
        return "no checker has a result".to_owned();
    }
    let told: Vec<String> = votes.iter().map(told).collect();
    told.join("; ")
}

fn told(vote: &Vote) -> String {
    let named: Vec<&str> = vote.checkers.iter().map(NodeId::as_str).collect();
    let others = vote.count - named.len();
    let who = match (named.split_last(), others) {
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, before)), 0) => format!("{} and {last}", before.join(", ")),
        _ => format!("{} and {others} more", named.join(", ")),
    };
    let is_one = vote.count == 1;
    let (says, counts) = if is_one { ("says", "does not count") } else { ("say", "do not count") };
    let what = word(vote.says);
    let zone = &vote.zone;
    match vote.weighs {
        Weighs::Counts => format!("{zone}: {who} {says} {what}"),
        Weighs::OwnZone => {
            format!(
                "{zone}: {who} {says} {what}, and {counts}: the endpoint is in that zone, and two others look"
            )
        }
        Weighs::CutOff => {
            format!("{zone}: {who} {says} {what}, and {counts}: cut off from what others reach")
        }
        Weighs::NotHeard => format!("{zone}: {who} said {what}, and {counts}: not heard for three beats"),
    }
}

/// A verdict in a word.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "healthy",
        Verdict::Unhealthy => "unhealthy",
        Verdict::Unknown => "unknown",
    }
}
