//! route53-recovery-control-config: clusters, control panels, routing controls, safety rules, tags.

use hf_arc::answer::Nothing;
use hf_arc::answer::config as wire;
use hf_arc::arn::{ClusterArn, ControlArn, ObjectArn, PanelArn, RuleArn};
use hf_arc::call::config::{NewRuleKind, RuleConfig, RuleSort, RuleType};
use hf_arc::{About, ArcError, Call, Output};
use hf_config::estate::{CheckKind, Enough, RuleTest};
use hf_control::{
    Board, BoardCommand, Cluster, Command, NetworkType, ObjectId, Panel, PanelRole, RoutingControl, RuleKind,
    SafetyRule, Tags,
};
use hf_model::{ControlId, PanelId, RequestId};

use super::cluster::{control, not_of_this_service};
use super::{Desk, Failed, Known};

/// Characters of a health check's name in a list.
const CHECK_CHARS: usize = 36;

#[expect(clippy::too_many_lines, reason = "one arm for each operation; each does one thing")]
pub(super) async fn serve(desk: &Desk<'_>, call: &Call) -> Result<Output, Failed> {
    let output = match call {
        Call::CreateCluster(asked) => {
            let command = BoardCommand::CreateCluster {
                name: asked.name.clone(),
                network: network(asked.network),
                tags: asked.tags.clone(),
            };
            let request = asked.token.as_ref().map(|token| token.request_id(call.operation()));
            let made = make(desk, request, command).await?;
            let known = desk.known_here();
            Output::CreateCluster(cluster_result(desk, &known, made)?)
        }
        Call::UpdateCluster(asked) => {
            let id = asked.cluster.0;
            change(desk, BoardCommand::UpdateCluster { id, network: network(asked.network) }).await?;
            Output::UpdateCluster(cluster_result(desk, &desk.known_here(), ObjectId::Cluster(id))?)
        }
        Call::DescribeCluster(asked) => {
            let known = desk.known().await?;
            Output::DescribeCluster(cluster_result(desk, &known, ObjectId::Cluster(asked.cluster.0))?)
        }
        Call::DeleteCluster(asked) => {
            change(desk, BoardCommand::DeleteCluster { id: asked.cluster.0 }).await?;
            Output::DeleteCluster(Nothing {})
        }
        Call::ListClusters(asked) => {
            let known = desk.known().await?;
            let endpoints = endpoints(desk);
            let all = known.view.board.clusters.values().map(|cluster| of_cluster(cluster, &endpoints));
            let key = |cluster: &wire::Cluster| cluster.cluster_arn.to_string();
            Output::ListClusters(asked.paging.page(all, key).into())
        }
        Call::CreateControlPanel(asked) => {
            let command = BoardCommand::CreatePanel {
                cluster: asked.cluster.0,
                name: asked.name.clone(),
                tags: asked.tags.clone(),
            };
            let request = asked.token.as_ref().map(|token| token.request_id(call.operation()));
            let made = make(desk, request, command).await?;
            Output::CreateControlPanel(panel_result(&desk.known_here().view.board, made)?)
        }
        Call::UpdateControlPanel(asked) => {
            let id = asked.panel.0;
            change(desk, BoardCommand::RenamePanel { id, name: asked.name.clone() }).await?;
            Output::UpdateControlPanel(panel_result(&desk.known_here().view.board, ObjectId::Panel(id))?)
        }
        Call::DescribeControlPanel(asked) => {
            let known = desk.known().await?;
            Output::DescribeControlPanel(panel_result(&known.view.board, ObjectId::Panel(asked.panel.0))?)
        }
        Call::DeleteControlPanel(asked) => {
            change(desk, BoardCommand::DeletePanel { id: asked.panel.0 }).await?;
            Output::DeleteControlPanel(Nothing {})
        }
        Call::ListControlPanels(asked) => {
            let known = desk.known().await?;
            let board = &known.view.board;
            if let Some(arn) = asked.cluster
                && !board.clusters.contains_key(&arn.0)
            {
                return Err(gone(About::CLUSTER, "cluster", arn).into());
            }
            let wanted = board.panels.values();
            let wanted = wanted.filter(|panel| asked.cluster.is_none_or(|arn| panel.cluster == arn.0));
            let key = |panel: &wire::ControlPanel| panel.control_panel_arn.to_string();
            let page = asked.paging.page(wanted.map(|panel| of_panel(board, panel)), key);
            Output::ListControlPanels(page.into())
        }
        Call::CreateRoutingControl(asked) => {
            let command = BoardCommand::CreateControl {
                cluster: asked.cluster.0,
                panel: asked.panel.map(|arn| arn.0),
                name: asked.name.clone(),
            };
            let request = asked.token.as_ref().map(|token| token.request_id(call.operation()));
            let made = make(desk, request, command).await?;
            Output::CreateRoutingControl(control_result(&desk.known_here().view.board, made)?)
        }
        Call::UpdateRoutingControl(asked) => {
            control(&desk.known().await?.view.board, asked.control)?;
            let id = asked.control.control;
            change(desk, BoardCommand::RenameControl { id, name: asked.name.clone() }).await?;
            let board = desk.known_here().view.board.clone();
            Output::UpdateRoutingControl(control_result(&board, ObjectId::Control(id))?)
        }
        Call::DescribeRoutingControl(asked) => {
            let known = desk.known().await?;
            let found = control(&known.view.board, asked.control)?;
            Output::DescribeRoutingControl(wire::RoutingControlResult { routing_control: of_control(found) })
        }
        Call::DeleteRoutingControl(asked) => {
            control(&desk.known().await?.view.board, asked.control)?;
            change(desk, BoardCommand::DeleteControl { id: asked.control.control }).await?;
            Output::DeleteRoutingControl(Nothing {})
        }
        Call::ListRoutingControls(asked) => {
            let known = desk.known().await?;
            let board = &known.view.board;
            let panel = there(board, asked.panel)?;
            let key = |control: &wire::RoutingControl| control.routing_control_arn.to_string();
            Output::ListRoutingControls(
                asked.paging.page(board.controls_of(panel).map(of_control), key).into(),
            )
        }
        Call::CreateSafetyRule(asked) => {
            let command = BoardCommand::CreateRule {
                panel: asked.panel,
                name: asked.name.clone(),
                kind: match &asked.kind {
                    NewRuleKind::Assertion { asserted } => RuleKind::Assert { controls: asserted.clone() },
                    NewRuleKind::Gating { gating, targets } => {
                        RuleKind::Gate { gating: gating.clone(), targets: targets.clone() }
                    }
                },
                test: test(asked.config),
                wait_period: asked.wait_period,
                tags: asked.tags.clone(),
            };
            let request = asked.token.as_ref().map(|token| token.request_id(call.operation()));
            let made = make(desk, request, command).await?;
            Output::CreateSafetyRule(rule_result(&desk.known_here().view.board, made)?)
        }
        Call::UpdateSafetyRule(asked) => {
            let known = desk.known().await?;
            let found = rule(&known.view.board, asked.rule)?;
            let is_asserting = matches!(found.kind, RuleKind::Assert { .. });
            if is_asserting != (asked.sort == RuleSort::Assertion) {
                let right = if is_asserting { "AssertionRuleUpdate" } else { "GatingRuleUpdate" };
                let reason = hf_arc::error::ValidationReason::MissingValue;
                let message = format!("the rule {} is changed by {right}", asked.rule);
                return Err(ArcError::invalid("SafetyRuleArn", reason, message).into());
            }
            let id = asked.rule.rule;
            let (name, wait_period) = (asked.name.clone(), asked.wait_period);
            change(desk, BoardCommand::UpdateRule { id, name, wait_period }).await?;
            Output::UpdateSafetyRule(rule_result(&desk.known_here().view.board, ObjectId::Rule(id))?)
        }
        Call::DescribeSafetyRule(asked) => {
            let known = desk.known().await?;
            Output::DescribeSafetyRule(of_rule(rule(&known.view.board, asked.rule)?))
        }
        Call::DeleteSafetyRule(asked) => {
            rule(&desk.known().await?.view.board, asked.rule)?;
            change(desk, BoardCommand::DeleteRule { id: asked.rule.rule }).await?;
            Output::DeleteSafetyRule(Nothing {})
        }
        Call::ListSafetyRules(asked) => {
            let known = desk.known().await?;
            let board = &known.view.board;
            let panel = there(board, asked.panel)?;
            let rules = board.rules_of(panel).map(|rule| (rule.id, wire::ListedRule::from(of_rule(rule))));
            let page = asked.paging.page(rules, |(id, _)| id.to_string());
            let next_token = page.next_token;
            let safety_rules = page.items.into_iter().map(|(_, rule)| rule).collect();
            Output::ListSafetyRules(wire::SafetyRules { safety_rules, next_token })
        }
        Call::ListAssociatedRoute53HealthChecks(asked) => {
            let known = desk.known().await?;
            let found = control(&known.view.board, asked.control)?;
            // By their whole names: what is cut may be alike.
            let mut page = asked.paging.page(checks_behind(&known, found), Clone::clone);
            for check in &mut page.items {
                *check = check.chars().take(CHECK_CHARS).collect();
            }
            Output::ListAssociatedRoute53HealthChecks(page.into())
        }
        Call::GetResourcePolicy(asked) => {
            object_tags(&desk.known().await?.view.board, asked.object)?;
            let message = format!(
                "{} has no resource policy: Holdfast shares nothing with other accounts",
                asked.object
            );
            return Err(ArcError::not_found(message, About::new(About::POLICY, asked.object)).into());
        }
        Call::ListTagsForResource(asked) => {
            let tags = object_tags(&desk.known().await?.view.board, asked.object)?.clone();
            Output::ListTagsForResource(wire::TagList { tags })
        }
        Call::TagResource(asked) => {
            object_tags(&desk.known().await?.view.board, asked.object)?;
            let object = object_id(asked.object);
            change(desk, BoardCommand::Tag { object, tags: asked.tags.clone() }).await?;
            Output::TagResource(Nothing {})
        }
        Call::UntagResource(asked) => {
            object_tags(&desk.known().await?.view.board, asked.object)?;
            let keys = asked.keys.iter().cloned().collect();
            change(desk, BoardCommand::Untag { object: object_id(asked.object), keys }).await?;
            Output::UntagResource(Nothing {})
        }
        _ => return Err(not_of_this_service(call)),
    };
    Ok(output)
}

