//! Break-glass: the same signed act to every node at once, since no ledger spreads it.
//!
//! 1. Every endpoint is asked in the same moment; one that is dead holds up none.
//! 2. Once one has taken it, the others have until [`ENOUGH`] after the start; who is silent then hears it from those who took it. While none has
//!    taken it, every endpoint is waited for as long as for any call.
//!
//! Not here: what is signed, what is told (`holdfast`).

use std::time::Duration;

use http::Method;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Call, Client, ClientError, Tried, json};
use crate::break_glass::{BreakGlassAnswer, SignedBreakGlass};

/// How long the slow ones are waited for when one has taken it.
const ENOUGH: Duration = Duration::from_millis(700);

/// How an act is handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandOver {
    /// Change nothing: say what would become of it.
    pub dry_run: bool,
    /// Take it although the floor lets it do nothing now.
    pub anyway: bool,
}

impl HandOver {
    fn path(self) -> String {
        let flags = [("dry_run", self.dry_run), ("anyway", self.anyway)];
        let set: Vec<String> =
            flags.iter().filter(|(_, set)| *set).map(|(name, _)| format!("{name}=true")).collect();
        let question = if set.is_empty() { "" } else { "?" };
        format!("/v1/break-glass{question}{}", set.join("&"))
    }
}

impl Client {
    /// `POST /v1/break-glass` to *every* endpoint at once: one answer each, in their order.
    pub async fn break_glass(
        &self,
        signed: &SignedBreakGlass,
        how: HandOver,
    ) -> Vec<(String, Result<BreakGlassAnswer, ClientError>)> {
        let body = json(signed);
        let mut calls = JoinSet::new();
        for (at, (_, mut one)) in self.each().into_iter().enumerate() {
            one.token = None; // the signature tells who it is
            let call =
                Call { method: Method::POST, path: how.path(), if_match: None, body: Some(body.clone()) };
            calls.spawn(async move { (at, one.call(call).await) });
        }
        let enough = Instant::now() + ENOUGH;
        let mut answers: Vec<Option<Result<BreakGlassAnswer, ClientError>>> =
            (0..self.endpoints.len()).map(|_| None).collect();
        while !calls.is_empty() {
            let is_taken = answers.iter().flatten().any(Result::is_ok);
            tokio::select! {
                biased;
                Some(called) = calls.join_next() => match called {
                    Ok((at, answer)) => answers[at] = Some(answer),
                    // Nobody breaks off a task of this set, so it has panicked: our own mistake, to be seen.
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                () = sleep_until(enough), if is_taken => break,
            }
        }
        let urls = self.endpoints.iter().map(|endpoint| endpoint.url.clone());
        let silent = |endpoint: &String| {
            let why = format!("no answer within {} ms; it may still take it", ENOUGH.as_millis());
            Err(ClientError::Unreachable { tried: vec![Tried { endpoint: endpoint.clone(), why }] })
        };
        urls.zip(answers).map(|(url, answer)| (url.clone(), answer.unwrap_or_else(|| silent(&url)))).collect()
    }
}
