//! A zone is left, and a million names are read anew, while queries come.
//!
//! 1. A node with the large zone from a file, 100 steered names beside it, and two workers; on core 0, its threads as
//!    equals, since they must share that core between answering and what happens. Half of the queries are for steered names. No peer: none is told by a control plane.
//! 2. Shift: through the node's own API. When an answer came and when the API's did is seen by one thread, so the order is certain.
//! 3. Reload: another version of the large zone takes the file's place at once; all its IPv4 addresses are others. The node looks at the file every
//!    second, twice, so a second or two pass before it reads. The version before stays under another name: who asks is not to free it.
//! 4. Before: `length` of queries before the beginning. Around: from the beginning to `length` after its end.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::cases::{Case, PORT};
use super::content::{Content, MOVING_NAMES, MOVING_ZONE};
use super::line::Line;
use super::load::Queries;
use super::moments::Moment;
use super::servers::Server;
use super::watch::{Asked, Pace, Watch};
use super::{Options, Told};
use crate::cpu;
use crate::figures::milliseconds;

/// Sockets for each of the two sorts of names.
const FLOWS: usize = 4;
/// Between two questions whether the node obeys.
const SAID_EVERY: Duration = Duration::from_millis(1);
/// How the node calls the threads that answer.
const WORKERS: &str = "dns-";
/// For anything to happen.
const DEADLINE: Duration = Duration::from_mins(2);
/// What runs a server whose threads share their core as they would on any machine: none comes before all others of it, but all before other programs, if that is
/// allowed. A session of its own: the kernel shares a core between sessions first, and only then by what `nice` says.
const FAIRLY: [&str; 5] = [
    "setsid",
    "sh",
    "-c",
    "echo -20 2>/dev/null >/proc/self/autogroup; exec nice -n -20 chrt -o 0 \"$@\"",
    "sh",
];

#[derive(Debug, Deserialize)]
struct Acknowledged {
    id: String,
    revision: u64,
}

#[derive(Debug, Deserialize)]
struct Word {
    acknowledged: Vec<Said>,
}

#[derive(Debug, Deserialize)]
struct Said {
    applied: bool,
}

/// The wrapper of such servers.
pub fn fairly() -> Vec<String> {
    FAIRLY.map(str::to_owned).to_vec()
}

/// Shifts and reloads, each under the paced load and under full load.
pub fn measure(options: &Options, holdfast: &Path) -> Told<Vec<Moment>> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let content = Content::Moving(options.names);
    let at = (([127, 0, 0, 1], PORT + 1).into(), content);
    let server = Server::holdfast("holdfast", &fairly(), holdfast, at, "", folder.path())?;
    let told = |why: String| format!("{why}; the node says:\n{}", server.last_words());
    let mut moments = Vec::new();
    for pace in [Pace::Rate(options.rate), Pace::Full] {
        for round in 0..options.rounds {
            moments.push(shift(&server, content, pace, round, options).map_err(told)?);
        }
    }
    for (pace, first) in [(Pace::Rate(options.rate), 11), (Pace::Full, 12)] {
        moments.push(reload(&server, content, pace, first, options).map_err(told)?);
    }
    Ok(moments)
}

fn watch(server: &Server, content: Content, going: fn(Ipv4Addr) -> bool) -> Told<Watch> {
    let plain = Queries::new(b'h', content.zone(), content.names(), &[1], false);
    let steered = Queries::new(b'h', MOVING_ZONE, MOVING_NAMES, &[1], false);
    let flows = (0..FLOWS).flat_map(|_| [plain.clone(), steered.clone()]).collect();
    Watch::new(server.address, flows, going, false)
}

/// Queries, slowly, until the latest are all right and `is_so` of them holds.
fn until(watch: &mut Watch, what: &str, is_so: impl Fn(&[Asked]) -> bool) -> Told<()> {
    const LATEST: usize = 64;
    watch.run(Pace::Rate(2_000), |now, asked| {
        let latest = &asked[asked.len().saturating_sub(2 * LATEST)..];
        // Of the latest, half may be under way.
        let (done, _) = latest.split_at(latest.len() / 2);
        if now > DEADLINE {
            return Err(format!("{what} did not come in {} s", DEADLINE.as_secs()));
        }
        Ok(done.len() == LATEST && done.iter().all(|asked| asked.is_right) && is_so(done))
    })?;
    Ok(())
}

