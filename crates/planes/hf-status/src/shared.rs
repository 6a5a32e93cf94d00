//! What all connections of the one thread share.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use hf_clock::Clock;
use hf_telemetry::{Consumers, StatusCounts, StatusLoad};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::acknowledge::Register;
use crate::bounds::{Bounds, Limits};
use crate::tables::Tables;
use crate::watchers::Watchers;

/// Bytes that are read at once.
const SCRATCH_BYTES: usize = 16 << 10;

/// Whose connection it is, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub source: IpAddr,
    /// When it was taken.
    pub since: Instant,
}

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// What is told.
    pub tables: Tables,
    /// Who applied what.
    pub register: Register,
    /// Who is told at once.
    pub watchers: Watchers,
    /// How many may be here.
    pub bounds: Rc<Bounds>,
    /// What happens.
    pub counts: Arc<StatusCounts>,
    /// The time.
    pub clock: Clock,
    /// The end has been announced.
    pub stops: Cell<bool>,
    /// Told with the announcement.
    pub stopping: Notify,
    /// Where bytes are read to: no connection has room of its own while it waits.
    pub scratch: RefCell<Box<[u8]>>,
    /// Where answers are written before they are sent.
    pub out: RefCell<Vec<u8>>,
    date: RefCell<(u64, String)>,
    spread: Cell<u64>,
}

impl Shared {
    /// Of a service that begins.
    pub fn new(limits: Limits, clock: Clock, consumers: Consumers, counts: Arc<StatusCounts>) -> Rc<Shared> {
        counts.set_limit(limits.watchers_max);
        Rc::new(Shared {
            tables: Tables::new(limits.resources_max),
            register: Register::new(consumers),
            watchers: Watchers::default(),
            bounds: Bounds::new(limits),
            counts,
            clock,
            stops: Cell::new(false),
            stopping: Notify::new(),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into()),
            out: RefCell::default(),
            date: RefCell::default(),
            spread: Cell::default(),
        })
    }

    /// Counts who is here.
    pub fn count_load(&self) {
        let [event_watchers, websocket_watchers] = self.watchers.counts().map(|count| count as u64);
        let lasting = self.bounds.lasting() as u64;
        self.counts.set_load(StatusLoad {
            connections: self.bounds.connections() as u64,
            event_watchers,
            websocket_watchers,
            waits: lasting.saturating_sub(event_watchers + websocket_watchers),
            resources: self.tables.kept() as u64,
        });
    }

    /// The time as HTTP writes it; made once a second.
    pub fn with_date<T>(&self, write: impl FnOnce(&str) -> T) -> T {
        let second = self.clock.now().0 / 1_000;
        let mut date = self.date.borrow_mut();
        if date.0 != second || date.1.is_empty() {
            *date = (second, http_date(second));
        }
        write(&date.1)
    }

    /// Another number below `below` each time, evenly spread: so that those who come back do not come together.
    pub fn spread(&self, below: u64) -> u64 {
        let next = self.spread.get().wrapping_add(0x9e37_79b9_7f4a_7c15); // the golden ratio: each step lands in the widest gap
        self.spread.set(next);
        ((u128::from(next) * u128::from(below)) >> 64) as u64
    }
}

fn http_date(second: u64) -> String {
    let at = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    at.unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_rfc_9110() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_spread_is_even() {
        let shared = Shared::new(Limits::default(), Clock::system(), Consumers::default(), Arc::default());
        let mut counts = [0; 5];
        for _ in 0..1_000 {
            counts[shared.spread(5) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (190..=210).contains(count)), "{counts:?}");
    }
}
