//! The operations of the three services, and which one a request asks for.
//!
//! 1. A request with `X-Amz-Target` is of the service that the target's prefix names; any other is known by its path.
//! 2. The path is taken apart while it is encoded, then its one variable segment is decoded once: an ARN has slashes of its own.
//! 3. A signature for another service than the one so found is refused by [`crate::sigv4`], except where two AWS services have the same path:
//!    there the signature's scope says which one is meant.
//!
//! Not here: what the operations take (`call`) and give (`answer`).

use crate::call::{self, Call};
use crate::error::ArcError;
use crate::request::{Request, decoded};
use crate::sigv4;
use crate::texts::shown;

/// One of the services that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// arc-zonal-shift: shifts, practice runs, autoshift configuration. REST.
    ZonalShift,
    /// route53-recovery-cluster: states of routing controls. JSON 1.0.
    Cluster,
    /// route53-recovery-control-config: clusters, panels, controls, rules. REST.
    ControlConfig,
}

impl Service {
    /// Its name in signatures and in `aws SERVICE …`.
    pub fn name(self) -> &'static str {
        match self {
            Service::ZonalShift => "arc-zonal-shift",
            Service::Cluster => "route53-recovery-cluster",
            Service::ControlConfig => "route53-recovery-control-config",
        }
    }

    /// The service of this name.
    pub fn of_name(name: &str) -> Option<Service> {
        [Service::ZonalShift, Service::Cluster, Service::ControlConfig].into_iter().find(|s| s.name() == name)
    }
}

/// What stands before the operation's name in the cluster service's `X-Amz-Target`.
const TARGET_PREFIX: &str = "ToggleCustomerAPI.";

macro_rules! operations {
    ($($service:ident { $($name:ident $verb:literal $path:literal $code:literal,)* })*) => {
        /// Every operation of the three services.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "AWS's names; what they do stands at their inputs in `call`")]
        pub enum Operation { $($($name,)*)* }

        impl Operation {
            /// All of them.
            pub const ALL: &[Operation] = &[$($(Operation::$name,)*)*];

            fn row(self) -> (Service, &'static str, &'static str, &'static str, u16) {
                match self { $($(Operation::$name => (Service::$service, stringify!($name), $verb, $path, $code),)*)* }
            }
        }
    };
}

// `{}` is the one variable segment. Names that two services share carry their service's.
operations! {
    ZonalShift {
        StartZonalShift "POST" "/zonalshifts" 201,
        UpdateZonalShift "PATCH" "/zonalshifts/{}" 200,
        CancelZonalShift "DELETE" "/zonalshifts/{}" 200,
        ListZonalShifts "GET" "/zonalshifts" 200,
        GetManagedResource "GET" "/managedresources/{}" 200,
        ListManagedResources "GET" "/managedresources" 200,
        UpdateZonalAutoshiftConfiguration "PUT" "/managedresources/{}" 200,
        ListAutoshifts "GET" "/autoshifts" 200,
        CreatePracticeRunConfiguration "POST" "/configuration" 201,
        UpdatePracticeRunConfiguration "PATCH" "/configuration/{}" 200,
        DeletePracticeRunConfiguration "DELETE" "/configuration/{}" 200,
        StartPracticeRun "POST" "/practiceruns" 200,
        CancelPracticeRun "DELETE" "/practiceruns/{}" 200,
        GetAutoshiftObserverNotificationStatus "GET" "/autoshift-observer-notification" 200,
        UpdateAutoshiftObserverNotificationStatus "PUT" "/autoshift-observer-notification" 200,
    }
    Cluster {
        GetRoutingControlState "POST" "/" 200,
        ListRoutingControlStates "POST" "/" 200,
        UpdateRoutingControlState "POST" "/" 200,
        UpdateRoutingControlStates "POST" "/" 200,
    }
    ControlConfig {
        CreateCluster "POST" "/cluster" 200,
        UpdateCluster "PUT" "/cluster" 200,
        DescribeCluster "GET" "/cluster/{}" 200,
        DeleteCluster "DELETE" "/cluster/{}" 200,
        ListClusters "GET" "/cluster" 200,
        CreateControlPanel "POST" "/controlpanel" 200,
        UpdateControlPanel "PUT" "/controlpanel" 200,
        DescribeControlPanel "GET" "/controlpanel/{}" 200,
        DeleteControlPanel "DELETE" "/controlpanel/{}" 200,
        ListControlPanels "GET" "/controlpanels" 200,
        CreateRoutingControl "POST" "/routingcontrol" 200,
        UpdateRoutingControl "PUT" "/routingcontrol" 200,
        DescribeRoutingControl "GET" "/routingcontrol/{}" 200,
        DeleteRoutingControl "DELETE" "/routingcontrol/{}" 200,
        ListRoutingControls "GET" "/controlpanel/{}/routingcontrols" 200,
        CreateSafetyRule "POST" "/safetyrule" 200,
        UpdateSafetyRule "PUT" "/safetyrule" 200,
        DescribeSafetyRule "GET" "/safetyrule/{}" 200,
        DeleteSafetyRule "DELETE" "/safetyrule/{}" 200,
        ListSafetyRules "GET" "/controlpanel/{}/safetyrules" 200,
        ListAssociatedRoute53HealthChecks "GET" "/routingcontrol/{}/associatedRoute53HealthChecks" 200,
        GetResourcePolicy "GET" "/resourcePolicy/{}" 200,
        ListTagsForResource "GET" "/tags/{}" 200,
        TagResource "POST" "/tags/{}" 200,
        UntagResource "DELETE" "/tags/{}" 200,
    }
}

