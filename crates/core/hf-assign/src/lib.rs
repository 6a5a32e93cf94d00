//! Sessions to places: the first request of a session is told where to go, with a ticket that the place can check alone.
//!
//! 1. The chain of the assignment's tree decides, over the same branches and the same decision as DNS: names and assignments agree.
//! 2. A session that shows a good ticket stays where it is while that place is open.
//! 3. Who assigns keeps nothing: any number of assigners give the same answer to the same question, but for draws.
//! 4. A ticket names service, place and end, and is signed; a place takes only tickets for itself, before their end, and while it is open.
//!
//! Not here: requests and answers about it (`hf-balancer`), who holds the key (`hf-keys`).

mod assigner;
mod ticket;

pub use assigner::{Assigner, Assigners, Place};
pub use ticket::{TICKET_BYTES, Ticket, TicketError, TicketKey};
