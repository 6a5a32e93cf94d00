//! Marks of deployments inside other formats.

use hf_control::{Command, Deployment, Scope};
use hf_model::{Operator, Revision, Timestamp, ZoneId};
use serde::{Deserialize, Serialize};

use crate::list::AtMost;
use crate::text::AsText;

/// Zones beside which a deployment may go on.
pub(crate) type ZoneOverrides = AtMost<AsText<ZoneId>, { Command::OVERRIDES }>;

pub(crate) fn zone_overrides(zones: &[ZoneId]) -> ZoneOverrides {
    AtMost::of(zones, |zone| AsText(zone.clone()))
}

pub(crate) fn read_zone_overrides(body: ZoneOverrides) -> Vec<ZoneId> {
    body.read(|zone| zone.0)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentBody {
    zone: AsText<ZoneId>,
    scope: AsText<Scope>,
    reason: String,
    by: AsText<Operator>,
    started_at_ms: u64,
    ends_at_ms: u64,
    zone_overrides: ZoneOverrides,
    revision: u64,
}

impl From<&Deployment> for DeploymentBody {
    fn from(mark: &Deployment) -> Self {
        DeploymentBody {
            zone: AsText(mark.zone.clone()),
            scope: AsText(mark.scope.clone()),
            reason: mark.reason.clone(),
            by: AsText(mark.by.clone()),
            started_at_ms: mark.started_at.0,
            ends_at_ms: mark.ends_at.0,
            zone_overrides: zone_overrides(&mark.zone_overrides),
            revision: mark.revision.0,
        }
    }
}

impl From<DeploymentBody> for Deployment {
    fn from(body: DeploymentBody) -> Self {
        Deployment {
            zone: body.zone.0,
            scope: body.scope.0,
            reason: body.reason,
            by: body.by.0,
            started_at: Timestamp(body.started_at_ms),
            ends_at: Timestamp(body.ends_at_ms),
            zone_overrides: read_zone_overrides(body.zone_overrides),
            revision: Revision(body.revision),
        }
    }
}
