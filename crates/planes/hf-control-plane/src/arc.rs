//! The ARC-compatible front: AWS's three recovery services over the same objects as the native API.
//!
//! 1. It shares the API's port: what has AWS's signature, target or paths comes here, everything else goes on.
//! 2. Every request is signed with an access key of this node's access file, also from this very machine.
//! 3. Writes are commands like all others: the same permissions, the same ledger, the same journal. Reads see all that was
//!    acknowledged before them ([`Control::barrier`](crate::Control::barrier)).
//! 4. A node without ledger or quorum says so in a way that makes clients go to the next endpoint at once.
//! 5. Bounded: a body has ten seconds, a read two, a change five; then the caller hears that it may go elsewhere.
//!
//! Not here: signatures, shapes, checks of content (`hf-arc`), rules (`hf-control`).

mod cluster;
mod config;
mod refusals;
mod zonal;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::middleware::Next;
use axum::response::Response;
use hf_access::{Action, Principal};
use hf_api::serve::Peer;
use hf_arc::{AccessKeyId, Answer, ArcError, BODY_BYTES_MAX, Call, Output, Refused, Secret, Service};
use hf_control::{Command, ObjectId, Outcome, Shift};
use hf_model::RequestId;
use hf_snapshot::Snapshot;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use tracing::error;

use crate::access::Presented;
use crate::api::{Context, Shared};
use crate::control::{Asker, Control, View};
use crate::permit;
use crate::refusals::RefusedRequest;

/// A body of that size must be here by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// A read that cannot be sure of the newest state gives up then, so that the caller goes to another endpoint.
const BARRIER: Duration = Duration::from_secs(2);
/// So long a call on resources waits for this node to have decided on what the ledger says; then it tells what is decided so far.
const SETTLING: Duration = Duration::from_millis(300);
/// A change without an outcome is given up then: longer than a ledger takes to find its quorum, shorter than clients wait.
const COMMIT: Duration = Duration::from_secs(5);

/// Answers what is meant for the front, and passes everything else on.
pub async fn front(State(shared): State<Arc<Shared>>, request: Request<Body>, next: Next) -> Response {
    let is_ours = hf_arc::operation::is_for_arc(&borrowed(request.method().as_str(), &request, &[]));
    if !is_ours {
        return next.run(request).await;
    }
    let from = request.extensions().get::<Peer>().map(|Peer(peer)| *peer);
    let id = format!("{:032x}", u128::from_le_bytes(hf_clock::random_bytes()));
    let (parts, body) = request.into_parts();
    // One byte more than is taken, so that too large a body is seen as one.
    let body = timeout(PATIENCE, Limited::new(body, BODY_BYTES_MAX + 1).collect()).await;
    let bytes = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => vec![0; BODY_BYTES_MAX + 1].into(),
        Ok(Err(_)) => return unreadable("the body broke off; send it again".to_owned(), &id),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return unreadable(format!("the body did not arrive within {seconds} s; send it again"), &id);
        }
    };
    let request = Request::from_parts(parts, ());
    let request = borrowed(request.method().as_str(), &request, &bytes);
    let answer = answer(&shared, &request, from).await;
    if answer.status >= 500 {
        let why = String::from_utf8_lossy(&answer.body);
        error!(request_id = id, method = request.method, path = request.path, %why, "a call of the ARC APIs failed");
    }
    response(&answer, &id)
}

fn unreadable(message: String, id: &str) -> Response {
    response(&ArcError::Unreadable { message }.answer(None), id)
}

fn borrowed<'a, B>(method: &'a str, request: &'a Request<B>, body: &'a [u8]) -> hf_arc::Request<'a> {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let uri = request.uri();
    hf_arc::Request { method, path: uri.path(), query: uri.query().unwrap_or_default(), headers, body }
}

