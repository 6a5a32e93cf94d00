//! What a client is to do, checked once before anything runs.
//!
//! Not here: doing it (`client`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::{BadEndpoint, Endpoint};
use crate::link::{Pace, Trouble};
use crate::tls::{BadAuthority, Tls};
use crate::wire::{self, Consumer, Kind, NAME_BYTES, ZoneStatus};

/// Endpoints of one client at most.
pub const ENDPOINTS: usize = 9;
/// Bytes of a resource's name at most.
const RESOURCE_BYTES: usize = 300;

/// Called with a zone.
pub(crate) type OnZone = Arc<dyn Fn(&ZoneStatus) + Send + Sync>;

/// Why a client does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No endpoint was given.
    #[error("no status endpoint is given; name one, three or five, such as http://10.0.0.1:7601")]
    NoEndpoint,
    /// Too many were.
    #[error("{0} status endpoints are given; {ENDPOINTS} are asked at most, three or five are enough")]
    TooManyEndpoints(usize),
    /// One has two votes.
    #[error("status endpoint {0} is given twice; each has one vote")]
    Twice(String),
    /// A URL that is none.
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    /// A name that the endpoints would not take.
    #[error("{what} `{given}`: 1 to 64 letters, digits, `.`, `_` and `-`")]
    Name {
        /// Whose name.
        what: &'static str,
        /// As given, cut.
        given: String,
    },
    /// A zone or resource that cannot be one.
    #[error("{what} has {bytes} bytes; it has 1 to {max}")]
    Length {
        /// What.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// A time out of its range.
    #[error("{what} is {given:?}; it is {least:?} to {most:?}")]
    Time {
        /// Which.
        what: &'static str,
        /// As given.
        given: Duration,
        /// At least.
        least: Duration,
        /// At most.
        most: Duration,
    },
    /// More agreement than there are endpoints.
    #[error("{needed} endpoints are to agree, {asked} are asked; nothing could ever change: lower the first")]
    Needed {
        /// Of how many.
        needed: usize,
        /// Are there.
        asked: usize,
    },
    /// The authorities' file.
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    /// Called outside of tokio.
    #[error("a client runs on tokio; call `start` inside its runtime")]
    NoRuntime,
}

/// Builds a [`Holdfast`](crate::Holdfast).
#[derive(Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(crate) endpoints: Vec<String>,
    pub(crate) resource: Option<String>,
    pub(crate) name: Option<(String, Kind)>,
    pub(crate) instance: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) heartbeat: Duration,
    pub(crate) poll: Option<Duration>,
    pub(crate) patience: Duration,
    pub(crate) needed: usize,
    pub(crate) state_file: Option<PathBuf>,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) is_acknowledged_by_hand: bool,
    pub(crate) on_close: Option<OnZone>,
    pub(crate) on_open: Option<OnZone>,
    pub(crate) on_trouble: Arc<dyn Fn(&Trouble) + Send + Sync>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            endpoints: Vec::new(),
            resource: None,
            name: None,
            instance: None,
            zone: None,
            heartbeat: Duration::from_secs(25),
            poll: None,
            patience: Duration::from_secs(3),
            needed: 1,
            state_file: None,
            authority: None,
            is_acknowledged_by_hand: false,
            on_close: None,
            on_open: None,
            on_trouble: Arc::new(|_| {}),
        }
    }
}

