//! `/v1/break-glass`: known by its signature, not by a token.
//!
//! 1. What is answered is what the node did: its hub has taken the act and its planes obey it, or it says why not; and what comes of it here, as this node decides now.
//! 2. An act that the floor stops in part is taken, and the rest is named. One that would do nothing at all is refused with the reason, before
//!    anybody relies on it; told `anyway`, it is taken: it does its work as soon as the floor lets it. A cancel is always taken.
//! 3. A rehearsal changes nothing, and is answered like the act.
//! 4. Refusals are counted by reason, and journalled like those of every write.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hf_api::{BreakGlassAnswer, Effect, Problem, code};
use hf_control::BreakGlassShift;
use hf_feed::{BreakGlassRefused, SignedBreakGlass, break_glass};
use hf_model::{EstateId, ObjectNumberError, Operator, Timestamp, ZoneId};
use serde::Deserialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;
use utoipa::IntoParams;

use super::body::{Query, Small};
use super::refusal::{Answer, Refused, split};
use super::writer::field;
use super::{Context, SharedState};
use crate::glass::{self, Rehearsed, rehearse};

/// How long the node has to take an act.
const PATIENCE: Duration = Duration::from_secs(1);

/// A signed act on its way to the node.
#[derive(Debug)]
pub struct GivenBreakGlass {
    /// The act.
    pub signed: SignedBreakGlass,
    /// Only say what would become of it.
    pub is_rehearsal: bool,
    /// What the node made of it.
    pub reply: oneshot::Sender<Result<(), BreakGlassRefused>>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GlassQuery {
    /// Change nothing: say whether it would be taken, and what would come of it.
    #[serde(default)]
    dry_run: bool,
    /// Take it although the floor lets it do nothing here now.
    #[serde(default)]
    anyway: bool,
}

/// How many acts were refused, by reason.
#[derive(Debug, Default)]
pub struct RefusedActs(Mutex<BTreeMap<&'static str, u64>>);

impl RefusedActs {
    fn count(&self, kind: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// All that were refused since the start.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A refusal and the word by which it is counted.
struct Counted(&'static str, Refused);

/// Evacuate a zone without a ledger: give the same signed shift to every node.
#[utoipa::path(post, operation_id = "break_glass", path = "/v1/break-glass", tag = "break-glass", params(GlassQuery), request_body = hf_api::SignedBreakGlass, responses(
    (status = 200, body = BreakGlassAnswer, description = "This node obeys it, and passes it on."),
    (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 413, body = Problem), (status = 503, body = Problem)))]
pub async fn break_glass(
    State(shared): SharedState,
    query: Result<Query<GlassQuery>, Refused>,
    body: Result<Small<hf_api::SignedBreakGlass>, Refused>,
) -> Answer<Json<BreakGlassAnswer>> {
    let unreadable = |refused| Counted("bad-request", refused);
    let answer = match (query.map_err(unreadable), body.map_err(unreadable)) {
        (Ok(Query(query)), Ok(Small(body))) => {
            let what = if body.ends_at_ms == body.signed_at_ms { "cancel" } else { "shift" };
            let how = if query.dry_run { "a rehearsal of a" } else { "a" };
            let asked = format!("{how} break-glass {what} of {}, as by `{}`", body.zone, body.by);
            let given = give(&shared.context, &query, &body).await;
            given.map_err(|Counted(kind, refused)| Counted(kind, refused.of(asked)))
        }
        (Err(refused), _) | (_, Err(refused)) => Err(refused),
    };
    answer.map(Json).map_err(|Counted(kind, refused)| {
        shared.refused_acts.count(kind);
        refused
    })
}

async fn give(
    context: &Context,
    query: &GlassQuery,
    body: &hf_api::SignedBreakGlass,
) -> Result<BreakGlassAnswer, Counted> {
    let signed = read(body).map_err(|refused| Counted("bad-request", refused))?;
    let snapshot = context.snapshot();
    let estate = snapshot.as_ref().map_or(EstateId::NONE, |snapshot| snapshot.intent.estate_id);
    let now = context.clock.now();
    break_glass::verify_new(&signed, &context.break_glass_keys, estate, now)
        .map_err(|error| refused(&error))?;
    let act = signed.shift.clone();
    let mut found = Rehearsed::default();
    let number = glass::number(&act, snapshot.as_ref().map(|snapshot| &*snapshot.estate));
    if let Some(snapshot) = snapshot {
        if snapshot.estate.zone_named(&act.zone).is_none() {
            let known: Vec<&str> = snapshot.estate.zones.iter().map(|zone| zone.id.as_str()).collect();
            let message = format!("there is no zone `{}`; the estate has {}", act.zone, known.join(", "));
            return Err(Counted(
                "unknown-zone",
                Refused::not_found(message, "sign one for a zone that there is"),
            ));
        }
        // A large estate takes a while to decide on; other requests go on meanwhile.
        let asked = act.clone();
        let deciding = tokio::task::spawn_blocking(move || rehearse(&snapshot, &asked, now));
        found = deciding.await.expect("deciding does not panic");
    }
    if found.effect.is_nothing() && !query.anyway {
        return Err(Counted("floor", nothing_left(&act, &found.effect)));
    }
    hand_over(context, signed, query.dry_run).await?;
    if !query.dry_run {
        context.obeyed.act(number).await;
    }
    Ok(BreakGlassAnswer {
        node: context.node.to_string(),
        text: words(&act, query.dry_run),
        rehearsed: query.dry_run,
        effect: found.effect,
        stays: found.stays,
    })
}

fn words(act: &BreakGlassShift, is_rehearsal: bool) -> String {
    let zone = &act.zone;
    let ends_at = hf_api::instant(act.ends_at.0);
    match (act.is_cancel(), is_rehearsal) {
        (true, false) => format!("break-glass shift of {zone} canceled here"),
        (true, true) => format!("a break-glass shift of {zone} would be canceled here"),
        (false, false) => format!("{zone} is left here until {ends_at}"),
        (false, true) => format!("{zone} would be left here until {ends_at}"),
    }
}

fn nothing_left(act: &BreakGlassShift, effect: &Effect) -> Refused {
    let lines = effect.not_applied.iter().map(|line| format!("{}: {}", line.resource, line.why));
    let message =
        format!("it would do nothing in {} here: {}", act.zone, lines.collect::<Vec<_>>().join(", "));
    let mend = "end what stands against it first; or give it all the same (`--anyway`), it then does its work as soon as it may";
    Refused::new(StatusCode::CONFLICT, code::FLOOR, message, mend)
}

/// Gives it to the node's hub and waits for its word.
async fn hand_over(context: &Context, signed: SignedBreakGlass, is_rehearsal: bool) -> Result<(), Counted> {
    let busy = |what: &str| Counted("busy", Refused::busy(what));
    let (reply, taken) = oneshot::channel();
    let given = GivenBreakGlass { signed, is_rehearsal, reply };
    context.break_glass.try_send(given).map_err(|error| match error {
        TrySendError::Full(_) => busy("too many break-glass shifts wait already"),
        TrySendError::Closed(_) => busy("this node is stopping"),
    })?;
    match timeout(PATIENCE, taken).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(refused(&error)),
        Ok(Err(_)) => Err(busy("this node is stopping")),
        Err(_) => Err(busy("this node did not take it within a second; it may still do so")),
    }
}

/// A signed act as it is sent: what operators' programs put into the body.
pub fn body_of(signed: &SignedBreakGlass) -> hf_api::SignedBreakGlass {
    hf_api::SignedBreakGlass {
        estate: signed.shift.estate.to_string(),
        zone: signed.shift.zone.to_string(),
        reason: signed.shift.reason.clone(),
        by: signed.shift.by.as_str().to_owned(),
        signed_at_ms: signed.shift.signed_at.0,
        ends_at_ms: signed.shift.ends_at.0,
        signature: STANDARD.encode(signed.signature),
    }
}

fn read(body: &hf_api::SignedBreakGlass) -> Answer<SignedBreakGlass> {
    let signature = STANDARD.decode(&body.signature).ok().and_then(|bytes| bytes.try_into().ok());
    let signature =
        signature.ok_or_else(|| field("signature", "not 64 bytes in base64; sign again with `holdfast`"))?;
    Ok(SignedBreakGlass {
        shift: BreakGlassShift {
            estate: body.estate.parse().map_err(|error: ObjectNumberError| field("estate", error))?,
            zone: ZoneId::new(&body.zone).map_err(|error| field("zone", error))?,
            reason: body.reason.clone(),
            by: Operator::new(&body.by),
            signed_at: Timestamp(body.signed_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
        },
        signature,
    })
}

fn refused(error: &BreakGlassRefused) -> Counted {
    let (status, code) = match error {
        BreakGlassRefused::UnknownKey(_) | BreakGlassRefused::BadSignature(_) => {
            (StatusCode::FORBIDDEN, code::BAD_TOKEN)
        }
        BreakGlassRefused::Superseded { .. }
        | BreakGlassRefused::TooMany
        | BreakGlassRefused::OtherEstate { .. }
        | BreakGlassRefused::NoEstate => (StatusCode::CONFLICT, code::REFUSED),
        _ => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
    };
    let (message, mend) = split(&error.to_string());
    Counted(error.kind(), Refused::new(status, code, message, mend))
}
