//! The ARC front through the router: signed requests to operations, refusals by their names, what the journal has of them.
//!
//! Not here: signatures and shapes (`hf-arc`), stock clients (`hf-e2e`).

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Request;
use hf_access::Role;
use hf_api::serve::Peer;
use hf_config::node::Role as NodeRole;
use hf_health::Verdict;
use http_body_util::BodyExt;
use ring::{digest, hmac};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::fixture::{Fixture, NOW};
use crate::access::{AccessEdit, NewPrincipal};

/// Two regions, a pool in both, a pool in one zone, and switches with a rule.
const ESTATE: &str = r#"
[[region]]
id = "r"
[[region]]
id = "s"
[[zone]]
id = "a"
region = "r"
aliases = ["aa"]
[[zone]]
id = "b"
region = "r"
[[zone]]
id = "c"
region = "s"
[[health_check]]
name = "web"
kind = "http"
[[health_check]]
name = "switch"
kind = "control"
control = "regions/r"
[[pool]]
name = "web"
protocol = "http"
health_check = "web"
min_zones = 1
endpoints = [
  { address = "10.0.0.1:80", zone = "a" },
  { address = "10.0.0.2:80", zone = "b" },
  { address = "10.0.0.3:80", zone = "c" },
]
[[pool]]
name = "batch"
protocol = "tcp"
health_check = "web"
min_zones = 2
endpoints = [{ address = "10.0.0.1:90", zone = "a" }, { address = "10.0.0.2:90", zone = "b" }]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
[[control_panel]]
name = "regions"
[[routing_control]]
name = "r"
panel = "regions"
[[routing_control]]
name = "s"
panel = "regions"
[[safety_rule]]
name = "keep-one"
panel = "regions"
assert = { at_least = 1, of = ["r", "s"] }
wait_period = "0s"
"#;

const ENDPOINTS: usize = 5;
const WEB: &str = "arn%3Aholdfast%3Aestate%3A%3A000000000000%3Apool%2Fweb";

#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
}

/// The node, and access keys: of `ann` who may do everything, of `bob` who operates, of `reader`, and of `team` with a scope.
struct Front {
    fixture: Fixture,
    key: Key,
    bob: Key,
    reader: Key,
    team: Key,
}

struct Told {
    status: u16,
    error: Option<String>,
    body: Value,
}

impl Told {
    /// `409 ConflictException ZonalShiftAlreadyExists`
    fn refusal(&self) -> String {
        let mut text = format!("{} {}", self.status, self.error.as_deref().unwrap_or("done"));
        if let Some(reason) = self.body["reason"].as_str() {
            let _ = write!(text, " {reason}");
        }
        text
    }

    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn done(self) -> Value {
        assert_eq!(self.error, None, "{} {}", self.status, self.body);
        self.body
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As AWS's clients sign: host, date, target; the path encoded once more.
fn signed(
    key: &Key,
    service: &str,
    (method, path, query): (&str, &str, &str),
    target: Option<&str>,
    body: &str,
) -> Request<Body> {
    let stamp = "20231114T221320Z";
    let date = &stamp[..8];
    let mut headers = vec![("host", "node:7600"), ("x-amz-date", stamp)];
    headers.extend(target.map(|target| ("x-amz-target", target)));
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let body_digest = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    let canonical =
        format!("{method}\n{}\n{query}\n{lines}\n{names}\n{body_digest}", path.replace('%', "%25"));
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let scope = format!("{date}/eu-west-2/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{canonical}");
    let mut signing = format!("AWS4{}", key.secret).into_bytes();
    for part in [date, "eu-west-2", service, "aws4_request", &text] {
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &signing), part.as_bytes());
        signing = mac.as_ref().to_vec();
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        key.id,
        hex(&signing)
    );
    let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut request = Request::builder().method(method).uri(uri).header("authorization", authorization);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let kind = if target.is_some() { "application/x-amz-json-1.0" } else { "application/json" };
    let mut request = request.header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(Peer("192.0.2.7:5555".parse().unwrap()));
    request
}

async fn send(fixture: &Fixture, request: Request<Body>) -> Told {
    let answer = fixture.api.router().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let error = answer.headers().get("x-amzn-errortype").map(|name| name.to_str().unwrap().to_owned());
    assert!(answer.headers().contains_key("x-amzn-requestid"), "each answer has an id");
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Told { status, error, body: serde_json::from_slice(&bytes).unwrap() }
}

