//! Refusals: one JSON form for all of them.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hf_access::Forbidden;
use hf_api::{Problem, code};
use hf_control::{Refusal, UpdateRcode};
use hf_ledger::LedgerError;

use crate::control::{StartError, SubmitError};

/// A refused request.
#[derive(Clone, Debug)]
pub struct Refused {
    status: StatusCode,
    problem: Problem,
    /// What it asked for, when that was understood.
    asked: Option<String>,
    journalled: Journalled,
}

/// Whether the journal has a line about a refusal already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journalled {
    /// It came to the ledger and is an entry.
    Yes,
    /// Nobody has told.
    No,
}

/// What a refusal leaves with its response, for the journal.
#[derive(Clone, Debug)]
pub struct Told {
    /// Why.
    pub why: String,
    /// What was asked for, when that was understood.
    pub asked: Option<String>,
    /// Whether it is told already.
    pub journalled: Journalled,
}

/// What a route answers.
pub type Answer<T> = Result<T, Refused>;

impl Refused {
    /// A refusal in words.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Refused {
            status,
            asked: None,
            journalled: Journalled::No,
            problem: Problem {
                code: code.to_owned(),
                message: message.into(),
                mend: mend.into(),
                retry: is_passing(status),
            },
        }
    }

    /// 403: what is missing for what was asked.
    pub fn forbidden(forbidden: &Forbidden, asked: impl Into<String>) -> Self {
        let (message, mend) = split(&forbidden.to_string());
        let refused = Refused::new(StatusCode::FORBIDDEN, code::FORBIDDEN, message, mend);
        Refused { asked: Some(asked.into()), ..refused }
    }

    /// The same with what was asked for, for the journal.
    pub fn of(self, asked: impl Into<String>) -> Self {
        Refused { asked: Some(asked.into()), ..self }
    }

    /// A rule of the state that was looked at before the ledger: the journal has no line of it yet.
    pub fn before_the_ledger(refusal: Refusal) -> Self {
        Refused { journalled: Journalled::No, ..refusal.into() }
    }

    /// The same, of which the journal has a line.
    pub fn journalled(self) -> Self {
        Refused { journalled: Journalled::Yes, ..self }
    }

    /// 400.
    pub fn bad(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Refused::new(StatusCode::BAD_REQUEST, code::BAD_REQUEST, message, mend)
    }

    /// 400 from an error of ours, whose text ends with the mend.
    pub fn unreadable(error: impl std::fmt::Display) -> Self {
        let (message, mend) = split(&error.to_string());
        Refused::bad(message, mend)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Refused::new(StatusCode::NOT_FOUND, code::NOT_FOUND, message, mend)
    }

    /// 503 before the first snapshot.
    pub fn not_ready() -> Self {
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::NOT_READY,
            "this node has no snapshot yet",
            "wait until it has heard a node with the control role, or apply a first estate",
        )
    }

    /// 503 when too much is going on.
    pub fn busy(message: impl Into<String>) -> Self {
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::BUSY,
            message,
            "try again in a second, or ask another node",
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (why, asked, journalled) = (self.problem.message.clone(), self.asked, self.journalled);
        let mut response = (self.status, Json(self.problem)).into_response();
        response.extensions_mut().insert(Told { why, asked, journalled });
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if is_passing(self.status) {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

/// Whether a little later, or elsewhere, the answer may be another one.
fn is_passing(status: StatusCode) -> bool {
    [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status)
}

/// Our errors read `what; the mend`.
pub fn split(text: &str) -> (String, String) {
    text.rsplit_once("; ").map_or_else(
        || (text.to_owned(), String::new()),
        |(message, mend)| (message.to_owned(), mend.to_owned()),
    )
}

/// The word for programs: whoever handed an update in tells its client the rcode.
fn update_code(code: UpdateRcode) -> &'static str {
    match code {
        UpdateRcode::FormErr => code::UPDATE_FORMERR,
        UpdateRcode::ServFail => code::UPDATE_SERVFAIL,
        UpdateRcode::NxDomain => code::UPDATE_NXDOMAIN,
        UpdateRcode::Refused => code::UPDATE_REFUSED,
        UpdateRcode::YxDomain => code::UPDATE_YXDOMAIN,
        UpdateRcode::YxRrset => code::UPDATE_YXRRSET,
        UpdateRcode::NxRrset => code::UPDATE_NXRRSET,
        UpdateRcode::NotAuth => code::UPDATE_NOTAUTH,
        UpdateRcode::NotZone => code::UPDATE_NOTZONE,
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::BadEstate { .. } => (StatusCode::UNPROCESSABLE_ENTITY, code::BAD_ESTATE),
            Refusal::Stale { .. } => (StatusCode::PRECONDITION_FAILED, code::STALE),
            Refusal::UnknownZone { .. }
            | Refusal::UnknownResource { .. }
            | Refusal::UnknownShift { .. }
            | Refusal::UnknownControl { .. }
            | Refusal::UnknownRule { .. }
            | Refusal::UnknownObject { .. }
            | Refusal::UnknownPool { .. }
            | Refusal::UnknownManaged { .. }
            | Refusal::NoPractice { .. }
            | Refusal::UnknownHostedZone { .. }
            | Refusal::UnknownZoneKey { .. }
            | Refusal::NoPin { .. }
            | Refusal::NoDeployment { .. } => (StatusCode::NOT_FOUND, code::NOT_FOUND),
            Refusal::NotActive { .. } => (StatusCode::CONFLICT, code::NOT_ACTIVE),
            Refusal::AlreadyShifted { .. } => (StatusCode::CONFLICT, code::ALREADY_SHIFTED),
            Refusal::OtherZoneShifted { .. } => (StatusCode::CONFLICT, code::OTHER_ZONE_SHIFTED),
            Refusal::Floor { .. } => (StatusCode::CONFLICT, code::FLOOR),
            Refusal::ZoneEdge { .. } => (StatusCode::CONFLICT, code::ZONE_EDGE),
            Refusal::RuleBroken { .. } | Refusal::GateClosed { .. } => {
                (StatusCode::CONFLICT, code::SAFETY_RULE)
            }
            Refusal::Update { code, .. } => (StatusCode::CONFLICT, update_code(*code)),
            Refusal::Waiting { .. } | Refusal::ZoneKeyWaits { .. } => (StatusCode::CONFLICT, code::WAITING),
            Refusal::InUse { .. }
            | Refusal::TooMany { .. }
            | Refusal::RequestReused { .. }
            | Refusal::OwnedByEstate { .. }
            | Refusal::NameTaken { .. }
            | Refusal::NotEmpty { .. }
            | Refusal::PracticeThere { .. }
            | Refusal::AutoshiftEnabled { .. }
            | Refusal::PracticeClosed { .. }
            | Refusal::AutoshiftOff { .. }
            | Refusal::AutoshiftActive { .. }
            | Refusal::AutoshiftQuiet { .. }
            | Refusal::ZoneAway { .. }
            | Refusal::OtherEstate { .. } => (StatusCode::CONFLICT, code::REFUSED),
            Refusal::Length { .. }
            | Refusal::DeploymentLength { .. }
            | Refusal::Reason { .. }
            | Refusal::Ambiguous { .. }
            | Refusal::BatchSize { .. }
            | Refusal::TwiceInBatch { .. }
            | Refusal::Invalid { .. }
            | Refusal::NotInZone { .. }
            | Refusal::BadPractice { .. } => (StatusCode::BAD_REQUEST, code::BAD_REQUEST),
        };
        let text = refusal.to_string();
        let (message, mend) = match refusal {
            Refusal::BadEstate { .. } => (text, "mend these lines and apply again".to_owned()),
            _ => split(&text),
        };
        Refused::new(status, code, message, mend).journalled()
    }
}

impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        let (status, code) = match &error {
            SubmitError::Busy => (StatusCode::SERVICE_UNAVAILABLE, code::BUSY),
            SubmitError::TooLarge(_) | SubmitError::Ledger(LedgerError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, code::TOO_LARGE)
            }
            SubmitError::Ledger(LedgerError::Unavailable { .. })
            | SubmitError::Behind(StartError::Ledger(LedgerError::Unavailable { .. })) => {
                (StatusCode::SERVICE_UNAVAILABLE, code::NO_QUORUM)
            }
            SubmitError::LedgerBehind(_) => (StatusCode::SERVICE_UNAVAILABLE, code::LEDGER_BEHIND),
            _ => (StatusCode::SERVICE_UNAVAILABLE, code::LEDGER_FAILED),
        };
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
        let (message, mend) = split(&error.to_string());
        Refused::new(status, code, format!("{message}{cause}"), mend)
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        SubmitError::Ledger(error).into()
    }
}