impl Builder {
    /// Adds a status endpoint, such as `http://10.0.0.1:7601`: one, three or five, each in another place.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.push(url.into());
        self
    }

    /// Adds several.
    pub fn endpoints<I: IntoIterator<Item = impl Into<String>>>(mut self, urls: I) -> Self {
        self.endpoints.extend(urls.into_iter().map(Into::into));
        self
    }

    /// Asks for one pool (`pool/web`) or name (`record/www.example.test.`) instead of everything.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Says who asks: operators see it in `holdfast status`, with what it has applied and what still runs. Without it nothing is acknowledged.
    pub fn consumer(mut self, name: impl Into<String>, kind: Kind) -> Self {
        self.name = Some((name.into(), kind));
        self
    }

    /// Names this process of the consumer; default the machine's name, the process id and a few random digits.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// Says where this process runs, by id or alias; [`own_zone`](crate::own_zone) finds it out.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// After how long without an event a stream is dead and without a word an endpoint is silent; one poll goes out within it beside the stream.
    ///
    /// 100 ms to 10 min, default 25 s: the endpoints' heartbeat comes every 10 s, so two may be lost. Below 10 s streams are opened anew
    /// all the time.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Between two polls of an endpoint whose stream is not well; 20 ms to the heartbeat, default a fifth of it.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = Some(poll);
        self
    }

    /// How long one question may take; 20 ms to 1 min, default 3 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many endpoints must say a state before it counts, beside the majority of those who speak; default 1.
    ///
    /// With 2 of 3 a process that reaches one endpoint alone keeps its last state. The price: with two endpoints gone no evacuation is
    /// heard of.
    pub fn needed(mut self, endpoints: usize) -> Self {
        self.needed = endpoints;
        self
    }

    /// Keeps the last good state in this file: a process that starts while no endpoint can be reached knows what was known.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Trusts these authorities (PEM), and no others, for `https://`; default those that browsers trust.
    pub fn authority(mut self, path: impl Into<PathBuf>) -> Self {
        self.authority = Some(path.into());
        self
    }

    /// Acknowledges nothing by itself: you call [`Holdfast::applied`](crate::Holdfast::applied) when it is done.
    ///
    /// Without it a table is acknowledged when the callbacks have returned.
    pub fn acknowledge_by_hand(mut self) -> Self {
        self.is_acknowledged_by_hand = true;
        self
    }

    /// Called when a zone is to be left; also at the start, for each zone that is away then. It must not block.
    ///
    /// A state that was undone before it was told is not told: what comes is the newest.
    pub fn on_close(mut self, call: impl Fn(&ZoneStatus) + Send + Sync + 'static) -> Self {
        self.on_close = Some(Arc::new(call));
        self
    }

    /// Called when a zone that was away may be used again. It must not block.
    pub fn on_open(mut self, call: impl Fn(&ZoneStatus) + Send + Sync + 'static) -> Self {
        self.on_open = Some(Arc::new(call));
        self
    }

    /// Called when something goes wrong (an endpoint is lost, the state file is bad) or is well again: for your log. It must not block.
    pub fn on_trouble(mut self, call: impl Fn(&Trouble) + Send + Sync + 'static) -> Self {
        self.on_trouble = Arc::new(call);
        self
    }

    /// Checks everything.
    pub(crate) fn check(&self) -> Result<Checked, StartError> {
        if self.endpoints.is_empty() {
            return Err(StartError::NoEndpoint);
        }
        if self.endpoints.len() > ENDPOINTS {
            return Err(StartError::TooManyEndpoints(self.endpoints.len()));
        }
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for url in &self.endpoints {
            let endpoint: Endpoint = url.parse()?;
            if endpoints.contains(&endpoint) {
                return Err(StartError::Twice(endpoint.to_string()));
            }
            endpoints.push(endpoint);
        }
        let asked = endpoints.len();
        if self.needed > asked {
            return Err(StartError::Needed { needed: self.needed, asked });
        }
        length("the resource", self.resource.as_deref(), RESOURCE_BYTES)?;
        length("the zone", self.zone.as_deref(), NAME_BYTES)?;
        let pace = self.pace()?;
        // Loaded only where it is used: a build with TLS needs no authorities for plain endpoints.
        let tls = if self.authority.is_some() || endpoints.iter().any(|endpoint| endpoint.is_tls) {
            Tls::load(self.authority.as_deref())?
        } else {
            Tls::default()
        };
        Ok(Checked { endpoints, tls, pace, consumer: self.who()? })
    }

    fn pace(&self) -> Result<Pace, StartError> {
        let range = |what, given, least, most| {
            if (least..=most).contains(&given) {
                Ok(given)
            } else {
                Err(StartError::Time { what, given, least, most })
            }
        };
        let heartbeat =
            range("the heartbeat", self.heartbeat, Duration::from_millis(100), Duration::from_mins(10))?;
        let poll = self.poll.unwrap_or(heartbeat / 5);
        Ok(Pace {
            heartbeat,
            poll: range("the time between polls", poll, Duration::from_millis(20), heartbeat)?,
            patience: range(
                "the patience for an answer",
                self.patience,
                Duration::from_millis(20),
                Duration::from_mins(1),
            )?,
        })
    }

    fn who(&self) -> Result<Option<Consumer>, StartError> {
        let Some((name, kind)) = &self.name else { return Ok(None) };
        let instance = self.instance.clone().unwrap_or_else(default_instance);
        for (what, given) in [("the consumer", name), ("the instance", &instance)] {
            if !wire::is_name(given) {
                return Err(StartError::Name { what, given: given.chars().take(80).collect() });
            }
        }
        Ok(Some(Consumer { name: name.clone(), instance, kind: *kind, zone: self.zone.clone() }))
    }
}

