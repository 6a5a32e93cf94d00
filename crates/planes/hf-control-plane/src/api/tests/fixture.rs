//! An API with a ledger in memory, an estate, and a clock that the test moves.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Body;
use axum::http::{Request, header};
use hf_api::serve::Peer;
use hf_feed::{ConsumersHeard, HeardConsumers, HeardReport, NodeReport, OperatorKeyPair};
use hf_health::{Verdict, Verdicts};
use hf_ledger::{Ledger, MemoryLedger};
use hf_model::{Operator, PoolName, RequestId, Revision, Timestamp};
use hf_telemetry::ZoneActivityReport;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::access::{Access, AccessPlace};
use crate::api::*;
use crate::control::Gate;
use crate::ring::RingJournal;

pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
capacity = 100
networks = ["192.0.2.0/24"]
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "web"
kind = "http"
[[pool]]
name = "web"
protocol = "http"
health_check = "web"
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open", "same-zone"]
"#;

/// What a node in zone b says that has nothing to say.
pub fn report(node: &str) -> NodeReport {
    NodeReport {
        node: NodeId::new(node).unwrap(),
        zone: Some(ZoneId::new("b").unwrap()),
        roles: vec![],
        version: "0.1.0".to_owned(),
        started_at: Timestamp(0),
        sent_at: NOW,
        api: None,
        status: None,
        api_key: None,
        snapshot_number: 4,
        revision: Revision(0),
        estate: None,
        booted_from_disk: false,
        contact: None,
        break_glass: vec![],
        refused_intent: None,
        notices: BTreeMap::new(),
        estate_file_problem: None,
        ledger_problem: None,
        node_problem: None,
        activity: vec![],
        activity_left_out: 0,
    }
}

/// One node and its surroundings.
pub struct Fixture {
    pub api: Api,
    pub token: String,
    pub clock: Clock,
    pub snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub reports: watch::Sender<Arc<Reports>>,
    pub consumers: watch::Sender<Arc<ConsumersHeard>>,
    pub glass: mpsc::Receiver<GivenBreakGlass>,
    pub asked_votes: mpsc::Receiver<AskedVotes>,
    pub key: OperatorKeyPair,
    pub problem: watch::Sender<Option<String>>,
    /// Break-glass shifts that the next snapshot obeys.
    pub glass_of: Vec<hf_control::BreakGlassShift>,
    number: u64,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// A node with the control role and the estate in force.
    pub async fn control() -> Fixture {
        let mut fixture = Fixture::empty(&[Role::Control, Role::Balancer, Role::Dns]).await;
        let bundle = hf_config::estate::EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
        let command = hf_control::Command::ApplyEstate { bundle, if_match: None };
        let control = fixture.api.shared.context.control.clone().unwrap();
        control.submit(Operator::new("test"), RequestId::new("estate").unwrap(), command).await.unwrap();
        fixture.obey();
        fixture
    }

    /// The same with a third zone, of the same region and pool.
    pub async fn of_three_zones() -> Fixture {
        let ledger = MemoryLedger::default();
        let gate = watch::Sender::new(Gate::Open).subscribe();
        Fixture::of_three_zones_with(Arc::new(ledger.clone()), ledger, gate).await
    }

    /// The same with a ledger that may fail, or be behind; `memory` is what it keeps.
    pub async fn of_three_zones_with(
        ledger: Arc<dyn Ledger>,
        memory: MemoryLedger,
        gate: watch::Receiver<Gate>,
    ) -> Fixture {
        let mut fixture = Fixture::empty_with(&[Role::Control], ledger, memory, gate).await;
        let toml = ESTATE
            .replace("[[health_check]]", "[[zone]]\nid = \"c\"\nregion = \"r\"\n[[health_check]]")
            .replace(
                "zone = \"b\" },\n",
                "zone = \"b\" },\n  { address = \"10.0.0.3:80\", zone = \"c\" },\n",
            );
        let bundle = hf_config::estate::EstateBundle { toml, files: BTreeMap::new() };
        let command = hf_control::Command::ApplyEstate { bundle, if_match: None };
        let control = fixture.api.shared.context.control.clone().unwrap();
        control.submit(Operator::new("test"), RequestId::new("estate").unwrap(), command).await.unwrap();
        fixture.obey_with(&[Verdict::Healthy; 3]);
        fixture
    }

