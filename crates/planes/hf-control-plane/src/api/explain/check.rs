//! Why a health check, or an endpoint under one, is what it is: who votes what.
//!
//! 1. Of a check that is measured once (`is_standing`): each checker's word. Of one that goes to endpoints: those on which not all agree that they are
//!    healthy.
//! 2. Of a calculated one: how it decides, and each check that it counts, with its votes; whether it is silent, if a majority decides.
//! 3. Bounded: [`ASKED`] subjects are looked at, [`LINES`] are told; what is left out is said.
//!
//! Not here: how votes come about and read (`votes`), the verdict itself (`hf_health::checks`).

use std::collections::{BTreeMap, BTreeSet};

use hf_api::{Explain, Step};
use hf_config::estate::{Calculated, CheckIx, CheckKind, HealthCheck, Needs, PoolIx};
use hf_health::{Verdict, Vote, Weighs};
use hf_model::{CheckName, ControlPath};
use hf_snapshot::Snapshot;

use super::super::Shared;
use super::super::refusal::{Answer, Refused};
use super::super::writer::field;
use super::text_step;
use super::votes::{self, in_words, word};

/// Subjects whose votes are looked at for one question.
const ASKED: usize = 256;
/// Endpoints, or checks under a calculated one, that are told.
const LINES: usize = 32;

/// Explains a check by its name, with or without `check/` before it.
pub(super) async fn explain(shared: &Shared, snapshot: &Snapshot, check: &str) -> Answer<Explain> {
    let estate = &snapshot.estate;
    let name = check.strip_prefix("check/").unwrap_or(check);
    let name = CheckName::new(name).map_err(|error| field("check", error))?;
    let at = estate.check_named(&name).ok_or_else(|| {
        let known: Vec<String> = estate.health_checks.iter().map(|check| check.name.to_string()).collect();
        let mend = if known.is_empty() {
            "the estate has no health check".to_owned()
        } else {
            format!("the estate has {}", known.join(", "))
        };
        Refused::not_found(format!("there is no health check `{name}`"), mend)
    })?;
    let check = estate.health_check(at);
    let mut steps = vec![text_step("check", &what(check))];
    match &check.kind {
        _ if check.disabled => {}
        CheckKind::Control { control } => steps.push(text_step("control", &of_control(snapshot, control))),
        CheckKind::Calculated(calculated) => {
            steps.extend(counted(shared, snapshot, calculated).await);
        }
        _ => {
            let endpoints = endpoints_under(snapshot, at);
            let own = snapshot.verdicts.get(estate.check_subject(at));
            if check.is_standing() {
                let told = votes::ask(&shared.context, estate.digest, vec![estate.check_subject(at)]).await;
                let told = told.map(|votes| votes.into_iter().next().unwrap_or_default());
                steps.push(text_step("votes", &told.map_or_else(not_told, |votes| in_words(&votes))));
            }
            if !check.is_standing() || (hf_health::is_of_each(check) && own == Verdict::Unknown) {
                steps.push(text_step("counts", &half(snapshot, &endpoints)));
            }
            // Results are pushed for the check as a whole, or for each endpoint.
            if hf_health::is_of_each(check) && !endpoints.is_empty() {
                steps.extend(of_endpoints(shared, snapshot, endpoints).await);
            }
            steps.push(rule(check));
        }
    }
    if check.inverted {
        let how = match check.kind {
            CheckKind::Calculated(_) | CheckKind::Control { .. } => "what it comes to is turned round",
            _ => "each result is turned round before it is counted: the votes are of it so",
        };
        steps.push(text_step("inverted", how));
    }
    let verdict = hf_health::check_verdict(estate, &snapshot.verdicts, controls(snapshot), at);
    Ok(Explain {
        question: format!("check/{name}"),
        node: shared.context.node.to_string(),
        revision: snapshot.intent.revision.0,
        snapshot: snapshot.number,
        steps,
        answer: vec![word(verdict).to_owned()],
        ttl_s: None,
    })
}

/// How the verdict on a check that goes to endpoints comes of theirs.
fn half(snapshot: &Snapshot, subjects: &[Subject]) -> String {
    let own = |subject: &Subject| snapshot.verdicts.get(subject.at);
    let of = |wanted: Verdict| subjects.iter().filter(|subject| own(subject) == wanted).count();
    let (healthy, unhealthy) = (of(Verdict::Healthy), of(Verdict::Unhealthy));
    let unknown = subjects.len() - healthy - unhealthy;
    let all = subjects.len();
    format!(
        "of {all} endpoints {healthy} healthy, {unhealthy} unhealthy, {unknown} unknown: the check is healthy while half of those known are"
    )
}

