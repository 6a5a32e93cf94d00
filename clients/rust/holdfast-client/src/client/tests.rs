use super::*;
use crate::fake::{DEADLINE, Fake, Stream, nobody, until};
use crate::link::Trouble;
use crate::wire::Kind;

fn quick(fakes: &[&Fake]) -> Builder {
    Holdfast::builder()
        .endpoints(fakes.iter().map(|fake| fake.url()))
        .heartbeat(Duration::from_secs(1))
        .poll(Duration::from_millis(200))
}

async fn fakes(says: &[bool]) -> Vec<Fake> {
    let mut all = Vec::new();
    for is_away in says {
        all.push(Fake::start(*is_away).await);
    }
    all
}

#[tokio::test]
async fn three_of_five_say_closed_one_open_one_is_silent() {
    let all = fakes(&[true, true, true, false]).await;
    // Taken and never answered: a place that is cut off.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refs: Vec<&Fake> = all.iter().collect();
    let holdfast = quick(&refs).endpoint(format!("http://{}", silent.local_addr().unwrap())).start().unwrap();
    assert!(holdfast.known(DEADLINE).await);
    until("the zone is closed", || !holdfast.is_open("a")).await;
    assert!(!holdfast.is_open("a-alias") && holdfast.is_open("b"));
    until("four speak", || holdfast.zones().speaking() == 4).await;
    assert_eq!(holdfast.zones().asked(), 5);
    assert!(!holdfast.is_open("a"));
}

#[tokio::test]
async fn two_against_two_keep_the_last_state() {
    let all = fakes(&[true, true, true, true, true]).await;
    let refs: Vec<&Fake> = all.iter().collect();
    let holdfast = quick(&refs).start().unwrap();
    until("all five say closed", || !holdfast.is_open("a") && holdfast.zones().speaking() == 5).await;
    all[0].say(false);
    all[1].say(false);
    let have_heard = || {
        let is_open = |voice: &crate::voice::Voice| voice.tag() == Some("0000000000000004");
        holdfast.inner.voices.with(|voices| voices[..2].iter().all(is_open))
    };
    until("two say open", have_heard).await;
    // The fifth falls silent: two against two.
    all[4].says.send_modify(|says| says.instead = Some((503, "{}".to_owned())));
    all[4].says.send_modify(|says| says.stream = Stream::None);
    until("four speak", || holdfast.zones().speaking() == 4).await;
    assert!(!holdfast.is_open("a"));
    all[2].say(false);
    until("three of four say open", || holdfast.is_open("a")).await;
}

#[tokio::test]
async fn a_deaf_instance_acts_by_polls_within_the_heartbeat() {
    for stream in [Stream::Deaf, Stream::BeatsOnly, Stream::None] {
        let fake = Fake::start(false).await;
        fake.says.send_modify(|says| says.stream = stream);
        let holdfast = quick(&[&fake]).heartbeat(Duration::from_secs(12)).start().unwrap();
        assert!(holdfast.known(DEADLINE).await);
        assert!(holdfast.is_open("a"));
        fake.say(true);
        until(&format!("{stream:?} is noticed"), || !holdfast.is_open("a")).await;
        // Noticed before the stream counted as dead: that is what polls beside it are for.
        let streams = fake.heard().requests.iter().filter(|head| head.starts_with("GET /watch")).count();
        assert!(streams == 1 || stream == Stream::None, "{stream:?}: {streams} streams");
    }
}

#[tokio::test]
async fn a_deaf_stream_is_given_up_and_opened_anew() {
    let fake = Fake::start(false).await;
    fake.says.send_modify(|says| says.stream = Stream::Deaf);
    let holdfast = quick(&[&fake]).heartbeat(Duration::from_millis(300)).start().unwrap();
    let watches = || {
        fake.heard()
            .requests
            .iter()
            .filter(|head| head.starts_with("GET /watch"))
            .cloned()
            .collect::<Vec<_>>()
    };
    until("a second stream", || watches().len() >= 2).await;
    assert!(watches()[1].contains("last-event-id: 0000000000000004"), "{:?}", watches());
    assert!(holdfast.is_open("a"));
}

