//! What is asked for, checked: one variant for each operation.
//!
//! The content is right by itself when it stands here; whether it is right for this estate is not known yet.

pub mod cluster;
pub mod config;
pub mod zonal;

use serde_json::{Map, Value};

use crate::error::{ArcError, ValidationReason as Reason};
use crate::fields::{self, Check};
use crate::operation::Operation;
use crate::page::Paging;
use crate::request::Request;
use crate::texts::{shown, wrong};

pub use crate::texts::ClientToken;

macro_rules! calls {
    ($($module:ident { $($name:ident)* })*) => {
        /// A call with its checked input.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "AWS's names; each input says what it is")]
        pub enum Call { $($($name($module::$name),)*)* }

        impl Call {
            /// Which operation it is of.
            pub fn operation(&self) -> Operation {
                match self { $($(Call::$name(_) => Operation::$name,)*)* }
            }
        }

        /// Checks a request's content for `operation`; `segment` is the decoded one of the path.
        pub(crate) fn read(operation: Operation, segment: &str, request: &Request<'_>) -> Result<Call, ArcError> {
            let source = Source { segment, request, members: members(operation, request)? };
            let mut check = Check::default();
            match operation {
                $($(Operation::$name => {
                    let made = $module::$name::read(&mut check, &source);
                    check.done(made).map(Call::$name)
                })*)*
            }
        }
    };
}

calls! {
    zonal {
        StartZonalShift
        UpdateZonalShift
        CancelZonalShift
        ListZonalShifts
        GetManagedResource
        ListManagedResources
        UpdateZonalAutoshiftConfiguration
        ListAutoshifts
        CreatePracticeRunConfiguration
        UpdatePracticeRunConfiguration
        DeletePracticeRunConfiguration
        StartPracticeRun
        CancelPracticeRun
        GetAutoshiftObserverNotificationStatus
        UpdateAutoshiftObserverNotificationStatus
    }
    cluster {
        GetRoutingControlState
        ListRoutingControlStates
        UpdateRoutingControlState
        UpdateRoutingControlStates
    }
    config {
        CreateCluster
        UpdateCluster
        DescribeCluster
        DeleteCluster
        ListClusters
        CreateControlPanel
        UpdateControlPanel
        DescribeControlPanel
        DeleteControlPanel
        ListControlPanels
        CreateRoutingControl
        UpdateRoutingControl
        DescribeRoutingControl
        DeleteRoutingControl
        ListRoutingControls
        CreateSafetyRule
        UpdateSafetyRule
        DescribeSafetyRule
        DeleteSafetyRule
        ListSafetyRules
        ListAssociatedRoute53HealthChecks
        GetResourcePolicy
        ListTagsForResource
        TagResource
        UntagResource
    }
}

/// Where an input is read from.
pub(crate) struct Source<'a> {
    /// The path's variable segment, decoded.
    segment: &'a str,
    request: &'a Request<'a>,
    /// Of the body.
    members: Map<String, Value>,
}

/// A body counts where the verb has one; elsewhere it is passed over, as AWS does.
fn members(operation: Operation, request: &Request<'_>) -> Result<Map<String, Value>, ArcError> {
    let has_body = matches!(request.method, "POST" | "PUT" | "PATCH");
    let members = if has_body { fields::body(request)? } else { Map::new() };
    debug_assert!(has_body || operation.is_read() || request.method == "DELETE", "{operation:?}");
    Ok(members)
}

/// Reads where a list goes on. `list` tells it from others: its operation and filters.
fn paging(
    check: &mut Check,
    list: &str,
    (name, token): (&str, Option<String>),
    size: Option<u64>,
) -> Option<Paging> {
    Paging::new(list, token.as_deref(), size.unwrap_or(PAGE_ITEMS).min(PAGE_ITEMS_MAX) as usize)
        .map_err(|error| check.add(name, Reason::InvalidToken, error))
        .ok()
}

/// Items of a page when the caller does not say.
const PAGE_ITEMS: u64 = 500;
/// Items of a page, whatever the caller says.
const PAGE_ITEMS_MAX: u64 = 1_000;

/// A whole number in the query.
fn parameter_number(min: u64, max: u64) -> impl Fn(&str) -> fields::Leaf<u64> {
    move |text| match text.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(number)
        }
        _ => Err(wrong(
            Reason::MissingValue,
            format!("must be a whole number from {min} to {max}, this is {}", shown(text)),
        )),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "texts are all read alike; what a token says is judged later")]
fn any_text(text: &str) -> fields::Leaf<String> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