async fn make(
    desk: &Desk<'_>,
    request: Option<RequestId>,
    command: BoardCommand,
) -> Result<ObjectId, Failed> {
    let done = desk.commit(request, Command::Board(command)).await?;
    done.object.ok_or_else(|| ArcError::Internal { message: "the ledger made nothing".to_owned() }.into())
}

async fn change(desk: &Desk<'_>, command: BoardCommand) -> Result<(), Failed> {
    desk.commit(None, Command::Board(command)).await.map(|_| ())
}

fn gone(kind: &'static str, what: &str, arn: impl std::fmt::Display) -> ArcError {
    ArcError::not_found(format!("there is no {what} {arn}; it may have been deleted"), About::new(kind, arn))
}

/// A repeated request is answered with the object that its first time made, if that is still there.
fn lost() -> ArcError {
    ArcError::not_found("what was made has been deleted meanwhile", About::new("", ""))
}

fn there(board: &Board, arn: PanelArn) -> Result<PanelId, ArcError> {
    let found = board.panels.get(&arn.0).map(|panel| panel.id);
    found.ok_or_else(|| gone(About::PANEL, "control panel", arn))
}

pub(super) fn rule(board: &Board, arn: RuleArn) -> Result<&SafetyRule, ArcError> {
    let found = board.rules.get(&arn.rule).filter(|rule| rule.panel == arn.panel);
    found.ok_or_else(|| gone(About::RULE, "safety rule", arn))
}

