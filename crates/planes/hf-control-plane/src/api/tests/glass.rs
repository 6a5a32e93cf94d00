//! Break-glass over the API, with signed bytes: what is taken, what is refused and why, what is counted.

use hf_config::estate::EstateBundle;
use hf_control::{BreakGlassShift, Intent};
use hf_feed::{BreakGlassRefused, SignedBreakGlass};
use hf_health::{Verdict, Verdicts};
use hf_model::{EstateId, Operator, Revision, Timestamp};

use super::fixture::*;
use crate::api::*;

const OURS: EstateId = EstateId([7; 16]);

/// A data-plane node that obeys an estate with the zones a and b; `acts` are in force.
async fn node(acts: Vec<BreakGlassShift>) -> Fixture {
    let fixture = Fixture::empty(&[Role::Balancer]).await;
    let bundle = EstateBundle { toml: ESTATE.to_owned(), ..EstateBundle::default() };
    let estate = Arc::new(hf_config::read_estate("estate.toml", &bundle).unwrap());
    let intent = Intent { estate_id: OURS, revision: Revision(3), estate: bundle, ..Intent::default() };
    let verdicts = Verdicts { of: vec![Verdict::Healthy; 2] };
    let snapshot = Snapshot::build(1, NOW, Arc::new(intent), estate, acts, verdicts);
    fixture.snapshots.send_replace(Some(Arc::new(snapshot)));
    fixture
}

fn act(zone: &str, length: Duration) -> BreakGlassShift {
    BreakGlassShift {
        estate: OURS,
        zone: ZoneId::new(zone).unwrap(),
        reason: "no ledger".to_owned(),
        by: Operator::new("ann"),
        signed_at: NOW,
        ends_at: NOW.plus(length),
    }
}

fn body(signed: &SignedBreakGlass) -> String {
    serde_json::to_string(&crate::break_glass_body(signed)).unwrap()
}

/// Asks, with a hub that says `word` to whatever comes to it; also whether it came, and as a rehearsal.
async fn ask(
    fixture: &mut Fixture,
    query: &str,
    body: &str,
    word: Result<(), BreakGlassRefused>,
) -> (Answered, Option<bool>) {
    let mut glass = std::mem::replace(&mut fixture.glass, mpsc::channel(1).1);
    let path = format!("/v1/break-glass{query}");
    let (answer, came) = {
        let asked = fixture.ask("POST", &path, body);
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => (answer, None),
            Some(given) = glass.recv() => {
                let is_rehearsal = given.is_rehearsal;
                given.reply.send(word).unwrap();
                (asked.await, Some(is_rehearsal))
            }
        }
    };
    fixture.glass = glass;
    (answer, came)
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn what_is_taken_says_what_comes_of_it_and_a_rehearsal_is_one_all_the_way() {
    let mut fixture = node(vec![]).await;
    let signed = fixture.key.sign(act("aa", HOUR));
    let (answer, came) = ask(&mut fixture, "", &body(&signed), Ok(())).await;
    assert_eq!((answer.status, came), (200, Some(false)), "{}", answer.text);
    let json = answer.json();
    assert_eq!((json["effect"]["applied"].as_u64(), json["rehearsed"].as_bool()), (Some(1), Some(false)));
    assert!(json["text"].as_str().unwrap().starts_with("aa is left here until 20"), "{}", answer.text);
    let (answer, came) = ask(&mut fixture, "?dry_run=true", &body(&signed), Ok(())).await;
    assert_eq!((answer.status, came), (200, Some(true)), "{}", answer.text);
    assert!(answer.json()["text"].as_str().unwrap().starts_with("aa would be left"), "{}", answer.text);
    let (answer, came) = ask(&mut fixture, "?dryrun=true", &body(&signed), Ok(())).await;
    assert_eq!((answer.status, came), (400, None), "a misspelt rehearsal is no act");
}

#[tokio::test]
async fn an_act_by_an_alias_is_answered_when_the_planes_obey_it() {
    let mut fixture = node(vec![]).await;
    // As the hub tells it: by the zone's id.
    fixture.hear("n1", &[Role::Balancer], 3, 0, 0);
    fixture.reports.send_modify(|reports| {
        let heard = Arc::make_mut(reports).get_mut(&NodeId::new("n1").unwrap()).unwrap();
        heard.report.break_glass = vec![hf_feed::act_number(&act("a", HOUR))];
    });
    let signed = fixture.key.sign(act("aa", HOUR));
    let (answer, came) = ask(&mut fixture, "", &body(&signed), Ok(())).await;
    assert_eq!((answer.status, came), (200, Some(false)), "{}", answer.text);
    assert_eq!(fixture.api.context().obeyed.early(), 0, "it is obeyed already");
}