fn is_left(address: Ipv4Addr) -> bool {
    address.octets().starts_with(&[172, 16])
}

fn shift(server: &Server, content: Content, pace: Pace, round: usize, options: &Options) -> Told<Moment> {
    let mut watch = watch(server, content, is_left)?;
    let length = Duration::from_millis(options.length_ms);
    until(&mut watch, "an answer that names the zone", |asked| asked.iter().any(|asked| asked.names_it))?;
    let mut line = Line::connect(server.api(), server.token()?)?;
    let body = format!("{{\"zone\":\"az1\",\"for\":\"10m\",\"reason\":\"bench, round {round}\"}}");
    // A warm-up, then quiet.
    let quiet = [length / 2, length / 2 + length];
    let (waited, stolen) = (cpu::waited(server.pid()?, WORKERS), cpu::stolen());
    let (mut posted, mut acknowledged, mut said) = (None, None::<(Duration, Acknowledged)>, None);
    let mut asks_at = None;
    let asked = watch.run(pace, |now, _| {
        let Some(began) = posted else {
            if now >= quiet[1] {
                line.ask("POST", "/v1/shifts", &body)?;
                posted = Some(now);
            }
            return Ok(false);
        };
        if now > began + DEADLINE {
            return Err("the shift was not in force in time".to_owned());
        }
        let Some((since, shift)) = &acknowledged else {
            if let Some(answer) = line.answer()? {
                let shift = serde_json::from_str(&answer).map_err(|error| format!("{answer}: {error}"))?;
                acknowledged = Some((now, shift));
                asks_at = Some(now);
            }
            return Ok(false);
        };
        if said.is_some() {
            return Ok(now >= *since + length);
        }
        match asks_at {
            Some(at) if now >= at => {
                line.ask("GET", &format!("/v1/shifts/{}", shift.id), "")?;
                asks_at = None;
            }
            Some(_) => {}
            None => {
                if let Some(answer) = line.answer()? {
                    let word: Word =
                        serde_json::from_str(&answer).map_err(|error| format!("{answer}: {error}"))?;
                    let all =
                        !word.acknowledged.is_empty() && word.acknowledged.iter().all(|node| node.applied);
                    said = all.then_some(now);
                    asks_at = Some(now + SAID_EVERY);
                }
            }
        }
        Ok(false)
    })?;
    let (Some(began), Some((at, shift)), Some(said)) = (posted, acknowledged, said) else {
        return Err("the shift did not begin".to_owned());
    };
    let came = |asked: &Asked| asked.took.map(|took| asked.at + took);
    let last = asked.iter().filter(|asked| asked.names_it).filter_map(came).max();
    let last = last.ok_or("no answer named the zone before it was left")?;
    let mut moment =
        Moment::of(&Case::Shift.to_string(), &told(pace), &asked, [quiet[0], began, at + length]);
    moment.stolen_ms = Some(cpu::stolen_since(stolen));
    moment.acknowledged_ms = Some(milliseconds(at.saturating_sub(began)));
    moment.said_ms = Some(milliseconds(said.saturating_sub(at)));
    moment.last_ms = Some(milliseconds(last.saturating_sub(at)) - milliseconds(at.saturating_sub(last)));
    moment.note = format!("revision {}; {}", shift.revision, waits(&watch, server, waited, &moment)?);
    // An idle connection is cut after a while: a new one.
    let mut line = Line::connect(server.api(), server.token()?)?;
    line.call("DELETE", &format!("/v1/shifts/{}", shift.id), "")?;
    Ok(moment)
}

