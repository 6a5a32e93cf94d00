//! `/v1/explain` of health checks: who votes what, and whose word counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::expect;
use hf_health::{Bitmap, Table, Verdicts, Votes};
use hf_model::{NodeId, Timestamp, ZoneId};

use super::fixture::*;
use crate::api::*;

/// Three checks that ask other estates, one that goes to endpoints, and some that count them.
const MORE: &str = r#"
[[health_check]]
name = "s1"
kind = "zone-status"
address = "10.9.0.1:7601"
zone = "use1-az2"
[[health_check]]
name = "s2"
kind = "zone-status"
address = "10.9.0.2:7601"
zone = "use1-az2"
[[health_check]]
name = "s3"
kind = "zone-status"
address = "10.9.0.3:7601"
zone = "use1-az2"
inverted = true
[[health_check]]
name = "open"
kind = "calculated"
of = ["s1", "s2", "s3"]
at_least = "majority"
[[health_check]]
name = "most"
kind = "calculated"
of = ["s1", "open", "web", "off"]
at_least = 2
[[health_check]]
name = "off"
kind = "tcp"
disabled = true
[[pool]]
name = "far"
health_check = "open"
endpoints = [{ address = "10.9.1.1:80", zone = "a" }]
"#;

/// A check whose results are pushed, for the whole or for each of two endpoints.
const JOB: &str = r#"
[[health_check]]
name = "job"
kind = "pushed"
[[pool]]
name = "jobs"
health_check = "job"
endpoints = [{ address = "10.9.2.1:80", zone = "a" }, { address = "10.9.2.2:80", zone = "b" }]
"#;

/// A checker, when it was heard, and what it sees of the endpoints of `web`, `far` and `jobs` and of the eight checks, in this order: `+`, `-` or nothing (`.`).
type Heard<'a> = (&'a str, &'a str, u64, &'a str);

const NOW: Timestamp = Timestamp(10_000);

