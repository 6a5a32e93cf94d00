//! The ARC APIs without a socket: a signed HTTP request to a checked, typed call; a typed result to an answer.
//!
//! Three services are spoken: arc-zonal-shift, route53-recovery-cluster, route53-recovery-control-config. The stock `aws` command
//! and boto3 drive them.
//!
//! 1. A request is routed, then its signature is verified, then its content is checked; [`take`] does it in this order.
//! 2. Nothing that a client sends is trusted because AWS's clients would have checked it: lengths, patterns, counts and enums are ours to check.
//! 3. What is checked here needs no state. Whether a thing exists or conflicts is judged after it, by whoever has the state.
//! 4. Every refusal has the name, status and reason that the called service's clients know.
//!
//! Not here: sockets, clocks, access keys, what callers may do, the ledger (`hf-control-plane`).

pub mod answer;
pub mod arn;
pub mod call;
pub mod error;
mod fields;
pub mod operation;
pub mod page;
pub mod practice;
mod request;
pub mod sigv4;
mod texts;

pub use answer::{Answer, Output};
pub use call::Call;
pub use error::{About, ArcError, Refused};
pub use operation::{Operation, Service};
pub use page::{Page, Paging};
pub use request::Request;
pub use sigv4::{AccessKeyId, Secret};

use hf_model::Timestamp;

/// Bytes of a request's body at most. The largest sensible one, a batch with all its overrides, has less than 40 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// A request that may be done: routed, its signature verified, its content checked.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Whose access key signed it.
    pub by: AccessKeyId,
    /// What is asked for.
    pub operation: Operation,
    /// And with what.
    pub call: Call,
}

/// Routes, verifies and checks a request.
///
/// `lookup` gives the secret of an access key.
///
/// # Errors
///
/// [`Refused`]: it knows how far the request came and makes the answer.
pub fn take(
    request: &Request<'_>,
    lookup: impl Fn(&str) -> Option<Secret>,
    now: Timestamp,
) -> Result<Taken, Refused> {
    let route = operation::route(request).map_err(|error| Refused {
        service: operation::service_guess(request),
        operation: None,
        by: None,
        error,
    })?;
    let operation = route.operation();
    let service = operation.service();
    let refused = |by, error| Refused { service: Some(service), operation: Some(operation), by, error };
    if request.body.len() > BODY_BYTES_MAX {
        return Err(refused(None, ArcError::TooLarge { bytes: request.body.len() }));
    }
    let by = sigv4::verify(request, service, lookup, now).map_err(|error| refused(None, error.into()))?;
    match route.call(request) {
        Ok(call) => Ok(Taken { by, operation, call }),
        Err(error) => Err(refused(Some(by), error)),
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
