//! Outcomes inside journal lines and checkpoints.

use hf_control::Outcome;
use hf_model::Revision;
use serde::{Deserialize, Serialize};

use crate::act::ShiftBody;
use crate::board::ObjectIdBody;
use crate::refusal::RefusalBody;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OutcomeBody {
    Done { revision: u64, shift: Option<ShiftBody>, object: Option<ObjectIdBody> },
    Refused(RefusalBody),
}

impl From<&Outcome> for OutcomeBody {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done { revision, shift, object } => OutcomeBody::Done {
                revision: revision.0,
                shift: shift.as_ref().map(Into::into),
                object: object.map(Into::into),
            },
            Outcome::Refused(refusal) => OutcomeBody::Refused(refusal.clone().into()),
        }
    }
}

impl From<OutcomeBody> for Outcome {
    fn from(body: OutcomeBody) -> Self {
        match body {
            OutcomeBody::Done { revision, shift, object } => Outcome::Done {
                revision: Revision(revision),
                shift: shift.map(Into::into),
                object: object.map(Into::into),
            },
            OutcomeBody::Refused(refusal) => Outcome::Refused(refusal.into()),
        }
    }
}