/// Serves the estate by what checkers see, and answers who says what as the node's hub does.
async fn fixture(heard: &[Heard<'_>]) -> Fixture {
    let mut fixture = Fixture::control().await;
    let bundle =
        hf_config::estate::EstateBundle { toml: format!("{ESTATE}{MORE}{JOB}"), files: BTreeMap::default() };
    let command = hf_control::Command::ApplyEstate { bundle, if_match: None };
    let control = fixture.api.shared.context.control.clone().unwrap();
    control
        .submit(hf_model::Operator::new("test"), hf_model::RequestId::new("more").unwrap(), command)
        .await
        .unwrap();
    let estate = fixture.api.shared.context.intent().read_estate().unwrap();
    let count = estate.subject_count();
    let mut tables = BTreeMap::new();
    for (checker, zone, came, seen) in heard {
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for (at, letter) in seen.chars().filter(|letter| *letter != ' ').enumerate() {
            known.set(at, letter != '.');
            healthy.set(at, letter == '+');
        }
        let checker = NodeId::new(checker).unwrap();
        let zone = ZoneId::new(zone).unwrap();
        let table =
            Table { checker: checker.clone(), zone, estate: estate.digest, made_at: NOW, known, healthy };
        tables.insert(checker, (Timestamp(*came), table));
    }
    let fresh = Duration::from_secs(3);
    let merged = Verdicts::unknown(count).merge_and_tell(&estate, &tables, NOW, fresh);
    fixture.obey_with(&merged.verdicts.of);
    let mut asked = std::mem::replace(&mut fixture.asked_votes, tokio::sync::mpsc::channel(1).1);
    tokio::spawn(async move {
        while let Some(AskedVotes { estate: of, subjects, reply }) = asked.recv().await {
            let votes = Votes::new(&estate, &tables, NOW, fresh, &merged.cut_off);
            let told = (of == estate.digest).then(|| subjects.into_iter().map(|at| votes.of(at)).collect());
            let _ = reply.send(told);
        }
    });
    fixture
}

async fn told(fixture: &Fixture, question: &str) -> String {
    let answer = fixture.ask("GET", &format!("/v1/explain?{question}"), "").await;
    let explain: hf_api::Explain =
        serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{}", answer.text));
    let mut text = format!("{}\n", explain.question);
    for step in &explain.steps {
        writeln!(text, "  {}: {}", step.name, step.text).unwrap();
    }
    writeln!(text, "= {}", explain.answer.join(", ")).unwrap();
    text
}

#[tokio::test]
async fn a_check_is_explained_by_its_votes() {
    let fixture = fixture(&[
        ("n1", "a", 10_000, "+- + .. +-. ...."),
        ("n2", "b", 10_000, "+- + .. +-. ...."),
        ("n3", "b", 10_000, "+. + .. --. ...."),
        ("n4", "c", 6_000, "++ + .. +++ ...."),
    ])
    .await;
    let mut text = String::new();
    for question in ["check=s1", "check=check/s2", "check=open", "check=most", "check=web", "check=off"] {
        text += &told(&fixture, question).await;
    }
    text += &told(&fixture, "pool=web").await;
    text += &told(&fixture, "pool=far").await;
    expect![[r#"
        check/s1
          check: zone-status of 10.9.0.1:7601, every 1s, fall 1, rise 1
          votes: a: n1 says unhealthy; b: n2 and n3 say unhealthy; c: n4 said healthy, and does not count: not heard for three beats
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = unhealthy
        check/s2
          check: zone-status of 10.9.0.2:7601, every 1s, fall 1, rise 1
          votes: c: n4 said healthy, and does not count: not heard for three beats
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = unknown
        check/open
          check: calculated
          counts: most of those that are heard decide: 0 healthy, 1 unhealthy, 2 silent or disabled, of 3: unhealthy
          check/s1: unhealthy; a: n1 says unhealthy; b: n2 and n3 say unhealthy; c: n4 said healthy, and does not count: not heard for three beats
          check/s2: silent, counts for nothing; c: n4 said healthy, and does not count: not heard for three beats
          check/s3: silent, counts for nothing; no checker has a result
        = unhealthy
        check/most
          check: calculated
          counts: of 4 at least 2 healthy: 2 healthy, 2 unhealthy, 0 unknown
          check/s1: unhealthy; a: n1 says unhealthy; b: n2 and n3 say unhealthy; c: n4 said healthy, and does not count: not heard for three beats
          check/open: unhealthy: holdfast explain check/open
          check/web: healthy: holdfast explain check/web
          check/off: healthy, since it is disabled
        = healthy
        check/web
          check: http, every 1s, fall 3, rise 2
          counts: of 2 endpoints 1 healthy, 1 unhealthy, 0 unknown: the check is healthy while half of those known are
          votes: 10.0.0.2:80 in b is unhealthy; a: n1 says unhealthy; b: n2 says unhealthy; c: n4 said healthy, and does not count: not heard for three beats
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = healthy
        check/off
          check: tcp, disabled: nothing is measured, and it counts as healthy
        = healthy
        pool/web
          pool: pool/web serves from healthy endpoints of open zones
          votes: 10.0.0.2:80 in b is unhealthy; a: n1 says unhealthy; b: n2 says unhealthy; c: n4 said healthy, and does not count: not heard for three beats
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = a open: healthy, b away: impaired
        pool/far
          pool: pool/far fails open: too few are healthy, so health is ignored
          check: all endpoints go by check/open, which is unhealthy: holdfast explain check/open
        = a open: failing open
    "#]].assert_eq(&text);
}

#[tokio::test]
async fn what_was_pushed_for_all_is_told_of_each_endpoint() {
    // One result for the check as a whole, then one for each of its endpoints.
    let whole = ("n1", "a", 10_000, "++ + .. ... .... -");
    let single = ("n1", "a", 10_000, "++ + -+ ... .... .");
    let mut text = String::new();
    for heard in [whole, single] {
        let fixture = fixture(&[heard]).await;
        text += &told(&fixture, "check=job").await;
        text += &told(&fixture, "pool=jobs").await;
    }
    expect![[r#"
        check/job
          check: pushed: results that others tell, each for 30s
          votes: a: n1 says unhealthy
          votes: 10.9.2.1:80 in a is unhealthy, as the check as a whole; no checker has a result
          votes: 10.9.2.2:80 in b is unhealthy, as the check as a whole; no checker has a result
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = unhealthy
        pool/jobs
          pool: pool/jobs fails open: too few are healthy, so health is ignored
          votes: 10.9.2.1:80 in a is unhealthy, as the check as a whole; no checker has a result
          votes: 10.9.2.2:80 in b is unhealthy, as the check as a whole; no checker has a result
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = a open: failing open, b open: failing open
        check/job
          check: pushed: results that others tell, each for 30s
          votes: no checker has a result
          counts: of 2 endpoints 1 healthy, 1 unhealthy, 0 unknown: the check is healthy while half of those known are
          votes: 10.9.2.1:80 in a is unhealthy; a: n1 says unhealthy
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = healthy
        pool/jobs
          pool: pool/jobs serves from healthy endpoints of open zones
          votes: 10.9.2.1:80 in a is unhealthy; a: n1 says unhealthy
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = a away: impaired, b open: healthy
    "#]].assert_eq(&text);
}

#[tokio::test]
async fn without_the_tables_the_verdict_is_told_all_the_same() {
    let mut fixture = Fixture::control().await;
    // Nobody counts votes: the node is stopping.
    fixture.asked_votes.close();
    expect![[r#"
        check/web
          check: http, every 1s, fall 3, rise 2
          counts: of 2 endpoints 2 healthy, 0 unhealthy, 0 unknown: the check is healthy while half of those known are
          votes: who says what is not known: this node is stopping; ask another one
          rule: healthy while more than 18.0% of the checkers that count say so; unhealthy only where those of two zones say so, if two have a result; without any the last verdict holds
        = healthy
    "#]].assert_eq(&told(&fixture, "check=web").await);
}

#[tokio::test]
async fn a_check_that_there_is_not_is_refused_by_name() {
    let fixture = Fixture::control().await;
    let mut text = String::new();
    for question in ["check=alive", "check=No%20Such", "check=web&pool=web", "check=web&from_zone=a"] {
        let answer = fixture.ask("GET", &format!("/v1/explain?{question}"), "").await;
        writeln!(text, "{}", answer.refusal()).unwrap();
    }
    expect![[r#"
        404 | not-found | there is no health check `alive` | the estate has web
        400 | bad-request | `check`: a health check's name has only a-z, 0-9 and '-', this one has 'N' | replace it
        400 | bad-request | give either `name` (with `type`, `from` and `subnet`), `pool` (with `from_zone`), or `check` | such as /v1/explain?name=www.example.test.&type=A&from=192.0.2.1
        400 | bad-request | give either `name` (with `type`, `from` and `subnet`), `pool` (with `from_zone`), or `check` | such as /v1/explain?name=www.example.test.&type=A&from=192.0.2.1
    "#]].assert_eq(&text);
}
