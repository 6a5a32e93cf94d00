//! The nouns of Holdfast: names, quantities and instants that every other crate speaks in.
//!
//! Each type is checked once, when it is made; whoever holds one may trust it.
//!
//! Not here: configuration (`hf-config`), decisions (`hf-decide`), anything that waits or reads a clock.

mod control;
mod digest;
mod geo;
mod names;
mod quantity;
mod time;
mod wire_name;

pub use control::{
    ClusterId, ControlId, ControlName, ControlNameError, ControlPath, ControlPathError, EstateId,
    ObjectNumberError, PanelId, RuleId, Switch,
};
pub use digest::{Digest, DigestError, Digesting};
pub use geo::{Cidr, CidrError, Location};
pub use names::{
    CheckName, CollectionName, CredentialsName, DnsName, DnsNameError, NameError, NodeId, Operator, PoolName,
    RegionId, RequestId, ServiceName, ShiftId, SourceName, ZoneId,
};
pub use quantity::{Capacity, Revision, Share, ShareError, Ttl, TtlError, Weight, WeightError};
pub use time::{DurationError, Timestamp, format_duration, parse_duration};
pub use wire_name::{WireName, WireNameError};