fn object_id(arn: ObjectArn) -> ObjectId {
    match arn {
        ObjectArn::Cluster(arn) => ObjectId::Cluster(arn.0),
        ObjectArn::Panel(arn) => ObjectId::Panel(arn.0),
        ObjectArn::Control(arn) => ObjectId::Control(arn.control),
        ObjectArn::Rule(arn) => ObjectId::Rule(arn.rule),
    }
}

fn object_tags(board: &Board, arn: ObjectArn) -> Result<&Tags, ArcError> {
    match arn {
        ObjectArn::Cluster(arn) => {
            let found = board.clusters.get(&arn.0).map(|cluster| &cluster.tags);
            found.ok_or_else(|| gone(About::CLUSTER, "cluster", arn))
        }
        ObjectArn::Panel(arn) => {
            let found = board.panels.get(&arn.0).map(|panel| &panel.tags);
            found.ok_or_else(|| gone(About::PANEL, "control panel", arn))
        }
        ObjectArn::Control(arn) => control(board, arn).map(|control| &control.tags),
        ObjectArn::Rule(arn) => rule(board, arn).map(|rule| &rule.tags),
    }
}

fn network(asked: wire::NetworkType) -> NetworkType {
    match asked {
        wire::NetworkType::Ipv4 => NetworkType::Ipv4,
        wire::NetworkType::DualStack => NetworkType::DualStack,
    }
}

