//! What can go wrong with a call, and how each service says it.
//!
//! 1. REST services name the error in a header and in the body's `__type`; of the JSON 1.0 service only the body counts.
//! 2. The `aws` command shows the name and the message and nothing else, so reason and blocking id stand in the message too.
//! 3. An endpoint without a quorum answers 400, which clients do not try again at the same endpoint: the caller goes to the next one.
//!
//! Not here: when which error is right, apart from what this crate checks by itself.

use hf_model::ShiftId;
use serde_json::{Map, Value, json};

use crate::BODY_BYTES_MAX;
use crate::answer::Answer;
use crate::operation::{Operation, Service};
use crate::sigv4::{AccessKeyId, AuthError};

/// Why a request's content is wrong, in arc-zonal-shift's words.
///
/// The API has none for faults such as a comment that is too long; those are `MissingValue`: no usable value is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum ValidationReason {
    InvalidExpiresIn,
    InvalidStatus,
    MissingValue,
    InvalidToken,
    InvalidResourceIdentifier,
    InvalidAz,
    UnsupportedAz,
    InvalidAlarmCondition,
    InvalidConditionType,
    InvalidPracticeBlocker,
    FISExperimentUpdateNotAllowed,
    AutoshiftUpdateNotAllowed,
    UnsupportedPracticeCancelShiftType,
    InvalidPracticeAllowedWindow,
    InvalidPracticeWindows,
}

/// What stands in the way of a call on arc-zonal-shift, in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's words")]
pub enum ConflictReason {
    ZonalShiftAlreadyExists,
    ZonalShiftStatusNotActive,
    SimultaneousZonalShiftsConflict,
    PracticeConfigurationAlreadyExists,
    AutoShiftEnabled,
    PracticeConfigurationDoesNotExist,
    ZonalAutoshiftActive,
    PracticeOutcomeAlarmsRed,
    PracticeBlockingAlarmsRed,
    PracticeInBlockedDates,
    PracticeInBlockedWindows,
    PracticeOutsideAllowedWindows,
}

/// Why a request's content is wrong, in route53-recovery-cluster's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClusterReason {
    UnknownOperation,
    CannotParse,
    FieldValidationFailed,
    Other,
}

impl ClusterReason {
    fn word(self) -> &'static str {
        match self {
            ClusterReason::UnknownOperation => "unknownOperation",
            ClusterReason::CannotParse => "cannotParse",
            ClusterReason::FieldValidationFailed => "fieldValidationFailed",
            ClusterReason::Other => "other",
        }
    }
}

/// One member that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its path, such as `UpdateRoutingControlStateEntries[1].RoutingControlState`.
    pub name: String,
    /// For arc-zonal-shift.
    pub reason: ValidationReason,
    /// What is wrong, and the mend.
    pub message: String,
}

/// What an error is about, for the services that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its ARN or id.
    pub id: String,
    /// Such as `SafetyRule`; see the constants.
    pub kind: &'static str,
}

impl About {
    /// A cluster.
    pub const CLUSTER: &'static str = "Cluster";
    /// A control panel.
    pub const PANEL: &'static str = "ControlPanel";
    /// A routing control.
    pub const CONTROL: &'static str = "RoutingControl";
    /// A safety rule.
    pub const RULE: &'static str = "SafetyRule";
    /// A managed resource.
    pub const RESOURCE: &'static str = "ManagedResource";
    /// A shift or practice run.
    pub const SHIFT: &'static str = "ZonalShift";
    /// The policy of a resource; Holdfast has none.
    pub const POLICY: &'static str = "ResourcePolicy";

    /// Names it.
    pub fn new(kind: &'static str, id: impl std::fmt::Display) -> Self {
        About { id: id.to_string(), kind }
    }
}

