//! What the parts of a node are given, and the parts that only tell: the checker, the teller of seconds, the teller of consumers.
//!
//! Not here: ports (`open`), the planes (`planes`).

use std::sync::Arc;

use hf_checker::{Checker, CheckerConfig};
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role};
use hf_consumers::Groups;
use hf_control_plane::{AskedVotes, Carried, Gate, GivenBreakGlass, Notifications, ObeyedHere, PushedHere};
use hf_feed::{ConsumersHeard, Reports};
use hf_geo::Geography;
use hf_gray::Judged;
use hf_health::Table;
use hf_snapshot::Snapshot;
use hf_telemetry::{Activity, Consumers, Second};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::consumers_here::{self, Telling};
use crate::parts::Parts;
use crate::seconds;

/// What the parts of a node are given.
pub(super) struct Given {
    pub(super) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(super) reports: watch::Receiver<Arc<Reports>>,
    pub(super) obeyed: ObeyedHere,
    pub(super) gray: watch::Receiver<Arc<Judged>>,
    pub(super) file_problem: watch::Receiver<Option<String>>,
    pub(super) break_glass: mpsc::Sender<GivenBreakGlass>,
    pub(super) votes: mpsc::Sender<AskedVotes>,
    pub(super) gate: watch::Receiver<Gate>,
    pub(super) activity: Arc<Activity>,
    pub(super) geography: Geography,
    pub(super) endpoint_sources: Arc<hf_control_plane::Sources>,
    pub(super) carried: Arc<Carried>,
    pub(super) notifications: Arc<Notifications>,
    pub(super) pushed: Option<Arc<dyn PushedHere>>,
    /// Who obeys zone status, as far as this node hears of it: every part of the role `status` tells it.
    pub(super) consumers: Consumers,
    /// The same of all nodes.
    pub(super) consumers_heard: watch::Receiver<Arc<ConsumersHeard>>,
    pub(super) clock: Clock,
}

/// The checker of a node with that role; nothing runs yet.
pub(super) fn checker(
    config: &NodeConfig,
    clock: &Clock,
    activity: &Activity,
    heard_outside: watch::Receiver<Option<Instant>>,
    problem: watch::Sender<Option<String>>,
) -> Option<Checker> {
    let zone = config.zone.clone().filter(|_| config.roles.contains(&Role::Checker))?;
    Some(Checker::new(CheckerConfig {
        commands: config.checker.allow_commands.clone(),
        heard_outside: Some(heard_outside),
        counts: activity.probes().clone(),
        problem: Some(problem),
        ..CheckerConfig::new(config.id.clone(), zone, clock.clone())
    }))
}

pub(super) fn start_checker(
    checker: Checker,
    given: &Given,
    parts: &mut Parts,
) -> watch::Receiver<Option<Table>> {
    let (tables_to, tables) = watch::channel(None);
    let (snapshots, stopped) = (given.snapshots.clone(), parts.stopped());
    parts.start("checker", async move { checker.run(snapshots, tables_to, stopped).await });
    tables
}

/// Tells what the balancer does in each second.
pub(super) fn start_seconds(given: &Given, parts: &mut Parts) -> watch::Receiver<Option<Arc<Second>>> {
    let (seconds_to, seconds) = watch::channel(None);
    let (activity, clock) = (given.activity.clone(), given.clock.clone());
    parts.start("teller of seconds", seconds::run(activity, clock, seconds_to, parts.stopped()));
    seconds
}

/// Tells what consumers told this node, and keeps it.
pub(super) fn start_consumers(
    config: &NodeConfig,
    given: &Given,
    parts: &mut Parts,
) -> watch::Receiver<Groups> {
    let (groups_to, groups) = watch::channel(Groups::default());
    let telling = Telling {
        consumers: given.consumers.clone(),
        clock: given.clock.clone(),
        beat: config.beat,
        heard: given.consumers_heard.clone(),
        to: groups_to,
        data_dir: config.data_dir.clone(),
    };
    parts.start("teller of consumers", consumers_here::run(telling, parts.stopped()));
    groups
}
