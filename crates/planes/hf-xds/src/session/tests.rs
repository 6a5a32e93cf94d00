use expect_test::{Expect, expect};
use prost::Message;

use super::*;
use crate::messages::{
    Any, Cluster, ClusterLoadAssignment, Listener, Locality, Node, RouteConfiguration, Status, Struct, Value,
};
use crate::resources::tests::{World, resources};

const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const EDS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn world(type_url: &str, names: &[&str], nonce: &str) -> Request {
    Request::World(DiscoveryRequest {
        type_url: type_url.to_owned(),
        resource_names: strings(names),
        response_nonce: nonce.to_owned(),
        ..DiscoveryRequest::default()
    })
}

fn refusal(type_url: &str, names: &[&str], nonce: &str) -> Request {
    let Request::World(request) = world(type_url, names, nonce) else { unreachable!() };
    let error = Status { code: 3, message: "no such thing".to_owned() };
    Request::World(DiscoveryRequest { error_detail: Some(error), ..request })
}

fn delta(type_url: &str, more: &[&str], fewer: &[&str], nonce: &str) -> Request {
    Request::Delta(DeltaDiscoveryRequest {
        type_url: type_url.to_owned(),
        resource_names_subscribe: strings(more),
        resource_names_unsubscribe: strings(fewer),
        response_nonce: nonce.to_owned(),
        ..DeltaDiscoveryRequest::default()
    })
}

fn name(of: &Any) -> String {
    let value = of.value.clone();
    match of.type_url.as_str() {
        CDS => Cluster::decode(value).unwrap().name,
        EDS => {
            let of = ClusterLoadAssignment::decode(value).unwrap();
            let zones = of.endpoints.iter().map(|of| of.locality.clone().unwrap().zone);
            format!("{}({})", of.cluster_name, zones.collect::<Vec<_>>().join(" "))
        }
        LDS => Listener::decode(value).unwrap().name,
        _ => RouteConfiguration::decode(value).unwrap().name,
    }
}

fn short(type_url: &str) -> &str {
    type_url.rsplit('.').next().unwrap_or_default()
}

/// All that is to be told now, a line for each message.
fn told(session: &mut Session, world: World<'_>) -> String {
    let resources = resources(world);
    let mut text = String::new();
    while let Some(response) = session.next(&resources) {
        let (type_url, nonce, names, gone) = match response {
            Response::World(of) => {
                (of.type_url, of.nonce, of.resources.iter().map(name).collect::<Vec<_>>(), Vec::new())
            }
            Response::Delta(of) => {
                let names = of.resources.iter().map(|of| name(of.resource.as_ref().unwrap()));
                (of.type_url, of.nonce, names.collect(), of.removed_resources)
            }
        };
        text.push_str(&format!("#{nonce} {}: {}", short(&type_url), names.join(", ")));
        if !gone.is_empty() {
            text.push_str(&format!("; gone: {}", gone.join(", ")));
        }
        text.push('\n');
    }
    text
}

fn check(session: &mut Session, world: World<'_>, expected: &Expect) {
    expected.assert_eq(&told(session, world));
}

fn at(revision: u64) -> World<'static> {
    World { revision, ..World::default() }
}

fn shifted(revision: u64) -> World<'static> {
    World { revision, shifted: &["n1"], ..World::default() }
}

fn applied(session: &Session) -> Option<u64> {
    session.applied().map(|revision| revision.0)
}

#[test]
fn a_change_is_told_once_and_counts_when_it_is_accepted() {
    let mut session = Session::new(None);
    session.take(world(CDS, &[], "")).unwrap();
    session.take(world(EDS, &["web", "spare"], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Cluster: spare, web
        #2 ClusterLoadAssignment: spare(n1 f1), web(n1 n2 f1)
    "#]],
    );
    assert_eq!(applied(&session), None);
    assert_eq!(session.take(world(CDS, &[], "1")), Ok(Some(Word::Accepted)));
    assert_eq!(applied(&session), None, "endpoints are not accepted yet");
    session.take(world(EDS, &["web", "spare"], "2")).unwrap();
    check(&mut session, at(7), &expect![[""]]);
    assert_eq!(applied(&session), Some(7));
    // Only what has changed: other endpoints stay as they are with the client.
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #3 ClusterLoadAssignment: spare(f1), web(n2 f1)
    "#]],
    );
    assert_eq!(applied(&session), Some(7));
    session.take(world(EDS, &["web", "spare"], "3")).unwrap();
    assert_eq!(applied(&session), Some(8));
    // A revision that changes nothing for this client is applied without a word.
    check(&mut session, shifted(9), &expect![[""]]);
    assert_eq!(applied(&session), Some(9));
}

