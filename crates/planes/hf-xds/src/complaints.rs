//! How often the log says the same of one client: at most once a minute, with the count of what was not said.
//!
//! 1. A client that refuses each answer, or comes again and again and takes nothing, fills no log.
//! 2. At [`KEPT_MAX`] who was last written of more than a minute ago makes room; without room all others together get one line a minute. Who makes room
//!    is looked for at most once a second: else all are gone through for each complaint.
//!
//! Not here: the words (`stream`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_consumers::{ConsumerName, InstanceId};
use hf_model::Timestamp;

/// Between two lines about the same.
const EVERY: Duration = Duration::from_mins(1);
/// Clients and subjects that are remembered.
const KEPT_MAX: usize = 10_000;
/// Between two looks at who makes room.
const SWEPT: Duration = Duration::from_secs(1);

/// Who, and about what.
type About = (ConsumerName, InstanceId, &'static str);

#[derive(Clone, Copy, Debug, Default)]
struct Said {
    at: Option<Timestamp>,
    since: u64,
}

impl Said {
    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was set back makes nobody mute.
        self.at.is_none_or(|at| now < at || now.since(at) >= EVERY)
    }

    fn count(&mut self, now: Timestamp) -> Option<u64> {
        if !self.is_over(now) {
            self.since += 1;
            return None;
        }
        let unsaid = self.since;
        *self = Said { at: Some(now), since: 0 };
        Some(unsaid)
    }
}

#[derive(Debug, Default)]
struct Kept {
    of: BTreeMap<About, Said>,
    others: Said,
    swept_at: Option<Timestamp>,
}

impl Kept {
    fn sweep(&mut self, now: Timestamp) {
        // A clock that was set back does not put it off.
        if self.swept_at.is_none_or(|at| now < at || now.since(at) >= SWEPT) {
            self.swept_at = Some(now);
            self.of.retain(|_, said| !said.is_over(now));
        }
    }
}

/// What was said of whom; cheap to clone, every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Complaints(Arc<Mutex<Kept>>);

impl Complaints {
    /// Counts one more. If it is to be written: how many were not, since the line before.
    pub fn count(&self, about: About, now: Timestamp) -> Option<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.of.contains_key(&about) && kept.of.len() >= KEPT_MAX {
            kept.sweep(now);
            if kept.of.len() >= KEPT_MAX {
                return kept.others.count(now);
            }
        }
        kept.of.entry(about).or_default().count(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(instance: &str, what: &'static str) -> About {
        (ConsumerName::new("edge").unwrap(), InstanceId::new(instance).unwrap(), what)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_line_a_minute_for_each_client_and_subject() {
        let complaints = Complaints::default();
        assert_eq!(complaints.count(about("a", "clusters"), at(0)), Some(0));
        for second in 1..60 {
            assert_eq!(complaints.count(about("a", "clusters"), at(second)), None);
        }
        assert_eq!(complaints.count(about("a", "endpoints"), at(59)), Some(0));
        assert_eq!(complaints.count(about("b", "clusters"), at(59)), Some(0));
        assert_eq!(complaints.count(about("a", "clusters"), at(60)), Some(59));
        assert_eq!(complaints.count(about("a", "clusters"), at(10)), Some(0), "the clock was set back");
    }

    #[test]
    fn without_room_all_others_share_a_line() {
        let complaints = Complaints::default();
        for number in 0..KEPT_MAX {
            assert_eq!(complaints.count(about(&number.to_string(), "clusters"), at(0)), Some(0));
        }
        assert_eq!(complaints.count(about("x", "clusters"), at(1)), Some(0));
        assert_eq!(complaints.count(about("y", "clusters"), at(1)), None);
        assert_eq!(
            complaints.count(about("0", "clusters"), at(1)),
            None,
            "who is remembered has its own line"
        );
        // After a minute there is room again.
        assert_eq!(complaints.count(about("y", "clusters"), at(60)), Some(0));
    }

    #[test]
    fn who_makes_room_is_looked_for_once_a_second() {
        let complaints = Complaints::default();
        for number in 0..KEPT_MAX {
            assert_eq!(complaints.count(about(&number.to_string(), "clusters"), at(0)), Some(0));
        }
        let later = |milliseconds: u64| at(59).plus(Duration::from_millis(milliseconds));
        assert_eq!(complaints.count(about("x", "clusters"), later(500)), Some(0), "the line of all others");
        assert_eq!(
            complaints.count(about("y", "clusters"), later(1_400)),
            None,
            "all were looked at 900 ms ago"
        );
        assert_eq!(complaints.count(about("y", "clusters"), later(1_500)), Some(0));
        // A clock that was set back.
        for number in 0..KEPT_MAX {
            complaints.count(about(&number.to_string(), "endpoints"), later(1_600));
        }
        assert_eq!(complaints.0.lock().unwrap().swept_at, Some(later(1_500)));
        complaints.count(about("z", "clusters"), at(0));
        assert_eq!(complaints.0.lock().unwrap().swept_at, Some(at(0)));
    }
}
