//! Control panels and routing controls, and references to them.
//!
//! A reference names a routing control by `PANEL/NAME`, or by `NAME` where one panel only has it.
//!
//! Not here: safety rules (`rules`), how a control stands (the ledger's to say).

use std::collections::BTreeMap;

use hf_model::{ControlName, ControlPath, Switch};

use super::zones::named;
use crate::estate::{ControlPanel, EstateControl, limits};
use crate::walk::{Fields, Names, Report, Value, clip, nearest, there};

/// The control panels of the file; those with a problem are `None`.
pub(super) struct Panels {
    pub(super) list: Vec<Option<ControlPanel>>,
    pub(super) names: Names,
}

/// The routing controls of the file; those with a problem are `None`.
pub(super) struct Controls {
    pub(super) list: Vec<Option<EstateControl>>,
    /// `PANEL/NAME` as written.
    paths: Names,
    /// By name alone: the paths that have it.
    by_name: BTreeMap<String, Vec<(u16, String)>>,
    /// Names in each panel.
    in_panel: BTreeMap<u16, Names>,
}

pub(super) fn panels(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Panels {
    let mut names = Names::new("control panel");
    let mut list = Vec::new();
    for (position, mut fields) in
        (0..).zip(root.list("control_panel", "a control panel", limits::CONTROL_PANELS, report))
    {
        let name = named(&mut fields, "name", position, &mut names, report)
            .and_then(|name| name.read(report, ControlName::new));
        fields.finish(&[], report);
        list.push(name.map(|name| ControlPanel { name }));
    }
    Panels { list, names }
}

pub(super) fn controls(root: &mut Fields<'_, '_>, panels: &Panels, report: &mut Report<'_>) -> Controls {
    let mut controls = Controls {
        list: Vec::new(),
        paths: Names::new("routing control"),
        by_name: BTreeMap::new(),
        in_panel: BTreeMap::new(),
    };
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for (position, fields) in
        (0..).zip(root.list("routing_control", "a routing control", limits::ROUTING_CONTROLS, report))
    {
        let at = fields.at();
        let (read, panel) = control(fields, position, panels, &mut controls, report);
        controls.list.push(read);
        if let Some(panel) = panel {
            let count = counts.entry(panel).or_default();
            *count += 1;
            if *count == limits::CONTROLS_OF_A_PANEL + 1 {
                let max = limits::CONTROLS_OF_A_PANEL;
                report.add(
                    at,
                    format_args!("a control panel has at most {max} routing controls; use another panel"),
                );
            }
        }
    }
    controls
}

/// The control, and its panel's position as far as it can be told.
fn control(
    mut fields: Fields<'_, '_>,
    position: u16,
    panels: &Panels,
    controls: &mut Controls,
    report: &mut Report<'_>,
) -> (Option<EstateControl>, Option<u16>) {
    let name_value = fields.need("name", report);
    let panel_value = fields.need("panel", report);
    let panel = panel_value.and_then(|value| panels.names.find(value.text(report)?, value.at(), report));
    if let (Some(name), Some(of)) = (name_value, panel_value)
        && let (Some(name_text), Some(panel_text)) = (name.text(report), of.text(report))
    {
        controls.take(name_text, panel_text, panel, position, name.at(), report);
    }
    let name = name_value.and_then(|value| value.read(report, ControlName::new));
    let initial = match fields.get("initial") {
        Some(value) => value.read(report, |text| match text {
            "on" => Ok(Switch::On),
            "off" => Ok(Switch::Off),
            other => Err(format!("{:?} is no state of a routing control; write on or off", clip(other))),
        }),
        None => Some(Switch::On),
    };
    fields.finish(&[], report);
    let panel_name = panel.and_then(|at| panels.list[usize::from(at)].as_ref()).map(|of| of.name.clone());
    let path = panel_name.zip(name).map(|(panel, control)| ControlPath { panel, control });
    (path.zip(initial).map(|(path, initial)| EstateControl { path, initial }), panel)
}

impl Controls {
    fn take(
        &mut self,
        name: &str,
        panel_name: &str,
        panel: Option<u16>,
        position: u16,
        at: usize,
        report: &mut Report<'_>,
    ) {
        let path = format!("{panel_name}/{name}");
        if self.paths.get(&path).is_some() {
            let (name, panel) = (clip(name), clip(panel_name));
            report.add(
                at,
                format_args!("panel `{panel}` has routing control `{name}` twice; remove one of the two"),
            );
            return;
        }
        self.paths.insert(&path, position, at, report);
        self.by_name.entry(name.to_owned()).or_default().push((position, path));
        if let Some(panel) = panel {
            let names =
                self.in_panel.entry(panel).or_insert_with(|| Names::new("routing control of this panel"));
            names.insert(name, position, at, report);
        }
    }

    /// The control that a value names, or a problem that says which there are.
    pub(super) fn find(&self, value: Value<'_, '_>, report: &mut Report<'_>) -> Option<ControlPath> {
        let text = value.text(report)?;
        let position = if text.contains('/') {
            self.paths.find(text, value.at(), report)
        } else {
            self.find_name(text, value.at(), report)
        };
        self.list[usize::from(position?)].as_ref().map(|control| control.path.clone())
    }

    fn find_name(&self, name: &str, at: usize, report: &mut Report<'_>) -> Option<u16> {
        match self.by_name.get(name).map(Vec::as_slice) {
            Some([(position, _)]) => Some(*position),
            Some(several) => {
                let all = there(several.iter().map(|(_, path)| path.as_str()));
                let name = clip(name);
                report.add(
                    at,
                    format_args!("several panels have a routing control `{name}`; write which, {all}"),
                );
                None
            }
            None => {
                let near = nearest(name, self.by_name.keys().map(String::as_str));
                match near.and_then(|near| self.by_name[near].first()) {
                    Some((_, path)) if !report.is_full() => {
                        let all = there(self.paths.all());
                        report.add(
                            at,
                            format_args!(
                                "no routing control is named `{}`; did you mean `{path}`? {all}",
                                clip(name)
                            ),
                        );
                        None
                    }
                    _ => self.paths.find(name, at, report),
                }
            }
        }
    }

    /// The control of this name in the panel at `panel`, or a problem that says which there are.
    pub(super) fn find_in(
        &self,
        panel: u16,
        value: Value<'_, '_>,
        report: &mut Report<'_>,
    ) -> Option<ControlName> {
        let text = value.text(report)?;
        let Some(names) = self.in_panel.get(&panel) else {
            report.add(value.at(), "the rule's panel has no routing control; add [[routing_control]]");
            return None;
        };
        let position = names.find(text, value.at(), report)?;
        self.list[usize::from(position)].as_ref().map(|control| control.path.control.clone())
    }
}
