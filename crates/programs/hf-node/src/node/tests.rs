mod acknowledged;
mod consumers;
mod geography;
mod pushed;
mod restart;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hf_api::{Client, StartShift};
use hf_config::node::OperatorKey;
use hf_control::BreakGlassShift;
use hf_feed::OperatorKeyPair;
use hf_model::{NodeId, Operator, Revision, WireName, ZoneId};
use hf_snapshot::Snapshot;
use hf_wire::{Family, address_query, read_answer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::testing::config;

const DEADLINE: Duration = Duration::from_secs(30);
const BEAT: Duration = Duration::from_millis(100);

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("happens before the deadline")
}

/// Two zones with one small application each, and a folder with the estate file.
struct World {
    dir: TempDir,
    web: SocketAddr,
    apps: BTreeMap<&'static str, SocketAddr>,
}

impl World {
    async fn new() -> World {
        let mut apps = BTreeMap::new();
        for zone in ["a", "b"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            apps.insert(zone, listener.local_addr().unwrap());
            tokio::spawn(application(listener, zone));
        }
        let world = World { dir: tempfile::tempdir().unwrap(), web: nobody(), apps };
        world.write_estate("");
        world
    }

    fn write_estate(&self, more: &str) {
        let mut text = String::from("[[region]]\nid = \"r\"\n");
        let mut endpoints = String::new();
        for (zone, address) in &self.apps {
            let _ = write!(text, "[[zone]]\nid = \"{zone}\"\nregion = \"r\"\n");
            let _ = writeln!(endpoints, "  {{ address = \"{address}\", zone = \"{zone}\" }},");
        }
        let _ = write!(
            text,
            "[[health_check]]\nname = \"up\"\nkind = \"http\"\ninterval = \"200ms\"\n\
             [[pool]]\nname = \"web\"\nprotocol = \"http\"\nlisten = \"{}\"\nhealth_check = \"up\"\n\
             endpoints = [\n{endpoints}]\n\
             [[hosted_zone]]\nname = \"example.test.\"\n\
             [[record]]\nname = \"www.example.test.\"\ntype = \"A\"\nanswer = {{ pool = \"web\" }}\n\
             choose = [\"open\", \"take 2\"]\n{more}",
            self.web
        );
        let beside = self.dir.path().join("estate.toml.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.dir.path().join("estate.toml")).unwrap();
    }

    async fn start(&self, config: &NodeConfig) -> NodeHandle {
        self.start_with(config, LostLedger::Refuse).await
    }

    async fn start_with(&self, config: &NodeConfig, lost: LostLedger) -> NodeHandle {
        start(config.clone(), self.dir.path(), Clock::system(), lost)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn write_ticket_key(&self) {
        let text = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
        hf_keys::private_file::write(&self.dir.path().join("tickets.key"), text).unwrap();
    }

    fn client(&self, node: &NodeHandle, name: &str) -> Client {
        let token =
            std::fs::read_to_string(self.dir.path().join(format!("data/{name}/operator.token"))).unwrap();
        let endpoint = format!("http://{}", node.addresses().api);
        Client::new(vec![endpoint], Some(token.trim().to_owned())).unwrap()
    }
}

/// An address of this process alone: no other test's socket is given a port of it while nobody has that port.
fn own_address() -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    IpAddr::from([127, high | 0x40, middle, low])
}

/// Where nobody listens.
fn nobody() -> SocketAddr {
    std::net::TcpListener::bind((own_address(), 0)).unwrap().local_addr().unwrap()
}

/// A node in zone a, at home in a world's folder.
fn in_world(name: &str, roles: &[Role], peers: &[SocketAddr]) -> NodeConfig {
    NodeConfig {
        data_dir: format!("data/{name}").into(),
        roles: roles.to_vec(),
        zone: Some(ZoneId::new("a").unwrap()),
        estate: roles.contains(&Role::Control).then(|| "estate.toml".into()),
        peers: peers.to_vec(),
        beat: BEAT,
        feed_listen: SocketAddr::from((own_address(), 0)),
        ..config(name)
    }
}

/// Says its zone to every request.
async fn application(listener: TcpListener, zone: &'static str) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if !matches!(stream.read(&mut byte).await, Ok(1)) {
                    return;
                }
                head.push(byte[0]);
            }
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n{zone}");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

