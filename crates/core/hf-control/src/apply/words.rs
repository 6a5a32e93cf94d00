//! Clusters, panels, controls and rules in words, for refusals and journals.

use std::fmt::Write as _;

use hf_config::estate::{Enough, RuleTest};
use hf_model::{ControlId, ControlPath, PanelId, format_duration};

use crate::board::{Board, Cluster, NetworkType, Panel, RoutingControl, RuleKind, SafetyRule, Tags};

/// Characters that the tags of one object take up.
const TAGS_CHARS_MAX: usize = 400;

impl Board {
    pub(super) fn cluster_words(cluster: &Cluster) -> String {
        let network = match cluster.network {
            NetworkType::Ipv4 => "IPv4",
            NetworkType::DualStack => "IPv4 and IPv6",
        };
        format!("cluster {}, {network}{}", cluster.name, tags_words(&cluster.tags))
    }

    pub(super) fn panel_words(panel: &Panel) -> String {
        format!("control panel {}{}", panel.name, tags_words(&panel.tags))
    }

    pub(super) fn control_words(&self, control: &RoutingControl) -> String {
        let tags = tags_words(&control.tags);
        format!("routing control {}, {}{tags}", self.shown(control.panel, &control.name), control.to)
    }

    pub(super) fn rule_words(&self, rule: &SafetyRule) -> String {
        let mut text = format!("safety rule {}: ", self.shown(rule.panel, &rule.name));
        let wants = wants(rule.test);
        match &rule.kind {
            RuleKind::Assert { controls } => {
                let _ = write!(text, "{wants} of {} on", self.names(controls));
            }
            RuleKind::Gate { gating, targets } => {
                let (gating, targets) = (self.names(gating), self.names(targets));
                let _ = write!(text, "{targets} while {wants} of {gating} on");
            }
        }
        let _ = write!(text, ", wait period {}{}", format_duration(rule.wait_period), tags_words(&rule.tags));
        text
    }

    fn names(&self, controls: &[ControlId]) -> String {
        let name = |id| self.controls.get(id).map_or("?", |control| control.name.as_str());
        controls.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    /// `PANEL/NAME`.
    pub(super) fn shown(&self, panel: PanelId, name: &hf_model::ControlName) -> String {
        match self.panels.get(&panel) {
            Some(panel) => format!("{}/{name}", panel.name),
            None => name.to_string(),
        }
    }

    pub(super) fn rule_path(&self, rule: &SafetyRule) -> ControlPath {
        // A rule's panel is there for as long as the rule; its own name stands in all the same rather than a panic.
        let fallback = || ControlPath { panel: rule.name.clone(), control: rule.name.clone() };
        self.path_of_rule(rule).unwrap_or_else(fallback)
    }
}

/// What a rule asks for, such as `at least 2`, `all`, `none`.
pub(super) fn wants(test: RuleTest) -> String {
    match (test.on, test.inverted) {
        (Enough::AtLeast(count), false) => format!("at least {count}"),
        (Enough::AtLeast(count), true) => format!("fewer than {count}"),
        (Enough::All, false) => "all".to_owned(),
        (Enough::All, true) => "not all".to_owned(),
        (Enough::Any, false) => "at least 1".to_owned(),
        (Enough::Any, true) => "none".to_owned(),
    }
}

/// `, tags a=1 b=2`; nothing without tags.
fn tags_words(tags: &Tags) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let all = tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    let shown: String = all.chars().take(TAGS_CHARS_MAX).collect();
    let more = if shown.len() < all.len() { "…" } else { "" };
    format!(", tags {shown}{more}")
}