#[tokio::test]
async fn callbacks_and_changes_tell_differences() {
    let fake = Fake::start(true).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = |word: &'static str| {
        let told = told.clone();
        move |zone: &ZoneStatus| told.lock().unwrap().push(format!("{word} {}", zone.zone))
    };
    let holdfast = quick(&[&fake]).on_close(note("closed")).on_open(note("opened")).start().unwrap();
    let mut changes = holdfast.changes();
    let first = timeout(DEADLINE, changes.next()).await.unwrap().unwrap();
    assert_eq!((first.zone.as_str(), first.state), ("a", State::Away));
    fake.say(false);
    let second = timeout(DEADLINE, changes.next()).await.unwrap().unwrap();
    assert_eq!((second.zone.as_str(), second.state), ("a", State::Open));
    until("both are told", || *told.lock().unwrap() == ["closed a", "opened a"]).await;
    drop(holdfast);
    assert_eq!(timeout(DEADLINE, changes.next()).await.unwrap(), None);
}

#[tokio::test]
async fn a_callback_that_panics_makes_nobody_deaf() {
    let fake = Fake::start(true).await;
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let noted = troubles.clone();
    let holdfast = quick(&[&fake])
        .on_close(|_| panic!("on purpose"))
        .on_trouble(move |trouble: &Trouble| noted.lock().unwrap().push(trouble.to_string()))
        .start()
        .unwrap();
    until("the panic is told", || troubles.lock().unwrap().iter().any(|text| text.contains("panicked")))
        .await;
    fake.say(false);
    until("it opens", || holdfast.is_open("a")).await;
}

#[tokio::test]
async fn the_last_good_state_outlives_the_process_and_the_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let fake = Fake::start(true).await;
    let holdfast = quick(&[&fake]).state_file(&path).start().unwrap();
    until("it is saved", || path.exists()).await;
    drop(holdfast);
    drop(fake);
    let (_kept, gone) = nobody();
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let start = |path: &std::path::Path| {
        let noted = troubles.clone();
        Holdfast::builder()
            .endpoint(&gone)
            .state_file(path)
            .on_trouble(move |trouble| noted.lock().unwrap().push(trouble.to_string()))
            .start()
            .unwrap()
    };
    let again = start(&path);
    assert!(!again.is_open("a"));
    assert_eq!(again.zones().origin(), Origin::Disk);
    assert!(!again.known(Duration::from_millis(50)).await);
    drop(again);
    std::fs::write(&path, "nonsense\n").unwrap();
    let anew = start(&path);
    assert!(anew.is_open("a"));
    assert_eq!(anew.zones().origin(), Origin::Nothing);
    assert!(troubles.lock().unwrap().iter().any(|text| text.contains("was not written by this library")));
}