#[test]
fn what_came_and_went_is_never_told_and_a_word_counts_for_its_own_answer() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 ClusterLoadAssignment: web(n1 n2 f1)
    "#]],
    );
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #2 ClusterLoadAssignment: web(n2 f1)
    "#]],
    );
    // Accepted when the next one was on its way: the client has that state, and says so.
    assert_eq!(session.take(world(EDS, &["web"], "1")), Ok(Some(Word::Accepted)));
    assert_eq!(applied(&session), Some(7));
    session.take(world(EDS, &["web"], "2")).unwrap();
    check(&mut session, shifted(9), &expect![[""]]);
    assert_eq!(applied(&session), Some(9));
}

#[test]
fn what_was_refused_is_not_sent_again_and_does_not_count() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    told(&mut session, at(7));
    session.take(world(EDS, &["web"], "1")).unwrap();
    told(&mut session, shifted(8));
    let word = session.take(refusal(EDS, &["web"], "2")).unwrap();
    let expected = Refusal {
        kind: Some(Kind::Endpoints),
        names: Some(vec!["web".into()]),
        others: 0,
        is_overtaken: false,
        why: "no such thing".to_owned(),
    };
    assert_eq!(word, Some(Word::Refused(expected)));
    check(&mut session, shifted(9), &expect![[""]]);
    assert_eq!(applied(&session), Some(7));
    check(
        &mut session,
        at(10),
        &expect![[r#"
        #3 ClusterLoadAssignment: web(n1 n2 f1)
    "#]],
    );
    session.take(world(EDS, &["web"], "3")).unwrap();
    assert_eq!(applied(&session), Some(10));
}

#[test]
fn who_asks_for_all_and_holds_it_is_told_nothing() {
    let mut first = Session::new(None);
    first.take(world(CDS, &[], "")).unwrap();
    let Some(Response::World(response)) = first.next(&resources(at(7))) else { panic!("an answer") };
    let mut second = Session::new(None);
    let Request::World(request) = world(CDS, &[], "") else { unreachable!() };
    second.take(Request::World(DiscoveryRequest { version_info: response.version_info, ..request })).unwrap();
    check(&mut second, at(9), &expect![[""]]);
    assert_eq!(applied(&second), Some(9));
}

/// A client drops what it no longer asks for, and comes back with the version of then.
#[test]
fn who_asks_by_name_is_told_whatever_it_comes_with() {
    let mut first = Session::new(None);
    first.take(world(EDS, &["web"], "")).unwrap();
    let Some(Response::World(response)) = first.next(&resources(at(7))) else { panic!("an answer") };
    let mut second = Session::new(None);
    let Request::World(request) = world(EDS, &["web"], "") else { unreachable!() };
    let request = DiscoveryRequest { version_info: response.version_info, ..request };
    second.take(Request::World(request)).unwrap();
    let Some(Response::World(response)) = second.next(&resources(at(9))) else { panic!("an answer") };
    assert_eq!(response.resources.len(), 1);
    assert_eq!(applied(&second), None);
}

#[test]
fn names_come_and_go() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    told(&mut session, at(7));
    session.take(world(EDS, &["web", "spare"], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 ClusterLoadAssignment: spare(n1 f1)
    "#]],
    );
    session.take(world(EDS, &["spare"], "2")).unwrap();
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #3 ClusterLoadAssignment: spare(f1)
    "#]],
    );
    session.take(world(EDS, &["spare", "web"], "3")).unwrap();
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #4 ClusterLoadAssignment: web(n2 f1)
    "#]],
    );
    session.take(world(EDS, &[], "4")).unwrap();
    check(&mut session, at(9), &expect![[""]]);
}

