//! Clients: they turn routing controls and read them, each time at the next of the five control nodes, and write down what they did.
//!
//! 1. One operation at a time. Without an answer, or with one that says nothing, the same request goes to the next control node under the same
//!    request id, until there is an answer or the client's patience ends: then nobody knows what became of it.
//! 2. All times are of one clock, of the process that all clients are in.
//! 3. An answer that no rule explains is wrong, whatever the history says.
//!
//! Not here: whether the answers fit together (`hf-history`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hf_api::{Client, ClientError, ControlSet, ControlTo, Controls, SetControls, code};
use hf_history::Returned;
use hf_history::controls::{ControlOperation, Input, Output, Switch};
use hf_sim::rng::Rng;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Places;
use super::layout::{CONTROLS, PANEL, PLACES, controls};

/// Clients at work.
pub const CLIENTS: u32 = 5;
/// How long a client waits for one attempt: longer than a node without a quorum takes to say so.
const ATTEMPT: Duration = Duration::from_millis(2_500);
/// How long it tries.
const PATIENCE: Duration = Duration::from_secs(12);
/// From one operation to the next, at most.
const THINKS: Duration = Duration::from_millis(250);

/// What all clients write down.
#[derive(Debug, Default)]
struct Book {
    history: Vec<ControlOperation>,
    /// The attempts that had to be repeated.
    repeated: u64,
    wrong: Option<String>,
}

