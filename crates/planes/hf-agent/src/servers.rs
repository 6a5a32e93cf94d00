//! What HAProxy says of its servers, and what is to be said to it: pure.
//!
//! 1. Servers are known by the address that HAProxy has for them; one whose address is no endpoint of the backend's pool is never touched.
//! 2. `drain` is ours: a server is drained while its endpoint gets nothing new, and made ready when it does again, whoever drained it.
//!    `maint` is the operator's: a server that was put there by hand is left alone until it is taken out by hand.
//! 3. Weights are HAProxy's own, scaled while a zone returns. They are put back when it has all its share, and when this program sees a
//!    server take requests for the first time: the one before it may have died in between. Otherwise a weight that somebody set stays.
//! 4. Names go back into commands only if they are made of what HAProxy allows in names.
//!
//! Not here: the socket (`socket`), when this is done (`follow`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hf_model::{Share, ZoneId};

/// Set by hand or by this program: out for new traffic.
const FORCED_DRAIN: u32 = 0x08;
/// Set by hand.
const FORCED_MAINT: u32 = 0x01;

/// A server by its backend and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerName {
    /// The backend.
    pub backend: String,
    /// The server.
    pub server: String,
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

/// One server as HAProxy tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: ServerName,
    /// Where it is.
    pub address: SocketAddr,
    /// HAProxy's bits of administration.
    pub admin: u32,
    /// Its weight now, and by the configuration.
    pub weight: (u32, u32),
}

/// What is wanted of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub zone: ZoneId,
    /// Whether it gets new traffic.
    pub takes: bool,
    /// As which share of its weight.
    pub share: Share,
}

/// What is wanted of every endpoint, by backend.
pub type WantedServers = BTreeMap<String, BTreeMap<SocketAddr, Wanted>>;

/// Why an answer of HAProxy is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// It says so itself.
    #[error("HAProxy says: {0}")]
    Said(String),
    /// Another format.
    #[error("HAProxy's `show servers state` has no column `{0}`; this is written for HAProxy 2.0 and later")]
    Column(&'static str),
}

/// Reads answers to `show servers state`. Servers without an address are left out.
pub fn read_servers(text: &str) -> Result<Vec<Server>, NotUnderstood> {
    let mut columns: Option<[usize; 7]> = None;
    let mut servers = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "1" {
            continue; // the format's version
        }
        if let Some(head) = line.strip_prefix('#') {
            columns = Some(find_columns(head)?);
            continue;
        }
        let Some([backend, server, address, admin, user, initial, port]) = columns else {
            return Err(NotUnderstood::Said(first_words(line)));
        };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let number = |at: usize| word(at).parse::<u32>().ok();
        let (Ok(ip), Ok(port)) = (word(address).parse::<IpAddr>(), word(port).parse::<u16>()) else {
            continue;
        };
        let (Some(admin), Some(now), Some(whole)) = (number(admin), number(user), number(initial)) else {
            return Err(NotUnderstood::Said(first_words(line)));
        };
        servers.push(Server {
            name: ServerName { backend: word(backend).to_owned(), server: word(server).to_owned() },
            address: SocketAddr::new(ip, port),
            admin,
            weight: (now, whole),
        });
    }
    Ok(servers)
}

fn find_columns(head: &str) -> Result<[usize; 7], NotUnderstood> {
    let names: Vec<&str> = head.split_ascii_whitespace().collect();
    let find =
        |name: &'static str| names.iter().position(|known| *known == name).ok_or(NotUnderstood::Column(name));
    Ok([
        find("be_name")?,
        find("srv_name")?,
        find("srv_addr")?,
        find("srv_admin_state")?,
        find("srv_uweight")?,
        find("srv_iweight")?,
        find("srv_port")?,
    ])
}

/// What HAProxy says of commands that it did not carry out; silence is well.
pub fn read_refusals(text: &str) -> Result<(), NotUnderstood> {
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => Err(NotUnderstood::Said(first_words(line))),
        None => Ok(()),
    }
}

fn first_words(line: &str) -> String {
    line.chars().take(200).collect()
}

