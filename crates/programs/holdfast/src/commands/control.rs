//! `holdfast control`: routing controls, their panels and safety rules.
//!
//! Not here: how panels look (`words`).

pub mod words;

use hf_api::{Client, ControlSet, ControlTo, Controls, RoutingControl, SafetyRule, SetControls};
use serde::Serialize;

use super::wait::until_applied;
use crate::args::{Common, ControlArgs, ControlCommand, TurnHow};
use crate::failure::Failure;
use crate::output::show;
use crate::session::client;

/// Runs one of the control commands.
pub async fn run(args: &ControlArgs, common: &Common) -> Result<(), Failure> {
    let all = |names: &[String], to: ControlTo| {
        names.iter().map(|name| ControlSet { control: name.clone(), to }).collect()
    };
    match &args.command {
        ControlCommand::List { panels, stale } => {
            let mut controls = client(common)?.controls(*stale).await?;
            only(&mut controls, panels)?;
            show(common.output, &controls, words::in_tables)
        }
        ControlCommand::Show { name, stale } => {
            let controls = client(common)?.controls(*stale).await?;
            let found = find(&controls, name)?;
            show(common.output, &found, |found| match found {
                Found::Control(control) => words::control(control, controls.now_ms),
                Found::Rule(rule) => words::rule(rule, controls.now_ms),
            })
        }
        ControlCommand::On(turn) => set(all(&turn.names, ControlTo::On), &turn.how, common).await,
        ControlCommand::Off(turn) => set(all(&turn.names, ControlTo::Off), &turn.how, common).await,
        ControlCommand::Set(args) => set(args.sets.clone(), &args.how, common).await,
    }
}

async fn set(sets: Vec<ControlSet>, how: &TurnHow, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    let done = client
        .set_controls(&SetControls {
            sets,
            override_rules: how.override_rule.clone(),
            override_floor: how.override_floor.clone(),
            reason: how.reason.clone(),
            request_id: Some(hf_api::client::request_id()),
        })
        .await?;
    eprintln!("in the ledger at revision {}", done.revision);
    if !how.no_wait {
        until_applied(&client, done.revision).await;
        tell_what_yields(&client, &done.controls).await;
    }
    show(common.output, &done, words::turned)
}

/// Says where a control that is off now takes nothing away.
async fn tell_what_yields(client: &Client, turned: &[RoutingControl]) {
    // Not told in time: the change stands, and `holdfast status` tells.
    let Ok(status) = client.status().await else { return };
    for act in &status.not_applied {
        let is_ours =
            |control: &RoutingControl| control.state == ControlTo::Off && act.source.contains(&control.path);
        if turned.iter().any(is_ours) {
            eprintln!("NOT APPLIED on {} in {}: {}", act.resource, act.zone, act.why);
        }
    }
}

/// What `holdfast control show` found.
#[derive(Serialize)]
#[serde(untagged)]
enum Found<'a> {
    Control(&'a RoutingControl),
    Rule(&'a SafetyRule),
}

fn only(controls: &mut Controls, panels: &[String]) -> Result<(), Failure> {
    if panels.is_empty() {
        return Ok(());
    }
    if let Some(unknown) =
        panels.iter().find(|name| !controls.panels.iter().any(|panel| panel.name == **name))
    {
        let known: Vec<&str> = controls.panels.iter().map(|panel| panel.name.as_str()).collect();
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        return Err(Failure::Refused(format!("there is no control panel `{unknown}`; {known}")));
    }
    controls.panels.retain(|panel| panels.contains(&panel.name));
    Ok(())
}

fn find<'a>(controls: &'a Controls, name: &str) -> Result<Found<'a>, Failure> {
    let is_named = |path: &str, id: &str| match name.strip_prefix('#') {
        Some(number) => id == number,
        None if name.contains('/') => path == name,
        None => path.split_once('/').is_some_and(|(_, short)| short == name),
    };
    let all = controls.panels.iter().flat_map(|panel| {
        let of = panel.controls.iter().map(|control| (&control.path, &control.id, Found::Control(control)));
        of.chain(panel.rules.iter().map(|rule| (&rule.path, &rule.id, Found::Rule(rule))))
    });
    let mut found: Vec<(&String, &String, Found<'a>)> =
        all.filter(|(path, id, _)| is_named(path.as_str(), id.as_str())).collect();
    match (found.pop(), found.first()) {
        (None, _) => Err(Failure::Refused(format!(
            "there is no routing control or safety rule `{name}`; `holdfast control list` shows what there is"
        ))),
        (Some((_, _, one)), None) => Ok(one),
        (Some((last, _, _)), Some((first, _, _))) => Err(Failure::Refused(format!(
            "`{name}` may be `{first}` or `{last}`; name it as PANEL/NAME or #NUMBER"
        ))),
    }
}

#[cfg(test)]
mod tests;