/// Makes a principal with an access key.
fn key(fixture: &Fixture, new: &NewPrincipal) -> Key {
    let mut file = AccessEdit::open(&fixture.dir().join("access.toml")).unwrap();
    file.add(new).unwrap();
    let (id, secret) = file.key(&new.name, None).unwrap();
    let secret = secret.expose().to_owned();
    file.save().unwrap();
    Key { id, secret }
}

fn principal(name: &str, roles: &[Role]) -> NewPrincipal {
    NewPrincipal { name: name.to_owned(), roles: roles.iter().copied().collect(), ..NewPrincipal::default() }
}

const ALL: [Role; 4] = [Role::Read, Role::Operate, Role::Administer, Role::BreakGlass];

impl Front {
    async fn new() -> Front {
        let mut fixture = Fixture::control().await;
        // Before the first request: the file is looked at once a second.
        let ann = key(&fixture, &principal("ann", &ALL));
        let bob = key(&fixture, &principal("bob", &[Role::Read, Role::Operate]));
        let reader = key(&fixture, &principal("reader", &[Role::Read]));
        let team = NewPrincipal {
            pools: Some(vec!["web".to_owned()]),
            zones: Some(vec!["a".to_owned()]),
            ..principal("team", &[Role::Read, Role::Operate])
        };
        let team = key(&fixture, &team);
        let body = json!({ "toml": ESTATE }).to_string();
        let applied = fixture.write("PUT", "/v1/estate", &body).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
        fixture.obey_with(&[Verdict::Healthy; ENDPOINTS]);
        Front { fixture, key: ann, bob, reader, team }
    }

    fn obey(&mut self) {
        self.fixture.obey_with(&[Verdict::Healthy; ENDPOINTS]);
    }

    async fn by(
        &mut self,
        key: &Key,
        service: &str,
        method: &str,
        path: &str,
        query: &str,
        body: &Value,
    ) -> Told {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = signed(key, service, (method, path, query), None, &text);
        let told = send(&self.fixture, request).await;
        self.obey();
        told
    }

    async fn zonal(&mut self, method: &str, path: &str, body: Value) -> Told {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.by(&self.key.clone(), "arc-zonal-shift", method, path, query, &body).await
    }

    async fn config(&mut self, method: &str, path: &str, body: Value) -> Told {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.by(&self.key.clone(), "route53-recovery-control-config", method, path, query, &body).await
    }

    async fn cluster_by(&mut self, key: &Key, operation: &str, body: Value) -> Told {
        let target = format!("ToggleCustomerAPI.{operation}");
        let body = body.to_string();
        let request = signed(key, "route53-recovery-cluster", ("POST", "/", ""), Some(&target), &body);
        let told = send(&self.fixture, request).await;
        self.obey();
        told
    }

    async fn cluster(&mut self, operation: &str, body: Value) -> Told {
        self.cluster_by(&self.key.clone(), operation, body).await
    }

    async fn shift(&mut self, resource: &str, zone: &str) -> Told {
        let body =
            json!({"resourceIdentifier": resource, "awayFrom": zone, "expiresIn": "30m", "comment": "drill"});
        self.zonal("POST", "/zonalshifts", body).await
    }

    /// `a 0, b 1 | shift-4 APPLIED`
    async fn resource(&mut self, name: &str) -> String {
        let path = format!("/managedresources/{}", name.replace('/', "%2F"));
        let body = self.zonal("GET", &path, Value::Null).await.done();
        let weights = body["appliedWeights"].as_object().unwrap();
        let weights: Vec<String> = weights.iter().map(|(zone, weight)| format!("{zone} {weight}")).collect();
        let shifts = body["zonalShifts"].as_array().unwrap().iter().map(|shift| {
            format!(
                "{} {}",
                shift["zonalShiftId"].as_str().unwrap(),
                shift["appliedStatus"].as_str().unwrap()
            )
        });
        format!("{} | {}", weights.join(", "), shifts.collect::<Vec<_>>().join(", "))
    }

