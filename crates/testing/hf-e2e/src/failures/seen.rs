//! What the control node says of each pool, at one moment: its status, the detector's word, autoshift's.
//!
//! Not here: what of it is right (`failures`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::cell::Fault;
use super::files;
use crate::estate::ZONES;

/// One pool, now.
#[derive(Clone, Debug, Default)]
pub struct PoolNow {
    /// Endpoints that get new traffic.
    pub serving: u32,
    /// Endpoints.
    pub of: u32,
    /// Those of [`files::all`] that get none, or are no longer in the pool.
    pub out: BTreeSet<String>,
    /// Whether health is ignored.
    pub is_open: bool,
    /// The zone that the detector names.
    pub named: Option<String>,
    /// The zone that autoshift looks at, or would leave.
    pub accused: Option<String>,
    /// The zone that autoshift would leave.
    pub advised: Option<String>,
    /// Seconds until the detector judges; none without requests.
    pub warm_in_s: Option<u64>,
    /// Whether no zone is under suspicion.
    pub is_quiet: bool,
    /// Autoshift's word and the detector's, for people.
    pub text: String,
}

impl PoolNow {
    /// Whether nobody says anything against anybody.
    pub fn is_well(&self) -> bool {
        !self.is_open && self.accused.is_none() && self.named.is_none() && self.is_quiet
    }
}

/// One who asks a node, from a thread within a namespace from where it is reached.
#[derive(Debug)]
pub struct Seer {
    api: String,
    token: String,
}

impl Seer {
    /// Of the control node, within its own namespace, with the operator's token.
    pub fn new(token: &str) -> Seer {
        Seer::of("127.0.0.1", token)
    }

    /// Of the node with this address.
    pub fn of(address: &str, token: &str) -> Seer {
        Seer { api: format!("{address}:7600"), token: token.trim().to_owned() }
    }

    /// Every pool by name.
    ///
    /// # Panics
    ///
    /// When the node does not answer.
    pub fn look(&self) -> BTreeMap<String, PoolNow> {
        let mut pools: BTreeMap<String, PoolNow> = BTreeMap::new();
        for pool in list(&self.get("/v1/status"), "pools") {
            let now = pools.entry(text(pool, "name")).or_default();
            let count = |key: &str| u32::try_from(pool[key].as_u64().unwrap_or(0)).unwrap_or(u32::MAX);
            (now.serving, now.of, now.is_open) = (count("serving"), count("of"), pool["mode"] == "fail_open");
            now.is_quiet = true;
        }
        for word in list(&self.get("/v1/autoshift"), "autoshifts") {
            let resource = text(word, "resource");
            let Some(now) = resource.strip_prefix("pool/").and_then(|name| pools.get_mut(name)) else {
                continue;
            };
            let zone = word["zone"].as_str().map(str::to_owned);
            now.advised = zone.clone().filter(|_| word["word"] == "advise");
            now.accused = zone;
            now.is_quiet = word["word"] == "quiet";
            now.text = format!("autoshift: {}", text(word, "text"));
        }
        for pool in list(&self.get("/v1/gray"), "pools") {
            let Some(now) = pools.get_mut(&text(pool, "pool")) else { continue };
            now.named = pool["zone"].as_str().map(str::to_owned);
            now.warm_in_s = pool["warm_in_s"].as_u64();
            for zone in list(pool, "zones").filter(|zone| zone["stage"] != "normal") {
                now.is_quiet = false;
                now.text.push_str(&format!(
                    "; {} {}: {}",
                    text(zone, "zone"),
                    text(zone, "stage"),
                    text(zone, "text")
                ));
            }
        }
        // Asked for one by one, so only where somebody is missing.
        let all = files::all().count();
        for fault in Fault::ALL {
            let Some(now) = pools.get_mut(fault.pool()) else { continue };
            if !now.is_open && usize::try_from(now.serving).is_ok_and(|serving| serving < all) {
                now.out = self.out(fault);
            }
        }
        pools
    }

    /// The addresses of a fault's pool that get no new traffic.
    fn out(&self, fault: Fault) -> BTreeSet<String> {
        let all = files::all().map(|(_, _, address)| files::socket(fault, &address)).collect();
        self.out_of(fault.pool(), all)
    }

    /// Of these endpoints of a pool those that get no new traffic.
    ///
    /// # Panics
    ///
    /// When the node does not answer.
    pub fn out_of(&self, pool: &str, all: BTreeSet<String>) -> BTreeSet<String> {
        let mut out = all;
        // Which zone asks makes no difference to what is open.
        let told = self.get(&format!("/v1/explain?pool={pool}&from_zone={}", ZONES[0]));
        for step in list(&told, "steps").filter(|step| step["name"] == "open") {
            // One that serves may still not be picked: its zone is returning.
            let unpicked =
                list(step, "removed").filter(|removed| !text(removed, "why").starts_with("does not serve"));
            for serving in list(step, "kept").chain(unpicked) {
                out.remove(&text(serving, "endpoint"));
            }
        }
        out
    }

    /// An answer of the control node's API.
    ///
    /// # Panics
    ///
    /// When it does not answer with 200 and JSON.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let body = answer.split_once("\r\n\r\n").filter(|(head, _)| head.split(' ').nth(1) == Some("200"));
        let json = body.and_then(|(_, body)| serde_json::from_str(body).ok());
        json.unwrap_or_else(|| panic!("{path}: {answer}"))
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.api)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let bearer = &self.token;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {bearer}\r\n\r\n",
            self.api
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
