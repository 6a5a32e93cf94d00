//! What the crowd saw: counters for the picture, marks for the report.
//!
//! Hot paths touch atomics only. All instants are milliseconds since 1970 from one clock in one process, so that differences between
//! what clients, application and script saw are honest.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hf_clock::Clock;
use serde::Serialize;

/// What the clients saw of one zone.
#[derive(Debug, Default)]
pub struct ZoneMarks {
    /// Answers that came from the zone's application.
    pub answered: AtomicU64,
    /// Of these, with a status of 500 and up.
    pub errors: AtomicU64,
    /// Microseconds that they took, added up.
    pub latency_us: AtomicU64,
    failed: AtomicU64,
    last_tried_ms: AtomicU64,
    last_dns_ms: AtomicU64,
    open: AtomicI64,
    last_open_ms: AtomicU64,
}

/// What one crowd saw in all.
#[derive(Debug, Default)]
pub struct Totals {
    /// Requests that were begun and have ended.
    pub requests: AtomicU64,
    /// Of these, without an answer below 500.
    pub failed: AtomicU64,
}

/// How a request of a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer below 500.
    Well,
    /// Without one. It is laid to the zone that answered with the error; without an answer to the zone whose balancer had the
    /// request; without a connection to the zone of the first address that was tried. None when there is no such zone.
    Failed(Option<usize>, Why),
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// An answer of 500 and up.
    ErrorAnswer,
    /// No balancer took a connection in time.
    NoConnection,
    /// The connection ended before the answer.
    ConnectionEnded,
    /// No answer in time.
    NoAnswer,
}

/// A failed request, as the report tells it.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// When it ended.
    pub at_ms: u64,
    /// To which zone it is laid.
    pub zone: Option<usize>,
    /// Why.
    pub why: Why,
}

/// Failed requests that are told one by one: the first ones. What comes after is counted.
const TOLD: usize = 20;

/// Failed requests of the crowd that comes through Holdfast, by the zone to which they are laid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// By the zone's position.
    pub zones: Vec<u64>,
    /// Laid to no zone.
    pub elsewhere: u64,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Measure {
    clock: Clock,
    zones: Vec<ZoneMarks>,
    failed_elsewhere: AtomicU64,
    first_failed: Mutex<Vec<Failed>>,
    /// The crowd that comes through Holdfast.
    pub ours: Totals,
    /// The crowd of the plain round-robin pool.
    pub plain: Totals,
}

impl Measure {
    /// Nothing was seen yet of so many zones.
    pub fn new(zones: usize, clock: Clock) -> Self {
        let zones = (0..zones).map(|_| ZoneMarks::default()).collect();
        Measure {
            clock,
            zones,
            failed_elsewhere: AtomicU64::new(0),
            first_failed: Mutex::default(),
            ours: Totals::default(),
            plain: Totals::default(),
        }
    }

    /// A request through Holdfast has ended.
    pub fn ended(&self, how: Ended) {
        self.ours.ended(how == Ended::Well);
        if let Ended::Failed(zone, why) = how {
            let mut first = self.first_failed.lock().unwrap_or_else(PoisonError::into_inner);
            if first.len() < TOLD {
                first.push(Failed { at_ms: self.now_ms(), zone, why });
            }
            let failed = zone.map_or(&self.failed_elsewhere, |zone| &self.zones[zone].failed);
            failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The first failed requests, in the order in which they ended.
    pub fn first_failed(&self) -> Vec<Failed> {
        self.first_failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Failures so far.
    pub fn failures(&self) -> Failures {
        Failures {
            zones: self.zones.iter().map(|marks| marks.failed.load(Ordering::Relaxed)).collect(),
            elsewhere: self.failed_elsewhere.load(Ordering::Relaxed),
        }
    }

    /// The time.
    pub fn now_ms(&self) -> u64 {
        self.clock.now().0
    }

    /// The marks of a zone, by its position.
    pub fn zone(&self, zone: usize) -> &ZoneMarks {
        &self.zones[zone]
    }

    /// A client turned to the zone's balancer.
    pub fn tried(&self, zone: usize) {
        self.zones[zone].last_tried_ms.fetch_max(self.now_ms(), Ordering::Relaxed);
    }

    /// A DNS answer named the zone's balancer.
    pub fn named(&self, zone: usize) {
        self.zones[zone].last_dns_ms.fetch_max(self.now_ms(), Ordering::Relaxed);
    }

    /// A connection to the zone's balancer was opened; dropped, it counts as closed.
    pub fn opened(self: &std::sync::Arc<Self>, zone: usize) -> OpenMark {
        self.zones[zone].open.fetch_add(1, Ordering::Relaxed);
        OpenMark { measure: self.clone(), zone }
    }

    /// When a client last turned to the zone's balancer.
    pub fn last_tried_ms(&self, zone: usize) -> u64 {
        self.zones[zone].last_tried_ms.load(Ordering::Relaxed)
    }

    /// When a DNS answer last named the zone's balancer.
    pub fn last_dns_ms(&self, zone: usize) -> u64 {
        self.zones[zone].last_dns_ms.load(Ordering::Relaxed)
    }

    /// When a client's connection to the zone's balancer was last open: now, if one is.
    pub fn last_open_ms(&self, zone: usize) -> u64 {
        let marks = &self.zones[zone];
        if marks.open.load(Ordering::Relaxed) > 0 {
            self.now_ms()
        } else {
            marks.last_open_ms.load(Ordering::Relaxed)
        }
    }

    /// Client connections to the zone's balancer now.
    pub fn open(&self, zone: usize) -> u64 {
        u64::try_from(self.zones[zone].open.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

impl Totals {
    /// A request has ended.
    pub fn ended(&self, well: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !well {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests and failures so far.
    pub fn read(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// An open connection.
#[derive(Debug)]
pub struct OpenMark {
    measure: std::sync::Arc<Measure>,
    zone: usize,
}

impl Drop for OpenMark {
    fn drop(&mut self) {
        let marks = &self.measure.zones[self.zone];
        marks.last_open_ms.fetch_max(self.measure.now_ms(), Ordering::Relaxed);
        marks.open.fetch_sub(1, Ordering::Relaxed);
    }
}
