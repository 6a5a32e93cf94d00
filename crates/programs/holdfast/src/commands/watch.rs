//! `holdfast watch`: a sidecar for programs that cannot ask by themselves: a command, a file, variables, lines.
//!
//! 1. Everything is told from the newest state; what was undone before it was told is left out.
//! 2. Before anything is known (no endpoint has spoken, no state on disk) nothing is run and no file is touched.
//! 3. A state is acknowledged when the files hold it and the command has ended well for it.
//! 4. While a watched zone is in no table, files stay as they are and nothing is acknowledged: what is not told is not open.
//! 5. Files stay as they are when this ends, whichever way it ends.
//!
//! Not here: who is believed (`holdfast-client`), running the command (`exec`), what is in the files (`files`), what is in hand (`running`).

mod exec;
mod files;
mod running;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_client::{Builder, Holdfast, Origin, OwnZone, StartError, State, Trouble, ZoneStatus, Zones};
use serde::Serialize;

use self::files::Files;
use crate::args::{Common, Output, WatchArgs};
use crate::failure::Failure;
use crate::output::{line, say};
use crate::session::Runbook;

/// Where zone status is told when nothing else is said.
const DEFAULT_STATUS: &str = "http://127.0.0.1:7601";
/// Between two tries to write a file.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// How long a command may be let run: shorter than this none has begun, and longer nobody waits for a zone.
const EXEC_LIMITS: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

/// Which zones are watched.
#[derive(Clone, Debug)]
enum Watched {
    All,
    Named(Vec<String>),
    Own(OwnZone),
}

impl Watched {
    async fn of(args: &WatchArgs) -> Result<Watched, Failure> {
        if args.all {
            return Ok(Watched::All);
        }
        if !args.zones.is_empty() {
            return Ok(Watched::Named(args.zones.clone()));
        }
        let own = holdfast_client::own_zone().await;
        own.map(Watched::Own).map_err(|error| {
            Failure::Usage(format!("holdfast: {error}; or name it with --zone ZONE, or --all"))
        })
    }

    fn names<'a>(&'a self, zones: &'a Zones) -> Vec<&'a str> {
        match self {
            Watched::All => zones.iter().map(|zone| zone.zone.as_str()).collect(),
            Watched::Named(names) => names.iter().map(String::as_str).collect(),
            Watched::Own(own) => vec![own.known_in(zones)],
        }
    }

    /// What is told of them; each once, though it may be named twice.
    fn of_zones<'a>(&self, zones: &'a Zones) -> Vec<&'a ZoneStatus> {
        let found: BTreeMap<&str, &ZoneStatus> = self
            .names(zones)
            .into_iter()
            .filter_map(|name| zones.get(name))
            .map(|zone| (zone.zone.as_str(), zone))
            .collect();
        found.into_values().collect()
    }

    /// The first that nothing is told of.
    fn missing<'a>(&'a self, zones: &'a Zones) -> Option<&'a str> {
        self.names(zones).into_iter().find(|name| zones.get(name).is_none())
    }

    /// A name that no endpoint knows is a mistake, and not an open zone.
    fn check(&self, zones: &Zones) -> Result<(), Failure> {
        match self.missing(zones) {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = zones.iter().map(|zone| zone.zone.as_str()).collect();
                Err(Failure::Usage(format!(
                    "holdfast: there is no zone `{name}`; the endpoints have {}; name one with --zone ZONE",
                    known.join(", ")
                )))
            }
        }
    }
}

/// Watches until it is told to stop, or asks once.
pub async fn run(args: &WatchArgs, common: &Common) -> Result<(), Failure> {
    if args.file.is_some()
        && args.file_form == crate::args::FileForm::Word
        && (args.all || args.zones.len() > 1)
    {
        return Err(Failure::Usage(
            "holdfast: a file with one word is of one zone; give --file-form json or present".to_owned(),
        ));
    }
    let limit = exec_limit(args)?;
    let builder = builder(args, common)?;
    let watched = Watched::of(args).await?;
    if args.once {
        once(args, builder, &watched, common.output).await
    } else {
        watch(args, builder, watched, limit, common.output).await
    }
}

/// How long the command may run; a mistake where the command or the files cannot be.
fn exec_limit(args: &WatchArgs) -> Result<Duration, Failure> {
    let usage = |text: String| Err(Failure::Usage(format!("holdfast: {text}")));
    if args.file.is_some() && args.file == args.env {
        return usage(
            "--file and --env are one file, and each would replace the other; give each its own".to_owned(),
        );
    }
    if args.exec.first().is_some_and(String::is_empty) {
        return usage("--exec: the command is empty; name a program".to_owned());
    }
    match hf_model::parse_duration(&args.exec_timeout) {
        Ok(limit) if EXEC_LIMITS.contains(&limit) => Ok(limit),
        Ok(_) => usage(format!("--exec-timeout: {} is not 100 ms to 1 d; change it", args.exec_timeout)),
        Err(error) => usage(format!("--exec-timeout: {error}")),
    }
}

