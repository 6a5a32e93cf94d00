//! Outputs of route53-recovery-cluster.

use hf_model::{ControlName, Switch};
use serde::{Serialize, Serializer};

use crate::arn::{ControlArn, OWNER, PanelArn};

pub(super) fn name<S: Serializer>(name: &ControlName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn switch<S: Serializer>(switch: &Switch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match switch {
        Switch::On => "On",
        Switch::Off => "Off",
    })
}

/// Where a routing control stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ControlState {
    /// Which.
    pub routing_control_arn: ControlArn,
    /// Its name.
    #[serde(serialize_with = "name")]
    pub routing_control_name: ControlName,
    /// On or off.
    #[serde(serialize_with = "switch")]
    pub routing_control_state: Switch,
}

/// A routing control in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedControl {
    /// Its panel's name.
    pub panel_name: ControlName,
    /// The rest.
    pub state: ControlState,
}

impl Serialize for ListedControl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire<'a> {
            control_panel_arn: PanelArn,
            #[serde(serialize_with = "name")]
            control_panel_name: &'a ControlName,
            owner: &'static str,
            #[serde(flatten)]
            state: &'a ControlState,
        }
        Wire {
            control_panel_arn: PanelArn(self.state.routing_control_arn.panel),
            control_panel_name: &self.panel_name,
            owner: OWNER,
            state: &self.state,
        }
        .serialize(serializer)
    }
}

/// A page of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ControlStates {
    /// The page.
    pub routing_controls: Vec<ListedControl>,
    /// For the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl From<crate::page::Page<ListedControl>> for ControlStates {
    fn from(page: crate::page::Page<ListedControl>) -> Self {
        ControlStates { routing_controls: page.items, next_token: page.next_token }
    }
}