    /// The ARN of a routing control by its name.
    async fn control(&mut self, name: &str) -> String {
        let listed = self.cluster("ListRoutingControls", json!({})).await.done();
        let controls = listed["RoutingControls"].as_array().unwrap();
        let found = controls.iter().find(|control| control["RoutingControlName"] == name).unwrap();
        found["RoutingControlArn"].as_str().unwrap().to_owned()
    }

    async fn journal(&self) -> Vec<Value> {
        let lines = self.fixture.write("GET", "/v1/journal?limit=1000", "").await.json()["lines"].clone();
        lines.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_shift_on_a_region_takes_everything_out_of_one_of_its_zones() {
    let mut front = Front::new().await;
    let beside = front.shift("region/r", "c").await;
    assert_eq!(beside.refusal(), "400 ValidationException UnsupportedAz");
    assert!(beside.message().contains("region/r is not in c; it has a, b"), "{}", beside.message());
    assert_eq!(front.shift("region/r", "nowhere").await.refusal(), "400 ValidationException InvalidAz");
    assert_eq!(front.shift("region/q", "a").await.refusal(), "404 ResourceNotFoundException");
    assert_eq!(front.shift("pool/batch", "c").await.refusal(), "400 ValidationException UnsupportedAz");

    // An alias names the zone too. The floor of the pool `batch` keeps two zones, so only `web` leaves.
    let refused = front.shift("region/r", "aa").await;
    assert_eq!(
        refused.refusal(),
        "409 ConflictException SimultaneousZonalShiftsConflict",
        "{}",
        refused.body
    );
    assert!(refused.message().contains("pool/batch keeps at least 2 zones"), "{}", refused.message());
    let body = front.shift("region/s", "c").await.done();
    assert_eq!(body["resourceIdentifier"], "arn:holdfast:estate::000000000000:region/s");
    assert_eq!(
        (&body["awayFrom"], &body["status"], &body["startTime"], &body["expiryTime"]),
        (&json!("c"), &json!("ACTIVE"), &json!(NOW.0 / 1_000), &json!(NOW.0 / 1_000 + 1_800))
    );
    let id = body["zonalShiftId"].as_str().unwrap().to_owned();
    assert_eq!(front.resource("region/s").await, format!("c 0.0 | {id} APPLIED"));
    assert_eq!(front.resource("pool/web").await, format!("a 1.0, b 1.0, c 0.0 | {id} APPLIED"));
    assert_eq!(
        front.resource("record/www.example.test.").await,
        format!("a 1.0, b 1.0, c 0.0 | {id} APPLIED")
    );
    assert_eq!(front.resource("region/r").await, "a 1.0, b 1.0 | ");

    let again = front.shift("region/s", "c").await;
    assert_eq!(again.refusal(), "409 ConflictException ZonalShiftAlreadyExists");
    assert_eq!(again.body["zonalShiftId"], id);
    assert!(again.message().contains(&id), "{}", again.message());
}

#[tokio::test]
async fn a_shift_on_a_pool_is_not_one_of_its_region_and_is_one_of_its_records() {
    let mut front = Front::new().await;
    let id = front.shift("pool/web", "a").await.done()["zonalShiftId"].as_str().unwrap().to_owned();
    assert_eq!(front.resource("pool/web").await, format!("a 0.0, b 1.0, c 1.0 | {id} APPLIED"));
    assert_eq!(
        front.resource("record/www.example.test.").await,
        format!("a 0.0, b 1.0, c 1.0 | {id} APPLIED")
    );
    assert_eq!(front.resource("region/r").await, "a 1.0, b 1.0 | ");
    let beside = front.shift("pool/web", "b").await;
    assert_eq!(beside.refusal(), "409 ConflictException SimultaneousZonalShiftsConflict");
    assert_eq!(beside.body["zonalShiftId"], id);

    // A pin of the native API is stronger, and the shift says that it yields.
    let pin = r#"{"zone":"a","to":"in","resource":"pool/web","for":"30m","reason":"look at it"}"#;
    let pinned = front.fixture.write("POST", "/v1/pins", pin).await;
    assert_eq!(pinned.status, 201, "{}", pinned.text);
    front.obey();
    assert_eq!(front.resource("pool/web").await, format!("a 1.0, b 1.0, c 1.0 | {id} NOT_APPLIED"));

    let path = format!("/zonalshifts/{id}");
    assert_eq!(front.zonal("DELETE", &path, Value::Null).await.done()["status"], "CANCELED");
    for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({"expiresIn": "2h"}))] {
        let ended = front.zonal(method, &path, body).await;
        assert_eq!(ended.refusal(), "409 ConflictException ZonalShiftStatusNotActive");
        assert_eq!(ended.body["zonalShiftId"], id);
    }
    assert_eq!(
        front.zonal("DELETE", "/zonalshifts/shift-999", Value::Null).await.refusal(),
        "404 ResourceNotFoundException"
    );
}

