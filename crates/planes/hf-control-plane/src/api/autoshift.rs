//! `GET /v1/autoshift`: what the newest look at the evidence came to.

use axum::Json;
use axum::extract::State;
use hf_api::{AutoshiftSeen, AutoshiftsSeen, Problem};
use hf_autoshift::Word;
use hf_control::Autoshift;

use super::SharedState;
use super::refusal::Answer;
use super::writer::no_ledger;

/// What is made of the evidence, for every resource that is watched.
#[utoipa::path(get, operation_id = "list_autoshifts", path = "/v1/autoshift", tag = "practice", responses(
    (status = 200, body = AutoshiftsSeen), (status = 503, body = Problem)))]
pub async fn list(State(shared): SharedState) -> Answer<Json<AutoshiftsSeen>> {
    if shared.context.control.is_none() {
        return Err(no_ledger(&shared));
    }
    let seen = shared.autoshifts.seen();
    let autoshifts = seen.iter().map(|seen| {
        let (zone, shift) = match &seen.word {
            Word::Quiet | Word::Blocked { .. } => (None, None),
            Word::Holding { zone, .. } | Word::Start { zone, .. } | Word::Advise { zone, .. } => {
                (Some(zone), None)
            }
            Word::Renew { zone, id, .. } | Word::End { zone, id, .. } | Word::Stay { zone, id, .. } => {
                (Some(zone), Some(id))
            }
        };
        AutoshiftSeen {
            resource: seen.resource.to_string(),
            setting: match seen.setting {
                Autoshift::Enabled => hf_api::Autoshift::On,
                Autoshift::Advise => hf_api::Autoshift::Advise,
                Autoshift::Disabled => hf_api::Autoshift::Off,
            },
            word: seen.word.kind().to_owned(),
            text: seen.word.to_string(),
            zone: zone.map(ToString::to_string),
            shift: shift.map(ToString::to_string),
        }
    });
    Ok(Json(AutoshiftsSeen { acts_here: shared.autoshifts.acts_here(), autoshifts: autoshifts.collect() }))
}