/// Who votes what of a pool's endpoints, or which check they all go by.
pub(super) async fn of_pool(shared: &Shared, snapshot: &Snapshot, pool: PoolIx) -> Vec<Step> {
    let estate = &snapshot.estate;
    let check = estate.pool(pool).health_check.map(|at| (at, estate.health_check(at)));
    match check {
        Some((at, check)) if !hf_health::is_of_each(check) => {
            let verdict = hf_health::check_verdict(estate, &snapshot.verdicts, controls(snapshot), at);
            let name = &check.name;
            let text = format!(
                "all endpoints go by check/{name}, which is {}: holdfast explain check/{name}",
                word(verdict)
            );
            vec![text_step("check", &text)]
        }
        Some((_, check)) => {
            let mut steps = of_endpoints(shared, snapshot, subjects_of(snapshot, pool)).await;
            steps.push(rule(check));
            steps
        }
        None => Vec::new(),
    }
}

/// A line for each endpoint on which not everybody agrees that it is healthy.
async fn of_endpoints(shared: &Shared, snapshot: &Snapshot, mut subjects: Vec<Subject>) -> Vec<Step> {
    let estate = &snapshot.estate;
    let count = subjects.len();
    // As they decide who go by it: where nothing was pushed for an endpoint, what was pushed for all counts.
    let verdict = |of: &Subject| hf_health::endpoint_verdict(estate, &snapshot.verdicts, of.pool, of.at);
    // Those that are not healthy first: of very many, the others are left out.
    subjects.sort_by_key(|subject| verdict(subject) == Verdict::Healthy);
    subjects.truncate(ASKED);
    let asked: Vec<usize> = subjects.iter().map(|subject| subject.at).collect();
    let asked = votes::ask(&shared.context, estate.digest, asked).await;
    let all = match asked {
        Ok(all) => all,
        Err(why) => return vec![text_step("votes", &not_told(why))],
    };
    let is_disputed = |(subject, votes): &(Subject, Vec<Vote>)| {
        verdict(subject) != Verdict::Healthy || votes.iter().any(|vote| vote.says != Verdict::Healthy)
    };
    let looked_at = subjects.len();
    let disputed: Vec<(Subject, Vec<Vote>)> = subjects.into_iter().zip(all).filter(is_disputed).collect();
    if disputed.is_empty() {
        let who = if looked_at < count {
            format!("of the first {looked_at} of {count} endpoints")
        } else {
            "of all endpoints".to_owned()
        };
        let text = if count == 0 {
            "no endpoint goes by it".to_owned()
        } else {
            format!("every checker with a result says healthy {who}")
        };
        return vec![text_step("votes", &text)];
    }
    let wanted: BTreeSet<usize> = disputed.iter().take(LINES).map(|(subject, _)| subject.at).collect();
    let places: BTreeMap<usize, String> = estate
        .endpoint_refs()
        .enumerate()
        .filter(|(subject, _)| wanted.contains(subject))
        .map(|(subject, at)| {
            let endpoint = estate.endpoint(at);
            (subject, format!("{} in {}", endpoint.address, estate.zone(endpoint.zone).id))
        })
        .collect();
    let line = |(subject, votes): &(Subject, Vec<Vote>)| {
        let place = places.get(&subject.at).map(String::as_str).unwrap_or_default();
        let is_for_all =
            snapshot.verdicts.get(subject.at) == Verdict::Unknown && verdict(subject) != Verdict::Unknown;
        let of_all = if is_for_all { ", as the check as a whole" } else { "" };
        text_step("votes", &format!("{place} is {}{of_all}; {}", word(verdict(subject)), in_words(votes)))
    };
    let mut steps: Vec<Step> = disputed.iter().take(LINES).map(line).collect();
    let (untold, unseen) = (disputed.len().saturating_sub(LINES), count - looked_at);
    if untold + unseen > 0 {
        let text = format!(
            "{untold} more on which not all say healthy, {unseen} that were not looked at; `holdfast status` counts them all"
        );
        steps.push(text_step("votes", &text));
    }
    steps
}