fn cluster_result(desk: &Desk<'_>, known: &Known, id: ObjectId) -> Result<wire::ClusterResult, ArcError> {
    let ObjectId::Cluster(id) = id else { return Err(lost()) };
    let found = known.view.board.clusters.get(&id);
    let found = found.ok_or_else(|| gone(About::CLUSTER, "cluster", ClusterArn(id)))?;
    Ok(wire::ClusterResult { cluster: of_cluster(found, &endpoints(desk)) })
}

/// One for each control node that this node has heard of: its API.
fn endpoints(desk: &Desk<'_>) -> Vec<wire::ClusterEndpoint> {
    let snapshot = desk.context.snapshot();
    let region_of = |zone: Option<&hf_model::ZoneId>| {
        let estate = &snapshot.as_ref()?.estate;
        let zone = estate.zone(estate.zone_named(zone?)?);
        Some(estate.regions[zone.region.at()].id.to_string())
    };
    let reports = desk.context.reports.borrow().clone();
    let keepers = reports.values().map(|heard| &heard.report);
    keepers
        .filter(|report| report.roles.contains(&hf_config::node::Role::Control))
        .filter_map(|report| {
            Some(wire::ClusterEndpoint {
                endpoint: report.api.clone()?,
                region: region_of(report.zone.as_ref()).unwrap_or_else(|| "global".to_owned()),
            })
        })
        .collect()
}

fn of_cluster(cluster: &Cluster, endpoints: &[wire::ClusterEndpoint]) -> wire::Cluster {
    wire::Cluster {
        cluster_arn: ClusterArn(cluster.id),
        cluster_endpoints: endpoints.to_vec(),
        name: cluster.name.clone(),
        network_type: match cluster.network {
            NetworkType::Ipv4 => wire::NetworkType::Ipv4,
            NetworkType::DualStack => wire::NetworkType::DualStack,
        },
    }
}

fn panel_result(board: &Board, id: ObjectId) -> Result<wire::ControlPanelResult, ArcError> {
    let ObjectId::Panel(id) = id else { return Err(lost()) };
    let found = board.panels.get(&id).ok_or_else(|| gone(About::PANEL, "control panel", PanelArn(id)))?;
    Ok(wire::ControlPanelResult { control_panel: of_panel(board, found) })
}

