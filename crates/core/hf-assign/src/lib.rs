//! Sessions to places: the first request of a session is told where to go, with a ticket that the place can check alone.
//!
//! 1. The chain of the assignment's tree decides, over the same branches and the same decision as DNS: names and assignments agree.
//! 2. A session that shows a good ticket stays where it is while that place is open.
//! 3. Who assigns keeps nothing: any number of assigners give the same answer to the same question, but for draws.
//! 4. A ticket names service, place and end, and is signed; a place takes only tickets for itself, before their end, and while it is open.
//! 5. Where no open place is for a client, it is told one that could still answer. That ticket says so and is short: its place takes it though it is
//!    closed by health, never when an operator closed it.
//!
//! Not here: requests and answers about it (`hf-balancer`), who holds the key (`hf-keys`).

mod assigner;
pub mod carried;
mod ticket;

pub use assigner::{Admitted, Assigner, Assigners, Place, TurnedAway};
pub use ticket::{TICKET_BYTES, TICKET_KEYS, Ticket, TicketError, TicketKey};