/// Clients at work.
pub struct Workload {
    book: Arc<Mutex<Book>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Recorded {
    /// All operations.
    pub history: Vec<ControlOperation>,
    /// The attempts that had to be repeated.
    pub repeated: u64,
    /// What is wrong.
    pub wrong: Option<String>,
}

impl Workload {
    /// Begins. Within a runtime whose threads are in the clients' namespace.
    pub fn begin(world: &Places, seed: u64) -> Workload {
        let (book, stop) = (Arc::new(Mutex::new(Book::default())), Arc::new(AtomicBool::new(false)));
        let (done, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let nodes: Vec<Client> = (0..PLACES).map(|place| world.client(&[place])).collect();
        let tasks = (0..CLIENTS).map(|number| {
            let one = One {
                number,
                rng: Rng::new(seed.wrapping_mul(1_000) + u64::from(number)),
                nodes: nodes.clone(),
                next: number as usize,
                count: 0,
                begun,
                book: book.clone(),
                stop: stop.clone(),
                done: done.clone(),
            };
            world.runtime.spawn(one.work())
        });
        let tasks = tasks.collect();
        Workload { book, stop, done, tasks }
    }

    /// Operations that had an answer so far.
    pub fn answered(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Lets every client end what it is at.
    pub async fn end(self) -> Recorded {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            if let Err(error) = task.await {
                let what = format!("a client ended: {error}");
                self.book.lock().expect("it is only written").wrong.get_or_insert(what);
            }
        }
        let book = std::mem::take(&mut *self.book.lock().expect("nobody is left who writes"));
        Recorded { history: book.history, repeated: book.repeated, wrong: book.wrong }
    }
}

/// What an attempt came to.
enum Attempt {
    Answer(Output),
    /// Ask again elsewhere, with the same request id.
    Nothing,
    Wrong(String),
}

struct One {
    number: u32,
    rng: Rng,
    nodes: Vec<Client>,
    next: usize,
    count: u64,
    begun: Instant,
    book: Arc<Mutex<Book>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl One {
    async fn work(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let input = self.draw();
            let called_us = self.now_us();
            let output = self.ask(&input).await;
            let returned = output.map(|output| Returned { at_us: self.now_us(), output });
            if returned.is_some() {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            let operation = ControlOperation { client: self.number, called_us, input, returned };
            self.book.lock().expect("it is only written").history.push(operation);
            let thinks = Duration::from_micros(self.rng.below(THINKS.as_micros() as u64));
            tokio::time::sleep(thinks).await;
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).expect("a run is short")
    }

    fn draw(&mut self) -> Input {
        if self.rng.percent(40) {
            return Input::Get {};
        }
        self.count += 1;
        let mut sets = BTreeMap::new();
        for _ in 0..self.rng.between(1, 3) {
            let to = if self.rng.percent(50) { Switch::On } else { Switch::Off };
            sets.insert((*self.rng.pick(&CONTROLS)).to_owned(), to);
        }
        let mut overrides = BTreeSet::new();
        if self.rng.percent(5) {
            overrides.insert(self.rng.pick(&controls().rules).name.clone());
        }
        Input::Set { request: format!("client-{}-{}", self.number, self.count), controls: sets, overrides }
    }

    /// Asks until there is an answer; none when patience ends.
    async fn ask(&mut self, input: &Input) -> Option<Output> {
        let since = Instant::now();
        loop {
            self.next += 1;
            let node = self.nodes[self.next % PLACES].clone();
            // One try is as good as many for a read: another one is another read.
            match timeout(ATTEMPT, attempt(&node, input)).await.unwrap_or(Attempt::Nothing) {
                Attempt::Answer(output) => return Some(output),
                Attempt::Wrong(what) => {
                    let mut book = self.book.lock().expect("it is only written");
                    book.wrong.get_or_insert(format!("client {}: {input:?}: {what}", self.number));
                    return None;
                }
                Attempt::Nothing => self.book.lock().expect("it is only written").repeated += 1,
            }
            if since.elapsed() > PATIENCE {
                return None;
            }
            let pause = Duration::from_millis(self.rng.between(20, 200));
            tokio::time::sleep(pause).await;
        }
    }
}

async fn attempt(node: &Client, input: &Input) -> Attempt {
    let answer = match input {
        Input::Get {} => node.controls(false).await.map(|controls| values(&controls)),
        Input::Set { request, controls, overrides } => {
            let done = node.set_controls(&batch(request, controls, overrides)).await;
            done.map(|done| Output::Done { revision: done.revision })
        }
    };
    match answer {
        Ok(output) => Attempt::Answer(output),
        Err(ClientError::Refused { status: 409, code, message, .. }) => refused(&code, &message),
        Err(ClientError::Refused { status, code, message, .. }) if status != 503 => {
            Attempt::Wrong(format!("{status} {code}: {message}"))
        }
        Err(_) => Attempt::Nothing,
    }
}

fn refused(code: &str, message: &str) -> Attempt {
    let rule = match code {
        code::SAFETY_RULE => {
            let named = controls().rules.into_iter().find(|rule| message.contains(&rule.name));
            let Some(rule) = named else { return Attempt::Wrong(format!("no rule is named: {message}")) };
            Some(rule.name)
        }
        code::FLOOR => None,
        code => return Attempt::Wrong(format!("{code}: {message}")),
    };
    Attempt::Answer(Output::Refused { rule })
}

/// A batch as the API takes it.
pub fn batch(
    request: &str,
    controls: &BTreeMap<String, Switch>,
    overrides: &BTreeSet<String>,
) -> SetControls {
    let set = |(name, to): (&String, &Switch)| ControlSet {
        control: format!("{PANEL}/{name}"),
        to: if *to == Switch::On { ControlTo::On } else { ControlTo::Off },
    };
    SetControls {
        sets: controls.iter().map(set).collect(),
        override_rules: overrides.iter().map(|rule| format!("{PANEL}/{rule}")).collect(),
        override_floor: Vec::new(),
        reason: "five places".to_owned(),
        request_id: Some(request.to_owned()),
    }
}

/// The values of an answer, for the model.
pub fn values(controls: &Controls) -> Output {
    let panel = controls.panels.iter().find(|panel| panel.name == PANEL);
    let all = panel.map(|panel| panel.controls.as_slice()).unwrap_or_default();
    let value = |control: &hf_api::RoutingControl| {
        let name = control.path.rsplit('/').next().unwrap_or_default().to_owned();
        (name, if control.state == ControlTo::On { Switch::On } else { Switch::Off })
    };
    Output::Values { revision: controls.revision, controls: all.iter().map(value).collect() }
}