fn builder(args: &WatchArgs, common: &Common) -> Result<Builder, Failure> {
    let usage = |text: String| Failure::Usage(format!("holdfast: {text}"));
    let named = std::env::var("HOLDFAST_STATUS_ENDPOINTS").unwrap_or_default();
    let named = named.split(',').map(str::trim).filter(|url| !url.is_empty()).map(ToOwned::to_owned);
    let mut endpoints: Vec<String> = args.endpoints.clone();
    if endpoints.is_empty() {
        endpoints = named.collect();
    }
    let mut authority = common.ca.clone();
    if endpoints.is_empty() {
        let runbook = Runbook::load(common)?.unwrap_or_default();
        authority = authority.or(runbook.ca);
        endpoints = runbook.status;
    }
    if endpoints.is_empty() {
        endpoints.push(DEFAULT_STATUS.to_owned());
    }
    let is_tls = endpoints.iter().any(|url| url.starts_with("https://"));
    let heartbeat =
        hf_model::parse_duration(&args.heartbeat).map_err(|error| usage(format!("--heartbeat: {error}")))?;
    let mut builder = Holdfast::builder()
        .endpoints(endpoints)
        .needed(args.needed)
        .heartbeat(heartbeat)
        .acknowledge_by_hand()
        .on_trouble(|trouble: &Trouble| complain(&trouble.to_string()));
    if let Some(path) = authority.filter(|_| is_tls) {
        builder = builder.authority(path);
    }
    if let Some(resource) = &args.resource {
        builder = builder.resource(resource);
    }
    if let Some(folder) = &args.state_dir {
        builder = builder.state_file(folder.join(state_name(args.resource.as_deref())));
    }
    if let Some(consumer) = &args.consumer {
        let default = || format!("{}-{}", holdfast_client::machine_name(), std::process::id());
        builder =
            builder.consumer(consumer, args.kind).instance(args.instance.clone().unwrap_or_else(default));
    }
    Ok(builder)
}

/// A state file is of one resource: two sidecars may share a folder.
fn state_name(resource: Option<&str>) -> String {
    let plain =
        |one: char| if one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_') { one } else { '-' };
    match resource.filter(|resource| *resource != "everything") {
        None => "zones.state".to_owned(),
        Some(resource) => format!("zones-{}.state", resource.chars().map(plain).collect::<String>()),
    }
}

fn cannot_start(error: &StartError) -> Failure {
    Failure::Usage(format!("holdfast: {error}"))
}

async fn once(args: &WatchArgs, builder: Builder, watched: &Watched, output: Output) -> Result<(), Failure> {
    let zones = builder.ask_once().await.map_err(|error| cannot_start(&error))?;
    if zones.speaking() == 0 {
        let found = watched.of_zones(&zones);
        let known: Vec<String> =
            found.iter().map(|zone| format!("{} was {}", zone.zone, zone.state.word())).collect();
        let known =
            if known.is_empty() { String::new() } else { format!("; as last known, {}", known.join(", ")) };
        complain(&format!("none of {} status endpoints can be reached{known}", zones.asked()));
        if args.last_known && !found.is_empty() {
            return of_states(&found);
        }
        return Err(Failure::Told(3));
    }
    watched.check(&zones)?;
    let found = watched.of_zones(&zones);
    for zone in &found {
        tell(zone, output)?;
    }
    Files::of(args).write(&found, &zones).map_err(Failure::Refused)?;
    of_states(&found)
}

/// Exit 1 when one is away.
fn of_states(found: &[&ZoneStatus]) -> Result<(), Failure> {
    if found.iter().any(|zone| zone.state == State::Away) { Err(Failure::Told(1)) } else { Ok(()) }
}