fn response(answer: &Answer, id: &str) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() =
        axum::http::StatusCode::from_u16(answer.status).expect("hf-arc has only statuses of HTTP");
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(hf_arc::answer::REQUEST_ID_HEADER, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(shared: &Shared, request: &hf_arc::Request<'_>, from: Option<SocketAddr>) -> Answer {
    let context = &shared.context;
    context.access.refresh().await;
    let secret = |id: &str| context.access.secret_of(id).map(|secret| Secret::new(secret.expose()));
    let taken = match hf_arc::take(request, secret, context.clock.now()) {
        Ok(taken) => taken,
        Err(refused) => {
            if !refused.operation.is_some_and(hf_arc::Operation::is_read) {
                let what = refused.operation.map_or_else(
                    || format!("{} {}", request.method, request.path),
                    |operation| format!("{} {}", operation.service().name(), operation.name()),
                );
                tell(shared, &refused, name_of(context, refused.by.as_ref()), from, what).await;
            }
            return refused.answer();
        }
    };
    let service = taken.operation.service();
    let refuse = |error| Refused {
        service: Some(service),
        operation: Some(taken.operation),
        by: Some(taken.by.clone()),
        error,
    };
    match serve(context, &taken.by, from, &taken.call).await {
        Ok(output) => output.answer(),
        Err(Failed { error, told, asked }) => {
            let refused = refuse(error);
            if !taken.operation.is_read() && told == ToldAlready::No && is_judgement(&refused.error) {
                let asked = asked.map_or_else(String::new, |asked| format!(": {asked}"));
                let what = format!("{} {}{asked}", service.name(), taken.operation.name());
                tell(shared, &refused, name_of(context, Some(&taken.by)), from, what).await;
            }
            refused.answer()
        }
    }
}

/// Whether somebody has said no; a node that cannot say anything may not reach the journal either.
fn is_judgement(error: &ArcError) -> bool {
    !matches!(error, ArcError::Unavailable { .. } | ArcError::Throttled { .. } | ArcError::Internal { .. })
}

fn name_of(context: &Context, key: Option<&AccessKeyId>) -> Option<String> {
    let shown = Presented::AccessKey(key?.as_str());
    context.access.identify(&shown).ok().map(|principal| principal.name.to_string())
}

async fn tell(
    shared: &Shared,
    refused: &Refused,
    by: Option<String>,
    from: Option<SocketAddr>,
    what: String,
) {
    let status = refused.error.status(refused.service);
    let refused = RefusedRequest { by, from, what, why: refused.error.to_string(), status };
    shared.refusals.tell(&shared.context, refused).await;
}

/// Whether the ledger has an entry about a refusal already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ToldAlready {
    Yes,
    No,
}

/// Why a call was not done.
struct Failed {
    error: ArcError,
    told: ToldAlready,
    /// What the ledger would have been asked, for the journal; none if it did not come so far.
    asked: Option<String>,
}

impl From<ArcError> for Failed {
    fn from(error: ArcError) -> Self {
        Failed { error, told: ToldAlready::No, asked: None }
    }
}

/// One call on its way: who calls, and what the ledger says.
struct Desk<'a> {
    context: &'a Context,
    control: &'a Control,
    by: Principal,
    from: Option<SocketAddr>,
    service: Service,
}

/// What the ledger says, and what this node has made of it.
struct Known {
    view: Arc<View>,
    /// None before the first estate.
    snapshot: Option<Arc<Snapshot>>,
}

/// What a command did.
struct Done {
    shift: Option<Shift>,
    object: Option<ObjectId>,
}

async fn serve(
    context: &Context,
    key: &AccessKeyId,
    from: Option<SocketAddr>,
    call: &Call,
) -> Result<Output, Failed> {
    let service = call.operation().service();
    let by = context.access.identify(&Presented::AccessKey(key.as_str())).map_err(|_| {
        ArcError::AccessDenied { message: "this access key has just been taken away; use another".to_owned() }
    })?;
    let control = context.control.as_ref().ok_or_else(|| no_ledger(context))?;
    let desk = Desk { context, control, by, from, service };
    if call.operation().is_read() {
        desk.may(&Action::Read)?;
    }
    match service {
        Service::ZonalShift => zonal::serve(&desk, call).await,
        Service::Cluster => cluster::serve(&desk, call).await,
        Service::ControlConfig => config::serve(&desk, call).await,
    }
}