#[tokio::test]
async fn an_act_that_would_do_nothing_is_refused_unless_told_otherwise() {
    let away = BreakGlassShift { signed_at: Timestamp(NOW.0 - 1_000), ..act("b", HOUR) };
    let mut fixture = node(vec![away]).await;
    let signed = body(&fixture.key.sign(act("a", HOUR)));
    for query in ["", "?dry_run=true"] {
        let (answer, came) = ask(&mut fixture, query, &signed, Ok(())).await;
        assert_eq!(came, None);
        let told = answer.refusal();
        let expected = "409 | floor | it would do nothing in a here: pool/web: at least 1 zone must stay, this would leave 0 | end what";
        assert!(told.starts_with(expected), "{told}");
    }
    let (answer, came) = ask(&mut fixture, "?anyway=true", &signed, Ok(())).await;
    assert_eq!((answer.status, came), (200, Some(false)), "{}", answer.text);
    assert_eq!(answer.json()["effect"]["not_applied"][0]["resource"], "pool/web");
    // A cancel is always taken.
    let cancel = body(&fixture.key.sign(act("a", Duration::ZERO)));
    let (answer, _) = ask(&mut fixture, "", &cancel, Ok(())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let metrics = fixture.ask("GET", "/metrics", "").await.text;
    assert!(metrics.contains("holdfast_break_glass_refused_total{reason=\"floor\"} 2\n"), "{metrics}");
    assert!(metrics.contains("holdfast_break_glass_active{zone=\"b\"} 1\n"), "{metrics}");
    assert!(metrics.contains("holdfast_break_glass_active{zone=\"a\"} 0\n"), "{metrics}");
}

#[tokio::test]
async fn each_bad_act_has_its_own_refusal_and_reaches_nothing() {
    let mut fixture = node(vec![]).await;
    let sign = |fixture: &Fixture, act: BreakGlassShift| fixture.key.sign(act);
    let good = sign(&fixture, act("a", HOUR));
    let at = |signed_at: u64| BreakGlassShift {
        signed_at: Timestamp(signed_at),
        ends_at: Timestamp(signed_at + 3_600_000),
        ..act("a", HOUR)
    };
    let mut forged = good.clone();
    forged.shift.ends_at = forged.shift.ends_at.plus(HOUR);
    let cases = [
        (
            sign(&fixture, at(NOW.0 + 300_000)),
            "400 | bad-request | it was signed 5m ahead of this node's clock |",
        ),
        (
            sign(&fixture, at(NOW.0 - 300_000)),
            "400 | bad-request | it was signed 5m ago by this node's clock",
        ),
        (sign(&fixture, at(NOW.0 - 3_660_000)), "400 | bad-request | it ended 1m ago |"),
        (
            sign(&fixture, BreakGlassShift { estate: EstateId([8; 16]), ..act("a", HOUR) }),
            "409 | refused | it is for estate 0808",
        ),
        (
            sign(&fixture, BreakGlassShift { by: Operator::new("eve"), ..act("a", HOUR) }),
            "403 | bad-token | no break-glass key is called `eve` |",
        ),
        (forged, "403 | bad-token | the signature is not that"),
        (
            sign(&fixture, act("nowhere", HOUR)),
            "404 | not-found | there is no zone `nowhere`; the estate has a, b |",
        ),
        (
            sign(&fixture, act("a", Duration::from_hours(73))),
            "400 | bad-request | a break-glass shift lasts 1m to 72h",
        ),
    ];
    for (signed, expected) in &cases {
        let (answer, came) = ask(&mut fixture, "", &body(signed), Ok(())).await;
        assert!(answer.refusal().starts_with(expected), "{} is not {expected}", answer.refusal());
        assert_eq!(came, None, "{expected}");
    }
    let large = body(&good).replace("no ledger", &"x".repeat(70_000));
    let (answer, came) = ask(&mut fixture, "", &large, Ok(())).await;
    assert!(answer.refusal().starts_with("413 | too-large |"), "{}", answer.refusal());
    assert_eq!(came, None);
    let metrics = fixture.ask("GET", "/metrics", "").await.text;
    for reason in [
        "clock-ahead",
        "clock-behind",
        "ended",
        "other-estate",
        "unknown-key",
        "bad-signature",
        "unknown-zone",
        "length",
        "bad-request",
    ] {
        let line = format!("holdfast_break_glass_refused_total{{reason=\"{reason}\"}} 1\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    // Each has a line in the journal, with what was asked for: as many as the journal takes at once.
    let lines = fixture.ask("GET", "/v1/journal?limit=100", "").await.text;
    assert!(lines.contains("a break-glass shift of a, as by `eve`"), "{lines}");
    let (answer, came) = ask(&mut fixture, "", &body(&good), Ok(())).await;
    assert_eq!(
        (answer.status, came),
        (200, Some(false)),
        "nothing of that slowed a good one: {}",
        answer.text
    );
}
