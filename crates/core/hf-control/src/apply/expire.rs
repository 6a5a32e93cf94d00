//! The committed end of what is due: every replica ends it at the same entry.

use super::Effect;
use crate::command::{Event, Stop};
use crate::intent::{Shift, ShiftState};
use crate::state::State;

impl State {
    /// Ends all that is due at the newest stamp, shifts before pins, oldest first. With nothing due it changes nothing.
    pub(super) fn expire(&mut self) -> Effect {
        let due: Vec<Shift> =
            self.active_shifts().filter(|shift| shift.ends_at <= self.stamp).cloned().collect();
        let mut events = Vec::new();
        for mut shift in due {
            shift.state = ShiftState::Expired(self.stamp);
            self.put_shift(&mut shift);
            events.push(Event::ShiftEnded(shift, Stop::Expired));
        }
        let now = self.stamp;
        let gone = self.pins.extract_if(.., |pin| pin.ends_at <= now);
        events.extend(gone.map(|pin| Event::Unpinned(pin, Stop::Expired)));
        self.done(None, events)
    }
}
