//! The stage: the running world, and what may be done to it.
//!
//! An operator's acts go the way that an operator's acts go: over the API to the control node, and when that is dead as a signed
//! break-glass shift straight to the zones' nodes.
//!
//! Not here: what was seen (`measure`), what the acts led to (`report`).

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use hf_api::{BreakGlassAnswer, Client, ClientError, HandOver, StartShift};
use hf_clock::Clock;
use hf_control::BreakGlassShift;
use hf_feed::break_glass::OperatorKeyPair;
use hf_model::{EstateId, Operator, Timestamp, ZoneId};

use crate::DemoError;
use crate::app::{Instances, Mood, ZoneApp};
use crate::children::Children;
use crate::script::Action;
use crate::world::{Place, World};

/// How long the demo's shifts last.
const SHIFT_LENGTH: &str = "10m";
const SHIFT_LENGTH_MS: u64 = 600_000;
/// Events in words that are remembered.
const WORDS: usize = 200;

/// The running world.
pub struct Stage {
    /// The plan.
    pub world: Arc<World>,
    /// The zones' applications, in the world's order.
    pub apps: Vec<Arc<ZoneApp>>,
    instances: Vec<Option<Instances>>,
    children: Children,
    clock: Clock,
    operator: Client,
    zone_nodes: Client,
    key: OperatorKeyPair,
    words: VecDeque<String>,
    told: usize,
    /// What is told is told in seconds after this.
    ready_at: Timestamp,
}

impl Stage {
    /// Starts the application and all nodes; their files are in `folder` already.
    pub async fn start(
        world: Arc<World>,
        program: &Path,
        folder: &Path,
        key: OperatorKeyPair,
        clock: Clock,
    ) -> Result<Stage, DemoError> {
        let mut children = Children::new(program.to_owned(), folder);
        children.start("control")?;
        let mut apps = Vec::new();
        let mut instances = Vec::new();
        for place in world.places() {
            children.start(place.zone)?;
            let app = ZoneApp::new(place.zone, clock.clone());
            instances.push(Some(Stage::open(&world, place, &app).await?));
            apps.push(app);
        }
        let zone_nodes = client(world.places().iter().map(|place| world.api(place)), None)?;
        let operator = client([world.control_api()], None)?;
        let ready_at = clock.now();
        Ok(Stage {
            world,
            apps,
            instances,
            children,
            clock,
            operator,
            zone_nodes,
            key,
            words: VecDeque::new(),
            told: 0,
            ready_at,
        })
    }

    async fn open(world: &World, place: &Place, app: &Arc<ZoneApp>) -> Result<Instances, DemoError> {
        Instances::start(app, &world.instances(place))
            .await
            .map_err(|source| DemoError::Listen { zone: place.zone, source })
    }

    /// Uses this token for the operator's acts from now on.
    pub fn set_token(&mut self, token: String) -> Result<(), DemoError> {
        self.operator = client([self.world.control_api()], Some(token))?;
        Ok(())
    }

    /// The world became ready at this moment.
    pub fn set_ready(&mut self, ready_at: Timestamp) {
        self.ready_at = ready_at;
    }

    /// A client of the zones' nodes: whoever answers first tells.
    pub fn observer(&self) -> Client {
        self.zone_nodes.clone()
    }

    /// The first node that is not running though it should be, with the end of its log.
    pub fn dead_child(&mut self) -> Option<(String, String)> {
        let names = std::iter::once("control").chain(self.world.places().iter().map(|place| place.zone));
        let dead = names.into_iter().find(|name| !self.children.is_running(name))?.to_owned();
        let log = self.children.log_tail(&dead);
        Some((dead, log))
    }

    /// The end of a node's log.
    pub fn log_tail(&self, name: &str) -> String {
        self.children.log_tail(name)
    }

    /// Whether the control node runs.
    pub fn control_runs(&mut self) -> bool {
        self.children.is_running("control")
    }

    /// Whether a zone's node runs.
    pub fn zone_runs(&mut self, zone: usize) -> bool {
        let name = self.world.places()[zone].zone;
        self.children.is_running(name)
    }

    /// Why there is nothing to do, in words: what is dead can neither die nor turn gray.
    pub fn refusal(&mut self, action: Action, zone: Option<&str>) -> Option<String> {
        let position = self.position(zone);
        let dead = position.filter(|at| self.instances[*at].is_none());
        let dead = dead.map(|at| self.world.places()[at].zone);
        match (action, dead) {
            (Action::Kill, Some(name)) => Some(format!("{name} is dead already; heal it first")),
            (Action::Errors | Action::Slow, Some(name)) => {
                Some(format!("{name} is dead and cannot turn gray; heal it first"))
            }
            (Action::KillControl, _) if !self.control_runs() => {
                Some("the control node is dead already".to_owned())
            }
            (Action::HealControl, _) if self.control_runs() => {
                Some("the control node runs already".to_owned())
            }
            _ => None,
        }
    }

    fn position(&self, zone: Option<&str>) -> Option<usize> {
        zone.and_then(|zone| self.world.places().iter().position(|place| place.zone == zone))
    }

