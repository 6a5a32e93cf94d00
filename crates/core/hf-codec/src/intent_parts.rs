//! An intent in two parts: what rarely changes and may be long, and what each change brings.
//!
//! 1. The base is the estate as written, the board without how its controls stand, dynamic records and DNSSEC keys. It is named by the
//!    digest of its bytes.
//! 2. The head is all the rest, behind the digest of the base that it goes with; so equal intents have equal heads.
//! 3. A head and the base that it names give the whole intent back, bit by bit. With another base it is refused.
//!
//! What sources told of pools' endpoints is in the head: it changes more often than the text, and is never that long.
//!
//! With 300 routing controls and 1,000 safety rules the base has half a megabyte, the head a tenth of that; a turned control changes the
//! head alone.
//!
//! Not here: who has which base, and asks for it (`hf-feed`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::EstateBundle;
use hf_control::{Board, ControlState, DynamicZone, Intent, RoutingControl, ZoneKey};
use hf_model::{ControlId, Digest, Operator, Revision, Switch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::act::{Overrides, overrides, read_overrides};
use crate::board::{BoardBody, SwitchBody};
use crate::bundle::BundleBody;
use crate::envelope::Format;
use crate::error::CodecError;
use crate::hosted::{self, DynamicBody, ZoneKeyBody};
use crate::intent::{self, IntentBody, Long};
use crate::limits;
use crate::list::AtMost;
use crate::text::AsText;

const BASE: Format = Format {
    tag: "intent-base",
    name: "the base of an intent",
    version: 1,
    bytes_max: limits::INTENT_BYTES,
    mend: "make the estate smaller",
};

const HEAD: Format = Format {
    tag: "intent-head",
    name: "the head of an intent",
    version: 4,
    bytes_max: limits::INTENT_BYTES,
    mend: "end some acts",
};

/// Bytes of the digest before a head.
const DIGEST_BYTES: usize = 32;

/// What of an intent rarely changes: estate, board without how its controls stand, dynamic records, DNSSEC keys.
#[derive(Clone, Debug)]
pub struct IntentBase {
    digest: Digest,
    bytes: Arc<[u8]>,
    estate: EstateBundle,
    /// Every control as [`bare`] makes it.
    board: Board,
    dynamic: Vec<DynamicZone>,
    zone_keys: Vec<ZoneKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaseBody {
    estate: BundleBody,
    board: BoardBody,
    dynamic: Vec<DynamicBody>,
    zone_keys: Vec<ZoneKeyBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadBody {
    /// With nothing of the base, and no `controls` that the board tells.
    intent: IntentBody,
    /// How every control of the board stands, by number.
    stand: AtMost<StandBody, { limits::CONTROLS }>,
    /// Whether `controls` are what the board says of the built-in cluster, as in every intent of a ledger.
    controls_of_board: bool,
}

/// How one control stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StandBody {
    id: AsText<ControlId>,
    to: SwitchBody,
    changed_at_ms: u64,
    turned_at_ms: Option<u64>,
    by: AsText<Operator>,
    reason: String,
    floor_overrides: Overrides,
    revision: u64,
}

/// The base that a head goes with; none if it is too short to be one.
pub fn base_of_head(head: &[u8]) -> Option<Digest> {
    head.first_chunk::<DIGEST_BYTES>().map(|digest| Digest(*digest))
}

impl IntentBase {
    /// The base of an intent.
    pub fn of(intent: &Intent) -> Result<IntentBase, CodecError> {
        let (estate, board) = (intent.estate.clone(), without_stands(&intent.board));
        let (dynamic, zone_keys) = (intent.dynamic.clone(), intent.zone_keys.clone());
        hosted::check(&BASE, &dynamic, &zone_keys)?;
        let bytes = BASE.seal(&BaseBody {
            estate: BundleBody::of(&estate, &BASE)?,
            board: BoardBody::of(&board, &BASE)?,
            dynamic: hosted::dynamic(&dynamic),
            zone_keys: zone_keys.iter().map(ZoneKeyBody::from).collect(),
        })?;
        Ok(IntentBase { digest: Digest::of(&bytes), bytes: bytes.into(), estate, board, dynamic, zone_keys })
    }

    /// Reads a base. The estate is not read: whoever obeys it does that.
    pub fn read(bytes: &[u8]) -> Result<IntentBase, CodecError> {
        let body: BaseBody = BASE.open(bytes)?;
        let (estate, board) = (body.estate.read(&BASE)?, body.board.read(&BASE)?);
        let dynamic = hosted::read_dynamic(body.dynamic);
        let zone_keys: Vec<ZoneKey> = body.zone_keys.into_iter().map(Into::into).collect();
        hosted::check(&BASE, &dynamic, &zone_keys)?;
        if let Some(control) = board.controls.values().find(|control| **control != bare(control)) {
            return Err(
                BASE.invalid(&format!("board.controls {}", control.id), "says how the control stands")
            );
        }
        Ok(IntentBase { digest: Digest::of(bytes), bytes: bytes.into(), estate, board, dynamic, zone_keys })
    }

    /// Its name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// As [`IntentBase::read`] takes it.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Whether an intent has this base. Work: one look at everything in it, nothing is copied.
    pub fn is_of(&self, intent: &Intent) -> bool {
        let (ours, theirs) = (&self.board, &intent.board);
        self.estate == intent.estate
            && self.dynamic == intent.dynamic
            && self.zone_keys == intent.zone_keys
            && ours.clusters == theirs.clusters
            && ours.panels == theirs.panels
            && ours.rules == theirs.rules
            && ours.controls.len() == theirs.controls.len()
            && ours
                .controls
                .values()
                .zip(theirs.controls.values())
                .all(|(ours, theirs)| is_same(ours, theirs))
    }

    /// The head of an intent that has this base.
    pub fn head(&self, intent: &Intent) -> Result<Vec<u8>, CodecError> {
        let mut body = intent::body(intent, Long::of(&Intent::default()))?;
        let controls_of_board = intent.controls == control_states(intent, &intent.board);
        if controls_of_board {
            body.forget_controls();
        }
        let stand = AtMost::of(intent.board.controls.values(), StandBody::of);
        let sealed = HEAD.seal(&HeadBody { intent: body, stand, controls_of_board })?;
        let mut bytes = Vec::with_capacity(DIGEST_BYTES + sealed.len());
        bytes.extend_from_slice(&self.digest.0);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// The intent whose head this is.
    pub fn with_head(&self, head: &[u8]) -> Result<Intent, CodecError> {
        if base_of_head(head) != Some(self.digest) {
            return Err(HEAD.invalid("base", format_args!("is another than {}", self.digest.short())));
        }
        let body: HeadBody = HEAD.open(&head[DIGEST_BYTES..])?;
        let mut intent = intent::read(body.intent)?;
        let is_bare = intent.dynamic.is_empty() && intent.zone_keys.is_empty();
        if !is_bare || intent.estate != EstateBundle::default() || intent.board != Board::default() {
            return Err(HEAD.invalid("intent", "has what is in the base"));
        }
        intent.estate = self.estate.clone();
        intent.dynamic.clone_from(&self.dynamic);
        intent.zone_keys.clone_from(&self.zone_keys);
        intent.board = self.stands(body.stand)?;
        if body.controls_of_board {
            if !intent.controls.is_empty() {
                return Err(HEAD.invalid(
                    "intent.controls",
                    "are there, and `controls_of_board` says that they are not",
                ));
            }
            intent.controls = control_states(&intent, &intent.board);
        }
        Ok(intent)
    }

    /// The board with its controls as they stand.
    fn stands(&self, stands: AtMost<StandBody, { limits::CONTROLS }>) -> Result<Board, CodecError> {
        let mut board = self.board.clone();
        let mut left: BTreeMap<ControlId, StandBody> =
            stands.0.into_iter().map(|stand| (stand.id.0, stand)).collect();
        for control in board.controls.values_mut() {
            let Some(stand) = left.remove(&control.id) else {
                return Err(HEAD.invalid("stand", format_args!("lacks routing control {}", control.id)));
            };
            stand.onto(control);
        }
        match left.keys().next() {
            Some(id) => {
                Err(HEAD.invalid("stand", format_args!("has routing control {id}, which the base has not")))
            }
            None => Ok(board),
        }
    }
}

fn control_states(intent: &Intent, board: &Board) -> Vec<ControlState> {
    board.control_states(intent.estate_id)
}

fn without_stands(board: &Board) -> Board {
    Board {
        clusters: board.clusters.clone(),
        panels: board.panels.clone(),
        controls: board.controls.iter().map(|(id, control)| (*id, bare(control))).collect(),
        rules: board.rules.clone(),
    }
}

/// The control without how it stands.
fn bare(control: &RoutingControl) -> RoutingControl {
    RoutingControl {
        id: control.id,
        panel: control.panel,
        name: control.name.clone(),
        origin: control.origin,
        to: Switch::Off,
        changed_at: Timestamp(0),
        turned_at: None,
        by: Operator::new(""),
        reason: String::new(),
        floor_overrides: Vec::new(),
        tags: control.tags.clone(),
        revision: Revision(0),
    }
}

/// Whether two controls are the same but for how they stand.
fn is_same(one: &RoutingControl, other: &RoutingControl) -> bool {
    let of = |control: &RoutingControl| (control.id, control.panel, control.origin);
    of(one) == of(other) && one.name == other.name && one.tags == other.tags
}

impl StandBody {
    fn of(control: &RoutingControl) -> Self {
        StandBody {
            id: AsText(control.id),
            to: control.to.into(),
            changed_at_ms: control.changed_at.0,
            turned_at_ms: control.turned_at.map(|at| at.0),
            by: AsText(control.by.clone()),
            reason: control.reason.clone(),
            floor_overrides: overrides(&control.floor_overrides),
            revision: control.revision.0,
        }
    }

    fn onto(self, control: &mut RoutingControl) {
        control.to = self.to.into();
        control.changed_at = Timestamp(self.changed_at_ms);
        control.turned_at = self.turned_at_ms.map(Timestamp);
        control.by = self.by.0;
        control.reason = self.reason;
        control.floor_overrides = read_overrides(self.floor_overrides);
        control.revision = Revision(self.revision);
    }
}