    /// Hears a checker in each zone, and this node itself.
    pub fn hear_all_zones(&self) {
        self.hear("n1", &[Role::Control], 1, 0, 0);
        for zone in ["a", "b", "c"] {
            let node = format!("z-checker-{zone}");
            self.hear(&node, &[Role::Checker], 1, 0, 0);
            self.reports.send_modify(|reports| {
                let heard = Arc::make_mut(reports).get_mut(&NodeId::new(&node).unwrap()).unwrap();
                heard.report.zone = Some(ZoneId::new(zone).unwrap());
            });
        }
    }

    /// A node that knows nothing yet.
    pub async fn empty(roles: &[Role]) -> Fixture {
        let ledger = MemoryLedger::default();
        let gate = watch::Sender::new(Gate::Open).subscribe();
        Fixture::empty_with(roles, Arc::new(ledger.clone()), ledger, gate).await
    }

    async fn empty_with(
        roles: &[Role],
        ledger: Arc<dyn Ledger>,
        memory: MemoryLedger,
        gate: watch::Receiver<Gate>,
    ) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(NOW);
        let access = Access::open(&AccessPlace::DataDir(dir.path().to_owned()), clock.clone()).unwrap();
        let token = std::fs::read_to_string(dir.path().join("operator.token")).unwrap().trim().to_owned();
        let memory = Arc::new(memory);
        let control = if roles.contains(&Role::Control) {
            Some(Control::start_behind(ledger.clone(), memory.clone(), clock.clone(), gate).await.unwrap())
        } else {
            None
        };
        let journal: Arc<dyn Journal> =
            if control.is_some() { memory } else { Arc::new(RingJournal::default()) };
        let (snapshots, snapshot_receiver) = watch::channel(None);
        let (reports, report_receiver) = watch::channel(Arc::default());
        let (consumers, consumers_receiver) = watch::channel(Arc::default());
        let (glass_sender, glass) = mpsc::channel(4);
        let (votes, asked_votes) = mpsc::channel(4);
        let (problem, problem_receiver) = watch::channel(None);
        let key = OperatorKeyPair::from_pkcs8(&OperatorKeyPair::generate_pkcs8()).unwrap();
        let context = Context {
            node: NodeId::new("n1").unwrap(),
            zone: Some(ZoneId::new("b").unwrap()),
            roles: roles.to_vec(),
            beat: Duration::from_secs(1),
            control,
            ledger_problem: None,
            journal,
            snapshots: snapshot_receiver,
            obeyed: ObeyedHere::new(NodeId::new("n1").unwrap(), roles, report_receiver.clone()),
            reports: report_receiver,
            gray: watch::Sender::new(Arc::default()).subscribe(),
            consumers: consumers_receiver,
            break_glass: glass_sender,
            votes,
            break_glass_keys: vec![OperatorKey { name: "ann".to_owned(), public_key: key.public_key() }],
            access,
            clock: clock.clone(),
            estate_file: roles.contains(&Role::Control).then(|| "estates/shop.toml".into()),
            estate_file_problem: problem_receiver,
            geography: Geography::default(),
            activity: Arc::default(),
            dns: None,
            pushed: None,
            sources_config: hf_config::node::SourcesConfig::default(),
            sources: Arc::default(),
            carried: Arc::default(),
            notifications: Arc::default(),
            stores_config: hf_config::node::StoresConfig::default(),
        };
        let api = Api::new(context);
        Fixture {
            api,
            token,
            clock,
            snapshots,
            reports,
            consumers,
            glass,
            asked_votes,
            key,
            problem,
            glass_of: Vec::new(),
            number: 0,
            dir,
        }
    }

    /// The node's data_dir.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Makes a snapshot of the newest intent, as the node's hub does.
    pub fn obey(&mut self) {
        self.obey_with(&[Verdict::Healthy, Verdict::Healthy]);
    }

    pub fn obey_with(&mut self, verdicts: &[Verdict]) {
        self.number += 1;
        let intent = self.api.shared.context.intent();
        let estate = Arc::new(intent.read_estate().unwrap());
        let verdicts = Verdicts { of: verdicts.to_vec() };
        let snapshot =
            Snapshot::build(self.number, self.clock.now(), intent, estate, self.glass_of.clone(), verdicts);
        self.snapshots.send_replace(Some(Arc::new(snapshot)));
    }

    /// Hears a report now: `requests` sent to zone a so far, the last `age_ms` ago.
    pub fn hear(&self, node: &str, roles: &[Role], revision: u64, requests: u64, age_ms: u64) {
        let now = self.clock.now();
        let last = Timestamp(now.0 - age_ms);
        let activity = |zone: &str, requests| ZoneActivityReport {
            requests,
            failures: 1,
            last_new_request_at: Some(last),
            last_open_connection_at: Some(last),
            dns_answers: 3,
            last_dns_answer_at: Some(last),
            ..ZoneActivityReport::none(PoolName::new("web").unwrap(), ZoneId::new(zone).unwrap())
        };
        let report = NodeReport {
            roles: roles.to_vec(),
            sent_at: now,
            revision: Revision(revision),
            activity: vec![activity("a", requests), activity("b", 100)],
            ..report(node)
        };
        let heard = HeardReport { received_at: now, report };
        self.reports.send_modify(|reports| {
            Arc::make_mut(reports).insert(heard.report.node.clone(), heard);
        });
        self.api.shared.observed.update(&self.api.shared.context);
    }

    /// Hears now what consumers told a node, judged against a revision.
    pub fn hear_consumers(&self, node: &str, board: &hf_consumers::Board, in_force: u64) {
        let (now, in_force) = (self.clock.now(), Revision(in_force));
        let groups = Arc::new(board.groups(now, in_force));
        self.consumers.send_modify(|heard: &mut Arc<ConsumersHeard>| {
            let heard = Arc::make_mut(heard);
            heard.in_force = in_force;
            let told = HeardConsumers { received_at: now, groups };
            heard.by_node.insert(NodeId::new(node).unwrap(), told);
        });
        self.api.shared.observed.update(&self.api.shared.context);
    }

    /// Sends a request from the machine itself, without a token.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answered {
        self.send(Fixture::request(method, path, body)).await
    }

    /// The same with the token.
    pub async fn write(&self, method: &str, path: &str, body: &str) -> Answered {
        let mut request = Fixture::request(method, path, body);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        self.send(request).await
    }

    pub fn request(method: &str, path: &str, body: &str) -> Request<Body> {
        let mut request =
            Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Peer("127.0.0.1:5555".parse().unwrap()));
        request
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        let answer = self.api.router().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let etag = answer.headers().get(header::ETAG).map(|value| value.to_str().unwrap().to_owned());
        let text =
            String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answered { status, etag, text }
    }

    /// Looks for near ends once, as a process that has just started does.
    pub async fn warn(&self) {
        crate::expiring::tell(&self.api.shared.context, &mut std::collections::BTreeSet::new()).await;
    }

    /// How many warnings the journal has.
    pub async fn warnings(&self) -> usize {
        let lines = self.ask("GET", "/v1/journal?limit=1000", "").await.json()["lines"].clone();
        lines.as_array().unwrap().iter().filter(|line| line["kind"] == "warning").count()
    }

    /// Begins a shift of zone a.
    pub async fn shift(&self, request_id: &str) -> Answered {
        let body = format!(r#"{{"zone":"a","for":"30m","reason":"smoke","request_id":"{request_id}"}}"#);
        self.write("POST", "/v1/shifts", &body).await
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub etag: Option<String>,
    pub text: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status, code, message and mend of a refusal.
    pub fn refusal(&self) -> String {
        let json = self.json();
        let mut text = self.status.to_string();
        for field in ["code", "message", "mend"] {
            let _ = write!(text, " | {}", json[field].as_str().unwrap_or("MISSING"));
        }
        text
    }
}