impl Operation {
    /// Whose it is.
    pub fn service(self) -> Service {
        self.row().0
    }

    /// AWS's name of it. `ListRoutingControls` is an operation of two services.
    pub fn name(self) -> &'static str {
        match self {
            Operation::ListRoutingControlStates => "ListRoutingControls",
            other => other.row().1,
        }
    }

    /// The HTTP status of its success.
    pub fn success(self) -> u16 {
        self.row().4
    }

    /// Whether it only reads.
    pub fn is_read(self) -> bool {
        match self {
            Operation::GetRoutingControlState | Operation::ListRoutingControlStates => true,
            Operation::UpdateRoutingControlState | Operation::UpdateRoutingControlStates => false,
            other => other.row().2 == "GET",
        }
    }

    fn verb(self) -> &'static str {
        self.row().2
    }

    fn path(self) -> &'static str {
        self.row().3
    }
}

/// Which operation a request asks for, and on what, before its signature was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    operation: Operation,
    /// The variable segment, decoded; empty if the operation has none.
    segment: String,
}

impl Route {
    /// The operation.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Checks the request's content.
    pub fn call(&self, request: &Request<'_>) -> Result<Call, ArcError> {
        call::read(self.operation, &self.segment, request)
    }
}

/// Whether a request is meant for this front, right or wrong: it has a target, an AWS signature, or a path of ours.
///
/// For a listener with other things beside it.
pub fn is_for_arc(request: &Request<'_>) -> bool {
    if request.values("x-amz-target").next().is_some() || request.is_presigned() {
        return true;
    }
    if request.header("authorization").is_some_and(|value| value.starts_with("AWS4-")) {
        return true;
    }
    let first = request.path.split('/').nth(1).unwrap_or_default();
    !first.is_empty() && Operation::ALL.iter().any(|o| o.path().split('/').nth(1) == Some(first))
}

/// Finds the operation.
///
/// # Errors
///
/// Only [`ArcError::UnknownOperation`], and [`ArcError::Validation`] for a segment that cannot be decoded.
pub fn route(request: &Request<'_>) -> Result<Route, ArcError> {
    if request.values("x-amz-target").next().is_some() {
        return by_target(request);
    }
    if let Some(scope) = sigv4::scope_service(request)
        && Service::of_name(scope).is_none()
    {
        return Err(unknown(format!(
            "the request is signed for the service {}, which Holdfast does not speak; it speaks arc-zonal-shift, \
             route53-recovery-cluster and route53-recovery-control-config",
            shown(scope)
        )));
    }
    by_path(request)
}

fn unknown(message: String) -> ArcError {
    ArcError::UnknownOperation { message }
}

fn by_target(request: &Request<'_>) -> Result<Route, ArcError> {
    let Some(target) = request.header("x-amz-target") else {
        return Err(unknown("X-Amz-Target came twice or is not text; send it once".to_owned()));
    };
    let Some(name) = target.strip_prefix(TARGET_PREFIX) else {
        return Err(unknown(format!(
            "no service here has the target {}; the cluster service's begin with {TARGET_PREFIX}",
            shown(target)
        )));
    };
    let operation = Operation::ALL
        .iter()
        .find(|operation| operation.service() == Service::Cluster && operation.name() == name)
        .ok_or_else(|| unknown(format!("the cluster service has no operation {}", shown(name))))?;
    if request.method != "POST" || request.path != "/" {
        return Err(unknown(format!(
            "{name} is called with POST on /, not with {} on {}",
            shown(request.method),
            shown(request.path)
        )));
    }
    Ok(Route { operation: *operation, segment: String::new() })
}

fn by_path(request: &Request<'_>) -> Result<Route, ArcError> {
    let mut verbs = Vec::new();
    for operation in Operation::ALL.iter().filter(|operation| operation.service() != Service::Cluster) {
        let Some(segment) = matched(operation.path(), request.path) else { continue };
        if operation.verb() != request.method {
            verbs.push(operation.verb());
            continue;
        }
        let Some(segment) = decoded(segment) else {
            return Err(ArcError::unreadable(format!(
                "the path {} is not percent-encoded UTF-8; encode the identifier as one segment",
                shown(request.path)
            )));
        };
        return Ok(Route { operation: *operation, segment });
    }
    let hint = if verbs.is_empty() {
        "an ARN in a path is one segment, with its slashes encoded as %2F".to_owned()
    } else {
        format!("this path takes {}", verbs.join(", "))
    };
    Err(unknown(format!(
        "no operation is called with {} on {}; {hint}",
        shown(request.method),
        shown(request.path)
    )))
}

/// The variable segment of `path`, if the path is of the template's form; empty if the template has none.
fn matched<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let mut found = "";
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected == "{}" && !segment.is_empty() {
            found = segment;
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}

/// For the form of an error before the operation is known.
pub(crate) fn service_guess(request: &Request<'_>) -> Option<Service> {
    if request.values("x-amz-target").next().is_some() {
        let is_ours = request.header("x-amz-target").is_some_and(|target| target.starts_with(TARGET_PREFIX));
        return is_ours.then_some(Service::Cluster);
    }
    sigv4::scope_service(request).and_then(Service::of_name)
}

#[cfg(test)]
mod tests;
