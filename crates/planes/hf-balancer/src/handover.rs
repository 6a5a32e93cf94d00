//! Listeners that come from elsewhere: from the process that this one follows, or from a service manager; and how they go on to the next.
//!
//! 1. A listener is known by its address; where any free port will do, by its pool's name.
//! 2. All of them are used, whatever the number of workers: each is a queue with clients in it, and a queue that nobody serves loses
//!    them. With fewer listeners than workers some share one.
//! 3. What nobody wants stays here until [`Given::drop_rest`]: the service that it is for may be opened later.
//!
//! Not here: how they travel (`hf-stream`), when (`hf-node`).

use std::net::{SocketAddr, TcpListener};

use tokio::sync::{mpsc, oneshot};

/// One open listener.
#[derive(Debug)]
pub struct NamedListener {
    /// The pool that it was opened for, or the name that a service manager gave it.
    pub name: String,
    /// It itself.
    pub listener: TcpListener,
}

/// Listeners to use before any is opened.
#[derive(Debug, Default)]
pub struct Given(Vec<NamedListener>);

impl From<Vec<NamedListener>> for Given {
    fn from(listeners: Vec<NamedListener>) -> Self {
        Given(listeners)
    }
}

impl Given {
    /// Takes those for `pool` at `address`.
    pub fn take(&mut self, pool: &str, address: SocketAddr) -> Vec<TcpListener> {
        let is_for = |given: &NamedListener| {
            let Ok(local) = given.listener.local_addr() else { return false };
            local == address || (address.port() == 0 && local.ip() == address.ip() && given.name == pool)
        };
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(is_for);
        self.0 = rest;
        let taken: Vec<NamedListener> = taken;
        taken.into_iter().map(|given| given.listener).collect()
    }

    /// Closes what nobody wanted, and says what it was.
    pub fn drop_rest(&mut self) -> Vec<String> {
        let rest = std::mem::take(&mut self.0);
        rest.into_iter()
            .map(|given| match given.listener.local_addr() {
                Ok(address) => format!("{} at {address}", given.name),
                Err(_) => given.name,
            })
            .collect()
    }
}

/// Asks a running balancer for its listeners.
#[derive(Clone, Debug)]
pub struct Handover(mpsc::Sender<Answer>);

/// Where the listeners go.
pub type Answer = oneshot::Sender<Vec<NamedListener>>;

impl Handover {
    /// And where the balancer finds what was asked.
    pub fn new() -> (Handover, mpsc::Receiver<Answer>) {
        let (ask, asked) = mpsc::channel(1);
        (Handover(ask), asked)
    }

    /// All listeners that are open, each a second time: the balancer goes on with its own. None when it has ended.
    pub async fn listeners(&self) -> Option<Vec<NamedListener>> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        answered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> (NamedListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (NamedListener { name: name.to_owned(), listener }, address)
    }

    #[test]
    fn a_listener_is_found_by_address_or_by_name_for_any_port() {
        let ((one, at_one), (other, at_other)) = (named("web"), named("db"));
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut given = Given::from(vec![one, other]);
        assert!(given.take("else", any).is_empty());
        assert_eq!(given.take("else", at_one).len(), 1, "whatever its pool is called now");
        assert!(given.take("else", at_one).is_empty());
        let taken = given.take("db", any);
        assert_eq!(taken[0].local_addr().unwrap(), at_other);
    }

    #[test]
    fn what_nobody_wants_is_named() {
        let (one, at) = named("web");
        assert_eq!(Given::from(vec![one]).drop_rest(), [format!("web at {at}")]);
    }
}