#[tokio::test]
async fn an_empty_comment_is_taken_and_the_journal_has_words_all_the_same() {
    let mut front = Front::new().await;
    let body = json!({"resourceIdentifier": "pool/web", "awayFrom": "a", "expiresIn": "30m", "comment": ""});
    let begun = front.zonal("POST", "/zonalshifts", body).await.done();
    assert_eq!(begun["comment"], "(no comment)");
    let path = format!("/zonalshifts/{}", begun["zonalShiftId"].as_str().unwrap());
    let changed = front.zonal("PATCH", &path, json!({"comment": "now I know"})).await.done();
    assert_eq!((&changed["comment"], &changed["expiryTime"]), (&json!("now I know"), &begun["expiryTime"]));
    let lines = front.journal().await;
    let line =
        lines.iter().find(|line| line["text"].as_str().unwrap().contains("takes pool/web out of a")).unwrap();
    assert_eq!(line["by"], "ann");
    assert!(line["from"].as_str().unwrap().starts_with("192.0.2.7"), "{line}");
}

#[tokio::test]
async fn practice_runs_give_way_and_last_as_long_as_they_last() {
    let mut front = Front::new().await;
    let alarm = json!([{"type": "CLOUDWATCH", "alarmIdentifier": "arn:alarm:1"}]);
    let practice = json!({"resourceIdentifier": "pool/web", "awayFrom": "a", "comment": "drill"});
    let none = front.zonal("POST", "/practiceruns", practice.clone()).await;
    assert_eq!(none.refusal(), "409 ConflictException PracticeConfigurationDoesNotExist");
    let on = json!({"zonalAutoshiftStatus": "ENABLED"});
    let path = format!("/managedresources/{WEB}");
    let early = front.zonal("PUT", &path, on.clone()).await;
    assert_eq!(early.refusal(), "409 ConflictException PracticeConfigurationDoesNotExist");
    let config = json!({"resourceIdentifier": "pool/web", "outcomeAlarms": alarm});
    front.zonal("POST", "/configuration", config.clone()).await.done();
    let twice = front.zonal("POST", "/configuration", config).await;
    assert_eq!(twice.refusal(), "409 ConflictException PracticeConfigurationAlreadyExists");
    front.zonal("PUT", &path, on).await.done();
    let enabled = front.zonal("DELETE", &format!("/configuration/{WEB}"), Value::Null).await;
    assert_eq!(enabled.refusal(), "409 ConflictException AutoShiftEnabled");

    let run = front.zonal("POST", "/practiceruns", practice).await.done();
    let id = run["zonalShiftId"].as_str().unwrap().to_owned();
    let longer = front.zonal("PATCH", &format!("/zonalshifts/{id}"), json!({"expiresIn": "2h"})).await;
    assert_eq!(longer.refusal(), "400 ValidationException AutoshiftUpdateNotAllowed");
    let shift = front.shift("pool/web", "a").await.done();
    let listed = front.zonal("GET", "/zonalshifts", Value::Null).await.done();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items[0]["zonalShiftId"], shift["zonalShiftId"], "newest first");
    assert_eq!(
        (
            &items[1]["zonalShiftId"],
            &items[1]["status"],
            &items[1]["shiftType"],
            &items[1]["practiceRunOutcome"]
        ),
        (&json!(id), &json!("CANCELED"), &json!("PRACTICE_RUN"), &json!("INTERRUPTED"))
    );
    let own = format!("/practiceruns/{}", shift["zonalShiftId"].as_str().unwrap());
    let wrong = front.zonal("DELETE", &own, Value::Null).await;
    assert_eq!(wrong.refusal(), "400 ValidationException UnsupportedPracticeCancelShiftType");
}

