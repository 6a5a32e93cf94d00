//! `holdfast demo`: a living local world around real nodes.
//!
//! Two regions of three zones on loopback addresses. Each zone has a node (a `holdfast serve` process: checker, DNS, balancer, zone
//! status) and three instances of a small web application; a control node stands outside. Clients resolve a name through the zones'
//! DNS and send HTTP through their balancers; a plain round-robin crowd beside them shows what would have happened without Holdfast.
//!
//! Rules: the nodes run `serve` from ordinary files, there is no mode of the demo's own; everything lives in a temporary folder and is
//! gone at the end; no root; nothing outside 127.0.0.0/8.
//!
//! Not here: the command line (`holdfast`), what a node does (`hf-node`).

mod app;
mod children;
mod credentials;
mod crowd;
mod eject;
mod greeting;
mod measure;
mod panel;
mod picture;
mod report;
mod script;
mod stage;
mod world;

pub use eject::{Ejected, eject};
pub use report::{Event, Report};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use credentials::Credentials;
use hf_clock::Clock;
use hf_feed::break_glass::OperatorKeyPair;
use measure::Measure;
use report::Book;
use script::Line;
use stage::Stage;
use tokio::sync::watch;
use tokio::time::Instant;
use world::World;

/// How long the world may take to become ready before the demo gives up and shows a log.
const READY_DEADLINE: Duration = Duration::from_secs(20);
/// Between two questions to the zones' nodes.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How the demo is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program that runs the nodes: our own.
    pub program: PathBuf,
    /// What to do to the world, and when.
    pub script: Option<String>,
    /// How long; for ever without.
    pub length: Option<Duration>,
    /// What is on the other side.
    pub show: Show,
}

/// What the demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// A living picture on the terminal.
    Picture,
    /// The addresses and events as lines of text.
    Text,
    /// One JSON object at the end; addresses and events go to standard error.
    Json,
}

/// Why the demo did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The script cannot be read.
    #[error("--script: {0}")]
    Script(#[from] script::ScriptError),
    /// Ten worlds' addresses are taken.
    #[error(
        "no free addresses in 127.0.0.0/8 to 127.9.0.0/8: another program listens there; stop it, or an older demo"
    )]
    NoFreeAddresses,
    /// A file cannot be written.
    #[error("cannot write {}: {source}; make room or choose another folder", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder for the files has something in it.
    #[error("{} is there already and is not an empty folder; name a new one, nothing is overwritten", .0.display())]
    Occupied(PathBuf),
    /// A node cannot be started.
    #[error("cannot run {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The application cannot listen.
    #[error("the application of {zone} cannot listen: {source}")]
    Listen {
        /// Where.
        zone: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A client of the API cannot be made.
    #[error("{0}")]
    Client(String),
    /// A node did not become ready.
    #[error("{node} did not become ready; the end of its log:\n{log}")]
    NotReady {
        /// Which.
        node: String,
        /// Its last lines.
        log: String,
    },
    /// The terminal cannot be drawn on.
    #[error("cannot draw on the terminal: {0}; try `-o json` or a pipe")]
    Terminal(std::io::Error),
    /// The temporary folder cannot be made.
    #[error("cannot make a temporary folder: {0}; set TMPDIR to one that can be written")]
    Folder(std::io::Error),
    /// The access file cannot be made.
    #[error("cannot make the operator's credentials: {0}")]
    Credentials(String),
    /// The operating system gives no usable key.
    #[error("cannot make an operator's key: {0}")]
    Key(String),
}

fn operator_key() -> Result<(OperatorKeyPair, Vec<u8>), DemoError> {
    let pkcs8 = OperatorKeyPair::generate_pkcs8();
    let key = OperatorKeyPair::from_pkcs8(&pkcs8).map_err(|error| DemoError::Key(error.to_string()))?;
    Ok((key, pkcs8))
}

