//! ARNs: how Holdfast's objects are named to AWS clients.
//!
//! 1. Managed resources are `arn:holdfast:estate::000000000000:pool/web`, `…:record/www.example.test.`, `…:region/eu-west-2`; the part behind
//!    the last colon is enough where it has 8 characters, which AWS's clients ask for.
//! 2. Recovery-control objects have AWS's own form, because scripts take it apart: `arn:aws:route53-recovery-control::000000000000:controlpanel/…`.
//! 3. An ARN is read as it is written and no other way, but for capitals and a missing last dot in the name of a record.

use std::fmt;
use std::str::FromStr;

use hf_model::{ClusterId, ControlId, DnsName, PanelId, PoolName, RegionId, RuleId};

use crate::texts::shown;

/// Whom everything belongs to. There are no accounts here; clients want twelve digits.
pub const OWNER: &str = "000000000000";

const ESTATE: &str = "arn:holdfast:estate::000000000000:";
const RECOVERY: &str = "arn:aws:route53-recovery-control::000000000000:";

/// What a zonal shift acts on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceArn {
    /// Everything in one of the region's zones.
    Region(RegionId),
    /// A pool.
    Pool(PoolName),
    /// A record.
    Record(DnsName),
}

impl ResourceArn {
    /// The short form, such as `pool/web`.
    pub fn name(&self) -> String {
        match self {
            ResourceArn::Region(region) => format!("region/{region}"),
            ResourceArn::Pool(pool) => format!("pool/{pool}"),
            ResourceArn::Record(record) => format!("record/{record}"),
        }
    }
}

impl fmt::Display for ResourceArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ESTATE}{}", self.name())
    }
}

/// Why a text is not an ARN of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArnError {
    /// No managed resource.
    #[error(
        "{0} names no resource of Holdfast; write {ESTATE}pool/NAME, …record/NAME. or …region/NAME, as list-managed-resources shows them"
    )]
    Resource(String),
    /// The name in it cannot be one.
    #[error("{text}: {why}")]
    Name {
        /// The ARN.
        text: String,
        /// Why.
        why: String,
    },
    /// No object of recovery control, or another kind of one.
    #[error("{text} is not the ARN of a {kind}; write {RECOVERY}{form}")]
    Object {
        /// What came.
        text: String,
        /// What is wanted.
        kind: &'static str,
        /// How it looks.
        form: &'static str,
    },
}

impl FromStr for ResourceArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let short = text.strip_prefix(ESTATE).unwrap_or(text);
        let bad = |why: String| ArnError::Name { text: shown(text), why };
        match short.split_once('/') {
            Some(("region", name)) => {
                RegionId::new(name).map(Self::Region).map_err(|error| bad(error.to_string()))
            }
            Some(("pool", name)) => {
                PoolName::new(name).map(Self::Pool).map_err(|error| bad(error.to_string()))
            }
            Some(("record", name)) => {
                let dot = if name.ends_with('.') { "" } else { "." };
                let name = DnsName::new(&format!("{name}{dot}"));
                name.map(Self::Record).map_err(|error| bad(error.to_string()))
            }
            _ => Err(ArnError::Resource(shown(text))),
        }
    }
}

/// A cluster's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterArn(pub ClusterId);

/// A control panel's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PanelArn(pub PanelId);

/// A routing control's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlArn {
    /// The panel that it is in.
    pub panel: PanelId,
    /// Itself.
    pub control: ControlId,
}

/// A safety rule's ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleArn {
    /// The panel that it is in.
    pub panel: PanelId,
    /// Itself.
    pub rule: RuleId,
}

/// Any object of recovery control, for tags and policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectArn {
    /// A cluster.
    Cluster(ClusterArn),
    /// A control panel.
    Panel(PanelArn),
    /// A routing control.
    Control(ControlArn),
    /// A safety rule.
    Rule(RuleArn),
}

impl fmt::Display for ClusterArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RECOVERY}cluster/{}", self.0)
    }
}

impl fmt::Display for PanelArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RECOVERY}controlpanel/{}", self.0)
    }
}

impl fmt::Display for ControlArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/routingcontrol/{}", PanelArn(self.panel), self.control)
    }
}

impl fmt::Display for RuleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/safetyrule/{}", PanelArn(self.panel), self.rule)
    }
}

impl fmt::Display for ObjectArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectArn::Cluster(arn) => arn.fmt(f),
            ObjectArn::Panel(arn) => arn.fmt(f),
            ObjectArn::Control(arn) => arn.fmt(f),
            ObjectArn::Rule(arn) => arn.fmt(f),
        }
    }
}

fn object(text: &str) -> Option<ObjectArn> {
    let parts: Vec<&str> = text.strip_prefix(RECOVERY)?.splitn(5, '/').collect();
    Some(match parts[..] {
        ["cluster", id] => ObjectArn::Cluster(ClusterArn(id.parse().ok()?)),
        ["controlpanel", panel] => ObjectArn::Panel(PanelArn(panel.parse().ok()?)),
        ["controlpanel", panel, "routingcontrol", control] => {
            ObjectArn::Control(ControlArn { panel: panel.parse().ok()?, control: control.parse().ok()? })
        }
        ["controlpanel", panel, "safetyrule", rule] => {
            ObjectArn::Rule(RuleArn { panel: panel.parse().ok()?, rule: rule.parse().ok()? })
        }
        _ => return None,
    })
}

impl FromStr for ObjectArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        object(text).ok_or_else(|| ArnError::Object {
            text: shown(text),
            kind: "cluster, control panel, routing control or safety rule",
            form: "cluster/UUID or …controlpanel/ID",
        })
    }
}

macro_rules! one_kind {
    ($name:ident, $variant:ident, $kind:literal, $form:literal) => {
        impl FromStr for $name {
            type Err = ArnError;
            fn from_str(text: &str) -> Result<Self, ArnError> {
                match object(text) {
                    Some(ObjectArn::$variant(arn)) => Ok(arn),
                    _ => Err(ArnError::Object { text: shown(text), kind: $kind, form: $form }),
                }
            }
        }

        impl From<$name> for ObjectArn {
            fn from(arn: $name) -> ObjectArn {
                ObjectArn::$variant(arn)
            }
        }
    };
}

one_kind!(ClusterArn, Cluster, "cluster", "cluster/UUID");
one_kind!(PanelArn, Panel, "control panel", "controlpanel/32 hexadecimal digits");
one_kind!(ControlArn, Control, "routing control", "controlpanel/32 digits/routingcontrol/16 digits");
one_kind!(RuleArn, Rule, "safety rule", "controlpanel/32 digits/safetyrule/16 digits");

macro_rules! serialized_as_text {
    ($($name:ident)*) => {
        $(impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })*
    };
}

serialized_as_text!(ResourceArn ClusterArn PanelArn ControlArn RuleArn ObjectArn);

#[cfg(test)]
mod tests;
