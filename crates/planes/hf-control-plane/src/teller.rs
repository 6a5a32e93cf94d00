//! Which of several control nodes acts and tells for all: the first by name of those that are heard.
//!
//! Two may think so while they cannot hear each other. What they do must do no harm twice: their words are the same, and the ledger refuses the
//! second act.

use hf_config::node::Role;
use hf_feed::NodeReport;

use crate::api::Context;
use crate::traffic::is_stale;

/// Whether this node is the first by name of those with the control role that are heard.
pub(crate) fn is_teller(context: &Context) -> bool {
    is_first(context, |report| report.roles.contains(&Role::Control))
}

/// Whether this node is the first by name of those that are heard and of which this is so.
pub(crate) fn is_first(context: &Context, is_so: impl Fn(&NodeReport) -> bool) -> bool {
    let now = context.clock.now();
    let reports = context.reports.borrow();
    let heard = reports
        .values()
        .filter(|heard| is_so(&heard.report) && !is_stale(heard.received_at, now, context.beat));
    heard.map(|heard| &heard.report.node).min().is_none_or(|first| *first >= context.node)
}