fn public_text(key: &OperatorKeyPair) -> String {
    base64::engine::general_purpose::STANDARD.encode(key.public_key())
}

fn write_private(path: &std::path::Path, text: &str) -> Result<(), DemoError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| DemoError::Write { path: path.to_owned(), source })
}

/// Runs the demo to its end: its length, a key, or `stop`.
pub async fn run(options: Options, mut stop: watch::Receiver<bool>) -> Result<(), DemoError> {
    let clock = Clock::system();
    let begun = Instant::now();
    let world = Arc::new(World::find_free()?);
    let lines = script::parse(options.script.as_deref().unwrap_or_default(), &world, options.length)?;
    let folder = tempfile::Builder::new().prefix("holdfast-demo-").tempdir().map_err(DemoError::Folder)?;
    let (key, pkcs8) = operator_key()?;
    world.write(folder.path(), &public_text(&key))?;
    let key_path = folder.path().join("operator.key");
    write_private(&key_path, &base64::engine::general_purpose::STANDARD.encode(pkcs8))?;

    let credentials = Credentials::make(&folder.path().join("data/control"))?;
    let mut stage = Stage::start(world.clone(), &options.program, folder.path(), key, clock.clone()).await?;
    tokio::select! {
        ready = wait_until_ready(&mut stage) => ready?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    }
    let ready_ms = begun.elapsed().as_millis() as u64;
    let ready_at = clock.now();
    stage.set_ready(ready_at);
    stage.set_token(credentials.token.clone())?;
    let greeting = greeting::write(&world, folder.path(), &options.program, &credentials, ready_ms)?;

    let measure = Arc::new(Measure::new(world.places().len(), clock));
    let crowd = crowd::start(&world, &measure);
    let book = Book::new(measure.clone(), stage.apps.clone(), ready_at.0);
    let mut show = Shower::new(options.show, &greeting)?;
    let report =
        play(Play { stage, book, measure, lines, length: options.length, ready_ms }, &mut show, stop).await?;
    drop(crowd);
    show.finish(&report);
    Ok(())
}

struct Play {
    stage: Stage,
    book: Book,
    measure: Arc<Measure>,
    lines: Vec<Line>,
    length: Option<Duration>,
    ready_ms: u64,
}

/// Where the events go.
enum Shower {
    Picture(Box<picture::Picture>),
    Text,
    Json,
}

impl Shower {
    fn new(show: Show, greeting: &str) -> Result<Self, DemoError> {
        match show {
            Show::Picture => Ok(Shower::Picture(Box::new(picture::Picture::open(greeting)?))),
            Show::Text => {
                println!("{greeting}");
                Ok(Shower::Text)
            }
            Show::Json => {
                eprintln!("{greeting}");
                Ok(Shower::Json)
            }
        }
    }

    fn told(&self, words: &str) {
        match self {
            Shower::Picture(_) => {}
            Shower::Text => println!("{words}"),
            Shower::Json => eprintln!("{words}"),
        }
    }

    fn finish(self, report: &Report) {
        let is_json = matches!(self, Shower::Json);
        drop(self); // gives the terminal back before anything is printed
        if is_json {
            println!("{}", serde_json::to_string_pretty(report).expect("numbers and names make JSON"));
        } else {
            println!("{}", in_words(report));
        }
    }
}

fn in_words(report: &Report) -> String {
    let mut text = format!(
        "{} requests through Holdfast, {} failed; of the plain round-robin crowd's, {} failed\n",
        report.requests, report.failed, report.plain_pool_failed
    );
    let ms = |value: Option<u64>| value.map_or("-".to_owned(), |ms| format!("{ms} ms"));
    for event in &report.events {
        text.push_str(&format!(
            "{:7.1} s  {}{}: detected {}, last new request {}, last connection {}, last DNS answer {}, failed {}, returned {}\n",
            event.at_s,
            event.action,
            event.zone.map_or(String::new(), |zone| format!(" {zone}")),
            ms(event.detected_ms),
            ms(event.last_new_request_ms),
            ms(event.last_open_connection_ms),
            ms(event.last_dns_answer_ms),
            event.failed_requests,
            ms(event.returned_ms),
        ));
    }
    text
}

