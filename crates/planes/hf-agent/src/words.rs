//! The line of an agent check, and the words of the answer: pure.
//!
//! 1. A line asks about a zone (`use1-az1`), a zone of a pool or name (`use1-az1/web`, `use1-az1/pool/web`,
//!    `use1-az1/record/www.example.test.`), or one endpoint (`web/10.1.1.1:8080`). What follows after white space is the asker's name
//!    for itself: `LINE`, or `HAPROXY/LINE` with an own name of the whole process; only the board of consumers shows it.
//! 2. An answer always has all words that HAProxy keeps apart (administration, operation, weight), so that each answer undoes the one
//!    before it, whatever that was: only an agent can undo what an agent has said.
//! 3. An empty line changes nothing in HAProxy, nor does a connection that is closed without one (tried on 2.6 and 2.8).
//! 4. `down#reason` is passed over in silence by HAProxy: there is a space before the `#`.
//!
//! Not here: what is open (`answer`), sockets (`agent`).

use std::net::SocketAddr;

use hf_config::node::AwayWord;
use hf_control::Scope;
use hf_model::{PoolName, Share, ZoneId};

/// Bytes of a line at most.
pub const LINE_MAX: usize = 256;
/// Bytes of a reason: HAProxy shows some 120.
const REASON_MAX: usize = 100;

/// What an agent check asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// About a zone.
    Zone {
        /// By id or alias.
        zone: ZoneId,
        /// For what.
        scope: Scope,
    },
    /// About one endpoint.
    Endpoint {
        /// Of which pool.
        pool: PoolName,
        /// Where it listens.
        address: SocketAddr,
    },
}

/// A line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'l> {
    /// What is asked.
    pub question: Question,
    /// The line's first word.
    pub about: &'l str,
    /// How the process that asks calls itself: what stands before the `/` of its name.
    pub process: Option<&'l str>,
    /// How the line that asks calls itself.
    pub asker: Option<&'l str>,
}

/// A line that nobody understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an agent check asked {0:?}; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as \"use1-az1/web\\n\""
)]
pub struct NotAsked(String);

/// A line that has not ended when its time is over or the other side goes; HAProxy sends what stands in `agent-send`, and nothing without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an agent check said {0:?} and no newline; write ZONE/POOL or POOL/ADDRESS:PORT and a newline into `agent-send`, such as \"use1-az1/web\\n\""
)]
pub struct NotEnded(String);

impl NotEnded {
    /// What came of the line.
    pub fn of(line: &[u8]) -> Self {
        NotEnded(shown(line))
    }
}

/// As much of a line as a log shows.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(60).collect()
}

/// Reads a line, its end taken off.
pub fn read(line: &[u8]) -> Result<Asked<'_>, NotAsked> {
    let error = || NotAsked(shown(line));
    let text = str::from_utf8(line).map_err(|_| error())?;
    let mut words = text.split_ascii_whitespace();
    let about = words.next().ok_or_else(error)?;
    let name = words.next();
    if words.next().is_some() {
        return Err(error());
    }
    let question = question(about).ok_or_else(error)?;
    let (process, asker) = match name.map(|name| name.split_once('/').map_or(("", name), |both| both)) {
        Some((process, line)) => (Some(process), Some(line)),
        None => (None, None),
    };
    let said = |name: &&str| !name.is_empty();
    Ok(Asked { question, about, process: process.filter(said), asker: asker.filter(said) })
}

fn question(about: &str) -> Option<Question> {
    let Some((first, rest)) = about.split_once('/') else {
        return Some(Question::Zone { zone: ZoneId::new(about).ok()?, scope: Scope::Everything });
    };
    if let Ok(address) = rest.parse() {
        return Some(Question::Endpoint { pool: PoolName::new(first).ok()?, address });
    }
    let scope = match rest.parse() {
        Ok(scope) => scope,
        Err(_) => Scope::Pool(PoolName::new(rest).ok()?),
    };
    Some(Question::Zone { zone: ZoneId::new(first).ok()?, scope })
}

/// What is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// New traffic may go there, as this share of the server's own weight.
    Open(Share),
    /// It may not, for this reason.
    Away(String),
}

/// The answer, with its end of line.
pub fn say(told: &Told, away: AwayWord) -> String {
    match (told, away) {
        (Told::Open(share), _) => format!("ready up {}%\n", percent(*share)),
        (Told::Away(_), AwayWord::Drain) => "up drain 100%\n".to_owned(),
        (Told::Away(_), AwayWord::Maint) => "up maint 100%\n".to_owned(),
        (Told::Away(reason), AwayWord::Down) => format!("ready down #{}\n", in_one_line(reason)),
    }
}

/// Rounded up: a zone that has a share has a percent of it.
fn percent(share: Share) -> u64 {
    u64::from(share.ppm()).div_ceil(10_000)
}

fn in_one_line(reason: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    reason.chars().take(REASON_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests;