/// Why a call was not done. Nothing was changed, except where [`ArcError::Unavailable`] says that it may have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArcError {
    /// The content is wrong: each fault, at least one.
    #[error("{}", joined(.faults))]
    Validation {
        /// What.
        faults: Vec<Fault>,
    },
    /// The content cannot be read at all.
    #[error("{message}")]
    Unreadable {
        /// Why, and the mend.
        message: String,
    },
    /// No such operation, or one of a service that is not spoken.
    #[error("{message}")]
    UnknownOperation {
        /// Which, and what there is.
        message: String,
    },
    /// The body is too big.
    #[error("the body has {bytes} bytes, at most {BODY_BYTES_MAX} are taken; split the request")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
    },
    /// Who it comes from is not known for sure.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// It is known, and may not do this.
    #[error("{message}")]
    AccessDenied {
        /// What is missing.
        message: String,
    },
    /// No such thing.
    #[error("{message}")]
    NotFound {
        /// Which, and how to find what there is.
        message: String,
        /// Which.
        about: About,
    },
    /// Something stands in the way of a call on arc-zonal-shift.
    #[error("{message}")]
    ShiftConflict {
        /// What, in the API's word.
        reason: ConflictReason,
        /// What, and the mend.
        message: String,
        /// The shift in the way.
        shift: Option<ShiftId>,
    },
    /// Something stands in the way of a call on the other two, such as a safety rule.
    #[error("{message}")]
    Conflict {
        /// What, and the mend.
        message: String,
        /// What stands in the way.
        about: About,
    },
    /// A limit of Holdfast.
    #[error("{message}")]
    LimitExceeded {
        /// Which, and the mend.
        message: String,
        /// Its name, such as `entries-per-batch`.
        limit: &'static str,
    },
    /// Too many calls.
    #[error("{message}")]
    Throttled {
        /// Which, and the mend.
        message: String,
        /// When to try again.
        retry_after_s: u32,
    },
    /// This node cannot reach a quorum; the next one may.
    #[error("{message}")]
    Unavailable {
        /// Whether the change may have been made all the same, and the mend.
        message: String,
    },
    /// Our fault.
    #[error("{message}")]
    Internal {
        /// What.
        message: String,
    },
}

fn joined(faults: &[Fault]) -> String {
    let words: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.name, fault.message)).collect();
    words.join("; ")
}

impl ArcError {
    pub(crate) fn faults(mut faults: Vec<Fault>) -> ArcError {
        if faults.is_empty() {
            faults.push(Fault {
                name: "request".to_owned(),
                reason: ValidationReason::MissingValue,
                message: "is not complete".to_owned(),
            });
        }
        ArcError::Validation { faults }
    }

    pub(crate) fn unreadable(message: impl Into<String>) -> ArcError {
        ArcError::Unreadable { message: message.into() }
    }

    /// One wrong member that only somebody with the state can judge, such as a zone that is not there.
    pub fn invalid(name: &str, reason: ValidationReason, message: impl std::fmt::Display) -> ArcError {
        ArcError::Validation {
            faults: vec![Fault { name: name.to_owned(), reason, message: message.to_string() }],
        }
    }

    /// A conflict of arc-zonal-shift.
    pub fn shift_conflict(
        reason: ConflictReason,
        message: impl std::fmt::Display,
        shift: Option<ShiftId>,
    ) -> ArcError {
        ArcError::ShiftConflict { reason, message: message.to_string(), shift }
    }

    /// A conflict of the two recovery-control services.
    pub fn conflict(message: impl std::fmt::Display, about: About) -> ArcError {
        ArcError::Conflict { message: message.to_string(), about }
    }

    /// No such thing.
    pub fn not_found(message: impl std::fmt::Display, about: About) -> ArcError {
        ArcError::NotFound { message: message.to_string(), about }
    }

