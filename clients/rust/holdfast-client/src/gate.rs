//! For consumers of a queue: a gate in front of the next message.
//!
//! 1. [`Gate::pass`] waits while the zone is away; what it gives counts as in hand until it is dropped, and is told as `running`.
//! 2. Counted first, then looked: a message that slipped through in the same moment is counted, and its holder is told to give it back.
//! 3. What is in hand when the zone closes is finished or given back, as the program likes: [`InHand::must_give_back`] says when.
//! 4. No state of our own: the gate is what is known of its zone, also while no endpoint speaks.
//!
//! Not here: the queue. Giving back is the queue's own act (`NACK`, `ROLLBACK`, a visibility time of 0).

use std::sync::Arc;

use tokio::sync::watch;

use crate::client::{Holdfast, Inner};
use crate::quorum::Zones;

impl Holdfast {
    /// The gate of a zone, by id or alias; it is open while nothing is known of the zone.
    pub fn gate(&self, zone: impl Into<String>) -> Gate {
        let gate = Gate { inner: self.inner.clone(), zone: zone.into().into() };
        // From now on "nothing" is an answer: who has a gate says what it has in hand.
        gate.inner.count(&gate.zone, |count| count);
        gate
    }
}

/// Lets through while its zone is open. Clones are the same gate.
///
/// ```no_run
/// # use holdfast_client::{Gate, Holdfast};
/// # struct Queue; impl Queue { async fn receive(&self) -> u8 { 0 } async fn give_back(&self, _: u8) {} async fn done(&self, _: u8) {} }
/// # async fn work(_: &u8) {}
/// async fn consume(gate: Gate, queue: Queue) {
///     loop {
///         let in_hand = gate.pass().await; // waits while the zone is away
///         let message = tokio::select! {
///             message = queue.receive() => message,
///             () = in_hand.must_give_back() => continue, // closed while there was nothing to take
///         };
///         tokio::select! {
///             () = work(&message) => queue.done(message).await,
///             () = in_hand.must_give_back() => queue.give_back(message).await,
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
    zone: Arc<str>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl Gate {
    /// Whether new work may be taken.
    pub fn is_open(&self) -> bool {
        self.inner.zones.borrow().is_open(&self.zone)
    }

    /// Waits until new work may be taken, and counts one piece of it. It is cancel-safe.
    ///
    /// After [`Holdfast::close`] the gate stays as it was: one that is closed then is never passed.
    pub async fn pass(&self) -> InHand {
        loop {
            // Counted first: between look and count a zone could close, and what was taken then would be seen by nobody.
            let in_hand = InHand::new(self.clone());
            if self.is_open() {
                return in_hand;
            }
            drop(in_hand);
            self.opened().await;
        }
    }

    /// Counts one piece of work if new work may be taken now.
    pub fn try_pass(&self) -> Option<InHand> {
        let in_hand = InHand::new(self.clone());
        self.is_open().then_some(in_hand)
    }

    /// Waits until the zone is away: the moment to stop a subscription.
    pub async fn closed(&self) {
        self.wait(|zones, zone| !zones.is_open(zone)).await;
    }

    /// Waits until the zone is open: the moment to subscribe again.
    pub async fn opened(&self) {
        self.wait(Zones::is_open).await;
    }

    /// Does `work` while the zone is open; none if it closed before the work was done. The work is dropped then.
    pub async fn while_open<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased; // a zone that is away already begins nothing
            () = self.closed() => None,
            done = work => Some(done),
        }
    }

    /// The zone, as it was named.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    async fn wait(&self, is_so: impl Fn(&Zones, &str) -> bool) {
        let mut zones: watch::Receiver<Arc<Zones>> = self.inner.zones.clone();
        if zones.wait_for(|zones| is_so(zones, &self.zone)).await.is_err() {
            // The client was closed: nothing will ever change again.
            std::future::pending::<()>().await;
        }
    }
}

/// One piece of work in hand; counted until it is dropped.
#[derive(Debug)]
#[must_use = "what is dropped is no more in hand"]
pub struct InHand {
    gate: Gate,
}

impl InHand {
    fn new(gate: Gate) -> Self {
        gate.inner.count(&gate.zone, |count| count.saturating_add(1));
        InHand { gate }
    }

    /// Waits until what is in hand is to be given back: until the zone closes. Cancel-safe; it may be asked as often as you like.
    pub async fn must_give_back(&self) {
        self.gate.closed().await;
    }

    /// Whether it is to be given back now.
    pub fn is_to_give_back(&self) -> bool {
        !self.gate.is_open()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.gate.inner.count(&self.gate.zone, |count| count.saturating_sub(1));
    }
}