#[tokio::test]
async fn an_arn_names_panel_and_control_and_a_rule_stops_a_whole_batch() {
    let mut front = Front::new().await;
    let (r, s) = (front.control("r").await, front.control("s").await);
    let off = |arn: &str| json!({"RoutingControlArn": arn, "RoutingControlState": "Off"});
    let panel = r.split('/').nth(1).unwrap();
    let elsewhere = r.replace(panel, "0123456789abcdef0123456789abcdef");
    let missing = front.cluster("UpdateRoutingControlState", off(&elsewhere)).await;
    assert_eq!(missing.refusal(), "404 ResourceNotFoundException");
    assert_eq!(
        (&missing.body["resourceId"], &missing.body["resourceType"]),
        (&json!(elsewhere), &json!("RoutingControl"))
    );

    let batch = json!({"UpdateRoutingControlStateEntries": [off(&r), off(&s)]});
    let broken = front.cluster("UpdateRoutingControlStates", batch.clone()).await;
    assert_eq!(broken.refusal(), "409 ConflictException");
    let rule = broken.body["resourceId"].as_str().unwrap().to_owned();
    for word in ["regions/keep-one", "at least 1", "leaves 0", "SafetyRulesToOverride", rule.as_str()] {
        assert!(broken.message().contains(word), "{} lacks {word}", broken.message());
    }
    for arn in [&r, &s] {
        let state = front.cluster("GetRoutingControlState", json!({"RoutingControlArn": arn})).await.done();
        assert_eq!(state["RoutingControlState"], "On");
    }

    let operator = front.bob.clone();
    let mut over = batch;
    over["SafetyRulesToOverride"] = json!([rule]);
    let denied = front.cluster_by(&operator, "UpdateRoutingControlStates", over.clone()).await;
    assert_eq!(denied.refusal(), "403 AccessDeniedException", "{}", denied.body);
    assert!(denied.message().contains("break-glass"), "{}", denied.message());
    front.cluster("UpdateRoutingControlStates", over).await.done();
    let state = front.cluster("GetRoutingControlState", json!({"RoutingControlArn": r})).await.done();
    assert_eq!(state["RoutingControlState"], "Off");
    let declared = front.config("DELETE", &format!("/routingcontrol/{}", encoded(&r)), Value::Null).await;
    assert_eq!(declared.refusal(), "409 ConflictException");
    assert!(declared.message().contains("declared in the estate"), "{}", declared.message());
}

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn roles_and_scopes_hold_here_too_and_refusals_are_journalled() {
    let mut front = Front::new().await;
    let (reader, team) = (front.reader.clone(), front.team.clone());
    let service = "arc-zonal-shift";
    let shift = |resource: &str, zone: &str| json!({"resourceIdentifier": resource, "awayFrom": zone, "expiresIn": "30m", "comment": "drill"});
    front.by(&reader, service, "GET", "/zonalshifts", "", &Value::Null).await.done();
    let denied = front.by(&reader, service, "POST", "/zonalshifts", "", &shift("pool/web", "a")).await;
    assert_eq!(denied.refusal(), "403 AccessDeniedException");
    for (resource, zone) in [("pool/web", "b"), ("region/r", "a"), ("pool/batch", "a")] {
        let denied = front.by(&team, service, "POST", "/zonalshifts", "", &shift(resource, zone)).await;
        assert_eq!(denied.refusal(), "403 AccessDeniedException", "{resource} {zone}");
    }
    front.by(&team, service, "POST", "/zonalshifts", "", &shift("pool/web", "aa")).await.done();
    let unknown = Key { id: "HFAKNOBODY".to_owned(), secret: "x".to_owned() };
    let nobody = front.by(&unknown, service, "POST", "/zonalshifts", "", &shift("pool/web", "a")).await;
    assert_eq!(nobody.refusal(), "403 UnrecognizedClientException");
    let wrong = Key { id: front.key.id.clone(), secret: "x".to_owned() };
    let wrong = front.by(&wrong, service, "GET", "/zonalshifts", "", &Value::Null).await;
    assert_eq!(wrong.refusal(), "403 InvalidSignatureException");
    let lines = front.journal().await;
    let told =
        |by: &str| lines.iter().filter(|line| line["kind"] == "request-refused" && line["by"] == by).count();
    assert_eq!((told("reader"), told("team"), told("")), (1, 3, 1), "{lines:#?}");
    let what = lines.iter().find(|line| line["by"] == "team").unwrap()["text"].as_str().unwrap();
    assert_eq!(what, "arc-zonal-shift StartZonalShift: shift pool/web out of b for 30m");
}