async fn watch(
    args: &WatchArgs,
    builder: Builder,
    watched: Watched,
    limit: Duration,
    output: Output,
) -> Result<(), Failure> {
    let mut stop = super::stop_signal(false);
    let builder = match watched.names(&Zones::default()).first() {
        // With several there is no one zone that this process would be in.
        Some(zone) if !args.all && args.zones.len() <= 1 => builder.zone(*zone),
        _ => builder,
    };
    let holdfast = builder.start().map_err(|error| cannot_start(&error))?;
    let mut says = args.running.clone().map(|path| {
        let holdfast = holdfast.clone();
        let is_one = !args.all && args.zones.len() <= 1;
        let zone = watched.names(&Zones::default()).first().filter(|_| is_one).map(|zone| (*zone).to_owned());
        Box::pin(async move { running::say(&path, &holdfast, zone.as_deref()).await })
    });
    let (wanted, wants) = tokio::sync::watch::channel(Vec::new());
    let (mut done, running) = exec::start(args.exec.clone(), limit, wants);
    let mut files = Files::of(args);
    let mut zones = holdfast.watch();
    let mut told: BTreeMap<String, ZoneStatus> = BTreeMap::new();
    let mut is_checked = false;
    let mut is_missing_told = false;
    let ended = loop {
        let newest: Arc<Zones> = zones.borrow_and_update().clone();
        let mut again = None;
        if newest.origin() != Origin::Nothing {
            if !is_checked && newest.origin() == Origin::Endpoints {
                is_checked = true;
                if let Err(failure) = watched.check(&newest) {
                    break Err(failure);
                }
            }
            let found = watched.of_zones(&newest);
            for zone in &found {
                if told.get(&zone.zone).is_none_or(|told| is_news(told, zone)) {
                    tell(zone, output)?;
                    told.insert(zone.zone.clone(), (*zone).clone());
                }
            }
            wanted.send_if_modified(|wanted: &mut Vec<ZoneStatus>| {
                let is_new = !wanted.iter().eq(found.iter().copied());
                *wanted = found.iter().map(|zone| (*zone).clone()).collect();
                is_new
            });
            let missing = watched.missing(&newest);
            let was_told = std::mem::replace(&mut is_missing_told, missing.is_some());
            if let Some(name) = missing.filter(|_| !was_told) {
                complain(&format!(
                    "zone `{name}` is in no table now; files stay as they are, and nothing is acknowledged until it is told again"
                ));
            }
            let written = if missing.is_none() { files.write(&found, &newest) } else { Ok(()) };
            if let Err(error) = &written {
                complain(&format!("{error}; tried again in {}s", WRITE_AGAIN.as_secs()));
                again = Some(WRITE_AGAIN);
            }
            let is_done =
                found.iter().all(|zone| done.borrow_and_update().get(&zone.zone) == Some(&zone.state));
            if missing.is_none() && written.is_ok() && (args.exec.is_empty() || is_done) {
                holdfast.applied(&newest);
            }
        }
        tokio::select! {
            changed = zones.changed() => if changed.is_err() { break Ok(()) },
            Ok(()) = done.changed() => {}
            () = async { tokio::time::sleep(again.unwrap_or_default()).await }, if again.is_some() => {}
            () = async { says.as_mut().expect("it is there").await }, if says.is_some() => {}
            _ = stop.changed() => break Ok(()),
        }
    };
    drop((wanted, says));
    running.finish().await;
    holdfast.close().await;
    ended
}

/// Whether people and files are to hear of it: revisions alone say nothing.
fn is_news(told: &ZoneStatus, now: &ZoneStatus) -> bool {
    let words =
        |zone: &ZoneStatus| (zone.state, zone.source.clone(), zone.reason.clone(), zone.until_ms, zone.held);
    words(told) != words(now)
}

/// One line.
fn tell(zone: &ZoneStatus, output: Output) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told<'a> {
        at_ms: u64,
        #[serde(flatten)]
        zone: &'a ZoneStatus,
    }
    let at_ms = hf_clock::Clock::system().now().0;
    if output != Output::Table {
        say(&line(&Told { at_ms, zone })?);
        return Ok(());
    }
    let until = zone.until_ms.map(|until| format!(", until {}", hf_api::instant(until))).unwrap_or_default();
    let held = if zone.held { ", held past its end" } else { "" };
    let resource = if zone.resource.is_empty() || zone.resource == "everything" {
        String::new()
    } else {
        format!(" for {}", zone.resource)
    };
    say(&format!(
        "{} {} {}{resource} ({}: {}{until}{held})",
        hf_api::instant(at_ms),
        zone.zone,
        zone.state.word(),
        zone.source,
        one_line(&zone.reason)
    ));
    Ok(())
}

/// Tells people what is wrong. Nobody may be there to read it: that ends nothing.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "holdfast: {text}");
}

/// Without what would begin another line or play with a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// What the command and the file of variables are told of a zone.
fn variables(zone: &ZoneStatus) -> Vec<(&'static str, String)> {
    let until = zone.until_ms.map(hf_api::instant).unwrap_or_default();
    vec![
        ("HOLDFAST_ZONE", one_line(&zone.zone)),
        ("HOLDFAST_STATE", zone.state.word().to_owned()),
        ("HOLDFAST_SOURCE", one_line(&zone.source)),
        ("HOLDFAST_REASON", one_line(&zone.reason)),
        ("HOLDFAST_UNTIL", until),
        ("HOLDFAST_UNTIL_MS", zone.until_ms.map(|until| until.to_string()).unwrap_or_default()),
        ("HOLDFAST_HELD", zone.held.to_string()),
        ("HOLDFAST_RESOURCE", one_line(&zone.resource)),
        ("HOLDFAST_REVISION", zone.revision.to_string()),
    ]
}

/// Writes a file in one step.
fn replace(path: &Path, text: &str) -> Result<(), String> {
    holdfast_client::replace_file(path, text.as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
