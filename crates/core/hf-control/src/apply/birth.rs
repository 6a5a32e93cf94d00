//! What a ledger has from its first entry on: the estate's id and the built-in cluster.
//!
//! 1. The id is born of the first entry's request id, stamp and operator. A state that has none, since an older program wrote its
//!    checkpoint, is given one by the next entry: every replica has the same state then, so every replica gives the same.
//! 2. The built-in cluster stands with its default panel before the first command is judged, and whatever the estate in force
//!    declares with it.
//! 3. Numbers of objects are made of the estate's id, the entry that brings them and a counter: no two ledgers share them.

use hf_model::{ClusterId, ControlId, ControlName, EstateId, Operator, PanelId, Revision, RuleId};

use super::declared;
use crate::board::{Board, Cluster, NetworkType, Origin, Panel, PanelRole, Tags};
use crate::command::Entry;
use crate::state::State;

impl State {
    /// Makes what is missing of it.
    pub(super) fn be_born(&mut self, entry: &Entry) {
        if self.estate_id == EstateId::NONE {
            let words = [entry.request.to_string(), entry.stamp.0.to_string(), entry.by.to_string()];
            let text: String = words.iter().map(|word| format!("{}:{word}", word.len())).collect();
            self.estate_id = EstateId::born_of(text.as_bytes());
        }
        let built_in = self.board.built_in_cluster(self.estate_id);
        if self.board.clusters.contains_key(&built_in) {
            return;
        }
        let mut numbers = self.numbers();
        let cluster = Cluster {
            id: built_in,
            name: name(Board::BUILT_IN),
            network: NetworkType::default(),
            origin: Origin::Estate,
            tags: Tags::new(),
            revision: self.revision,
        };
        self.board.clusters.insert(built_in, cluster);
        self.board.add_default_panel(built_in, &mut numbers);
        if let Some(estate) = self.estate.clone() {
            // Within the limits and with nothing of others in its way, it cannot be refused.
            if let Ok(declared) = self.declare(&estate, &mut numbers, &entry.by) {
                self.board = declared.board;
            }
        }
    }

    /// The numbers of what this entry makes.
    pub(super) fn numbers(&self) -> Numbers {
        Numbers { estate: self.estate_id, revision: self.revision, made: 0 }
    }

    pub(super) fn declare(
        &self,
        estate: &hf_config::estate::Estate,
        numbers: &mut Numbers,
        by: &Operator,
    ) -> Result<declared::Declared, crate::Refusal> {
        let built_in = self.board.built_in_cluster(self.estate_id);
        declared::declare(
            &self.board,
            built_in,
            estate,
            &declared::Context { stamp: self.stamp, by },
            numbers,
        )
    }
}

impl Board {
    /// The name of the cluster that is always there.
    pub const BUILT_IN: &str = "holdfast";
    /// The name of the panel that comes with a cluster.
    pub const DEFAULT_PANEL: &str = "default";

    pub(super) fn add_default_panel(&mut self, cluster: ClusterId, numbers: &mut Numbers) {
        let panel = Panel {
            id: numbers.panel(self),
            cluster,
            name: name(Board::DEFAULT_PANEL),
            origin: Origin::Api,
            role: PanelRole::Default,
            tags: Tags::new(),
            revision: numbers.revision,
        };
        self.panels.insert(panel.id, panel);
    }
}

fn name(text: &str) -> ControlName {
    ControlName::new(text).expect("a few lower-case letters")
}

/// Gives numbers to new objects.
pub(super) struct Numbers {
    estate: EstateId,
    pub(super) revision: Revision,
    made: u32,
}

impl Numbers {
    pub(super) fn cluster(&mut self, board: &Board) -> ClusterId {
        self.free("cluster", ClusterId, |id| !board.clusters.contains_key(id))
    }

    pub(super) fn panel(&mut self, board: &Board) -> PanelId {
        self.free("panel", PanelId, |id| !board.panels.contains_key(id))
    }

    pub(super) fn control(&mut self, board: &Board) -> ControlId {
        self.free("control", |number| ControlId(half(number)), |id| !board.controls.contains_key(id))
    }

    pub(super) fn rule(&mut self, board: &Board) -> RuleId {
        self.free("rule", |number| RuleId(half(number)), |id| !board.rules.contains_key(id))
    }

    /// The next one that nothing has.
    fn free<Id>(&mut self, kind: &str, id: impl Fn(u128) -> Id, is_free: impl Fn(&Id) -> bool) -> Id {
        loop {
            let text = format!("{} {} {kind} {}", self.estate, self.revision, self.made);
            self.made = self.made.wrapping_add(1);
            let EstateId(bytes) = EstateId::born_of(text.as_bytes());
            let id = id(u128::from_be_bytes(bytes));
            if is_free(&id) {
                return id;
            }
        }
    }
}

fn half(number: u128) -> u64 {
    (number >> 64) as u64
}
