//! How many may be here at once.
//!
//! 1. Connections in all, and from one source address: an IPv4 address, or an IPv6 network of 64 bits, since whoever has one address of such a
//!    network has them all.
//! 2. Those that last (watchers, long polls) have five sixths of all, so that a plain question always finds room beside them.
//! 3. Of the resources that are watched one address has its part too: each costs work with every change, and there are not many places.
//! 4. On a host with few open files each of these is smaller, and none is nothing: see [`Limits::within_files`].
//! 5. Room is given back when its guard is dropped, whichever way that happens.
//!
//! Not here: what is answered when there is no room (`answer`, `listen`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hf_config::node::StatusConfig;
use hf_telemetry::StatusEvent;

/// Watchers by default: 50 MB of this process, and some 200 MB of the system.
const WATCHERS_DEFAULT: usize = 50_000;
/// Files that are left to the rest of a node whose watchers somebody counted out; at most half of them.
const FILES_LEFT: usize = 2_048;
/// Those who are told that there is no room, at a time; at most a quarter of what is there for zone status.
const REFUSED_MAX: usize = 256;

/// How many may be here at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Watchers and long polls together.
    pub watchers_max: usize,
    /// Connections from one source address, watchers included.
    pub connections_per_address_max: usize,
    /// Different resources that are watched.
    pub resources_max: usize,
    /// Of these, watched from one source address.
    pub resources_per_address_max: usize,
    /// Those who are told that there is no room, at a time; others are closed without a word.
    pub refused_max: usize,
    /// For the other side to take a message or an answer.
    pub message_time: Duration,
    /// What of the open files is left to the rest of the node.
    pub files_left: FilesLeft,
}

/// What of the open files is left to the rest of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesLeft {
    /// Half of them: nobody said how many watchers there are to be.
    Half,
    /// 2,048, or half where that is less: somebody did.
    Few,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::from(&StatusConfig::default())
    }
}

impl From<&StatusConfig> for Limits {
    fn from(config: &StatusConfig) -> Limits {
        Limits {
            watchers_max: config.watchers.map_or(WATCHERS_DEFAULT, |watchers| watchers as usize),
            connections_per_address_max: config.connections_per_address as usize,
            resources_max: config.resources as usize,
            resources_per_address_max: config.resources_per_address as usize,
            refused_max: REFUSED_MAX,
            message_time: config.message_time,
            files_left: if config.watchers.is_some() { FilesLeft::Few } else { FilesLeft::Half },
        }
    }
}

impl Limits {
    /// What the process may have: each connection is an open file, those that are refused too, and some are for the rest of the node. With
    /// 64 files there are 20 watchers, four other connections and eight that are refused.
    #[must_use]
    pub fn within_files(self, files: usize) -> Limits {
        let ours = match self.files_left {
            FilesLeft::Half => files / 2,
            FilesLeft::Few => files - FILES_LEFT.min(files / 2),
        };
        let refused_max = self.refused_max.min(ours / 4);
        let watchers = (ours - refused_max) / 6 * 5;
        Limits { watchers_max: self.watchers_max.min(watchers), refused_max, ..self }
    }

    fn connections_max(self) -> usize {
        self.watchers_max.saturating_add(self.watchers_max.div_ceil(5))
    }
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// All places are taken.
    #[error("{0} connections are open, the most there may be; ask another node, or later")]
    All(usize),
    /// This address has its part.
    #[error(
        "{0} connections are open from your address, the most there may be from one; ask from several addresses, or another node"
    )]
    Address(usize),
    /// All places for those who stay are taken.
    #[error("{0} watchers and long polls are here, the most there may be; watch another node, or poll")]
    Watchers(usize),
    /// This address has its part of the resources.
    #[error(
        "{0} different resources are watched from your address, the most there may be from one; watch everything, or poll the others"
    )]
    Resources(usize),
}

impl Full {
    /// How it is counted.
    pub fn event(self) -> StatusEvent {
        match self {
            Full::All(_) => StatusEvent::FullConnections,
            Full::Address(_) => StatusEvent::FullAddress,
            Full::Watchers(_) => StatusEvent::FullWatchers,
            Full::Resources(_) => StatusEvent::FullAddressResources,
        }
    }
}