async fn play(
    mut play: Play,
    show: &mut Shower,
    mut stop: watch::Receiver<bool>,
) -> Result<Report, DemoError> {
    let begun = Instant::now();
    let end = play.length.map(|length| begun + length);
    let mut lines = play.lines.into_iter().peekable();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let observer = play.stage.observer();
    let clock_of = play.measure.clone();
    let (said, mut saying) = watch::channel(None);
    let asking = tokio::spawn(async move {
        let mut pace = tokio::time::interval(ASK_EVERY);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let asked_ms = clock_of.now_ms();
            if let Ok(status) = observer.status().await {
                said.send_replace(Some((asked_ms, status)));
            }
        }
    });
    let mut told = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            Ok(()) = saying.changed() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let mut news = Vec::new();
        if let Some((asked_ms, status)) = &*saying.borrow_and_update() {
            let places = play.stage.world.places();
            news = play.book.detected(*asked_ms, |zone| {
                status.zones.iter().any(|told| told.id == places[zone].zone && told.healthy < told.of)
            });
        }
        news.extend(play.book.look());
        for words in news {
            play.stage.tell(&words);
        }
        let mut acts = Vec::new();
        while let Some(line) = lines.next_if(|line| begun.elapsed() >= line.at) {
            acts.push((line.action, line.zone));
        }
        if let Shower::Picture(picture) = show {
            let status = saying.borrow().as_ref().map(|(_, status)| status.clone());
            match picture.turn(&mut play.stage, &play.measure, status.as_ref())? {
                picture::Wish::Nothing => {}
                picture::Wish::Quit => break,
                picture::Wish::Act(action, zone) => acts.push((action, zone)),
            }
        }
        for (action, zone) in acts {
            if let Some(words) = play.stage.refusal(action, zone) {
                play.stage.tell(&words);
                continue;
            }
            let position =
                zone.and_then(|zone| play.stage.world.places().iter().position(|p| p.zone == zone));
            play.book.open(action, position.zip(zone));
            play.stage.act(action, zone).await?;
        }
        let news: Vec<&String> = play.stage.words().rev().take(play.stage.told() - told).collect();
        news.iter().rev().for_each(|line| show.told(line));
        told = play.stage.told();
        if end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    asking.abort();
    Ok(play.book.finish(play.ready_ms))
}

/// Every node has the estate, every zone's DNS names somebody, every balancer answers.
async fn wait_until_ready(stage: &mut Stage) -> Result<(), DemoError> {
    let deadline = Instant::now() + READY_DEADLINE;
    let world = stage.world.clone();
    for place in world.places() {
        while !crowd::answers(&world, place).await {
            if let Some((node, log)) = stage.dead_child() {
                return Err(DemoError::NotReady { node, log });
            }
            if Instant::now() >= deadline {
                return Err(DemoError::NotReady {
                    node: place.zone.to_owned(),
                    log: stage.log_tail(place.zone),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_a_zone_is_told_without_a_dash() {
        let event = |action, zone| report::Event {
            at_s: 1.0,
            action,
            zone,
            detected_ms: None,
            last_new_request_ms: Some(7),
            last_open_connection_ms: None,
            last_dns_answer_ms: None,
            failed_requests: 0,
            returned_ms: None,
        };
        let events = vec![event("kill-control", None), event("kill", Some("use1-az1"))];
        let text = in_words(&Report {
            ready_ms: 1,
            requests: 2,
            failed: 0,
            plain_pool_failed: 0,
            events,
            first_failed: Vec::new(),
        });
        assert!(text.contains("  kill-control: detected -, last new request 7 ms"), "{text}");
        assert!(text.contains("  kill use1-az1: detected"), "{text}");
    }
}
