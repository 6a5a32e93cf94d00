//! `holdfast watch --running`: what the service has in hand, from a file that it keeps or a program that says it.
//!
//! 1. Looked at once a second. One number counts for the one zone that is watched; lines of a zone and a number count for those zones.
//! 2. A file that may be executed is run, without a shell and for [`RUN`] at most; what it prints counts.
//! 3. What cannot be read changes nothing: what was told last stands, and people are told once. Before a first reading nothing is said, which is not
//!    the same as nothing in hand.
//! 4. A zone that is no longer in the lines has nothing in hand.
//!
//! Not here: when it is acknowledged (`holdfast-client`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use holdfast_client::Holdfast;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::complain;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long the program may run.
const RUN: Duration = Duration::from_secs(5);
/// Bytes that are read: sixty zones with long names are far less.
const LEN_MAX: u64 = 16 << 10;

/// Says what is in hand, for as long as it is awaited.
pub(super) async fn say(path: &Path, holdfast: &Holdfast, zone: Option<&str>) {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut last_problem = String::new();
    loop {
        match look(path, zone).await {
            Ok(counts) => {
                last_problem.clear();
                for gone in told.iter().filter(|name| !counts.contains_key(*name)) {
                    holdfast.set_running(gone, 0);
                }
                for (name, count) in &counts {
                    holdfast.set_running(name, *count);
                }
                told = counts.into_keys().collect();
            }
            Err(problem) if problem == last_problem => {}
            Err(problem) => {
                complain(&format!("--running {}: {problem}; what was told last stands", path.display()));
                last_problem = problem;
            }
        }
        sleep(LOOK).await;
    }
}

async fn look(path: &Path, zone: Option<&str>) -> Result<BTreeMap<String, u64>, String> {
    let about = tokio::fs::metadata(path).await.map_err(|error| format!("cannot be read: {error}"))?;
    let bytes = if about.permissions().mode() & 0o111 == 0 {
        let file = tokio::fs::File::open(path).await.map_err(|error| format!("cannot be read: {error}"))?;
        read(file).await?
    } else {
        run(path).await?
    };
    counts(&String::from_utf8_lossy(&bytes), zone)
}

async fn read(from: impl tokio::io::AsyncRead + Unpin) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = from.take(LEN_MAX + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LEN_MAX {
        return Err(format!("has more than {LEN_MAX} bytes; give a number, or a line for each zone"));
    }
    Ok(bytes)
}

async fn run(program: &Path) -> Result<Vec<u8>, String> {
    let mut child = Command::new(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be run: {error}"))?;
    let stdout = child.stdout.take().expect("it is piped");
    let whole = async {
        let bytes = read(stdout).await?;
        let status = child.wait().await.map_err(|error| format!("cannot be waited for: {error}"))?;
        if status.success() { Ok(bytes) } else { Err(format!("ended with {status}")) }
    };
    let late = || format!("took more than {} and was ended", hf_model::format_duration(RUN));
    timeout(RUN, whole).await.map_err(|_| late())?
}

/// What the text says, by zone as it names it; `zone` is the one that is watched.
fn counts(text: &str, zone: Option<&str>) -> Result<BTreeMap<String, u64>, String> {
    let mut counts = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (name, count) = match (words.as_slice(), zone) {
            ([], _) => continue,
            ([count], Some(zone)) => (zone, *count),
            ([_], None) => {
                return Err(format!(
                    "line {number} has no zone, and several are watched; write `ZONE NUMBER`"
                ));
            }
            ([name, count], _) => (*name, *count),
            _ => return Err(format!("line {number} is no `NUMBER` and no `ZONE NUMBER`; write one of them")),
        };
        let count: u64 = count.parse().map_err(|_| {
            let shown: String = count.chars().filter(|c| !c.is_control()).take(40).collect();
            format!("line {number}: {shown:?} is no number; write how much is in hand, 0 for nothing")
        })?;
        let sum = counts.entry(name.to_owned()).or_insert(0_u64);
        *sum = sum.saturating_add(count);
    }
    if counts.is_empty() {
        return Err("is empty; write how much is in hand, 0 for nothing".to_owned());
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: Option<&str>, expected: &str) {
        let told = match counts(text, zone) {
            Ok(counts) => {
                counts.iter().map(|(zone, count)| format!("{zone}={count}")).collect::<Vec<_>>().join(" ")
            }
            Err(problem) => problem,
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_number_is_of_the_watched_zone_and_lines_name_theirs() {
        check("3\n", Some("a"), "a=3");
        check("0", Some("a"), "a=0");
        check("a 3\n\nb 0\na 2\n", None, "a=5 b=0");
        check("b 7", Some("a"), "b=7");
        check("3", None, "line 1 has no zone, and several are watched; write `ZONE NUMBER`");
        check("", Some("a"), "is empty; write how much is in hand, 0 for nothing");
        check("a -1", None, "line 1: \"-1\" is no number; write how much is in hand, 0 for nothing");
        check("a b c", None, "line 1 is no `NUMBER` and no `ZONE NUMBER`; write one of them");
    }
}