fn of_panel(board: &Board, panel: &Panel) -> wire::ControlPanel {
    wire::ControlPanel {
        cluster_arn: ClusterArn(panel.cluster),
        control_panel_arn: PanelArn(panel.id),
        default_control_panel: panel.role == PanelRole::Default,
        name: panel.name.clone(),
        routing_control_count: u32::try_from(board.controls_of(panel.id).count()).unwrap_or(u32::MAX),
    }
}

fn control_result(board: &Board, id: ObjectId) -> Result<wire::RoutingControlResult, ArcError> {
    let ObjectId::Control(id) = id else { return Err(lost()) };
    let found = board.controls.get(&id).ok_or_else(lost)?;
    Ok(wire::RoutingControlResult { routing_control: of_control(found) })
}

fn of_control(control: &RoutingControl) -> wire::RoutingControl {
    wire::RoutingControl {
        control_panel_arn: PanelArn(control.panel),
        name: control.name.clone(),
        routing_control_arn: ControlArn { panel: control.panel, control: control.id },
    }
}

fn rule_result(board: &Board, id: ObjectId) -> Result<wire::SafetyRule, ArcError> {
    let ObjectId::Rule(id) = id else { return Err(lost()) };
    board.rules.get(&id).map(of_rule).ok_or_else(lost)
}

fn of_rule(rule: &SafetyRule) -> wire::SafetyRule {
    let panel = rule.panel;
    let arns = |controls: &[ControlId]| -> Vec<ControlArn> {
        controls.iter().map(|control| ControlArn { panel, control: *control }).collect()
    };
    let rule_config = config(rule.test, rule.kind.counted().len());
    let (control_panel_arn, name) = (PanelArn(panel), rule.name.clone());
    let safety_rule_arn = RuleArn { panel, rule: rule.id };
    let wait_period_ms = u64::try_from(rule.wait_period.as_millis()).unwrap_or(u64::MAX);
    match &rule.kind {
        RuleKind::Assert { controls } => wire::SafetyRule::Assertion(wire::AssertionRule {
            asserted_controls: arns(controls),
            control_panel_arn,
            name,
            rule_config,
            safety_rule_arn,
            wait_period_ms,
        }),
        RuleKind::Gate { gating, targets } => wire::SafetyRule::Gating(wire::GatingRule {
            control_panel_arn,
            gating_controls: arns(gating),
            target_controls: arns(targets),
            name,
            rule_config,
            safety_rule_arn,
            wait_period_ms,
        }),
    }
}

fn test(config: RuleConfig) -> RuleTest {
    let on = match config.kind {
        RuleType::AtLeast => Enough::AtLeast(config.threshold),
        RuleType::All => Enough::All,
        RuleType::Any => Enough::Any,
    };
    RuleTest { on, inverted: config.inverted }
}

/// AWS has a threshold in every rule; for `AND` and `OR` it is told as what they amount to.
fn config(test: RuleTest, of: usize) -> RuleConfig {
    let (kind, threshold) = match test.on {
        Enough::AtLeast(count) => (RuleType::AtLeast, count),
        Enough::All => (RuleType::All, u16::try_from(of).unwrap_or(u16::MAX)),
        Enough::Any => (RuleType::Any, 1),
    };
    RuleConfig { kind, threshold, inverted: test.inverted }
}

/// The health checks of the estate that stand on a control.
fn checks_behind(known: &Known, control: &RoutingControl) -> Vec<String> {
    let (Some(snapshot), Some(path)) = (&known.snapshot, known.view.board.path_of(control)) else {
        return Vec::new();
    };
    let is_behind = |kind: &CheckKind| matches!(kind, CheckKind::Control { control } if *control == path);
    let checks = snapshot.estate.health_checks.iter().filter(|check| is_behind(&check.kind));
    checks.map(|check| check.name.to_string()).collect()
}