#[tokio::test]
async fn what_is_applied_and_what_runs_is_acknowledged_and_the_end_too() {
    let fake = Fake::start(false).await;
    let holdfast =
        quick(&[&fake]).consumer("orders", Kind::Worker).instance("i-1").zone("a").start().unwrap();
    let has = |text: &str| fake.heard().acknowledged.iter().any(|said| said.contains(text));
    until("the first table is acknowledged", || has(r#""tag":"0000000000000004","revision":1"#)).await;
    let gate = holdfast.gate("a-alias");
    let in_hand = gate.pass().await;
    fake.say(true);
    timeout(DEADLINE, in_hand.must_give_back()).await.unwrap();
    until("one is in hand", || has(r#""revision":2,"running":{"a":1}"#)).await;
    assert!(gate.try_pass().is_none() && in_hand.is_to_give_back());
    drop(in_hand);
    until("nothing is", || has(r#""tag":"0000000000000006","revision":2,"running":{"a":0}"#)).await;
    let head = fake.heard().requests[0].clone();
    assert!(head.contains("consumer=orders&instance=i-1&kind=worker&zone=a"), "{head}");
    holdfast.close().await;
    assert!(has(
        r#""instance":"i-1","kind":"worker","zone":"a","tag":"0000000000000006","revision":2,"gone":true"#
    ));
}

#[tokio::test]
async fn while_a_zone_is_open_work_that_comes_and_goes_is_not_told_at_once() {
    let fake = Fake::start(false).await;
    let holdfast = quick(&[&fake]).consumer("orders", Kind::Worker).start().unwrap();
    assert!(holdfast.known(DEADLINE).await);
    let mut running = holdfast.inner.running.subscribe();
    let gate = holdfast.gate("a");
    drop(gate.pass().await);
    let in_hand = gate.pass().await;
    assert!(!running.has_changed().unwrap());
    assert_eq!(running.borrow_and_update()["a"], 1);
    fake.say(true);
    timeout(DEADLINE, in_hand.must_give_back()).await.unwrap();
    drop(in_hand);
    assert!(running.has_changed().unwrap());
}

#[tokio::test]
async fn a_good_bye_waits_for_what_was_said_before() {
    let fake = Fake::start(false).await;
    fake.says.send_modify(|says| says.is_slow = true);
    let holdfast = quick(&[&fake]).consumer("orders", Kind::Worker).start().unwrap();
    let is_asked = || fake.heard().requests.iter().any(|head| head.starts_with("POST /acknowledge"));
    until("it is acknowledging", is_asked).await;
    let mut closing = tokio::spawn(holdfast.close());
    assert!(timeout(Duration::from_millis(100), &mut closing).await.is_err());
    fake.says.send_modify(|says| says.is_slow = false);
    timeout(DEADLINE, closing).await.unwrap().unwrap();
    let said: Vec<bool> = fake.heard().acknowledged.iter().map(|said| said.contains("gone")).collect();
    assert_eq!(said, [false, true]);
}

#[tokio::test]
async fn a_stream_that_ends_is_opened_anew_when_the_endpoint_likes() {
    let fake = Fake::start(false).await;
    // More than is ever waited after a stream that was well, if nobody asks for it.
    let retry = Duration::from_millis(2_500);
    fake.says.send_modify(|says| says.stream = Stream::Short(2_500));
    let begun = Instant::now();
    let _holdfast = quick(&[&fake]).start().unwrap();
    let streams = || fake.heard().requests.iter().filter(|head| head.starts_with("GET /watch")).count();
    until("a second stream", || streams() >= 2).await;
    assert!(begun.elapsed() >= retry, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn whoever_panics_over_a_trouble_is_not_deaf() {
    let fake = Fake::start(true).await;
    fake.says.send_modify(|says| says.instead = Some((503, String::new())));
    let told = Arc::new(Mutex::new(0));
    let counts = told.clone();
    let holdfast = quick(&[&fake])
        .on_trouble(move |_| {
            *counts.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            panic!("on purpose");
        })
        .start()
        .unwrap();
    until("the trouble is told", || *told.lock().unwrap_or_else(PoisonError::into_inner) > 0).await;
    fake.says.send_modify(|says| says.instead = None);
    until("it is heard", || !holdfast.is_open("a") && holdfast.endpoints()[0].is_pushed).await;
}

#[tokio::test]
async fn by_hand_nothing_is_acknowledged_before_it_is_said() {
    let fake = Fake::start(true).await;
    let holdfast = quick(&[&fake]).consumer("orders", Kind::Worker).acknowledge_by_hand().start().unwrap();
    until("it is closed", || !holdfast.is_open("a")).await;
    assert!(fake.heard().acknowledged.is_empty());
    holdfast.applied(&holdfast.zones());
    until("it is acknowledged", || !fake.heard().acknowledged.is_empty()).await;
}

#[tokio::test]
async fn a_gate_stops_and_goes_on() {
    let fake = Fake::start(true).await;
    let holdfast = quick(&[&fake]).start().unwrap();
    until("it is closed", || !holdfast.is_open("a")).await;
    let gate = holdfast.gate("a");
    assert_eq!(gate.while_open(std::future::ready(1)).await, None);
    let passes = tokio::spawn({
        let gate = gate.clone();
        async move { drop(gate.pass().await) }
    });
    assert!(timeout(Duration::from_millis(50), gate.pass()).await.is_err());
    fake.say(false);
    timeout(DEADLINE, passes).await.unwrap().unwrap();
    assert_eq!(gate.while_open(std::future::ready(1)).await, Some(1));
    assert!(holdfast.gate("never heard of").try_pass().is_some());
}

#[tokio::test]
async fn an_endpoint_that_talks_nonsense_counts_for_nothing_and_is_told() {
    let (good, bad) = (Fake::start(true).await, Fake::start(false).await);
    bad.says.send_modify(|says| says.instead = Some((200, "<html>hello</html>".to_owned())));
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let noted = troubles.clone();
    let holdfast = quick(&[&bad, &good])
        .on_trouble(move |trouble| noted.lock().unwrap().push(trouble.to_string()))
        .start()
        .unwrap();
    until("the good one counts", || !holdfast.is_open("a")).await;
    let is_told =
        || troubles.lock().unwrap().iter().any(|text| text.contains("is the URL a status endpoint's"));
    until("the bad one is told", is_told).await;
    let status = holdfast.endpoints();
    assert!(!status[0].speaks && status[1].speaks && status[1].is_pushed);
    bad.says.send_modify(|says| says.instead = None);
    until("it is heard again", || holdfast.zones().speaking() == 2).await;
}

#[tokio::test]
async fn asked_once_it_gives_the_majority_and_says_no_name() {
    let all = fakes(&[true, false, true]).await;
    let refs: Vec<&Fake> = all.iter().collect();
    let zones = quick(&refs).consumer("orders", Kind::Worker).ask_once().await.unwrap();
    assert!(!zones.is_open("a") && zones.speaking() == 3);
    assert!(all.iter().all(|fake| !fake.heard().requests[0].contains("consumer=")));
    let (_kept, gone) = nobody();
    assert_eq!(Holdfast::builder().endpoint(gone).ask_once().await.unwrap().speaking(), 0);
}

#[tokio::test]
async fn with_two_needed_one_alone_changes_nothing() {
    let all = fakes(&[true, false]).await;
    let refs: Vec<&Fake> = all.iter().collect();
    let holdfast = quick(&refs).needed(2).start().unwrap();
    until("both speak", || holdfast.zones().speaking() == 2).await;
    all[1].says.send_modify(|says| {
        says.stream = Stream::None;
        says.instead = Some((500, String::new()));
    });
    until("one speaks", || holdfast.zones().speaking() == 1).await;
    assert!(holdfast.is_open("a"));
}

#[tokio::test]
async fn a_layer_refuses_while_the_zone_is_away() {
    use tower_layer::Layer as _;
    use tower_service::Service as _;

    #[derive(Clone)]
    struct Fine;
    impl tower_service::Service<hyper::Request<()>> for Fine {
        type Response = hyper::Response<String>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: hyper::Request<()>) -> Self::Future {
            std::future::ready(Ok(hyper::Response::new("fine".to_owned())))
        }
    }

    let fake = Fake::start(false).await;
    let holdfast = quick(&[&fake]).start().unwrap();
    assert!(holdfast.known(DEADLINE).await);
    let mut service = crate::RefuseLayer::new(&holdfast, "a").layer(Fine);
    let running = || holdfast.inner.running.borrow()["a"];
    assert_eq!(running(), 0, "nothing is an answer too");
    let request = service.call(hyper::Request::new(()));
    assert_eq!(running(), 1);
    let answer = request.await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_str(), running()), (200, "fine", 0));
    fake.say(true);
    until("it is closed", || !holdfast.is_open("a")).await;
    let answer = service.call(hyper::Request::new(())).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_str()), (503, ""));
    assert_eq!(answer.headers()["retry-after"], "30");
    let router = holdfast.router(vec![crate::Place::new(1, "a"), crate::Place::new(2, "b")]);
    assert_eq!((router.pick(), router.usable()), (Some(&2), vec![&2]));
}
