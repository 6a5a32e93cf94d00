//! A mail (RFC 5322) that a program gets to read, as `sendmail -t` does.
//!
//! 1. The header is ASCII, whatever operators wrote: RFC 2047 for the subject, base64 for the text. Nothing that came from elsewhere can begin a
//!    line of the header.
//! 2. `Auto-Submitted` keeps answering machines quiet; `Message-ID` is the notice's, so a repetition is known.
//! 3. The program has an empty environment but for `PATH`, `/` as its folder, a process group of its own that is killed when the time is over,
//!    and no shell. Its exit status is the receipt; of what it says the first line is told, and 4 KiB read. What it has
//!    left in the background with its output is its own matter.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hf_model::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::notice::{rfc3339, rfc5322};
use crate::{Failed, Notice};

/// What of a program's words is read.
const SAID_MAX: u64 = 4 << 10;
/// For what a program said before it ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Delivers once.
pub async fn hand_over(
    command: &[String],
    to: &[String],
    from: Option<&str>,
    notice: &Notice,
    now: Timestamp,
) -> Result<(), Failed> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failed::new("the receiver has no command; write it"));
    };
    let failed = |what: &str| Failed::new(format!("{program}: {what}"));
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            failed(&format!("cannot be run: {error}; install it, or write another `command`"))
        })?;
    let mut group = Group(child);
    let text = mail(to, from, notice, now);
    let (stdin, stderr) = (group.0.stdin.take(), group.0.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not read it all says with its status whether that is well.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        std::future::pending::<()>().await;
    };
    let mut said = Vec::new();
    let read = async {
        if let Some(stderr) = stderr {
            let mut rest = stderr.take(SAID_MAX);
            let _ = rest.read_to_end(&mut said).await;
            let _ = tokio::io::copy(&mut rest.into_inner(), &mut tokio::io::sink()).await;
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        let status = group.0.wait().await;
        // What it said last is read; one that it left behind may hold the pipe for long.
        tokio::time::sleep(LAST_WORDS).await;
        status
    };
    let status = tokio::select! {
        status = ended => status,
        () = write => unreachable!("it waits for ever"),
        () = read => unreachable!("it waits for ever"),
    };
    let status = status.map_err(|error| failed(&format!("was lost sight of: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(failed(&format!("{status}: {line}")))
}

/// A child and its process group, killed when dropped before it has ended.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // None once it was waited for: the number may be somebody else's by then.
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader {
            // Gone already is as good.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

fn mail(to: &[String], from: Option<&str>, notice: &Notice, now: Timestamp) -> String {
    let from = from.map_or_else(|| format!("holdfast@{}", notice.node), str::to_owned);
    let subject = format!("[holdfast] {}: {}", notice.kind.as_str(), notice.text);
    let mut body = format!("{}\n\n", notice.text);
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            body.push_str(&format!("{name:<9} {value}\n"));
        }
    };
    row("why", &notice.reason);
    row("by", &notice.by);
    row("zone", notice.zone.as_deref().unwrap_or_default());
    row("resource", notice.resource.as_deref().unwrap_or_default());
    row("shift", notice.shift.as_deref().unwrap_or_default());
    row("until", &notice.until.map(rfc3339).unwrap_or_default());
    row("outcome", notice.outcome.as_deref().unwrap_or_default());
    row("at", &rfc3339(notice.at));
    row("revision", &notice.revision.to_string());
    row("node", &notice.node);
    let to = to.join(",\r\n ");
    let encoded = BASE64_STANDARD.encode(body.replace('\n', "\r\n"));
    let lines = encoded.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@holdfast>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        header_words(&subject),
        rfc5322(now),
        notice.id,
        lines.collect::<Vec<_>>().join("\r\n"),
    )
}

/// Any text as words of a header (RFC 2047), a line each.
fn header_words(text: &str) -> String {
    // 42 bytes are 56 in base64; with what stands around them and the name 77, and no character is cut.
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().take(400).map(|c| if c.is_control() { ' ' } else { c }) {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests;
