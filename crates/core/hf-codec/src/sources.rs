//! What sources told of pools' endpoints, inside other formats.

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{EndpointId, EndpointSet, SourcedEndpoint, limits};
use hf_model::{PoolName, Weight, ZoneId};
use serde::{Deserialize, Serialize};

use crate::envelope::Format;
use crate::error::CodecError;
use crate::list::AtMost;
use crate::text::AsText;

/// Characters of a source's text.
const SOURCE_CHARS: usize = 300;
/// Endpoints of one set.
const OF_A_SET: usize = limits::SOURCED as usize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetBody {
    pool: AsText<PoolName>,
    source: String,
    endpoints: AtMost<EndpointBody, OF_A_SET>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointBody {
    id: AsText<EndpointId>,
    address: AsText<SocketAddr>,
    zone: AsText<ZoneId>,
    weight: u16,
    priority: u16,
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    lease: Duration,
}

impl From<&EndpointSet> for SetBody {
    fn from(set: &EndpointSet) -> Self {
        SetBody {
            pool: AsText(set.pool.clone()),
            source: set.source.clone(),
            endpoints: AtMost::of(&set.endpoints, EndpointBody::from),
        }
    }
}

impl From<SetBody> for EndpointSet {
    fn from(body: SetBody) -> Self {
        EndpointSet {
            pool: body.pool.0,
            source: body.source,
            endpoints: body.endpoints.read(SourcedEndpoint::from),
        }
    }
}

impl From<&SourcedEndpoint> for EndpointBody {
    fn from(endpoint: &SourcedEndpoint) -> Self {
        EndpointBody {
            id: AsText(endpoint.id.clone()),
            address: AsText(endpoint.address),
            zone: AsText(endpoint.zone.clone()),
            weight: endpoint.weight.0,
            priority: endpoint.priority,
            lease: endpoint.lease,
        }
    }
}

impl From<EndpointBody> for SourcedEndpoint {
    fn from(body: EndpointBody) -> Self {
        SourcedEndpoint {
            id: body.id.0,
            address: body.address.0,
            zone: body.zone.0,
            weight: Weight(body.weight),
            priority: body.priority,
            lease: body.lease,
        }
    }
}

/// The bounds of all sets, and their order: a set is looked up by its pool.
pub(crate) fn check(format: &Format, sets: &[EndpointSet]) -> Result<(), CodecError> {
    format.check_count("sets", sets.len(), limits::POOLS)?;
    let endpoints = sets.iter().map(|set| set.endpoints.len()).sum();
    format.check_count("endpoints of all sets", endpoints, limits::SOURCED_IN_ALL)?;
    for set in sets {
        format.check_amount("sets", "characters of a source", set.source.chars().count(), SOURCE_CHARS)?;
    }
    match sets.windows(2).find(|pair| pair[0].pool >= pair[1].pool) {
        Some(pair) => {
            let what =
                format_args!("are in order of their pools, here {} is behind {}", pair[1].pool, pair[0].pool);
            Err(format.invalid("sets", what))
        }
        None => Ok(()),
    }
}