#[tokio::test]
async fn a_client_token_makes_one_thing_and_no_other() {
    let mut front = Front::new().await;
    let cluster =
        |name: &str, token: &str| json!({"ClusterName": name, "ClientToken": token, "Tags": {"team": "web"}});
    let first = front.config("POST", "/cluster", cluster("second", "t-1")).await.done();
    let again = front.config("POST", "/cluster", cluster("second", "t-1")).await.done();
    assert_eq!(first, again);
    assert_eq!(first["Cluster"]["Status"], "DEPLOYED");
    let other = front.config("POST", "/cluster", cluster("third", "t-1")).await;
    assert_eq!(other.refusal(), "409 ConflictException");
    assert!(other.message().contains("ClientToken"), "{}", other.message());
    let taken = front.config("POST", "/cluster", cluster("second", "t-2")).await;
    assert_eq!(taken.refusal(), "409 ConflictException");

    let arn = first["Cluster"]["ClusterArn"].as_str().unwrap().to_owned();
    let tags = format!("/tags/{}", encoded(&arn));
    front.config("POST", &tags, json!({"Tags": {"tier": "1"}})).await.done();
    front.config("DELETE", &format!("{tags}?TagKeys=none&TagKeys=team"), Value::Null).await.done();
    let told = front.config("GET", &tags, Value::Null).await.done();
    assert_eq!(told, json!({"Tags": {"tier": "1"}}));
    let page = front.config("GET", "/cluster?MaxResults=1", Value::Null).await.done();
    let token = page["NextToken"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let path = format!("/cluster?MaxResults=1&NextToken={token}");
        let rest = front.config("GET", &path, Value::Null).await.done();
        assert_eq!(rest["Clusters"].as_array().unwrap().len(), 1);
        assert_ne!(rest["Clusters"], page["Clusters"]);
    }
    let filed = front.config("GET", &format!("/controlpanels?NextToken={token}"), Value::Null).await;
    assert_eq!(filed.refusal(), "400 ValidationException");
    front.config("DELETE", &format!("/cluster/{}", encoded(&arn)), Value::Null).await.done();
    let gone = front.config("GET", &format!("/cluster/{}", encoded(&arn)), Value::Null).await;
    assert_eq!(gone.refusal(), "404 ResourceNotFoundException");
}

#[tokio::test]
async fn health_checks_behind_a_control_and_policies() {
    let mut front = Front::new().await;
    let r = encoded(&front.control("r").await);
    let checks =
        front.config("GET", &format!("/routingcontrol/{r}/associatedRoute53HealthChecks"), Value::Null).await;
    assert_eq!(checks.done(), json!({"HealthCheckIds": ["switch"]}));
    let policy = front.config("GET", &format!("/resourcePolicy/{r}"), Value::Null).await;
    assert_eq!(policy.refusal(), "404 ResourceNotFoundException");
}

#[tokio::test]
async fn all_resources_come_in_pages_with_what_acts_on_them() {
    let mut front = Front::new().await;
    let (mut names, mut query) = (Vec::new(), "?maxResults=2".to_owned());
    loop {
        let page = front.zonal("GET", &format!("/managedresources{query}"), Value::Null).await.done();
        names.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page["nextToken"].as_str() else { break };
        query = format!("?maxResults=2&nextToken={token}");
    }
    assert_eq!(names, ["pool/batch", "pool/web", "record/www.example.test.", "region/r", "region/s"]);
}

#[tokio::test]
async fn a_node_without_a_ledger_sends_clients_on() {
    let fixture = Fixture::empty(&[NodeRole::Dns]).await;
    let ann = key(&fixture, &principal("ann", &ALL));
    let request = signed(&ann, "arc-zonal-shift", ("GET", "/zonalshifts", ""), None, "");
    let told = send(&fixture, request).await;
    assert_eq!(told.refusal(), "400 EndpointTemporarilyUnavailableException");
    assert!(told.message().contains("try another endpoint"), "{}", told.message());
}
