//! The API's versioned wire types (`/v1`), a small client of it, and the bounded listener under it.
//!
//! 1. One JSON type for each thing said over the API; unknown fields of an answer are ignored, of a request refused.
//! 2. Instants are whole milliseconds since 1970 UTC and end in `_at_ms`; lengths in answers end in `_ms`; shares are parts
//!    per million and end in `_ppm`; what is not known is `null`, never a zero.
//! 3. Every write takes a request id: sent twice, it has one effect and its first answer again. So [`Client`] may retry.
//!
//! Not here: who serves the API and its rules (`hf-control-plane`), how answers look on a terminal (`holdfast`).

pub mod break_glass;
pub mod capacity;
pub mod client;
pub mod closing;
pub mod consumers;
pub mod control;
pub mod deployment;
pub mod dns;
pub mod endpoint;
pub mod estate;
pub mod explain;
pub mod gray;
pub mod health_check;
pub mod hosted;
pub mod journal;
pub mod practice;
pub mod problem;
mod race;
pub mod serve;
pub mod shift;
pub mod status;
pub mod tls;

/// An instant for people: RFC 3339, UTC, whole seconds, such as `2026-11-03T12:00:00Z`.
pub fn instant(ms: u64) -> String {
    let seconds =
        i64::try_from(ms / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    seconds.map_or_else(|| "far in the future".to_owned(), |at| at.to_string())
}

pub use break_glass::{BreakGlassAnswer, SignedBreakGlass};
pub use capacity::{
    CapacityBasis, KnownCapacity, LoadFit, ProjectedLoad, RefusedThere, ScaleIn, ScaleInHold, WhatIf,
    WhatIfPath, WhatIfPool, WhatIfVerdict, WhatIfZone,
};
pub use client::{Client, ClientError, EndpointError, HandOver, Tried};
pub use closing::{ClosingSource, ClosingSources, ClosingStore};
pub use consumers::{ConsumerGroup, ConsumerStanding, Consumers, ShiftConsumers};
pub use control::{
    ControlPanel, ControlSet, ControlTo, Controls, ControlsSet, Origin, PutNamed, PutRule, RoutingControl,
    RuleKind, SafetyRule, SetControls, Wants,
};
pub use deployment::{Deployment, DeploymentKnownBy, Deployments, StartDeployment};
pub use dns::{DnsAnswers, DnsCount, DnsName, DnsShare};
pub use endpoint::{Endpoint, EndpointRegistered, Endpoints, PoolEndpoints, RegisterEndpoint};
pub use estate::{ApplyEstate, Change, ChangeKind, Diff, EstateInfo};
pub use explain::{Candidate, Explain, Removal, Step};
pub use gray::{
    Gray, GrayPool, GrayRecording, GrayStreams, GrayTold, GrayZone, RecordedSecond, RecordedSeen, RecordedWas,
};
pub use health_check::{CheckResult, CheckResults, PushResult, PushedTo, ToldResult};
pub use hosted::{
    AddZoneKey, DnssecWanted, HostedZone, HostedZoneSource, HostedZones, MoveZoneKey, UpdateChange,
    UpdateDone, UpdateHostedZone, UpdatePrerequisite, ZoneKey, ZoneKeyState, ZoneKeys,
};
pub use journal::{ExportedLine, Journal, JournalExport, JournalKind, JournalLine};
pub use practice::{
    Autoshift, AutoshiftSeen, AutoshiftsSeen, Practice, PracticeConfig, PracticeOutcome, PracticeRefused,
    PracticeRun, Practices, PutPractice, SetAutoshift, StartPractice,
};
pub use problem::{Problem, code};
pub use shift::{
    Acknowledgement, BalancerTimeToZero, Effect, Extend, Pin, PinTo, SetPin, Shift, ShiftFilter, ShiftKind,
    ShiftState, Shifts, StartShift, TimeToZero, WriteDone, Yielded,
};
pub use status::{
    BreakGlass, BreakGlassFate, ControlOff, FloorOverridden, Node, NotApplied, Pool, PoolMode, PoolZone,
    Reason, ReasonKind, RecordedBreakGlass, Returning, Status, Zone, ZoneState,
};
