//! The committed end of what is due: every replica ends it at the same entry.

use super::Effect;
use crate::command::{Event, Stop};
use crate::intent::{Pin, Shift, ShiftState};
use crate::state::State;

impl State {
    /// Ends all that is due at the newest stamp, shifts before pins before marks of deployments, oldest first. With nothing due it changes nothing.
    pub(super) fn expire(&mut self) -> Effect {
        let due: Vec<Shift> =
            self.active_shifts().filter(|shift| shift.ends_at <= self.stamp).cloned().collect();
        let mut events = Vec::new();
        for shift in due {
            events.push(self.end_shift(shift, ShiftState::Expired(self.stamp), Stop::Expired));
        }
        let now = self.stamp;
        let gone: Vec<Pin> = self.pins.extract_if(.., |pin| pin.ends_at <= now).collect();
        for pin in gone {
            self.end_pin(&pin);
            events.push(Event::Unpinned(pin, Stop::Expired));
        }
        events.extend(self.expire_deployments());
        self.done(None, events)
    }
}