/// What one request through the balancer gets: a zone, or what is wrong.
async fn ask_web(address: SocketAddr) -> String {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: www.example.test\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match asked.await {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => answer[answer.len() - 1..].to_owned(),
        Ok(answer) => answer.lines().next().unwrap_or("nothing").to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The number of addresses that DNS answers with.
async fn ask_dns(address: SocketAddr) -> usize {
    let name = WireName::from(&hf_model::DnsName::new("www.example.test.").unwrap());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    socket.send(&address_query(7, &name, Family::V4)).await.unwrap();
    let mut buffer = [0; 2_000];
    let len = within(socket.recv(&mut buffer)).await.unwrap();
    read_answer(&buffer[..len], 7, &name).unwrap().addresses.len()
}

async fn until_snapshot(node: &NodeHandle, is_it: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = node.snapshots();
    let found = within(snapshots.wait_for(|snapshot| snapshot.as_deref().is_some_and(&is_it))).await;
    found.unwrap().clone().unwrap()
}

async fn until_report(node: &NodeHandle, about: &str, is_it: impl Fn(&hf_feed::NodeReport) -> bool) {
    let about = NodeId::new(about).unwrap();
    let mut reports = node.reports();
    let found =
        within(reports.wait_for(|reports| reports.get(&about).is_some_and(|heard| is_it(&heard.report))))
            .await;
    found.unwrap();
}

fn serving_zones(snapshot: &Snapshot) -> String {
    let pool = &snapshot.decision.pools[0];
    let serving = pool.endpoints.iter().zip(&snapshot.estate.pool(pool.pool).endpoints);
    let zones = serving.filter(|(endpoint, _)| endpoint.serves).map(|(_, endpoint)| endpoint.zone);
    zones.map(|zone| snapshot.estate.zone(zone).id.to_string()).collect()
}

const DATA_ROLES: [Role; 4] = [Role::Checker, Role::Dns, Role::Balancer, Role::Status];

fn shift(zone: &str) -> StartShift {
    StartShift {
        zone: zone.to_owned(),
        resource: "everything".to_owned(),
        length: "1m".to_owned(),
        reason: "a test".to_owned(),
        override_floor: vec![],
        request_id: None,
    }
}

/// Waits until a node has heard that every endpoint is healthy.
async fn until_all_healthy(node: &NodeHandle) {
    until_snapshot(node, |snapshot| {
        let endpoints = snapshot.estate.endpoint_count();
        snapshot.verdicts.of.iter().take(endpoints).all(|verdict| *verdict == hf_health::Verdict::Healthy)
    })
    .await;
}

/// The story of a data plane: it learns, obeys, loses control, restarts from its disk, and hears control again.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_plane_obeys_loses_control_restarts_and_holds_its_shifts() {
    let world = World::new().await;
    let control_config = in_world("control", &[Role::Control], &[]);
    let control = world.start(&control_config).await;
    let data_config = in_world("data", &DATA_ROLES, &[control.addresses().feed]);
    let data = world.start(&data_config).await;

    until_all_healthy(&data).await;
    until_report(&control, "data", |report| report.revision >= Revision(1)).await;
    assert_eq!(ask_web(world.web).await, "a");
    assert_eq!(ask_dns(data.addresses().dns[0]).await, 1, "both endpoints have the address 127.0.0.1");

    // A shift that the control node has acknowledged and the data node reported is in force.
    let started = world.client(&control, "control").start_shift(&shift("a")).await.unwrap();
    until_report(&control, "data", |report| report.revision.0 >= started.revision).await;
    assert_eq!(ask_web(world.web).await, "b");

    // Control dies; the data plane restarts from its disk, and the shift holds.
    let control_feed = control.addresses().feed;
    control.stop().await.unwrap();
    assert_eq!(ask_web(world.web).await, "b");
    data.stop().await.unwrap();
    let data = world.start(&data_config).await;
    let first = data.snapshots().borrow().clone().expect("served from disk before anything was heard");
    assert_eq!(serving_zones(&first), "b");
    assert_eq!(ask_web(world.web).await, "b");
    assert_eq!(ask_dns(data.addresses().dns[0]).await, 1);
    until_report(&data, "data", |report| report.booted_from_disk && report.contact.is_none()).await;

    // Another data node that starts now learns everything from it.
    let late = world.start(&in_world("late", &[Role::Status], &[data.addresses().feed])).await;
    let learnt = until_snapshot(&late, |snapshot| snapshot.intent.revision.0 == started.revision).await;
    assert_eq!(learnt.intent.shifts.len(), 1);
    late.stop().await.unwrap();

    // Control is back where it was, and its word counts again.
    let control = world.start(&NodeConfig { feed_listen: control_feed, ..control_config }).await;
    world.client(&control, "control").cancel_shift(&started.id, None).await.unwrap();
    let ended = until_snapshot(&data, |snapshot| snapshot.intent.shifts.is_empty()).await;
    assert!(ended.number > first.number);
    until_report(&data, "data", |report| !report.booted_from_disk && report.contact.is_some()).await;
    data.stop().await.unwrap();
    control.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_can_have_all_roles() {
    let world = World::new().await;
    world.write_ticket_key();
    let mut config = in_world("all", &Role::ALL, &[]);
    config.balancer.ticket_key_file = Some("tickets.key".into());
    let node = world.start(&config).await;
    assert!(node.addresses().assign.is_some());
    until_all_healthy(&node).await;
    assert_eq!(within(until_answer(&world)).await, "a");
    let status = world.client(&node, "all").status().await.unwrap();
    assert_eq!(status.nodes.len(), 1);
    node.stop().await.unwrap();
}

async fn until_answer(world: &World) -> String {
    loop {
        let answer = ask_web(world.web).await;
        if answer.len() == 1 {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_of_the_estate_keeps_the_old_one_and_says_so_until_it_is_mended() {
    let world = World::new().await;
    let node = world.start(&in_world("control", &[Role::Control], &[])).await;
    let good = until_snapshot(&node, |_| true).await;
    world.write_estate("[[pool]]\nname = 7\n");
    until_report(&node, "control", |report| {
        report.estate_file_problem.as_ref().is_some_and(|text| text.contains("estate.toml:"))
    })
    .await;
    assert_eq!(node.snapshots().borrow().as_ref().unwrap().estate.digest, good.estate.digest);
    world.write_estate("# mended\n");
    until_report(&node, "control", |report| report.estate_file_problem.is_none()).await;
    until_snapshot(&node, |snapshot| snapshot.estate.digest != good.estate.digest).await;
    node.stop().await.unwrap();
}

#[tokio::test]
async fn everything_that_stands_in_the_way_is_said_at_once() {
    let world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut config = in_world("n", &[Role::Status, Role::Dns], &[]);
    (config.feed_listen, config.status_listen) = (address, address);
    config.dns.listen = vec!["203.0.113.1:53".parse().unwrap()];
    let NodeError::Start(problems) =
        start(config, world.dir.path(), Clock::system(), LostLedger::Refuse).await.unwrap_err()
    else {
        panic!("it did not start");
    };
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems.iter().filter(|problem| problem.contains(&address.to_string())).count() == 2,
        "{problems:?}"
    );
}

/// A node that never served anything needs its key; one that can serve from its disk goes on without.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_assigns_has_a_key() {
    let world = World::new().await;
    let mut config = in_world("n", &[Role::Control, Role::Assign], &[]);
    let error = start(config.clone(), world.dir.path(), Clock::system(), LostLedger::Refuse).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("add `ticket_key_file` to [balancer]"), "{text}");
    world.write_ticket_key();
    config.balancer.ticket_key_file = Some("tickets.key".into());
    let node = world.start(&config).await;
    until_snapshot(&node, |_| true).await;
    let assign = node.addresses().assign.unwrap();
    assert_ne!(assign.port(), 0);
    node.stop().await.unwrap();
    config.balancer.ticket_key_file = Some("absent.key".into());
    let node = world.start(&config).await;
    assert_eq!(node.addresses().assign, None);
    node.stop().await.unwrap();
}

#[tokio::test]
async fn two_nodes_do_not_share_a_folder() {
    let world = World::new().await;
    let config = in_world("n", &[Role::Status], &[]);
    let first = world.start(&config).await;
    let error =
        start(config, world.dir.path(), Clock::system(), LostLedger::Refuse).await.unwrap_err().to_string();
    assert!(error.contains("another node runs on this folder"), "{error}");
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_stops_a_control_node_and_not_a_data_plane() {
    let world = World::new().await;
    let both = in_world("both", &[Role::Control, Role::Status], &[]);
    let node = world.start(&both).await;
    until_snapshot(&node, |_| true).await;
    node.stop().await.unwrap();
    std::fs::write(world.dir.path().join("data/both/ledger.redb"), b"not a ledger").unwrap();
    let node = world.start(&both).await;
    assert!(node.snapshots().borrow().is_some());
    node.stop().await.unwrap();

    let control = in_world("both", &[Role::Control], &[]);
    let error =
        start(control, world.dir.path(), Clock::system(), LostLedger::Refuse).await.unwrap_err().to_string();
    assert!(error.contains("ledger.redb"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_cannot_be_used_stop_a_node_without_a_snapshot_and_no_other() {
    let world = World::new().await;
    let plain = in_world("n", &[Role::Control, Role::Status], &[]);
    let missing = hf_config::node::TlsConfig {
        ca: "ca.pem".into(),
        certificate: "gone.pem".into(),
        key: "gone.key".into(),
    };
    let with_tls = NodeConfig { tls: Some(missing), ..plain.clone() };
    let error = start(with_tls.clone(), world.dir.path(), Clock::system(), LostLedger::Refuse).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("ca.pem"), "{error}");

    let node = world.start(&plain).await;
    until_snapshot(&node, |_| true).await;
    node.stop().await.unwrap();
    let node = world.start(&with_tls).await;
    assert!(node.snapshots().borrow().is_some());
    until_report(&node, "n", |report| {
        report.node_problem.as_ref().is_some_and(|problem| problem.contains("ca.pem"))
    })
    .await;
    let status = world.client(&node, "n").status().await.unwrap();
    assert!(status.nodes[0].problem.as_ref().is_some_and(|problem| problem.contains("ca.pem")));
    node.stop().await.unwrap();
}

/// A control node and a data node that obeys a shift of zone a; the control node has stopped.
async fn with_a_shift_and_control_stopped(world: &World) -> (NodeConfig, NodeConfig, NodeHandle, u64) {
    let control_config = in_world("control", &[Role::Control], &[]);
    let control = world.start(&control_config).await;
    let control_config = NodeConfig { feed_listen: control.addresses().feed, ..control_config };
    until_snapshot(&control, |_| true).await;
    let data_config = in_world("data", &[Role::Status], &[control.addresses().feed]);
    let data = world.start(&data_config).await;
    let started = world.client(&control, "control").start_shift(&shift("a")).await.unwrap();
    until_snapshot(&data, |snapshot| snapshot.intent.revision.0 == started.revision).await;
    control.stop().await.unwrap();
    (control_config, data_config, data, started.revision)
}

/// What the control node says to a change that it must not take.
async fn refused(world: &World, control: &NodeHandle) -> String {
    let error = world.client(control, "control").start_shift(&shift("b")).await.unwrap_err();
    assert!(
        matches!(&error, hf_api::ClientError::Refused { code, .. } if code == "ledger-behind"),
        "{error}"
    );
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_takes_nothing_until_it_goes_on_with_what_the_nodes_hold() {
    let world = World::new().await;
    let (config, _, data, held) = Box::pin(with_a_shift_and_control_stopped(&world)).await;
    let home = world.dir.path().join("data/control");
    std::fs::remove_dir_all(&home).unwrap();

    let control = world.start(&config).await;
    until_report(&control, "control", |report| report.ledger_problem.is_some()).await;
    let told = refused(&world, &control).await;
    assert!(
        told.contains(&format!("the nodes hold revision {held}")) && told.contains("--adopt-intent"),
        "{told}"
    );
    let client = world.client(&control, "control");
    let status = client.status().await.unwrap();
    assert_eq!(status.shifts.len(), 1, "what is obeyed is what is shown");
    let node = status.nodes.iter().find(|node| node.id == "control").unwrap();
    assert!(node.problem.as_ref().is_some_and(|problem| problem.contains("lost or restored")), "{node:?}");
    assert_eq!(data.snapshots().borrow().as_ref().unwrap().intent.shifts.len(), 1, "the shift holds");
    control.stop().await.unwrap();

    let control = world.start_with(&config, LostLedger::Adopt).await;
    let taken = until_snapshot(&data, |snapshot| snapshot.intent.revision.0 > held).await;
    assert_eq!((taken.intent.revision.0, taken.intent.shifts.len()), (held + 1, 1));
    let client = world.client(&control, "control");
    let ended = client.cancel_shift(taken.intent.shifts[0].id.as_str(), None).await.unwrap();
    assert_eq!(ended.revision, held + 2);
    until_snapshot(&data, |snapshot| snapshot.intent.shifts.is_empty()).await;
    let journal = client.journal(Some(0), 100).await.unwrap();
    let line =
        journal.lines.iter().find(|line| format!("{line:?}").contains("--adopt-intent")).expect("a line");
    assert!(format!("{line:?}").contains("ledger.redb-lost-"), "{line:?}");
    let names = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("ledger.redb-lost-")));
    control.stop().await.unwrap();

    // The next start is as any other.
    let control = world.start(&config).await;
    world.client(&control, "control").start_shift(&shift("a")).await.unwrap();
    control.stop().await.unwrap();
    data.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_ledger_is_found_out_by_the_nodes_own_disk() {
    let world = World::new().await;
    let config = in_world("control", &[Role::Control], &[]);
    let ledger = world.dir.path().join("data/control/ledger.redb");
    let control = world.start(&config).await;
    until_snapshot(&control, |_| true).await;
    control.stop().await.unwrap();
    let copy = std::fs::read(&ledger).unwrap();
    let control = world.start(&config).await;
    world.client(&control, "control").start_shift(&shift("a")).await.unwrap();
    until_snapshot(&control, |snapshot| !snapshot.intent.shifts.is_empty()).await;
    control.stop().await.unwrap();
    std::fs::write(&ledger, copy).unwrap();
    let control = world.start(&config).await;
    // At once: nobody has to be heard for that.
    let told = refused(&world, &control).await;
    assert!(told.contains("ledger is at revision 1, the nodes hold revision 2"), "{told}");
    control.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_went_another_way_is_found_out_at_the_same_revision() {
    let world = World::new().await;
    let (config, data_config, data, held) = Box::pin(with_a_shift_and_control_stopped(&world)).await;
    data.stop().await.unwrap();
    std::fs::remove_dir_all(world.dir.path().join("data/control")).unwrap();
    // Nobody is there to be heard: the new ledger reaches the revision that the data node holds.
    let control = world.start(&config).await;
    until_snapshot(&control, |_| true).await;
    let other = world.client(&control, "control").start_shift(&shift("b")).await.unwrap();
    assert_eq!(other.revision, held);

    let data = world.start(&data_config).await;
    until_report(&control, "control", |report| report.ledger_problem.is_some()).await;
    let told = refused(&world, &control).await;
    assert!(told.contains(&format!("the nodes hold another revision {held}")), "{told}");
    control.stop().await.unwrap();

    let control = world.start_with(&config, LostLedger::Adopt).await;
    for node in [&data, &control] {
        let taken = until_snapshot(node, |snapshot| snapshot.intent.revision.0 == held + 1).await;
        assert_eq!(taken.intent.shifts[0].zone.as_str(), "a", "what the other nodes hold");
    }
    control.stop().await.unwrap();
    data.stop().await.unwrap();
}

/// A key, and node files that list it.
fn with_key(config: NodeConfig, pair: &OperatorKeyPair) -> NodeConfig {
    let keys = vec![OperatorKey { name: "anna".to_owned(), public_key: pair.public_key() }];
    NodeConfig { break_glass_keys: keys, ..config }
}

/// Signs for the estate that a node obeys.
fn sign(pair: &OperatorKeyPair, node: &NodeHandle, zone: &str, length: Duration) -> hf_api::SignedBreakGlass {
    let estate = node.snapshots().borrow().as_ref().unwrap().intent.estate_id;
    let signed_at = Clock::system().now();
    hf_control_plane::break_glass_body(&pair.sign(BreakGlassShift {
        estate,
        zone: ZoneId::new(zone).unwrap(),
        reason: "no control".to_owned(),
        by: Operator::new("anna"),
        signed_at,
        ends_at: signed_at.plus(length),
    }))
}

async fn hand(
    world: &World,
    node: &NodeHandle,
    name: &str,
    signed: &hf_api::SignedBreakGlass,
) -> Result<hf_api::BreakGlassAnswer, hf_api::ClientError> {
    let answers = world.client(node, name).break_glass(signed, hf_api::HandOver::default()).await;
    answers.into_iter().next().unwrap().1
}

/// The ledger is gone, a zone is left all the same, and when the ledger is back it goes on with that.
#[tokio::test(flavor = "multi_thread")]
async fn a_break_glass_shift_comes_into_the_ledger_once_and_is_then_the_ledgers() {
    let world = World::new().await;
    let pair = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
    let control_config = with_key(in_world("control", &[Role::Control], &[]), &pair);
    let control = world.start(&control_config).await;
    let control_config = NodeConfig { feed_listen: control.addresses().feed, ..control_config };
    until_snapshot(&control, |_| true).await;
    let status_node = [Role::Status];
    let one_config = with_key(in_world("one", &status_node, &[control.addresses().feed]), &pair);
    let one = world.start(&one_config).await;
    let peers = [control.addresses().feed, one.addresses().feed];
    let two = world.start(&with_key(in_world("two", &status_node, &peers), &pair)).await;
    for node in [&one, &two] {
        until_snapshot(node, |_| true).await;
    }
    control.stop().await.unwrap();

    // One node takes it, the other hears of it.
    let signed = sign(&pair, &one, "a", Duration::from_mins(10));
    let answer = hand(&world, &one, "one", &signed).await.unwrap();
    assert_eq!((answer.node.as_str(), answer.effect.applied, answer.stays), ("one", 1, None));
    for node in [&one, &two] {
        until_snapshot(node, |snapshot| serving_zones(snapshot) == "b").await;
    }
    until_report(&one, "two", |report| report.break_glass.len() == 1).await;
    let shown = world.client(&one, "one").status().await.unwrap().break_glass;
    assert_eq!((shown.len(), shown[0].fate_text.as_str()), (1, "not in the ledger yet"));
    let has_it: Vec<&str> =
        shown[0].acknowledged.iter().filter(|node| node.applied).map(|node| node.node.as_str()).collect();
    assert_eq!(has_it, ["one", "two"]);
    // Nothing would be left if the other zone went too: refused, with the reason.
    let refused = hand(&world, &two, "two", &sign(&pair, &two, "b", Duration::from_mins(10))).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("it would do nothing in b here: pool/web: at least 1 zone must stay"),
        "{refused}"
    );

    // The ledger is back, and has it as a shift; nothing moves.
    let control = world.start(&control_config).await;
    let recorded = until_snapshot(&two, |snapshot| !snapshot.intent.break_glass.is_empty()).await;
    let hf_control::BreakGlassFate::Shift(id) = &recorded.intent.break_glass[0].fate else {
        panic!("{:?}", recorded.intent.break_glass)
    };
    assert_eq!((serving_zones(&recorded).as_str(), recorded.intent.shifts.len()), ("b", 1));
    assert_eq!(recorded.intent.shifts[0].kind, hf_control::ShiftKind::BreakGlass);
    let client = world.client(&control, "control");
    until_report(&control, "one", |report| report.revision >= recorded.intent.revision).await;
    let status = client.status().await.unwrap();
    assert_eq!(status.break_glass_recorded.len(), 1, "{:?}", status.break_glass_recorded);
    let text = format!("recorded as {id}");
    assert_eq!((&status.break_glass_recorded[0].text, &status.break_glass[0].fate_text), (&text, &text));

    // The ledger ends it everywhere, and it does not come back, also not after a restart from disk.
    let canceled = client.cancel_shift(id.as_str(), None).await.unwrap();
    for node in [&one, &two, &control] {
        until_snapshot(node, |snapshot| snapshot.intent.shifts.is_empty() && serving_zones(snapshot) != "b")
            .await;
    }
    one.stop().await.unwrap();
    let one = world.start(&one_config).await;
    let first = one.snapshots().borrow().clone().unwrap();
    assert!(first.intent.shifts.is_empty() && serving_zones(&first) != "b");
    control.stop().await.unwrap();
    let control = world.start(&control_config).await;
    until_report(&control, "two", |report| report.break_glass.len() == 1).await;
    let client = world.client(&control, "control");
    // The next entry is the next revision: the control node that was restarted had nothing to record.
    let pin = hf_api::SetPin {
        zone: "b".to_owned(),
        resource: "everything".to_owned(),
        to: hf_api::PinTo::In,
        length: "1m".to_owned(),
        reason: "a test".to_owned(),
        override_floor: vec![],
        request_id: None,
    };
    assert_eq!(client.pin(&pin).await.unwrap().revision, canceled.revision + 1);
    let journal = client.journal(Some(0), 200).await.unwrap();
    let lines =
        journal.lines.iter().filter(|line| line.text.contains("break-glass act of anna on a recorded"));
    assert_eq!(lines.count(), 1, "{:?}", journal.lines);
    for node in [one, two, control] {
        node.stop().await.unwrap();
    }
}