/// What this program has done to servers so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Looked at before.
    seen: BTreeSet<ServerName>,
    /// With a weight that is not their own.
    weighed: BTreeSet<ServerName>,
}

/// One command and the server that it is about.
pub type Commands = Vec<(ServerName, String)>;

/// What is to be said, so that servers are as wanted; nothing when they are. Forgets servers that are there no more.
pub fn plan(servers: &[Server], wanted: &WantedServers, memory: &mut Memory) -> Commands {
    let mut commands = Vec::new();
    let mut now = Memory::default();
    for (server, wanted) in known(servers, wanted) {
        let name = &server.name;
        let is_first_look = !memory.seen.contains(name);
        if wanted.takes || !is_first_look {
            now.seen.insert(name.clone());
        }
        let mut say = |what: &str| commands.push((name.clone(), format!("set server {name} {what}")));
        let (weight, whole) = server.weight;
        let mut is_weighed = memory.weighed.contains(name);
        if wanted.takes && wanted.share < Share::ONE {
            let scaled = scale(whole, wanted.share);
            if weight != scaled {
                say(&format!("weight {scaled}"));
            }
            is_weighed = true;
        } else if wanted.takes && (is_weighed || is_first_look) {
            // Until it is seen to be so.
            is_weighed = weight != whole;
            if is_weighed {
                say(&format!("weight {whole}"));
            }
        }
        if is_weighed {
            now.weighed.insert(name.clone());
        }
        // After the weight: a server that comes back has the right one from its first request on.
        let by_hand = server.admin & FORCED_MAINT != 0;
        let drained = server.admin & FORCED_DRAIN != 0;
        match (wanted.takes, drained) {
            _ if by_hand => {}
            (true, true) => say("state ready"),
            (false, false) => say("state drain"),
            (true, false) | (false, true) => {}
        }
    }
    *memory = now;
    commands
}

/// Those servers that are endpoints, with what is wanted of them.
pub fn known<'a>(
    servers: &'a [Server],
    wanted: &'a WantedServers,
) -> impl Iterator<Item = (&'a Server, &'a Wanted)> {
    servers.iter().filter_map(|server| {
        let wanted = wanted.get(&server.name.backend)?.get(&server.address)?;
        is_name(&server.name.server).then_some((server, wanted))
    })
}

/// A weight of something stays one.
fn scale(whole: u32, share: Share) -> u32 {
    (u64::from(whole) * u64::from(share.ppm())).div_ceil(u64::from(Share::ONE.ppm())) as u32
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
}

/// Reads answers to `show stat`: sessions under way at each server.
pub fn read_sessions(text: &str) -> Result<BTreeMap<ServerName, u64>, NotUnderstood> {
    let mut columns: Option<[usize; 3]> = None;
    let mut sessions = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(head) = line.strip_prefix("# ") {
            let names: Vec<&str> = head.split(',').collect();
            let find = |name: &'static str| {
                names.iter().position(|known| *known == name).ok_or(NotUnderstood::Column(name))
            };
            columns = Some([find("pxname")?, find("svname")?, find("scur")?]);
            continue;
        }
        let Some([backend, server, count]) = columns else {
            return Err(NotUnderstood::Said(first_words(line)));
        };
        // What stands before the columns that we read has no commas in it: names.
        let words: Vec<&str> = line.split(',').collect();
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let Ok(count) = word(count).parse::<u64>() else { continue };
        let name = ServerName { backend: word(backend).to_owned(), server: word(server).to_owned() };
        sessions.insert(name, count);
    }
    Ok(sessions)
}

/// What still runs in zones that some server was told to leave.
pub fn running(
    servers: &[Server],
    wanted: &WantedServers,
    sessions: &BTreeMap<ServerName, u64>,
) -> BTreeMap<ZoneId, u64> {
    let mut running: BTreeMap<ZoneId, u64> = BTreeMap::new();
    for (server, wanted) in known(servers, wanted).filter(|(_, wanted)| !wanted.takes) {
        let count = sessions.get(&server.name).copied().unwrap_or(0);
        if count > 0 {
            *running.entry(wanted.zone.clone()).or_default() += count;
        }
    }
    running
}

#[cfg(test)]
mod tests;
