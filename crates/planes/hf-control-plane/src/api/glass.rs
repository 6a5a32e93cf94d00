//! `/v1/break-glass`: known by its signature, not by a token.
//!
//! What is answered is what the node did: its hub has taken the act, or says why not.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hf_api::{BreakGlassAnswer, Problem, code};
use hf_control::BreakGlassShift;
use hf_feed::{BreakGlassRefused, SignedBreakGlass, break_glass};
use hf_model::{EstateId, ObjectNumberError, Operator, Timestamp, ZoneId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::SharedState;
use super::body::Small;
use super::refusal::{Answer, Refused};
use super::writer::field;

/// How long the node has to take an act.
const PATIENCE: Duration = Duration::from_secs(1);

/// A signed act on its way to the node.
#[derive(Debug)]
pub struct GivenBreakGlass {
    /// The act.
    pub signed: SignedBreakGlass,
    /// What the node made of it.
    pub reply: oneshot::Sender<Result<(), BreakGlassRefused>>,
}

/// Evacuate a zone without a ledger: give the same signed shift to every node.
#[utoipa::path(post, operation_id = "break_glass", path = "/v1/break-glass", tag = "break-glass", request_body = hf_api::SignedBreakGlass, responses(
    (status = 200, body = BreakGlassAnswer, description = "This node obeys it, and passes it on."),
    (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 503, body = Problem)))]
pub async fn break_glass(
    State(shared): SharedState,
    Small(body): Small<hf_api::SignedBreakGlass>,
) -> Answer<Json<BreakGlassAnswer>> {
    let context = &shared.context;
    let signed = read(&body)?;
    let estate = context.snapshot().map_or(EstateId::NONE, |snapshot| snapshot.intent.estate_id);
    break_glass::verify_new(&signed, &context.break_glass_keys, estate, context.clock.now())
        .map_err(|error| refused(&error))?;
    let zone = signed.shift.zone.clone();
    if let Some(snapshot) = context.snapshot()
        && snapshot.estate.zone_named(&zone).is_none()
    {
        let known: Vec<String> = snapshot.estate.zones.iter().map(|zone| zone.id.to_string()).collect();
        let message = format!("there is no zone `{zone}`; the estate has {}", known.join(", "));
        return Err(Refused::not_found(message, "sign one for a zone that there is"));
    }
    let text = if signed.shift.ends_at == signed.shift.signed_at {
        format!("break-glass shift of {zone} canceled here")
    } else {
        format!("{zone} is left here until {}", hf_api::instant(signed.shift.ends_at.0))
    };
    let (reply, taken) = oneshot::channel();
    context.break_glass.try_send(GivenBreakGlass { signed, reply }).map_err(|error| match error {
        TrySendError::Full(_) => Refused::busy("too many break-glass shifts wait already"),
        TrySendError::Closed(_) => Refused::busy("this node is stopping"),
    })?;
    match timeout(PATIENCE, taken).await {
        Ok(Ok(Ok(()))) => Ok(Json(BreakGlassAnswer { node: context.node.to_string(), text })),
        Ok(Ok(Err(error))) => Err(refused(&error)),
        Ok(Err(_)) => Err(Refused::busy("this node is stopping")),
        Err(_) => Err(Refused::busy("this node did not take it within a second; it may still do so")),
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

fn refused(error: &BreakGlassRefused) -> Refused {
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
    let text = error.to_string();
    let (message, mend) = text.rsplit_once("; ").unwrap_or((&text, ""));
    Refused::new(status, code, message, mend)
}