fn length(what: &'static str, text: Option<&str>, max: usize) -> Result<(), StartError> {
    match text.map(str::len) {
        Some(bytes) if bytes == 0 || bytes > max => Err(StartError::Length { what, bytes, max }),
        _ => Ok(()),
    }
}

/// What was checked.
pub(crate) struct Checked {
    pub endpoints: Vec<Endpoint>,
    pub tls: Tls,
    pub pace: Pace,
    pub consumer: Option<Consumer>,
}

/// The machine's name, as far as it may stand in an instance's; `host` if nobody tells it.
pub fn machine_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name: String = told
        .trim()
        .chars()
        .map(|one| if wire::is_name(one.encode_utf8(&mut [0; 4])) { one } else { '-' })
        .take(40)
        .collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

fn default_instance() -> String {
    let random = crate::backoff::Chance::new().next() & 0xFFFF_FFFF;
    format!("{}-{}-{random:08x}", machine_name(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "builders are made where it is called")]
    fn check(builder: Builder) -> String {
        builder.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn with(url: &str) -> Builder {
        Builder::default().endpoint(url)
    }

    #[test]
    fn what_cannot_work_does_not_start() {
        let good = || with("http://10.0.0.1:7601");
        assert_eq!(check(good()), "");
        assert!(check(Builder::default()).contains("no status endpoint"));
        assert!(check(with("10.0.0.1")).contains("it has no http://"));
        assert!(check(good().endpoint("http://10.0.0.1")).contains("given twice"));
        assert!(
            check(Builder::default().endpoints((0..10).map(|at| format!("http://n{at}"))))
                .contains("at most")
        );
        assert!(check(good().needed(2)).contains("nothing could ever change"));
        assert!(check(good().consumer("a b", Kind::Worker)).contains("the consumer `a b`"));
        assert!(check(good().consumer("a", Kind::Worker).instance("")).contains("the instance"));
        assert!(check(good().heartbeat(Duration::ZERO)).contains("the heartbeat is 0ns"));
        assert!(check(good().poll(Duration::from_mins(1))).contains("between polls"));
        assert!(check(good().zone("")).contains("the zone has 0 bytes"));
        assert!(check(good().authority("/nowhere.pem")).contains("/nowhere.pem"));
        assert_eq!(check(good().consumer("a", Kind::Worker)), "");
    }

    #[test]
    fn an_instance_has_a_name_of_its_own() {
        assert!(wire::is_name(&machine_name()));
        assert!(wire::is_name(&default_instance()));
        assert_ne!(default_instance(), default_instance());
    }
}
