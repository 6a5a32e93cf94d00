//! The planes of a node: with their ports open, and then running.
//!
//! Not here: opening the ports (`open`), the parts around them (`start`).

use std::sync::Arc;
use std::time::Duration;

use hf_api::tls::Identity;
use hf_config::node::NodeConfig;
use hf_control_plane::Control;
use tokio::sync::watch;

use super::given::Given;
use crate::balancer_state::{self, Keeping};
use crate::elsewhere::Elsewhere;
use crate::parts::Parts;
use crate::takeover::{self, LetGo};
use crate::updates::HandedOn;

/// Those of the node's roles.
pub(super) struct Planes {
    pub(super) status: Option<hf_status::Bound>,
    pub(super) dns: Option<((hf_dns::Bound, hf_dns::Settings), hf_dns::ColdInputs)>,
    pub(super) balancer: Option<hf_balancer::Bound>,
    pub(super) assigner: Option<hf_assigner::Bound>,
    pub(super) elsewhere: Elsewhere,
    pub(super) xds: Option<hf_xds::Bound>,
}

/// What they need besides.
pub(super) struct Around<'a> {
    pub(super) config: &'a NodeConfig,
    pub(super) given: &'a Given,
    /// The ledger's writer, for dynamic updates of DNS.
    pub(super) control: Option<Control>,
    /// Told when a successor has taken the listeners.
    pub(super) let_go: LetGo,
    /// Ends the node.
    pub(super) stop: &'a watch::Sender<bool>,
}

impl Planes {
    /// Starts all of them.
    pub(super) fn start(self, around: Around<'_>, parts: &mut Parts) {
        let Around { config, given, control, let_go, stop } = around;
        let stopped = parts.stopped();
        if let Some(status) = self.status {
            parts.start("status", status.run(stopped.clone()));
        }
        self.elsewhere.start(parts);
        if let Some(xds) = self.xds {
            parts.start("xds", xds.run(stopped.clone()));
        }
        if let Some(assigner) = self.assigner {
            parts.start("assigner", assigner.run(stopped.clone()));
        }
        if let Some(((dns, settings), mut cold)) = self.dns {
            let identity = config
                .tls
                .as_ref()
                .map(|tls| Identity { certificate: tls.certificate.clone(), key: tls.key.clone() });
            let control = control.map(|control| (control, given.obeyed.clone()));
            cold.updates = Some(Arc::new(HandedOn::new(control, given.reports.clone(), identity)));
            let inputs = hf_dns::Inputs {
                snapshots: given.snapshots.clone(),
                clock: given.clock.clone(),
                activity: given.activity.clone(),
                own_zone: config.zone.clone(),
                settings,
                geography: given.geography.clone(),
                cold,
            };
            parts.start("dns", dns.run(inputs, stopped.clone()));
        }
        if let Some(balancer) = self.balancer {
            let keeping = Keeping {
                data_dir: config.data_dir.clone(),
                memories: balancer.memories(),
                begun: balancer.begun(),
                clock: given.clock.clone(),
            };
            parts.start("keeper of the balancer's state", balancer_state::run(keeping, stopped.clone()));
            let calls = takeover::answer(
                takeover::door(config),
                balancer.handover(),
                let_go,
                stop.clone(),
                parts.stopped_last(),
            );
            parts.start_staying("door for successors", Duration::ZERO, calls);
            // Its clients have `drain`, and it a moment more to see that they are gone.
            let grace = config.balancer.drain + Duration::from_secs(1);
            parts.start_staying("balancer", grace, balancer.run(parts.stopped_last()));
        }
    }
}
