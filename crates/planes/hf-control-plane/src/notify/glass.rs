//! Tells receivers of break-glass acts that no ledger has recorded.
//!
//! 1. Every node that has receivers may tell, whatever its roles, of what its own planes obey: without a ledger there is no journal that says it.
//! 2. An act is told once it has been obeyed here for three beats and the ledger still does not know it: a ledger that lives records it sooner, and
//!    then the journal tells. One that is recorded while it is tried is left to the journal.
//! 3. Of the nodes that have a receiver of this name and report that they obey the act the first by name of those that are heard tells: one without
//!    the signer's key does not know the act, and keeps nobody from telling. Where two cannot hear each other both do: the
//!    notice's id is of the act, so it is the same from each of them, at each repetition, and from the journal later.
//! 4. Which were told is kept in a file beside the receiver's place, as long as the act is obeyed here: as many ids as acts, a few for each zone.
//!
//! Not here: what notices say (`notices`), the journal's way (`notify`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hf_control::BreakGlassShift;
use hf_feed::{NodeReport, act_number};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{LISTENS, LOOK, Receiver, deliver, write};
use crate::api::Context;
use crate::notices;
use crate::teller::is_first;

/// One receiver of a node, and what it was told of acts.
pub(super) struct GlassTeller<'a> {
    context: &'a Context,
    receiver: &'a Receiver,
    folder: &'a Path,
    file: PathBuf,
    /// Ids of what was told, or given up.
    told: BTreeSet<String>,
    /// Since when each act has been obeyed here without a ledger that knows it.
    since: BTreeMap<String, Instant>,
}

impl<'a> GlassTeller<'a> {
    pub(super) fn new(context: &'a Context, receiver: &'a Receiver, folder: &'a Path) -> Self {
        let file = folder.join(format!("{}.break-glass", receiver.config.name));
        GlassTeller { context, receiver, folder, file, told: BTreeSet::new(), since: BTreeMap::new() }
    }

    pub(super) async fn run(mut self) {
        // What cannot be read is told again, under the same ids.
        let bytes = tokio::fs::read(&self.file).await.unwrap_or_default();
        self.told = serde_json::from_slice(&bytes).unwrap_or_default();
        loop {
            let acts = unrecorded(self.context);
            let ids: Vec<String> = acts.iter().map(|act| notices::act_id(act, &act.zone)).collect();
            self.since.retain(|id, _| ids.iter().any(|act| id.starts_with(act)));
            for act in &acts {
                self.look(act).await;
            }
            self.forget().await;
            sleep(LOOK).await;
        }
    }

    async fn look(&mut self, act: &BreakGlassShift) {
        let (context, receiver) = (self.context, self.receiver);
        let told =
            notices::of_act(act, context.clock.now(), context.node.as_str(), context.intent().revision);
        for notice in told {
            let since = *self.since.entry(notice.id.clone()).or_insert_with(Instant::now);
            let is_due = since.elapsed() >= context.beat * LISTENS && !self.told.contains(&notice.id);
            if !is_due || !receiver.config.kinds.contains(&notice.kind) || !self.tells(act) {
                continue;
            }
            if !deliver(context, receiver, &notice, || self.tells(act)).await {
                return;
            }
            self.told.insert(notice.id);
            self.keep().await;
        }
    }

    /// Whether it is for this node to tell, and still for nobody's journal.
    fn tells(&self, act: &BreakGlassShift) -> bool {
        let (context, name) = (self.context, &self.receiver.config.name);
        // What snapshots name has the zone's id, as reports have it.
        let number = act_number(act);
        let obeys = |report: &NodeReport| report.break_glass.contains(&number);
        let is_obeyed_here =
            context.reports.borrow().get(&context.node).is_some_and(|heard| obeys(&heard.report));
        is_obeyed_here
            && is_first(context, |report| report.notices.contains_key(name) && obeys(report))
            && unrecorded(context).contains(act)
    }

    /// What is not obeyed here any more comes no more.
    async fn forget(&mut self) {
        let Some(snapshot) = self.context.snapshot() else { return };
        let obeyed: Vec<String> =
            snapshot.break_glass.iter().map(|act| notices::act_id(act, &act.zone)).collect();
        let before = self.told.len();
        self.told.retain(|id| obeyed.iter().any(|act| id.starts_with(act)));
        if self.told.len() < before {
            self.keep().await;
        }
    }

    async fn keep(&self) {
        let text = serde_json::to_vec(&self.told).expect("a set of texts is JSON");
        if let Err(error) = write(self.folder, &self.file, text).await {
            let file = self.file.display();
            warn!(%file, %error, "what a receiver was told of break-glass acts is not kept");
        }
    }
}

/// What is obeyed here of which the ledger, as far as it is known here, does not tell; in the order of signing.
fn unrecorded(context: &Context) -> Vec<BreakGlassShift> {
    let (Some(snapshot), intent) = (context.snapshot(), context.intent()) else { return Vec::new() };
    let recorded = || intent.break_glass.iter().chain(&snapshot.intent.break_glass).map(|known| &known.act);
    let estate = &snapshot.estate;
    // The ledger keeps an act as it was signed, maybe with an alias of its zone.
    let is_it = |known: &BreakGlassShift, act: &BreakGlassShift| {
        (known.signed_at, &known.by) == (act.signed_at, &act.by)
            && (known.zone == act.zone
                || estate
                    .zone_named(&known.zone)
                    .is_some_and(|zone| estate.zone_named(&act.zone) == Some(zone)))
    };
    let is_open = |act: &&BreakGlassShift| {
        act.estate == snapshot.intent.estate_id && !recorded().any(|known| is_it(known, act))
    };
    let mut acts: Vec<BreakGlassShift> = snapshot.break_glass.iter().filter(is_open).cloned().collect();
    acts.sort_by(|a, b| (a.newness(), &a.zone).cmp(&(b.newness(), &b.zone)));
    acts
}
