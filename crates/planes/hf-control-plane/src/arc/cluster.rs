//! route53-recovery-cluster: how routing controls stand, and turning them.

use hf_arc::answer::Nothing;
use hf_arc::answer::cluster::{ControlState, ControlStates, ListedControl};
use hf_arc::arn::{ControlArn, RuleArn};
use hf_arc::call::cluster::Entry;
use hf_arc::{About, ArcError, Call, Output};
use hf_control::{Board, Command, ControlRef, ControlSet, RoutingControl, RuleRef};

use super::config::rule;
use super::{Desk, Failed};

pub(super) async fn serve(desk: &Desk<'_>, call: &Call) -> Result<Output, Failed> {
    match call {
        Call::GetRoutingControlState(asked) => {
            let known = desk.known().await?;
            let control = control(&known.view.board, asked.control)?;
            Ok(Output::GetRoutingControlState(state(control)))
        }
        Call::ListRoutingControlStates(asked) => {
            let known = desk.known().await?;
            let board = &known.view.board;
            if let Some(panel) = asked.panel
                && !board.panels.contains_key(&panel.0)
            {
                let about = About::new(About::PANEL, panel);
                return Err(ArcError::not_found(format!("there is no control panel {panel}"), about).into());
            }
            let wanted = board
                .controls
                .values()
                .filter(|control| asked.panel.is_none_or(|panel| control.panel == panel.0));
            let listed = wanted.filter_map(|control| {
                let panel_name = board.panels.get(&control.panel)?.name.clone();
                Some(ListedControl { panel_name, state: state(control) })
            });
            let key = |listed: &ListedControl| listed.state.routing_control_arn.to_string();
            Ok(Output::ListRoutingControlStates(ControlStates::from(asked.paging.page(listed, key))))
        }
        Call::UpdateRoutingControlState(asked) => {
            turn(desk, &[asked.entry], &asked.overrides).await?;
            Ok(Output::UpdateRoutingControlState(Nothing {}))
        }
        Call::UpdateRoutingControlStates(asked) => {
            turn(desk, &asked.entries, &asked.overrides).await?;
            Ok(Output::UpdateRoutingControlStates(Nothing {}))
        }
        _ => Err(not_of_this_service(call)),
    }
}

/// What cannot be: operations know their service.
pub(super) fn not_of_this_service(call: &Call) -> Failed {
    ArcError::Internal { message: format!("{:?} went to the wrong service", call.operation()) }.into()
}

async fn turn(desk: &Desk<'_>, entries: &[Entry], overrides: &[RuleArn]) -> Result<(), Failed> {
    check_arns(desk, entries, overrides).await?;
    let sets = entries
        .iter()
        .map(|entry| ControlSet { control: ControlRef::Id(entry.control.control), to: entry.to });
    let command = Command::SetControls {
        sets: sets.collect(),
        rule_overrides: overrides.iter().map(|rule| RuleRef::Id(rule.rule)).collect(),
        floor_overrides: Vec::new(),
        reason: String::new(),
    };
    desk.commit(None, command).await.map(|_| ())
}

/// Whether each ARN is one of an object, its panel too: the ledger goes by the last number alone.
///
/// What is not here yet is looked for once more in all that was acknowledged: it may have been made at another node.
async fn check_arns(desk: &Desk<'_>, entries: &[Entry], overrides: &[RuleArn]) -> Result<(), ArcError> {
    let check = |board: &Board| -> Result<(), ArcError> {
        entries.iter().try_for_each(|entry| control(board, entry.control).map(|_| ()))?;
        overrides.iter().try_for_each(|arn| rule(board, *arn).map(|_| ()))
    };
    match check(&desk.known_here().view.board) {
        Ok(()) => Ok(()),
        Err(_) => check(&desk.known().await?.view.board),
    }
}

/// The control of this ARN; its panel is part of its name.
pub(super) fn control(board: &Board, arn: ControlArn) -> Result<&RoutingControl, ArcError> {
    let found = board.controls.get(&arn.control).filter(|control| control.panel == arn.panel);
    found.ok_or_else(|| {
        let message = format!("there is no routing control {arn}; list-routing-controls shows what there is");
        ArcError::not_found(message, About::new(About::CONTROL, arn))
    })
}

fn state(control: &RoutingControl) -> ControlState {
    ControlState {
        routing_control_arn: ControlArn { panel: control.panel, control: control.id },
        routing_control_name: control.name.clone(),
        routing_control_state: control.to,
    }
}