    /// Does one thing to the world and tells it in words.
    pub async fn act(&mut self, action: Action, zone: Option<&str>) -> Result<(), DemoError> {
        let position = self.position(zone);
        let told = match (action, position) {
            (Action::Kill, Some(at)) => {
                let name = self.world.places()[at].zone;
                self.instances[at] = None;
                self.children.kill(name);
                format!("{name} is dead: its node was killed, its application is gone")
            }
            (Action::Errors, Some(at)) => {
                self.mood(at, Mood::Erroneous, "answers half of the time with errors")
            }
            (Action::Slow, Some(at)) => {
                self.mood(at, Mood::Slow, "takes a second and a half for each answer")
            }
            (Action::Heal, Some(at)) => self.heal(at).await?,
            (Action::Shift, Some(at)) => self.shift(at).await,
            (Action::Cancel, Some(at)) => self.cancel(at).await,
            (Action::KillControl, _) => {
                self.children.kill("control");
                "the control node is dead: nothing moves; shifts go by break-glass".to_owned()
            }
            (Action::HealControl, _) => {
                self.children.start("control")?;
                "the control node is back".to_owned()
            }
            (_, None) => return Ok(()),
        };
        self.tell(&told);
        Ok(())
    }

    fn mood(&mut self, zone: usize, mood: Mood, words: &str) -> String {
        self.apps[zone].set_mood(mood);
        format!("{} is gray: it {words}", self.world.places()[zone].zone)
    }

    async fn heal(&mut self, zone: usize) -> Result<String, DemoError> {
        let place = self.world.places()[zone].clone();
        self.apps[zone].set_mood(Mood::Well);
        self.children.start(place.zone)?;
        if self.instances[zone].is_none() {
            self.instances[zone] = Some(Stage::open(&self.world, &place, &self.apps[zone]).await?);
        }
        Ok(format!("{} is healed", place.zone))
    }

    async fn shift(&mut self, zone: usize) -> String {
        let name = self.world.places()[zone].zone;
        let begun = self.clock.now();
        let start = StartShift {
            zone: name.to_owned(),
            resource: "everything".to_owned(),
            length: SHIFT_LENGTH.to_owned(),
            reason: "asked for in the demo".to_owned(),
            override_floor: Vec::new(),
            request_id: None,
        };
        match self.operator.start_shift(&start).await {
            Ok(shift) => {
                format!(
                    "{name} is being left: {} acknowledged in {} ms",
                    shift.id,
                    self.clock.now().since(begun).as_millis()
                )
            }
            Err(ClientError::Unreachable { .. } | ClientError::NoLedger { .. }) => {
                let until = self.clock.now().0 + SHIFT_LENGTH_MS;
                let took = self.break_glass(name, until).await;
                format!("{name} is being left by break-glass, no control node answers: {took}")
            }
            Err(refused) => format!("the shift of {name} was refused: {refused}"),
        }
    }

    async fn cancel(&mut self, zone: usize) -> String {
        let name = self.world.places()[zone].zone;
        let mut told = Vec::new();
        let status = self.zone_nodes.status().await;
        if status.is_ok_and(|status| status.break_glass.iter().any(|shift| shift.zone == name)) {
            let now = self.clock.now().0;
            told.push(format!("break-glass canceled: {}", self.break_glass(name, now).await));
        }
        match self.operator.shifts(false).await {
            Ok(list) => {
                for shift in list.shifts.iter().filter(|shift| shift.zone == name) {
                    match self.operator.cancel_shift(&shift.id, None).await {
                        Ok(shift) => told.push(format!("{} canceled", shift.id)),
                        Err(error) => told.push(format!("{} not canceled: {error}", shift.id)),
                    }
                }
            }
            Err(error) => told.push(format!("the ledger's shifts stay: {error}")),
        }
        if told.is_empty() {
            format!("{name} has no shift to cancel")
        } else {
            format!("{name}: {}", told.join("; "))
        }
    }

    /// Signs and sends to every zone's node; says who took it.
    async fn break_glass(&self, zone: &str, ends_at_ms: u64) -> String {
        let Ok(zone) = ZoneId::new(zone) else { return "no such zone".to_owned() };
        let signed_at = self.clock.now();
        let ends_at = if ends_at_ms <= signed_at.0 { signed_at } else { Timestamp(ends_at_ms) };
        // Any zone's node tells which estate it obeys; the control node need not answer.
        let estate = self.zone_nodes.status().await.ok().and_then(|status| status.estate_id?.parse().ok());
        let signed = self.key.sign(BreakGlassShift {
            estate: estate.unwrap_or(EstateId::NONE),
            zone,
            reason: "asked for in the demo while no control node answered".to_owned(),
            by: Operator::new("operator"),
            signed_at,
            ends_at,
        });
        let answers = self
            .zone_nodes
            .break_glass(&hf_control_plane::break_glass_body(&signed), HandOver::default())
            .await;
        let took: Vec<&BreakGlassAnswer> =
            answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).collect();
        format!("{} of {} nodes took it", took.len(), answers.len())
    }

    /// Tells something in words, for the picture and the log.
    pub fn tell(&mut self, words: &str) {
        let at = self.clock.now().since(self.ready_at).as_secs_f32();
        tracing::info!("{words}");
        if self.words.len() >= WORDS {
            self.words.pop_front();
        }
        self.words.push_back(format!("{at:7.1} s  {words}"));
        self.told += 1;
    }

    /// How many were told so far, forgotten ones included.
    pub fn told(&self) -> usize {
        self.told
    }

    /// The newest words, oldest first.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &String> {
        self.words.iter()
    }
}

fn client(
    addresses: impl IntoIterator<Item = std::net::SocketAddr>,
    token: Option<String>,
) -> Result<Client, DemoError> {
    let endpoints = addresses.into_iter().map(|address| format!("http://{address}")).collect();
    Client::new(endpoints, token).map_err(|error| DemoError::Client(error.to_string()))
}
