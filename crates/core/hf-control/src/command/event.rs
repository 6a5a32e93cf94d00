//! What changed, for journals and notifications.

use hf_model::{ControlPath, Digest, DnsName, PoolName, Switch};

use crate::board::ObjectId;
use crate::deployment::Deployment;
use crate::intent::{Pin, RecordedBreakGlass, Shift};
use crate::practice::Resource;

/// What changed, for journals and notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An estate came in force.
    EstateApplied {
        /// The version that was in force; none before the first.
        before: Option<Digest>,
        /// The version that is.
        after: Digest,
    },
    /// A shift began.
    ShiftStarted(Shift),
    /// A shift has a new end.
    ShiftExtended {
        /// As it was.
        before: Shift,
        /// As it is.
        after: Shift,
    },
    /// A shift ended; it is as it is now.
    ShiftEnded(Shift, Stop),
    /// A pin was set.
    Pinned {
        /// The pin of the same zone and scope that it replaced.
        before: Option<Pin>,
        /// As it is.
        after: Pin,
    },
    /// A pin went; it is as it was.
    Unpinned(Pin, Stop),
    /// A zone was marked as being deployed to.
    DeploymentStarted {
        /// The mark of the same zone and scope that it goes on with.
        before: Option<Deployment>,
        /// As it is.
        after: Deployment,
    },
    /// The mark of a deployment went; it is as it was.
    DeploymentEnded(Deployment, Stop),
    /// A routing control was turned.
    ControlTurned {
        /// Its panel and name.
        path: ControlPath,
        /// As it stood.
        before: Switch,
        /// As it is.
        after: Switch,
    },
    /// Safety rules were not asked, by the operator's word.
    RulesOverridden(Vec<ControlPath>),
    /// Floors may be broken, by the operator's word.
    FloorsOverridden(Vec<PoolName>),
    /// A cluster, panel, control or rule was made, changed or removed; in words, as it was and as it is.
    ObjectChanged {
        /// Which.
        object: ObjectId,
        /// None when it was made.
        before: Option<String>,
        /// None when it was removed.
        after: Option<String>,
    },
    /// A practice configuration or an autoshift setting was changed; in words, as it was and as it is.
    PracticeChanged {
        /// Which; none for the setting of the whole estate.
        resource: Option<Resource>,
        /// None when there was none.
        before: Option<String>,
        /// None when it was removed.
        after: Option<String>,
    },
    /// Dynamic records or DNSSEC keys of a hosted zone changed; what did, in words, as it was and as it is.
    HostedZoneChanged {
        /// Which.
        hosted_zone: DnsName,
        /// None when there was nothing.
        before: Option<String>,
        /// None when nothing is left.
        after: Option<String>,
    },
    /// A source told other endpoints of a pool.
    EndpointsChanged {
        /// The pool.
        pool: PoolName,
        /// What came, in words; changed ones are in both.
        added: String,
        /// What went.
        removed: String,
    },
    /// A break-glass act was recorded.
    BreakGlassRecorded(RecordedBreakGlass),
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An operator ended it.
    Canceled,
    /// Its time was up.
    Expired,
    /// A stronger act ended it: a practice run that met one, a deployment whose zone or pool an estate took away.
    Interrupted,
    /// Whoever watches over an autoshift or practice run ended it.
    Completed,
}
