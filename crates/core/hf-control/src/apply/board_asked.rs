//! Checks of safety rules and tags as asked for, before anything is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use hf_config::estate::{Enough, RuleTest, limits};
use hf_model::{ControlId, ControlName, PanelId, format_duration};

use crate::board::{Board, ObjectId, RuleKind, Tags};
use crate::command::{Bounded, Refusal};

/// The longest wait period; as of an estate's rules.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// All controls of a rule; of a gate, some may come twice.
pub(super) fn controls_of(kind: &RuleKind) -> impl Iterator<Item = &ControlId> {
    let gating: &[ControlId] = if let RuleKind::Gate { gating, .. } = kind { gating } else { &[] };
    gating.iter().chain(kind.guarded())
}

/// 0 s to 1 h.
pub(super) fn check_wait(rule: &ControlName, wait_period: Duration) -> Result<(), Refusal> {
    if wait_period <= WAIT_MAX {
        return Ok(());
    }
    let why = format!("a wait period has 0s to 1h, this one {}; shorten it", format_duration(wait_period));
    Err(invalid(rule, why))
}

/// Controls of the rule's own panel, each once in a list, and a test that they can meet.
pub(super) fn check_rule(
    board: &Board,
    panel: PanelId,
    rule: &ControlName,
    kind: &RuleKind,
    test: RuleTest,
) -> Result<(), Refusal> {
    if !board.panels.contains_key(&panel) {
        return Err(Refusal::UnknownObject { object: ObjectId::Panel(panel) });
    }
    match kind {
        RuleKind::Assert { controls } => check_list(board, panel, rule, "asserted", controls)?,
        RuleKind::Gate { gating, targets } => {
            check_list(board, panel, rule, "gating", gating)?;
            check_list(board, panel, rule, "target", targets)?;
        }
    }
    let of = kind.counted().len();
    match test.on {
        Enough::AtLeast(count) if !(1..=of).contains(&usize::from(count)) => {
            Err(invalid(rule, format!("it asks for {count} of {of} routing controls; ask for 1 to {of}")))
        }
        _ => Ok(()),
    }
}

fn check_list(
    board: &Board,
    panel: PanelId,
    rule: &ControlName,
    role: &str,
    controls: &[ControlId],
) -> Result<(), Refusal> {
    let max = limits::CONTROLS_OF_A_PANEL;
    if !(1..=max).contains(&controls.len()) {
        let count = controls.len();
        return Err(invalid(rule, format!("it has 1 to {max} {role} routing controls, this one {count}")));
    }
    let mut seen = BTreeSet::new();
    for id in controls {
        let control =
            board.controls.get(id).ok_or(Refusal::UnknownObject { object: ObjectId::Control(*id) })?;
        if control.panel != panel {
            let shown = board.shown(control.panel, &control.name);
            return Err(invalid(
                rule,
                format!("{shown} is in another control panel; name controls of its own"),
            ));
        }
        if !seen.insert(id) {
            return Err(invalid(rule, format!("it names {} twice; name each control once", control.name)));
        }
    }
    Ok(())
}

fn invalid(rule: &ControlName, why: String) -> Refusal {
    Refusal::Invalid { what: format!("safety rule {rule}"), why }
}

/// Keys of 1 to 128 characters, values of 0 to 256, none of them control characters; so many of one object and of all. `object`: what has
/// them, if it is there already.
pub(super) fn check_tags(board: &Board, object: Option<ObjectId>, tags: &Tags) -> Result<(), Refusal> {
    let bad = |why: String| Err(Refusal::Invalid { what: "tag".to_owned(), why });
    for (key, value) in tags {
        let (key_chars, value_chars) = (key.chars().count(), value.chars().count());
        if !(1..=Board::TAG_KEY_CHARS).contains(&key_chars) {
            return bad(format!("a key has 1 to {} characters, this one {key_chars}", Board::TAG_KEY_CHARS));
        }
        if value_chars > Board::TAG_VALUE_CHARS {
            let max = Board::TAG_VALUE_CHARS;
            return bad(format!("the value of {key:?} has 0 to {max} characters, this one {value_chars}"));
        }
        if key.chars().chain(value.chars()).any(char::is_control) {
            return bad(format!("{key:?} or its value has a control character; remove it"));
        }
    }
    let kept = object.and_then(|object| tags_of(board, object));
    let new = tags.keys().filter(|key| !kept.is_some_and(|kept| kept.contains_key(*key))).count();
    if kept.map_or(0, Tags::len) + new > Board::TAGS {
        return Err(Refusal::TooMany { what: Bounded::Tags, count: Board::TAGS });
    }
    if new > 0 && all_tags(board) + new > Board::TAGS_IN_ALL {
        return Err(Refusal::TooMany { what: Bounded::AllTags, count: Board::TAGS_IN_ALL });
    }
    Ok(())
}

fn tags_of(board: &Board, object: ObjectId) -> Option<&Tags> {
    match object {
        ObjectId::Cluster(id) => board.clusters.get(&id).map(|it| &it.tags),
        ObjectId::Panel(id) => board.panels.get(&id).map(|it| &it.tags),
        ObjectId::Control(id) => board.controls.get(&id).map(|it| &it.tags),
        ObjectId::Rule(id) => board.rules.get(&id).map(|it| &it.tags),
    }
}

fn all_tags(board: &Board) -> usize {
    let clusters = board.clusters.values().map(|it| it.tags.len());
    let panels = board.panels.values().map(|it| it.tags.len());
    let controls = board.controls.values().map(|it| it.tags.len());
    let rules = board.rules.values().map(|it| it.tags.len());
    clusters.chain(panels).chain(controls).chain(rules).sum()
}
