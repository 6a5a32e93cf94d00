//! What is asked of clusters, control panels, routing controls and safety rules, inside an entry.

use std::time::Duration;

use hf_control::{BoardCommand, ControlRef, ControlSet, RuleRef, Tags};
use hf_model::{ClusterId, ControlId, ControlName, ControlPath, PanelId, RuleId};
use serde::{Deserialize, Serialize};

use crate::board::{NetworkBody, ObjectIdBody, RuleKindBody, RuleTestBody, SwitchBody};
use crate::text::AsText;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum BoardCommandBody {
    CreateCluster {
        name: AsText<ControlName>,
        network: NetworkBody,
        tags: Tags,
    },
    UpdateCluster {
        id: AsText<ClusterId>,
        network: NetworkBody,
    },
    DeleteCluster {
        id: AsText<ClusterId>,
    },
    CreatePanel {
        cluster: AsText<ClusterId>,
        name: AsText<ControlName>,
        tags: Tags,
    },
    RenamePanel {
        id: AsText<PanelId>,
        name: AsText<ControlName>,
    },
    DeletePanel {
        id: AsText<PanelId>,
    },
    CreateControl {
        cluster: AsText<ClusterId>,
        panel: Option<AsText<PanelId>>,
        name: AsText<ControlName>,
    },
    RenameControl {
        id: AsText<ControlId>,
        name: AsText<ControlName>,
    },
    DeleteControl {
        id: AsText<ControlId>,
    },
    CreateRule {
        panel: AsText<PanelId>,
        name: AsText<ControlName>,
        kind: RuleKindBody,
        test: RuleTestBody,
        wait_period: Duration,
        tags: Tags,
    },
    UpdateRule {
        id: AsText<RuleId>,
        name: AsText<ControlName>,
        wait_period: Duration,
    },
    DeleteRule {
        id: AsText<RuleId>,
    },
    Tag {
        object: ObjectIdBody,
        tags: Tags,
    },
    Untag {
        object: ObjectIdBody,
        keys: Vec<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlSetBody {
    control: ControlRefBody,
    to: SwitchBody,
}

macro_rules! reference {
    ($domain:ident as $body:ident by $id:ident) => {
        /// Says which form it has: a name may look like a number.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub(crate) enum $body {
            Id(AsText<$id>),
            Path(AsText<ControlPath>),
            Name(AsText<ControlName>),
        }

        impl From<&$domain> for $body {
            fn from(reference: &$domain) -> Self {
                match reference {
                    $domain::Id(id) => $body::Id(AsText(*id)),
                    $domain::Path(path) => $body::Path(AsText(path.clone())),
                    $domain::Name(name) => $body::Name(AsText(name.clone())),
                }
            }
        }

        impl From<$body> for $domain {
            fn from(body: $body) -> Self {
                match body {
                    $body::Id(id) => $domain::Id(id.0),
                    $body::Path(path) => $domain::Path(path.0),
                    $body::Name(name) => $domain::Name(name.0),
                }
            }
        }
    };
}

reference!(ControlRef as ControlRefBody by ControlId);
reference!(RuleRef as RuleRefBody by RuleId);

impl From<&ControlSet> for ControlSetBody {
    fn from(set: &ControlSet) -> Self {
        ControlSetBody { control: (&set.control).into(), to: set.to.into() }
    }
}

impl From<ControlSetBody> for ControlSet {
    fn from(body: ControlSetBody) -> Self {
        ControlSet { control: body.control.into(), to: body.to.into() }
    }
}

impl From<&BoardCommand> for BoardCommandBody {
    fn from(command: &BoardCommand) -> Self {
        use BoardCommandBody as Body;
        let text = |name: &ControlName| AsText(name.clone());
        match command {
            BoardCommand::CreateCluster { name, network, tags } => {
                Body::CreateCluster { name: text(name), network: (*network).into(), tags: tags.clone() }
            }
            BoardCommand::UpdateCluster { id, network } => {
                Body::UpdateCluster { id: AsText(*id), network: (*network).into() }
            }
            BoardCommand::DeleteCluster { id } => Body::DeleteCluster { id: AsText(*id) },
            BoardCommand::CreatePanel { cluster, name, tags } => {
                Body::CreatePanel { cluster: AsText(*cluster), name: text(name), tags: tags.clone() }
            }
            BoardCommand::RenamePanel { id, name } => Body::RenamePanel { id: AsText(*id), name: text(name) },
            BoardCommand::DeletePanel { id } => Body::DeletePanel { id: AsText(*id) },
            BoardCommand::CreateControl { cluster, panel, name } => {
                Body::CreateControl { cluster: AsText(*cluster), panel: panel.map(AsText), name: text(name) }
            }
            BoardCommand::RenameControl { id, name } => {
                Body::RenameControl { id: AsText(*id), name: text(name) }
            }
            BoardCommand::DeleteControl { id } => Body::DeleteControl { id: AsText(*id) },
            BoardCommand::CreateRule { panel, name, kind, test, wait_period, tags } => Body::CreateRule {
                panel: AsText(*panel),
                name: text(name),
                kind: kind.into(),
                test: (*test).into(),
                wait_period: *wait_period,
                tags: tags.clone(),
            },
            BoardCommand::UpdateRule { id, name, wait_period } => {
                Body::UpdateRule { id: AsText(*id), name: text(name), wait_period: *wait_period }
            }
            BoardCommand::DeleteRule { id } => Body::DeleteRule { id: AsText(*id) },
            BoardCommand::Tag { object, tags } => Body::Tag { object: (*object).into(), tags: tags.clone() },
            BoardCommand::Untag { object, keys } => {
                Body::Untag { object: (*object).into(), keys: keys.clone() }
            }
        }
    }
}

impl From<BoardCommandBody> for BoardCommand {
    fn from(body: BoardCommandBody) -> Self {
        use BoardCommandBody as Body;
        match body {
            Body::CreateCluster { name, network, tags } => {
                BoardCommand::CreateCluster { name: name.0, network: network.into(), tags }
            }
            Body::UpdateCluster { id, network } => {
                BoardCommand::UpdateCluster { id: id.0, network: network.into() }
            }
            Body::DeleteCluster { id } => BoardCommand::DeleteCluster { id: id.0 },
            Body::CreatePanel { cluster, name, tags } => {
                BoardCommand::CreatePanel { cluster: cluster.0, name: name.0, tags }
            }
            Body::RenamePanel { id, name } => BoardCommand::RenamePanel { id: id.0, name: name.0 },
            Body::DeletePanel { id } => BoardCommand::DeletePanel { id: id.0 },
            Body::CreateControl { cluster, panel, name } => {
                let panel = panel.map(|panel| panel.0);
                BoardCommand::CreateControl { cluster: cluster.0, panel, name: name.0 }
            }
            Body::RenameControl { id, name } => BoardCommand::RenameControl { id: id.0, name: name.0 },
            Body::DeleteControl { id } => BoardCommand::DeleteControl { id: id.0 },
            Body::CreateRule { panel, name, kind, test, wait_period, tags } => BoardCommand::CreateRule {
                panel: panel.0,
                name: name.0,
                kind: kind.into(),
                test: test.into(),
                wait_period,
                tags,
            },
            Body::UpdateRule { id, name, wait_period } => {
                BoardCommand::UpdateRule { id: id.0, name: name.0, wait_period }
            }
            Body::DeleteRule { id } => BoardCommand::DeleteRule { id: id.0 },
            Body::Tag { object, tags } => BoardCommand::Tag { object: object.into(), tags },
            Body::Untag { object, keys } => BoardCommand::Untag { object: object.into(), keys },
        }
    }
}
