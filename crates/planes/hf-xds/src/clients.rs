//! Which streams are one client, and what this node's board of consumers is told of it.
//!
//! 1. Streams with one name and instance are one client. It has applied what all of its streams have: the board is told the lowest.
//! 2. It is told when a client comes, when what it has applied changes, and at each heartbeat that it answers: never by our own clock alone.
//! 3. A client that ends the last of its streams itself has said good-bye. One whose last stream breaks stays on the board, and is silent soon.
//!
//! Not here: what counts as applied (`session`), how a client is called (`caller`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hf_clock::Clock;
use hf_consumers::{ConsumerKind, ConsumerName, InstanceId, Told};
use hf_model::{Revision, ZoneId};
use hf_telemetry::consumers::Consumers;

use crate::caller::Caller;

#[derive(Debug, Default)]
struct Client {
    /// What each stream has applied.
    streams: BTreeMap<u64, Option<Revision>>,
    zone: Option<ZoneId>,
    /// Whether the board was told of it, and what last.
    is_told: bool,
    told: Option<Revision>,
}

impl Client {
    fn applied(&self) -> Option<Revision> {
        self.streams.values().min().copied().flatten()
    }

    fn is_news(&self) -> bool {
        !self.is_told || self.told != self.applied()
    }
}

#[derive(Debug, Default)]
struct Known {
    clients: BTreeMap<(ConsumerName, InstanceId), Client>,
    streams: u64,
}

/// All clients that are here; cheap to clone, every clone is the same.
#[derive(Clone, Debug)]
pub struct Clients {
    board: Consumers,
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

impl Clients {
    /// Nobody yet.
    pub fn new(board: Consumers, clock: Clock) -> Clients {
        Clients { board, clock, known: Arc::default() }
    }

    /// A stream of this client has come. It leaves when what is given back is dropped.
    pub fn come(&self, caller: Caller) -> Present {
        let mut known = self.known();
        known.streams += 1;
        let stream = known.streams;
        let key = (caller.name().clone(), caller.instance().clone());
        known.clients.entry(key.clone()).or_default().streams.insert(stream, None);
        Present { clients: self.clone(), caller, key, stream }
    }

    /// Whole after every step; a panic elsewhere changes nothing.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_board(&self, key: &(ConsumerName, InstanceId), client: &mut Client) {
        let revision = client.applied();
        (client.is_told, client.told) = (true, revision);
        self.board.tell(Told {
            name: key.0.clone(),
            instance: key.1.clone(),
            kind: ConsumerKind::Xds,
            zone: client.zone.clone(),
            revision,
            acts: hf_consumers::Acts::UNKNOWN,
            // xDS has no word for it.
            running: None,
            at: self.clock.now(),
        });
    }
}

/// A stream that is here.
#[derive(Debug)]
pub struct Present {
    clients: Clients,
    caller: Caller,
    key: (ConsumerName, InstanceId),
    stream: u64,
}

impl Present {
    /// Whose it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Takes what this stream has applied, and tells the board if that is news or a sign of life. A zone that is told is known for good.
    pub fn tell(&self, zone: Option<ZoneId>, applied: Option<Revision>, sign_of_life: bool) {
        let mut known = self.clients.known();
        let Some(client) = known.clients.get_mut(&self.key) else { return };
        client.streams.insert(self.stream, applied);
        if zone.is_some() {
            client.zone = zone;
        }
        if sign_of_life || client.is_news() {
            self.clients.tell_board(&self.key, client);
        }
    }

    /// The client has ended this stream itself.
    pub fn farewell(self) {
        let mut known = self.clients.known();
        if self.leave(&mut known) {
            // Under the lock, so that a stream that comes just now is told after it.
            self.clients.board.gone(&self.key.0, &self.key.1);
        } else if let Some(client) = known.clients.get_mut(&self.key)
            && client.is_news()
        {
            self.clients.tell_board(&self.key, client);
        }
    }

    /// Takes the stream away; whether it was the client's last.
    fn leave(&self, known: &mut Known) -> bool {
        let Some(client) = known.clients.get_mut(&self.key) else { return false };
        let was_here = client.streams.remove(&self.stream).is_some();
        let is_last = client.streams.is_empty();
        if is_last {
            known.clients.remove(&self.key);
        }
        was_here && is_last
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut known = self.clients.known();
        self.leave(&mut known);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hf_consumers::Group;
    use hf_model::Timestamp;

    use super::*;
    use crate::messages::Node;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn clients() -> Clients {
        Clients::new(Consumers::default(), Clock::manual(NOW))
    }

    fn come(clients: &Clients, id: &str) -> Present {
        let node = Node { id: id.to_owned(), cluster: "edge".to_owned(), ..Node::default() };
        let present = clients.come(Caller::of(&node, "192.0.2.1:80".parse().unwrap()));
        present.tell(None, None, false);
        present
    }

    fn board(clients: &Clients, after: Duration) -> Vec<Group> {
        clients.board.groups(NOW.plus(after), Revision(9)).groups
    }

    /// Lowest and highest revision, and instances.
    fn told(clients: &Clients) -> Option<(Option<u64>, Option<u64>, u32)> {
        let groups = board(clients, Duration::ZERO);
        let number = |of: Option<Revision>| of.map(|of| of.0);
        groups.first().map(|of| (number(of.lowest_revision), number(of.highest_revision), of.instances))
    }

    #[test]
    fn a_client_has_applied_what_all_of_its_streams_have() {
        let clients = clients();
        let (clusters, endpoints) = (come(&clients, "a"), come(&clients, "a"));
        assert_eq!(told(&clients), Some((None, None, 1)));
        clusters.tell(None, Some(Revision(8)), false);
        assert_eq!(told(&clients), Some((None, None, 1)), "endpoints are not accepted yet");
        endpoints.tell(None, Some(Revision(7)), false);
        assert_eq!(told(&clients), Some((Some(7), Some(7), 1)));
        clusters.tell(None, Some(Revision(9)), true);
        assert_eq!(told(&clients), Some((Some(7), Some(7), 1)), "the last word is not the client's");
        endpoints.tell(None, Some(Revision(8)), false);
        assert_eq!(told(&clients), Some((Some(8), Some(8), 1)));
    }

    #[test]
    fn a_client_is_gone_with_the_last_of_its_streams() {
        let clients = clients();
        let (one, other) = (come(&clients, "a"), come(&clients, "a"));
        one.tell(None, Some(Revision(7)), false);
        other.tell(None, Some(Revision(9)), false);
        one.farewell();
        assert_eq!(told(&clients), Some((Some(9), Some(9), 1)), "one stream is still here");
        let third = come(&clients, "a");
        drop(third);
        assert_eq!(told(&clients).map(|told| told.2), Some(1), "a stream that breaks says nothing");
        other.farewell();
        assert_eq!(told(&clients), None);
        assert!(clients.known().clients.is_empty());
    }

    #[test]
    fn a_client_whose_last_stream_breaks_is_silent_and_not_gone() {
        let clients = clients();
        let (one, other) = (come(&clients, "a"), come(&clients, "a"));
        one.farewell();
        drop(other);
        assert!(clients.known().clients.is_empty());
        let later = board(&clients, Duration::from_mins(1));
        assert_eq!((later.len(), later[0].silent), (1, 1));
    }
}