fn reload(server: &Server, content: Content, pace: Pace, first: u8, options: &Options) -> Told<Moment> {
    // The first bytes are used up one after the other.
    let going: fn(Ipv4Addr) -> bool =
        if first == 11 { |address| address.octets()[0] == 10 } else { |address| address.octets()[0] == 11 };
    let mut watch = watch(server, content, going)?;
    let length = Duration::from_millis(options.length_ms);
    until(&mut watch, "the earlier version", |asked| asked.iter().any(|asked| asked.names_it))?;
    let (file, new) = (format!("{}.zone", content.zone()), "coming");
    super::content::write(&server.folder.join(new), &content.master_file(first))?;
    // Or the kernel begins with that when it is renamed, for 20 ms of this thread's time.
    let synced = std::fs::File::open(server.folder.join(new)).and_then(|file| file.sync_all());
    synced.map_err(|error| format!("{new}: {error}"))?;
    keep(&server.folder.join(&file), &server.folder.join("before"))?;
    let quiet = [length / 2, length / 2 + length];
    let (waited, stolen) = (cpu::waited(server.pid()?, WORKERS), cpu::stolen());
    let (mut began, mut seen, mut looked) = (None, None, 0);
    let asked = watch.run(pace, |now, asked| {
        let Some(at) = began else {
            if now >= quiet[1] {
                std::fs::rename(server.folder.join(new), server.folder.join(&file))
                    .map_err(|error| format!("{file}: {error}"))?;
                (began, looked) = (Some(now), asked.len());
            }
            return Ok(false);
        };
        if let Some(seen) = seen {
            return Ok(now >= seen + length);
        }
        // Half of them are for the large zone; the latest may be under way.
        let settled = asked.len().saturating_sub(1_024);
        if settled >= looked && asked.len() >= 1_280 {
            looked = asked.len();
            let is_new = |asked: &Asked| asked.took.is_some() && !asked.names_it;
            if asked[settled - 256..settled].iter().all(is_new) {
                seen = Some(now);
            }
        }
        if now > at + DEADLINE { Err("the new version did not come".to_owned()) } else { Ok(false) }
    })?;
    let (Some(began), Some(seen)) = (began, seen) else { return Err("nothing was read".to_owned()) };
    let came = |asked: &Asked| asked.took.map(|took| asked.at + took);
    let last = asked.iter().filter(|asked| asked.names_it).filter_map(came).max();
    let mut moment = Moment::of("reload", &told(pace), &asked, [quiet[0], began, seen + length]);
    moment.stolen_ms = Some(cpu::stolen_since(stolen));
    moment.new_after_ms = last.map(|last| milliseconds(last.saturating_sub(began)));
    let slowest = asked.iter().filter(|asked| asked.at >= began).max_by_key(|asked| asked.took);
    moment.note = format!(
        "{} names, {:.0} MB then, at most {:.0}; the slowest was asked {:.0} ms after the beginning; {}",
        content.names(),
        server.memory_mb(),
        server.memory_max_mb(),
        slowest.map_or(0.0, |slowest| milliseconds(slowest.at.saturating_sub(began))),
        waits(&watch, server, waited, &moment)?
    );
    Ok(moment)
}

/// Gives a file another name, so that it stays when another one takes its place: to free a large one takes whoever does that some milliseconds, here the thread that asks.
fn keep(file: &Path, name: &Path) -> Told<()> {
    let told = |error: std::io::Error| format!("{}: {error}", name.display());
    match std::fs::remove_file(name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(told(error)),
        _ => {}
    }
    std::fs::hard_link(file, name).map_err(told)
}

/// What else made queries slow: the node's workers waited for their core, this side was not there to look.
fn waits(watch: &Watch, server: &Server, before: Duration, moment: &Moment) -> Told<String> {
    let waited = cpu::waited(server.pid()?, WORKERS).saturating_sub(before);
    let [first, second] = moment.stolen_ms.unwrap_or_default();
    Ok(format!(
        "workers waited {:.0} ms for their core, the asker was away {:.0} ms at most, stolen from the cores {first}/{second} ms",
        milliseconds(waited),
        milliseconds(watch.away())
    ))
}

fn told(pace: Pace) -> String {
    match pace {
        Pace::Rate(rate) => format!("{rate}/s"),
        Pace::Full => "full".to_owned(),
    }
}