fn no_ledger(context: &Context) -> ArcError {
    let why = context.ledger_problem.clone().unwrap_or_else(|| "it has not the role `control`".to_owned());
    ArcError::Unavailable {
        message: format!("node {} keeps no ledger ({why}); try another endpoint", context.node),
    }
}

impl Desk<'_> {
    fn may(&self, action: &Action<'_>) -> Result<(), ArcError> {
        self.by.may(action).map_err(|forbidden| ArcError::AccessDenied { message: forbidden.to_string() })
    }

    /// All that was acknowledged before the call.
    async fn known(&self) -> Result<Known, ArcError> {
        let node = &self.context.node;
        let unsure = |why: String| ArcError::Unavailable { message: format!("{why}; try another endpoint") };
        if let Some(behind) = self.control.behind() {
            return Err(unsure(format!("node {node}: {behind}")));
        }
        match timeout(BARRIER, self.control.barrier()).await {
            Ok(Ok(_)) => Ok(self.known_here()),
            Ok(Err(error)) => Err(unsure(format!("node {node}: {error}"))),
            Err(_) => Err(unsure(format!("node {node} has no quorum of its ledger"))),
        }
    }

    /// The same, and this node has decided on it, if it does so soon: for what stands on the estate and on decisions.
    async fn settled(&self) -> Result<Known, ArcError> {
        let known = self.known().await?;
        let newest = known.view.revision;
        let mut snapshots = self.context.snapshots.clone();
        let is_decided = |snapshot: &Option<Arc<Snapshot>>| {
            snapshot.as_ref().is_some_and(|snapshot| snapshot.intent.revision >= newest)
        };
        // Too late, or the node is stopping: what is known has to do.
        let _ = timeout(SETTLING, snapshots.wait_for(is_decided)).await;
        Ok(Known { snapshot: self.context.snapshot(), ..known })
    }

    /// The same right after a command of this call.
    fn known_here(&self) -> Known {
        Known { view: self.control.view(), snapshot: self.context.snapshot() }
    }

    /// Commits a command, and waits a moment until this node's own planes obey it.
    async fn commit(&self, request: Option<RequestId>, command: Command) -> Result<Done, Failed> {
        if permit::judge(self.context, &self.by, &command).is_err() {
            // What it touches may have been made at another node a moment ago.
            self.known().await?;
            permit::judge(self.context, &self.by, &command).map_err(|forbidden| Failed {
                error: ArcError::AccessDenied { message: forbidden.to_string() },
                told: ToldAlready::No,
                asked: Some(command.to_string()),
            })?;
        }
        let request = request.unwrap_or_else(|| {
            let number = u128::from_le_bytes(hf_clock::random_bytes());
            RequestId::new(&format!("arc-{number:032x}")).expect("letters, a hyphen and digits")
        });
        let by = Asker { name: self.by.name.clone(), from: self.from };
        let Ok(outcome) = timeout(COMMIT, self.control.submit(by, request, command)).await else {
            let message = format!(
                "node {}: its ledger did not answer within {} s; the change may have been made or may still be: read what there \
                 is at another endpoint before you repeat it",
                self.context.node,
                COMMIT.as_secs()
            );
            return Err(ArcError::Unavailable { message }.into());
        };
        match outcome {
            Ok(Outcome::Done { revision, shift, object }) => {
                self.context.obeyed.revision(revision).await;
                Ok(Done { shift, object })
            }
            Ok(Outcome::Refused(refusal)) => {
                let error = refusals::of_rules(self.service, &refusal, &self.control.view());
                Err(Failed { error, told: ToldAlready::Yes, asked: None })
            }
            Err(error) => Err(refusals::of_submit(&self.context.node, &error).into()),
        }
    }
}