/// How a calculated check decides, and what it counts.
async fn counted(shared: &Shared, snapshot: &Snapshot, calculated: &Calculated) -> Vec<Step> {
    let estate = &snapshot.estate;
    let verdicts = hf_health::check_verdicts(estate, &snapshot.verdicts, controls(snapshot));
    let verdict =
        |at: CheckIx| verdicts.get(&estate.health_check(at).name).copied().unwrap_or(Verdict::Unknown);
    let standing: Vec<CheckIx> = calculated
        .of
        .iter()
        .copied()
        .filter(|at| estate.health_check(*at).is_standing() && !estate.health_check(*at).disabled)
        .take(ASKED)
        .collect();
    let subjects: Vec<usize> = standing.iter().map(|at| estate.check_subject(*at)).collect();
    let asked = votes::ask(&shared.context, estate.digest, subjects).await;
    let all = calculated.of.len();
    let is_majority = calculated.needs == Needs::Majority;
    let mut steps = Vec::new();
    let by_check: BTreeMap<CheckIx, Vec<Vote>> = match asked {
        Ok(told) => standing.into_iter().zip(told).collect(),
        Err(why) => {
            steps.push(text_step("votes", &not_told(why)));
            if is_majority {
                // Who is silent is not known, so neither is what they come to.
                let told = |at: &CheckIx| {
                    let name = format!("check/{}", estate.health_check(*at).name);
                    text_step(&name, &format!("{}, or silent", word(verdict(*at))))
                };
                steps.extend(calculated.of.iter().take(LINES).map(told));
                return steps;
            }
            BTreeMap::new()
        }
    };
    // A disabled check has no vote either.
    let is_silent = |at: CheckIx| !by_check.get(&at).is_some_and(|votes| votes.iter().any(is_heard));
    let of = |wanted: Verdict| {
        let of = calculated.of.iter().filter(|at| verdict(**at) == wanted);
        of.filter(|at| !(is_majority && is_silent(**at))).count()
    };
    let (healthy, unhealthy) = (of(Verdict::Healthy), of(Verdict::Unhealthy));
    let text = match calculated.needs {
        Needs::AtLeast(needed) => {
            let unknown = all - healthy - unhealthy;
            format!(
                "of {all} at least {needed} healthy: {healthy} healthy, {unhealthy} unhealthy, {unknown} unknown"
            )
        }
        Needs::Majority => {
            let silent = all - healthy - unhealthy;
            let comes_to = match healthy.cmp(&unhealthy) {
                std::cmp::Ordering::Greater => "healthy",
                std::cmp::Ordering::Less => "unhealthy",
                std::cmp::Ordering::Equal => "no majority, so the last verdict holds",
            };
            format!(
                "most of those that are heard decide: {healthy} healthy, {unhealthy} unhealthy, {silent} silent or disabled, of {all}: {comes_to}"
            )
        }
    };
    steps.push(text_step("counts", &text));
    for at in calculated.of.iter().take(LINES) {
        let check = estate.health_check(*at);
        let told = match by_check.get(at) {
            _ if check.disabled && is_majority => "disabled, has no vote".to_owned(),
            _ if check.disabled => "healthy, since it is disabled".to_owned(),
            Some(votes) if is_majority && is_silent(*at) => {
                format!("silent, counts for nothing; {}", in_words(votes))
            }
            Some(votes) => format!("{}; {}", word(verdict(*at)), in_words(votes)),
            None => format!("{}: holdfast explain check/{}", word(verdict(*at)), check.name),
        };
        steps.push(text_step(&format!("check/{}", check.name), &told));
    }
    if all > LINES {
        steps.push(text_step("counts", &format!("{} more checks are not told here", all - LINES)));
    }
    steps
}

/// Whether each control is on, as far as the ledger knows.
fn controls(snapshot: &Snapshot) -> impl Fn(&ControlPath) -> Option<bool> {
    |path| snapshot.intent.control(path).map(|control| control.to == hf_model::Switch::On)
}

/// Whether a vote is one of now.
fn is_heard(vote: &Vote) -> bool {
    matches!(vote.weighs, Weighs::Counts | Weighs::OwnZone)
}

/// What it is, and how it is measured.
fn what(check: &HealthCheck) -> String {
    let kind = check.kind.as_str();
    if check.disabled {
        return format!("{kind}, disabled: nothing is measured, and it counts as healthy");
    }
    match check.kind {
        CheckKind::Calculated(_) | CheckKind::Control { .. } => kind.to_owned(),
        CheckKind::Pushed(ref pushed) => {
            format!("{kind}: results that others tell, each for {}", hf_model::format_duration(pushed.lease))
        }
        _ => {
            let every = hf_model::format_duration(check.interval);
            let whom = check.address.map_or_else(String::new, |address| format!(" of {address}"));
            format!("{kind}{whom}, every {every}, fall {}, rise {}", check.fall, check.rise)
        }
    }
}

/// How votes decide.
fn rule(check: &HealthCheck) -> Step {
    let text = format!(
        "healthy while more than {} of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds",
        check.quorum
    );
    text_step("rule", &text)
}

fn of_control(snapshot: &Snapshot, control: &ControlPath) -> String {
    match controls(snapshot)(control) {
        Some(true) => format!("routing control {control} is on"),
        Some(false) => format!("routing control {control} is off"),
        None => format!("nobody has switched routing control {control}: it counts as on"),
    }
}

/// An endpoint's pool, and its position in tables and verdicts.
#[derive(Clone, Copy)]
struct Subject {
    pool: PoolIx,
    at: usize,
}

fn endpoints_under(snapshot: &Snapshot, check: CheckIx) -> Vec<Subject> {
    subjects(snapshot).filter(|of| snapshot.estate.pool(of.pool).health_check == Some(check)).collect()
}

fn subjects_of(snapshot: &Snapshot, pool: PoolIx) -> Vec<Subject> {
    subjects(snapshot).filter(|of| of.pool == pool).collect()
}

/// All endpoints in the order of their positions.
fn subjects(snapshot: &Snapshot) -> impl Iterator<Item = Subject> {
    snapshot.estate.endpoint_refs().enumerate().map(|(at, of)| Subject { pool: of.pool, at })
}

fn not_told(why: &'static str) -> String {
    format!("who says what is not known: {why}")
}