/// What is taken.
#[derive(Debug)]
pub struct Bounds {
    limits: Limits,
    connections: Cell<usize>,
    lasting: Cell<usize>,
    by_address: RefCell<HashMap<IpAddr, Taken>>,
}

/// What one address has taken.
#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    /// How many watch each resource, by its number.
    resources: HashMap<u64, usize>,
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.connections == 0 && self.resources.is_empty()
    }
}

/// The place of one connection.
#[derive(Debug)]
pub struct Admitted {
    bounds: Rc<Bounds>,
    source: IpAddr,
}

/// The place of one that stays.
#[derive(Debug)]
pub struct Lasting {
    bounds: Rc<Bounds>,
    /// From where it watches which resource; none: everything, as most do.
    resource: Option<Box<(IpAddr, u64)>>,
}

impl Bounds {
    /// Nobody is here.
    pub fn new(limits: Limits) -> Rc<Bounds> {
        Rc::new(Bounds {
            limits,
            connections: Cell::default(),
            lasting: Cell::default(),
            by_address: RefCell::default(),
        })
    }

    /// Takes a place for a connection from this address.
    pub fn admit(self: &Rc<Self>, from: IpAddr) -> Result<Admitted, Full> {
        let all = self.limits.connections_max();
        if self.connections.get() >= all {
            return Err(Full::All(all));
        }
        let source = source(from);
        let mut by_address = self.by_address.borrow_mut();
        let of_address = by_address.entry(source).or_default();
        if of_address.connections >= self.limits.connections_per_address_max {
            return Err(Full::Address(self.limits.connections_per_address_max));
        }
        of_address.connections += 1;
        self.connections.set(self.connections.get() + 1);
        Ok(Admitted { bounds: self.clone(), source })
    }

    /// Takes a place for one that stays, from this source, with the resource of this number.
    pub fn stay(self: &Rc<Self>, source: IpAddr, resource: Option<u64>) -> Result<Lasting, Full> {
        let max = self.limits.watchers_max;
        if self.lasting.get() >= max {
            return Err(Full::Watchers(max));
        }
        if let Some(number) = resource {
            let mut by_address = self.by_address.borrow_mut();
            let resources = &mut by_address.entry(source).or_default().resources;
            let max = self.limits.resources_per_address_max;
            if resources.len() >= max && !resources.contains_key(&number) {
                return Err(Full::Resources(max));
            }
            *resources.entry(number).or_default() += 1;
        }
        self.lasting.set(self.lasting.get() + 1);
        Ok(Lasting { bounds: self.clone(), resource: resource.map(|number| Box::new((source, number))) })
    }

    /// Those that stay.
    pub fn lasting(&self) -> usize {
        self.lasting.get()
    }

    /// How many may be here.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn give_back(&self, source: IpAddr, change: impl FnOnce(&mut Taken)) {
        let mut by_address = self.by_address.borrow_mut();
        if let Some(taken) = by_address.get_mut(&source) {
            change(taken);
            if taken.is_nothing() {
                by_address.remove(&source);
            }
        }
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.bounds.connections.set(self.bounds.connections.get() - 1);
        self.bounds.give_back(self.source, |taken| taken.connections -= 1);
    }
}

impl Admitted {
    /// Whose connection it is: an IPv4 address, or an IPv6 network of 64 bits.
    pub fn source(&self) -> IpAddr {
        self.source
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        self.bounds.lasting.set(self.bounds.lasting.get() - 1);
        let Some((source, number)) = self.resource.as_deref().copied() else { return };
        self.bounds.give_back(source, |taken| {
            if let Some(count) = taken.resources.get_mut(&number) {
                *count -= 1;
                if *count == 0 {
                    taken.resources.remove(&number);
                }
            }
        });
    }
}

fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn few() -> Limits {
        Limits { watchers_max: 10, connections_per_address_max: 100, ..Limits::default() }
    }

    #[test]
    fn one_address_has_its_part_and_gives_it_back() {
        let bounds = Bounds::new(Limits { connections_per_address_max: 2, ..few() });
        let one = bounds.admit(at("10.0.0.1")).unwrap();
        let two = bounds.admit(at("10.0.0.1")).unwrap();
        assert_eq!(bounds.admit(at("10.0.0.1")).unwrap_err(), Full::Address(2));
        let other = bounds.admit(at("10.0.0.2")).unwrap();
        drop(one);
        let again = bounds.admit(at("10.0.0.1")).unwrap();
        drop((two, other, again));
        assert_eq!(bounds.connections(), 0);
        assert!(bounds.by_address.borrow().is_empty());
    }

    #[test]
    fn a_network_of_64_bits_is_one_source() {
        let bounds = Bounds::new(Limits { connections_per_address_max: 1, ..few() });
        let _one = bounds.admit(at("2001:db8::1")).unwrap();
        assert_eq!(bounds.admit(at("2001:db8::2:0:0:1")).unwrap_err(), Full::Address(1));
        assert!(bounds.admit(at("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn beside_those_who_stay_there_is_room_for_questions() {
        let bounds = Bounds::new(Limits { watchers_max: 5, ..few() });
        let all: Vec<_> = (0..6).map(|_| bounds.admit(at("10.0.0.1")).unwrap()).collect();
        assert_eq!(bounds.admit(at("10.0.0.1")).unwrap_err(), Full::All(6));
        let stay = || bounds.stay(at("10.0.0.1"), None);
        let those: Vec<_> = (0..5).map(|_| stay().unwrap()).collect();
        assert_eq!(stay().unwrap_err(), Full::Watchers(5));
        drop((all, those));
        assert!(stay().is_ok());
    }

    #[test]
    fn one_address_has_its_part_of_the_resources() {
        let bounds = Bounds::new(Limits { resources_per_address_max: 2, ..few() });
        let (one, other) = (at("10.0.0.1"), at("10.0.0.2"));
        let stay: Vec<_> = [1, 1, 2].map(|number| bounds.stay(one, Some(number)).unwrap()).into();
        assert_eq!(bounds.stay(one, Some(3)).unwrap_err(), Full::Resources(2));
        let _of_other = bounds.stay(other, Some(3)).unwrap();
        let _of_all = bounds.stay(one, None).unwrap();
        let mut stay = stay.into_iter();
        drop(stay.next());
        assert_eq!(bounds.stay(one, Some(3)).unwrap_err(), Full::Resources(2), "another still watches it");
        drop(stay.next());
        assert!(bounds.stay(one, Some(3)).is_ok());
        drop(stay);
        assert_eq!(bounds.by_address.borrow().len(), 1);
    }

    #[test]
    fn files_are_left_to_the_rest_of_the_node() {
        let within = |files| Limits::default().within_files(files).watchers_max;
        assert_eq!([within(20_000), within(1_000_000), within(1_024), within(0)], [8_120, 50_000, 320, 0]);
        let said = Limits::from(&StatusConfig { watchers: Some(12_500), ..StatusConfig::default() });
        let within = |files| said.within_files(files).watchers_max;
        assert_eq!([within(20_000), within(16_000), within(1_024)], [12_500, 11_410, 320]);
    }

    #[test]
    fn with_few_files_there_are_watchers_and_polls_all_the_same() {
        let half = Limits::default();
        let few = Limits::from(&StatusConfig { watchers: Some(12_500), ..StatusConfig::default() });
        for (files, watchers, refused) in [(64, 20, 8), (256, 80, 32), (512, 160, 64), (1_024, 320, 128)] {
            for limits in [half, few] {
                let limits = limits.within_files(files);
                assert_eq!((limits.watchers_max, limits.refused_max), (watchers, refused), "{files} files");
                assert!(limits.connections_max() > limits.watchers_max, "{files} files: no room for polls");
                assert!(limits.connections_max() + limits.refused_max <= files / 2, "{files} files");
                let bounds = Bounds::new(limits);
                let _connection = bounds.admit(at("10.0.0.1")).unwrap();
                assert!(bounds.stay(at("10.0.0.1"), None).is_ok(), "{files} files");
            }
        }
    }
}