    /// The error's name as `service`'s clients know it.
    pub fn name(&self, service: Option<Service>) -> &'static str {
        let in_cluster = service == Some(Service::Cluster);
        match self {
            // The cluster service has a reason for it.
            ArcError::UnknownOperation { .. } if in_cluster => "ValidationException",
            ArcError::UnknownOperation { .. } => "UnknownOperationException",
            ArcError::Validation { .. } | ArcError::Unreadable { .. } => "ValidationException",
            ArcError::TooLarge { .. } => "RequestEntityTooLargeException",
            ArcError::Auth(error) => error.name(),
            ArcError::AccessDenied { .. } => "AccessDeniedException",
            ArcError::NotFound { .. } => "ResourceNotFoundException",
            ArcError::ShiftConflict { .. } | ArcError::Conflict { .. } => "ConflictException",
            ArcError::LimitExceeded { .. } if in_cluster => "ServiceLimitExceededException",
            ArcError::LimitExceeded { .. } => "ServiceQuotaExceededException",
            ArcError::Throttled { .. } => "ThrottlingException",
            ArcError::Unavailable { .. } => "EndpointTemporarilyUnavailableException",
            ArcError::Internal { .. } => "InternalServerException",
        }
    }

    /// The HTTP status.
    pub fn status(&self, service: Option<Service>) -> u16 {
        match self {
            ArcError::UnknownOperation { .. } if service == Some(Service::Cluster) => 400,
            ArcError::UnknownOperation { .. } | ArcError::NotFound { .. } => 404,
            // 503 would keep clients at this endpoint for several tries.
            ArcError::Validation { .. } | ArcError::Unreadable { .. } | ArcError::Unavailable { .. } => 400,
            ArcError::TooLarge { .. } => 413,
            ArcError::Auth(error) => error.status(),
            ArcError::AccessDenied { .. } => 403,
            ArcError::ShiftConflict { .. } | ArcError::Conflict { .. } => 409,
            ArcError::LimitExceeded { .. } => 402,
            ArcError::Throttled { .. } => 429,
            ArcError::Internal { .. } => 500,
        }
    }

    /// The answer, without the header for the request's id.
    pub fn answer(&self, service: Option<Service>) -> Answer {
        let name = self.name(service);
        let mut body = Map::new();
        body.insert("__type".to_owned(), name.into());
        body.insert("message".to_owned(), self.message(service).into());
        self.members(service, &mut body);
        Answer::new(service, self.status(service), Some(name), &Value::Object(body))
    }

    /// With reason and id for those who see nothing else.
    fn message(&self, service: Option<Service>) -> String {
        let mut also = Vec::new();
        match self {
            ArcError::Validation { faults } if service == Some(Service::ZonalShift) => {
                also.extend(faults.first().map(|fault| format!("{:?}", fault.reason)));
            }
            ArcError::ShiftConflict { reason, shift, .. } => {
                also.push(format!("{reason:?}"));
                also.extend(shift.as_ref().map(ToString::to_string));
            }
            ArcError::Conflict { about, .. } | ArcError::NotFound { about, .. } => {
                also.push(about.id.clone());
            }
            _ => {}
        }
        let message = self.to_string();
        also.retain(|word| !word.is_empty() && !message.contains(word.as_str()));
        if also.is_empty() { message } else { format!("{message} ({})", also.join(", ")) }
    }

    /// The members that the service's model has beside the message.
    fn members(&self, service: Option<Service>, body: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        match service {
            Some(Service::ZonalShift) => match self {
                ArcError::Validation { faults } => {
                    let reason = faults.first().map_or(ValidationReason::MissingValue, |fault| fault.reason);
                    put("reason", format!("{reason:?}").into());
                }
                ArcError::Unreadable { .. } => {
                    put("reason", format!("{:?}", ValidationReason::MissingValue).into());
                }
                ArcError::ShiftConflict { reason, shift, .. } => {
                    put("reason", format!("{reason:?}").into());
                    if let Some(shift) = shift {
                        put("zonalShiftId", shift.as_str().into());
                    }
                }
                _ => {}
            },
            Some(Service::Cluster) => match self {
                ArcError::Validation { faults } => {
                    put("reason", ClusterReason::FieldValidationFailed.word().into());
                    let fields =
                        faults.iter().map(|fault| json!({"name": fault.name, "message": fault.message}));
                    put("fields", fields.collect());
                }
                ArcError::Unreadable { .. } => {
                    put("reason", ClusterReason::CannotParse.word().into());
                }
                ArcError::UnknownOperation { .. } => {
                    put("reason", ClusterReason::UnknownOperation.word().into());
                }
                ArcError::TooLarge { .. } => {
                    put("reason", ClusterReason::Other.word().into());
                }
                ArcError::NotFound { about, .. } | ArcError::Conflict { about, .. } => {
                    put("resourceId", about.id.as_str().into());
                    put("resourceType", about.kind.into());
                }
                ArcError::LimitExceeded { limit, .. } => {
                    put("limitCode", (*limit).into());
                    put("serviceCode", Service::Cluster.name().into());
                }
                ArcError::Throttled { retry_after_s, .. } => {
                    put("retryAfterSeconds", (*retry_after_s).into());
                }
                _ => {}
            },
            Some(Service::ControlConfig) | None => {}
        }
    }
}

/// A request that was refused before anybody with the state has seen it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// If it got so far.
    pub service: Option<Service>,
    /// If it got so far.
    pub operation: Option<Operation>,
    /// Whose signature was verified, if it got so far.
    pub by: Option<AccessKeyId>,
    /// Why.
    pub error: ArcError,
}

impl Refused {
    /// The answer, without the header for the request's id.
    pub fn answer(&self) -> Answer {
        self.error.answer(self.service)
    }
}

#[cfg(test)]
mod tests;
