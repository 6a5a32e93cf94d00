//! What consumers of zone status told this node: one handle for all parts that hear them.
//!
//! 1. A part calls [`Consumers::tell`] at each sign of life. That costs a lock and a look-up, a microsecond or two.
//! 2. Groups are made while the lock is held: some 10 ms at the bound of 60,000 instances, once a beat.
//!
//! Not here: what is kept and for how long (`hf-consumers`), how it travels (`hf-feed`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hf_consumers::{Board, ConsumerName, Groups, InstanceId, Told};
use hf_model::{Revision, Timestamp};

/// This node's board of consumers; cheap to clone, every clone is the same board.
#[derive(Clone, Debug, Default)]
pub struct Consumers(Arc<Mutex<Board>>);

impl Consumers {
    /// Goes on from what was told before this process began.
    pub fn from_told(told: impl IntoIterator<Item = Told>) -> Consumers {
        let consumers = Consumers::default();
        told.into_iter().for_each(|told| consumers.tell(told));
        consumers
    }

    /// Takes a word.
    pub fn tell(&self, told: Told) {
        self.board().tell(told);
    }

    /// Takes a good-bye.
    pub fn gone(&self, name: &ConsumerName, instance: &InstanceId) {
        self.board().gone(name, instance);
    }

    /// All of them by name, kind and zone; now and then forgets who has been silent for too long.
    pub fn groups(&self, now: Timestamp, in_force: Revision) -> Groups {
        let mut board = self.board();
        board.prune(now, in_force);
        board.groups(now, in_force)
    }

    /// Instances known, silent ones too.
    pub fn len(&self) -> usize {
        self.board().len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.board().is_empty()
    }

    /// What all said last: for a copy on disk.
    pub fn told(&self) -> Vec<Told> {
        self.board().told().collect()
    }

    /// A board is whole after every step; a panic elsewhere changes nothing.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hf_consumers::{Acts, ConsumerKind};

    use super::*;

    #[test]
    fn every_clone_is_the_same_board() {
        let one = Consumers::default();
        let other = one.clone();
        let (name, instance) = (ConsumerName::new("orders").unwrap(), InstanceId::new("a").unwrap());
        other.tell(Told {
            name: name.clone(),
            instance: instance.clone(),
            kind: ConsumerKind::Worker,
            zone: None,
            revision: Some(Revision(3)),
            acts: Acts::UNKNOWN,
            running: None,
            at: Timestamp(1_000),
        });
        let instances = |from: &Consumers| from.groups(Timestamp(2_000), Revision(3)).groups.len();
        assert_eq!((instances(&one), instances(&Consumers::from_told(one.told()))), (1, 1));
        one.gone(&name, &instance);
        assert_eq!(instances(&other), 0);
    }
}
