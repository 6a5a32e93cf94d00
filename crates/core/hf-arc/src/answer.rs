//! What goes back: a typed result of each operation, and the answer that it becomes.
//!
//! 1. Members have AWS's names exactly, and only those: clients drop what they do not know.
//! 2. Instants are JSON numbers of epoch seconds, as every SDK of these services expects.
//! 3. The caller adds `x-amzn-RequestId`; this crate has nothing to make one of.

pub mod cluster;
pub mod config;
pub mod zonal;

use hf_model::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::operation::{Operation, Service};

/// An answer without the header for the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// Names in lower case; each once.
    pub headers: Vec<(&'static str, &'static str)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// The header that the caller adds to every answer, with an id that is also in its log.
pub const REQUEST_ID_HEADER: &str = "x-amzn-requestid";

impl Answer {
    pub(crate) fn new(
        service: Option<Service>,
        status: u16,
        error: Option<&'static str>,
        body: &Value,
    ) -> Answer {
        let kind = match service {
            Some(Service::Cluster) => "application/x-amz-json-1.0",
            _ => "application/json",
        };
        let mut headers = vec![("content-type", kind)];
        headers.extend(error.map(|name| ("x-amzn-errortype", name)));
        Answer { status, headers, body: body.to_string().into_bytes() }
    }
}

/// An instant as these APIs write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochSeconds(pub Timestamp);

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let EpochSeconds(Timestamp(ms)) = *self;
        if ms.is_multiple_of(1_000) {
            serializer.serialize_u64(ms / 1_000)
        } else {
            // The nearest double of so few digits is written with just these digits.
            serializer.serialize_f64(ms as f64 / 1_000.0)
        }
    }
}

impl From<Timestamp> for EpochSeconds {
    fn from(at: Timestamp) -> Self {
        EpochSeconds(at)
    }
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Nothing {}

macro_rules! outputs {
    ($($name:ident($output:ty))*) => {
        /// The result of a call that was done: one variant for each operation.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "AWS's names; each output says what it is")]
        pub enum Output { $($name($output),)* }

        impl Output {
            /// Which operation it is of.
            pub fn operation(&self) -> Operation {
                match self { $(Output::$name(_) => Operation::$name,)* }
            }
        }
    };
}

outputs! {
    StartZonalShift(zonal::ZonalShift)
    UpdateZonalShift(zonal::ZonalShift)
    CancelZonalShift(zonal::ZonalShift)
    ListZonalShifts(zonal::Items<zonal::ZonalShiftSummary>)
    GetManagedResource(zonal::ManagedResource)
    ListManagedResources(zonal::Items<zonal::ManagedResourceSummary>)
    UpdateZonalAutoshiftConfiguration(zonal::AutoshiftConfiguration)
    ListAutoshifts(zonal::Items<zonal::AutoshiftSummary>)
    CreatePracticeRunConfiguration(zonal::PracticeResult)
    UpdatePracticeRunConfiguration(zonal::PracticeResult)
    DeletePracticeRunConfiguration(zonal::PracticeDeleted)
    StartPracticeRun(zonal::ZonalShift)
    CancelPracticeRun(zonal::ZonalShift)
    GetAutoshiftObserverNotificationStatus(zonal::Observer)
    UpdateAutoshiftObserverNotificationStatus(zonal::Observer)
    GetRoutingControlState(cluster::ControlState)
    ListRoutingControlStates(cluster::ControlStates)
    UpdateRoutingControlState(Nothing)
    UpdateRoutingControlStates(Nothing)
    CreateCluster(config::ClusterResult)
    UpdateCluster(config::ClusterResult)
    DescribeCluster(config::ClusterResult)
    DeleteCluster(Nothing)
    ListClusters(config::Clusters)
    CreateControlPanel(config::ControlPanelResult)
    UpdateControlPanel(config::ControlPanelResult)
    DescribeControlPanel(config::ControlPanelResult)
    DeleteControlPanel(Nothing)
    ListControlPanels(config::ControlPanels)
    CreateRoutingControl(config::RoutingControlResult)
    UpdateRoutingControl(config::RoutingControlResult)
    DescribeRoutingControl(config::RoutingControlResult)
    DeleteRoutingControl(Nothing)
    ListRoutingControls(config::RoutingControls)
    CreateSafetyRule(config::SafetyRule)
    UpdateSafetyRule(config::SafetyRule)
    DescribeSafetyRule(config::SafetyRule)
    DeleteSafetyRule(Nothing)
    ListSafetyRules(config::SafetyRules)
    ListAssociatedRoute53HealthChecks(config::HealthChecks)
    GetResourcePolicy(config::ResourcePolicy)
    ListTagsForResource(config::TagList)
    TagResource(Nothing)
    UntagResource(Nothing)
}

impl Output {
    /// The answer, without the header for the request's id.
    pub fn answer(&self) -> Answer {
        let operation = self.operation();
        let body = serde_json::to_value(self).expect("outputs are objects with texts as keys");
        Answer::new(Some(operation.service()), operation.success(), None, &body)
    }
}

#[cfg(test)]
mod tests;
