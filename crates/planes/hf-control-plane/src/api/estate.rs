//! `/v1/estate`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hf_api::{ApplyEstate, Change, ChangeKind, Diff, EstateInfo, Problem, WriteDone, code};
use hf_config::estate::EstateBundle;
use hf_control::Command;
use hf_model::Revision;

use super::body::{IfMatch, Large};
use super::refusal::{Answer, Refused};
use super::writer::{Writer, tagged};
use super::{LARGE, Shared, SharedState};

/// The estate in force, as it was written.
#[utoipa::path(get, operation_id = "show_estate", path = "/v1/estate", tag = "estate", responses(
    (status = 200, body = EstateInfo, headers(("ETag" = String, description = "The revision that brought it; 0 before the first.")))))]
pub async fn show(State(shared): SharedState) -> Response {
    let intent = shared.context.intent();
    let body = EstateInfo {
        revision: intent.estate_revision.0,
        digest: intent.estate.digest().to_string(),
        toml: intent.estate.toml.clone(),
        files: intent.estate.files.clone(),
    };
    tagged(StatusCode::OK, intent.estate_revision.0, body)
}

/// Put an estate in force: all of it or nothing.
#[utoipa::path(put, operation_id = "apply_estate", path = "/v1/estate", tag = "estate", request_body = ApplyEstate,
    params(("If-Match" = Option<String>, Header, description = "Only if the estate in force came with this revision; 0: none yet.")),
    responses((status = 200, body = WriteDone), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem, description = "All problems, one a line."),
        (status = 503, body = Problem)))]
pub async fn apply(
    State(shared): SharedState,
    writer: Writer,
    IfMatch(header): IfMatch,
    request: axum::extract::Request,
) -> Answer<Response> {
    let (body, _permit) = large(&shared, request).await?;
    let if_match = match (header, body.if_match) {
        (Some(header), Some(body)) if header != body => {
            let message = format!("If-Match names revision {header}, `if_match` names {body}");
            return Err(Refused::bad(message, "give one of the two"));
        }
        (header, body) => header.or(body).map(Revision),
    };
    let request_id = body.request_id.clone();
    let bundle = bundle(body)?;
    let warning = warning(&shared, &bundle);
    let command = Command::ApplyEstate { bundle, if_match };
    let (revision, _) = writer.commit(request_id.as_deref(), command).await?;
    Ok(tagged(StatusCode::OK, revision.0, WriteDone { revision: revision.0, warning }))
}

/// A change that will not last: a watched file has the last word.
fn warning(shared: &Shared, bundle: &EstateBundle) -> Option<String> {
    let context = &shared.context;
    let file = context.estate_file.as_ref()?;
    (context.intent().estate != *bundle).then(|| {
        format!(
            "node {} watches {} and will put that file in force again at its next edit or restart; edit the file instead",
            context.node,
            file.display()
        )
    })
}

/// What applying an estate would change.
#[utoipa::path(post, operation_id = "diff_estate", path = "/v1/estate/diff", tag = "estate", request_body = ApplyEstate, responses(
    (status = 200, body = Diff), (status = 400, body = Problem), (status = 413, body = Problem),
    (status = 422, body = Problem, description = "All problems, one a line."), (status = 503, body = Problem)))]
pub async fn compare(State(shared): SharedState, request: axum::extract::Request) -> Answer<Json<Diff>> {
    let (body, _permit) = large(&shared, request).await?;
    let (bundle, intent) = (bundle(body)?, shared.context.intent());
    let compared = tokio::task::spawn_blocking(move || {
        let after = hf_config::read_estate("estate.toml", &bundle)?;
        // Of what sources tell nothing changes: only texts are compared.
        // What is in force was read once already; before the first estate there is none.
        let before = hf_config::read_estate("estate.toml", &intent.estate).ok();
        let changes = hf_config::diff(before.as_ref(), &after).into_iter().map(change).collect();
        Ok(Diff { revision: intent.estate_revision.0, changes })
    });
    let compared: Result<Diff, hf_config::Problems> = compared.await.expect("comparing estates never panics");
    compared.map(Json).map_err(|problems| {
        Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code::BAD_ESTATE,
            format!("the estate has problems: {problems}"),
            "mend these lines and try again",
        )
    })
}

/// Reads a large body while there is room for one.
async fn large(
    shared: &Shared,
    request: axum::extract::Request,
) -> Answer<(ApplyEstate, tokio::sync::SemaphorePermit<'_>)> {
    let permit = shared
        .large
        .try_acquire()
        .map_err(|_| Refused::busy(format!("{LARGE} estates are being read already")))?;
    let Large(body) =
        <Large<ApplyEstate> as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    Ok((body, permit))
}

fn bundle(body: ApplyEstate) -> Answer<EstateBundle> {
    let bundle = EstateBundle { toml: body.toml, files: body.files };
    let bytes =
        bundle.toml.len() + bundle.files.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
    let max = hf_config::estate::limits::BUNDLE_BYTES;
    if bytes > max {
        let message = format!("the estate has {bytes} bytes, it may have {max}");
        return Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            code::TOO_LARGE,
            message,
            "split it into several",
        ));
    }
    Ok(bundle)
}

fn change(from: hf_config::Change) -> Change {
    let kind = match from.act {
        hf_config::Act::Added => ChangeKind::Added,
        hf_config::Act::Removed => ChangeKind::Removed,
        hf_config::Act::Changed => ChangeKind::Changed,
    };
    Change { kind, what: from.thing, detail: from.detail }
}