#[test]
fn listeners_come_by_name_only() {
    let mut session = Session::new(None);
    session.take(world(LDS, &[], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Listener: 
    "#]],
    );
    let mut session = Session::new(None);
    session.take(world(LDS, &["web", "absent"], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Listener: web
    "#]],
    );
}

#[test]
fn delta_tells_what_differs_and_what_is_gone() {
    let mut session = Session::new(None);
    session.take(delta(CDS, &[], &[], "")).unwrap();
    session.take(delta(EDS, &["web", "spare", "absent"], &[], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Cluster: spare, web
        #2 ClusterLoadAssignment: spare(n1 f1), web(n1 n2 f1); gone: absent
    "#]],
    );
    session.take(delta(CDS, &[], &[], "1")).unwrap();
    session.take(delta(EDS, &[], &[], "2")).unwrap();
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #3 ClusterLoadAssignment: spare(f1), web(n2 f1)
    "#]],
    );
    assert_eq!(applied(&session), Some(7));
    session.take(delta(EDS, &[], &[], "3")).unwrap();
    assert_eq!(applied(&session), Some(8));
    // Who asks again is told again, also with a word on an older answer.
    session.take(delta(EDS, &["spare"], &["absent"], "2")).unwrap();
    check(
        &mut session,
        shifted(8),
        &expect![[r#"
        #4 ClusterLoadAssignment: spare(f1)
    "#]],
    );
    session.take(delta(EDS, &[], &["spare", "web"], "4")).unwrap();
    check(&mut session, at(9), &expect![[""]]);
}

/// A client that holds these, of which `lost` does not exist, and asks for all three.
fn come_with(type_url: &str, held: &[(&str, &str)], world: World<'_>) -> String {
    let mut session = Session::new(None);
    let Request::Delta(mut request) = delta(type_url, &["web", "spare", "lost"], &[], "") else {
        unreachable!()
    };
    let held = held.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned()));
    request.initial_resource_versions = held.collect();
    session.take(Request::Delta(request)).unwrap();
    told(&mut session, world)
}

#[test]
fn delta_goes_on_from_the_versions_that_a_client_holds() {
    let now = resources(at(7));
    let version = |name: &str| now.table(Kind::Cluster, None)[name].version.to_string();
    let (web, spare) = (version("web"), version("spare"));
    expect![[r#"
        #1 Cluster: ; gone: lost
    "#]]
    .assert_eq(&come_with(CDS, &[("web", &web), ("spare", &spare), ("lost", "0")], at(9)));
    expect![[r#"
        #1 Cluster: spare; gone: lost
    "#]]
    .assert_eq(&come_with(CDS, &[("web", &web), ("spare", &web), ("lost", "0")], at(9)));
}

/// An Envoy that was cut off while a cluster of it waited for endpoints says that it holds them: those of the cluster before.
#[test]
fn endpoints_are_told_on_each_stream_whatever_a_client_holds() {
    let now = resources(at(7));
    let version = |name: &str| now.table(Kind::Endpoints, None)[name].version.to_string();
    let (web, spare) = (version("web"), version("spare"));
    expect![[r#"
        #1 ClusterLoadAssignment: spare(n1 f1), web(n1 n2 f1); gone: lost
    "#]]
    .assert_eq(&come_with(EDS, &[("web", &web), ("spare", &spare), ("lost", "0")], at(9)));
}

#[test]
fn what_was_refused_stays_refused_whatever_else_of_its_type_is_accepted() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    told(&mut session, at(7));
    session.take(refusal(EDS, &["web"], "1")).unwrap();
    session.take(world(EDS, &["web", "spare"], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 ClusterLoadAssignment: spare(n1 f1)
    "#]],
    );
    session.take(world(EDS, &["web", "spare"], "2")).unwrap();
    assert_eq!(applied(&session), None, "the client does not have `web`");
    check(&mut session, at(8), &expect![[""]]);
    assert_eq!(applied(&session), None);
    check(
        &mut session,
        shifted(9),
        &expect![[r#"
        #3 ClusterLoadAssignment: spare(f1), web(n2 f1)
    "#]],
    );
    session.take(world(EDS, &["web", "spare"], "3")).unwrap();
    assert_eq!(applied(&session), Some(9));
    // What is no longer asked for holds nothing back.
    told(&mut session, at(10));
    session.take(refusal(EDS, &["web", "spare"], "4")).unwrap();
    session.take(world(EDS, &["spare"], "4")).unwrap();
    check(&mut session, at(11), &expect![[""]]);
    assert_eq!(applied(&session), Some(9));
    session.take(world(EDS, &[], "4")).unwrap();
    check(&mut session, at(11), &expect![[""]]);
    assert_eq!(applied(&session), Some(11));
}

#[test]
fn a_refusal_counts_and_is_told_when_the_next_answer_is_on_its_way() {
    let mut session = Session::new(None);
    session.take(delta(EDS, &["web"], &[], "")).unwrap();
    told(&mut session, at(7));
    session.take(delta(EDS, &["spare"], &[], "")).unwrap();
    told(&mut session, at(7));
    let Request::Delta(mut request) = delta(EDS, &[], &[], "1") else { unreachable!() };
    request.error_detail = Some(Status { code: 3, message: "no".to_owned() });
    let Ok(Some(Word::Refused(of))) = session.take(Request::Delta(request.clone())) else {
        panic!("a refusal")
    };
    assert_eq!((of.names, of.is_overtaken), (Some(vec!["web".into()]), true));
    session.take(delta(EDS, &[], &[], "2")).unwrap();
    assert_eq!(applied(&session), None);
    // Said again it counts for nothing, and so does one of an answer that never was.
    for nonce in ["1", "77", "x"] {
        request.response_nonce = nonce.to_owned();
        let Ok(Some(Word::Refused(of))) = session.take(Request::Delta(request.clone())) else {
            panic!("a refusal")
        };
        assert_eq!(of.names, None);
    }
}

/// In the state of the world a client says its names again with the newest nonce; until then an older list does not count.
#[test]
fn names_with_an_old_nonce_do_not_count_in_the_state_of_the_world() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    told(&mut session, at(7));
    told(&mut session, shifted(8));
    session.take(world(EDS, &[], "1")).unwrap();
    check(
        &mut session,
        at(9),
        &expect![[r#"
        #3 ClusterLoadAssignment: web(n1 n2 f1)
    "#]],
    );
}

#[test]
fn a_name_of_all_that_is_no_longer_asked_for_by_name_is_told_once_more() {
    let mut session = Session::new(None);
    session.take(delta(CDS, &["*", "web", "secure", "absent"], &[], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Cluster: secure, spare, web; gone: absent
    "#]],
    );
    // A client cannot know which of them all has: `secure` only comes by name.
    session.take(delta(CDS, &[], &["web", "secure", "absent", "never"], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 Cluster: web; gone: absent, secure
    "#]],
    );
    check(&mut session, at(8), &expect![[""]]);
    session.take(delta(CDS, &["web"], &["*"], "2")).unwrap();
    told(&mut session, at(8));
    session.take(delta(CDS, &[], &["web"], "3")).unwrap();
    check(&mut session, at(9), &expect![[""]]);
}

#[test]
fn who_asks_for_all_again_is_told_all_again() {
    let mut session = Session::new(None);
    session.take(delta(CDS, &["secure"], &[], "")).unwrap();
    told(&mut session, at(7));
    session.take(delta(CDS, &["*"], &[], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 Cluster: secure, spare, web
    "#]],
    );
    // There are no listeners for all: an answer comes all the same.
    session.take(delta(LDS, &["web"], &[], "")).unwrap();
    told(&mut session, at(7));
    session.take(delta(LDS, &["*"], &["web"], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #4 Listener: ; gone: web
    "#]],
    );
}

#[test]
fn only_who_never_named_anything_asks_for_all_by_asking_for_nothing() {
    let mut session = Session::new(None);
    session.take(delta(CDS, &[], &["web"], "")).unwrap();
    check(&mut session, at(7), &expect![[""]]);
    let mut session = Session::new(None);
    session.take(delta(CDS, &[], &[], "")).unwrap();
    session.take(delta(CDS, &["secure"], &[], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Cluster: secure, spare, web
    "#]],
    );
    let mut session = Session::new(None);
    for names in [&[][..], &["*", "web"], &["web"], &[]] {
        session.take(world(CDS, names, "")).unwrap();
    }
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Cluster: 
    "#]],
    );
}

#[test]
fn who_names_what_came_with_all_is_told_it_again() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["*"], "")).unwrap();
    told(&mut session, at(7));
    session.take(world(EDS, &["*", "web"], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 ClusterLoadAssignment: web(n1 n2 f1)
    "#]],
    );
}

fn with_estate(toml: &str, revision: u64) -> Resources {
    Resources::of(std::sync::Arc::new(crate::resources::tests::snapshot_of(toml, at(revision))))
}

/// The estate without its second pool.
fn without_spare() -> String {
    let estate = crate::resources::tests::ESTATE;
    let (from, to) = (
        estate.find("[[pool]]\nname = \"spare\"").unwrap(),
        estate.find("[[pool]]\nname = \"secure\"").unwrap(),
    );
    format!("{}{}", &estate[..from], &estate[to..])
}

/// A client that hears of both at once asks for the same names as before.
#[test]
fn what_was_gone_is_told_when_it_comes_back() {
    let mut session = Session::new(None);
    session.take(world(CDS, &[], "")).unwrap();
    session.take(world(EDS, &["web", "spare"], "")).unwrap();
    told(&mut session, at(7));
    let less = with_estate(&without_spare(), 8);
    let Some(Response::World(of)) = session.next(&less) else { panic!("an answer") };
    assert_eq!((of.type_url.as_str(), of.resources.len()), (CDS, 1));
    assert_eq!(session.next(&less), None);
    check(
        &mut session,
        at(9),
        &expect![[r#"
        #4 Cluster: spare, web
        #5 ClusterLoadAssignment: spare(n1 f1)
    "#]],
    );
}

#[test]
fn endpoints_that_were_asked_for_before_a_cluster_came_follow_it() {
    let mut session = Session::new(None);
    session.take(delta(EDS, &["web"], &[], "")).unwrap();
    told(&mut session, at(7));
    session.take(delta(CDS, &[], &[], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 Cluster: spare, web
        #3 ClusterLoadAssignment: web(n1 n2 f1)
    "#]],
    );
}

#[test]
fn a_word_alone_is_nothing_to_answer() {
    let mut session = Session::new(None);
    session.take(world(EDS, &["web"], "")).unwrap();
    assert!(session.is_due());
    told(&mut session, at(7));
    assert!(!session.is_due());
    session.take(world(EDS, &["web"], "1")).unwrap();
    assert!(!session.is_due());
    session.take(world(EDS, &["web", "spare"], "1")).unwrap();
    assert!(session.is_due());
}

#[test]
fn what_a_client_makes_us_keep_is_counted() {
    let mut session = Session::new(None);
    session.take(delta(EDS, &["web", "spare"], &[], "")).unwrap();
    let both = session.bytes();
    assert!(both > "webspare".len());
    session.take(delta(EDS, &[], &["spare"], "")).unwrap();
    assert!(session.bytes() < both);
    session.take(delta(EDS, &[], &["web"], "")).unwrap();
    assert_eq!(session.bytes(), 0);
    // What it came with counts until it is known which of that we have.
    let Request::Delta(mut request) = delta(CDS, &[], &[], "") else { unreachable!() };
    request.initial_resource_versions = [("lost".to_owned(), "0".repeat(16))].into();
    session.take(Request::Delta(request)).unwrap();
    assert_eq!(session.bytes(), "lost".len() + 128);
    // Then what it was told with all does, and the answer that it says nothing of.
    told(&mut session, at(7));
    assert_eq!(session.bytes(), "webspare".len() + 2 * 64 + 2 * 64);
    session.take(delta(CDS, &[], &[], "1")).unwrap();
    assert_eq!(session.bytes(), "webspare".len() + 2 * 64);
    session.take(delta(CDS, &[], &["*"], "1")).unwrap();
    assert_eq!(session.bytes(), 0);
}

#[test]
fn what_all_are_told_counts_in_the_state_of_the_world_too_and_what_was_refused() {
    let mut session = Session::new(None);
    session.take(world(CDS, &[], "")).unwrap();
    assert_eq!(session.bytes(), 0);
    told(&mut session, at(7));
    assert_eq!(session.bytes(), "webspare".len() + 2 * 64 + 2 * 64);
    let Request::World(mut request) = world(CDS, &[], "1") else { unreachable!() };
    request.error_detail = Some(crate::messages::Status { code: 3, message: "no".to_owned() });
    session.take(Request::World(request)).unwrap();
    assert_eq!(session.bytes(), "webspare".len() + 2 * 64 + 2 * 64, "refused, no longer open");
}

#[test]
fn names_of_unknown_types_are_not_kept() {
    let secret = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    let mut session = Session::new(None);
    session.take(world(secret, &["key"], "")).unwrap();
    assert_eq!(session.bytes(), 0);
    told(&mut session, at(7));
    session.take(world(secret, &["key", "another"], "1")).unwrap();
    check(&mut session, at(8), &expect![[""]]);
    let mut session = Session::new(None);
    session.take(delta(secret, &["key"], &[], "")).unwrap();
    assert!(session.bytes() > 0);
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Secret: ; gone: key
    "#]],
    );
    assert_eq!(session.bytes(), 0);
    session.take(delta(secret, &["another"], &[], "1")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #2 Secret: ; gone: another
    "#]],
    );
}

#[test]
fn a_client_is_kept_near_if_it_asks() {
    let near = |truth| Node {
        metadata: Some(Struct { fields: [(NEAR.to_owned(), Value { truth })].into() }),
        locality: Some(Locality { region: "near".to_owned(), zone: "n2".to_owned() }),
        ..Node::default()
    };
    for (truth, priorities) in
        [(Some(true), vec![0, 1, 2]), (Some(false), vec![0, 0, 0]), (None, vec![0, 0, 0])]
    {
        let mut session = Session::new(Some(Kind::Endpoints));
        let Request::World(request) = world("", &["web"], "") else { unreachable!() };
        session.take(Request::World(DiscoveryRequest { node: Some(near(truth)), ..request })).unwrap();
        let Some(Response::World(told)) = session.next(&resources(at(7))) else { panic!("an answer") };
        let of = ClusterLoadAssignment::decode(told.resources[0].value.clone()).unwrap();
        assert_eq!(of.endpoints.iter().map(|of| of.priority).collect::<Vec<_>>(), priorities);
    }
}

#[test]
fn endpoints_follow_a_cluster_that_has_changed() {
    let mut session = Session::new(None);
    session.take(world(CDS, &[], "")).unwrap();
    session.take(world(EDS, &["web", "spare"], "")).unwrap();
    told(&mut session, at(7));
    let changed = crate::resources::tests::ESTATE.replace("endpoint_http = \"2\"", "endpoint_http = \"1.1\"");
    let snapshot = crate::resources::tests::snapshot_of(&changed, at(8));
    let resources = Resources::of(std::sync::Arc::new(snapshot));
    let mut types = Vec::new();
    while let Some(Response::World(of)) = session.next(&resources) {
        types.push(format!("{} {}", short(&of.type_url), of.resources.len()));
    }
    assert_eq!(types, ["Cluster 2", "ClusterLoadAssignment 1"]);
}

#[test]
fn unknown_types_are_answered_once_with_nothing() {
    let secret = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    let mut session = Session::new(None);
    session.take(world(secret, &["key"], "")).unwrap();
    check(
        &mut session,
        at(7),
        &expect![[r#"
        #1 Secret: 
    "#]],
    );
    session.take(world(secret, &["key"], "1")).unwrap();
    check(&mut session, shifted(8), &expect![[""]]);
    assert_eq!(applied(&session), Some(8));
}

#[test]
fn bounds_hold() {
    let mut session = Session::new(Some(Kind::Endpoints));
    assert!(matches!(session.take(world(CDS, &[], "")), Err(Refused::OtherType { .. })));
    let many: Vec<String> = (0..=NAMES_MAX).map(|at| format!("pool-{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(session.take(world("", &many, "")), Err(Refused::TooMany));
    assert_eq!(session.take(delta("", &many, &[], "")), Err(Refused::TooMany));
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    assert_eq!(session.take(world("", &[&long], "")), Err(Refused::LongName { len: 257 }));
    assert_eq!(session.take(delta("", &[&long], &[], "")), Err(Refused::LongName { len: 257 }));
    let mut session = Session::new(None);
    assert_eq!(session.take(world("", &[], "")), Err(Refused::NoType));
    assert_eq!(session.take(world(&long, &[], "")), Err(Refused::LongType { len: 257 }));
    for at in 0..TYPES_MAX {
        session.take(world(&format!("type-{at}"), &[], "")).unwrap();
    }
    assert_eq!(session.take(world("one-more", &[], "")), Err(Refused::TooMany));
}
