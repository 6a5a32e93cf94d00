//! The DNS role: sockets around `hf-answer`.
//!
//! 1. Ports first: [`bind`] opens UDP and TCP of every address and says clearly which it cannot have, and why.
//! 2. Every answer comes from memory behind one atomic pointer. Nothing on the way waits for another part of the node; when
//!    all else is gone the last snapshot goes on answering.
//! 3. Before the first snapshot every question gets SERVFAIL, and the log says so once: resolvers then ask another server.
//! 4. Bounds: queries of 4,096 bytes over UDP and 65,535 over TCP; 1,000 TCP connections, where a new one closes the one that
//!    has been quiet longest; 10 s for a query to arrive or a reply to be taken over TCP. A reply that a full UDP socket does
//!    not take is dropped: the asker asks again.
//! 5. Whatever arrives, it is answered, refused or passed over as the RFCs say, and counted ([`Counters`]).
//!
//! On a machine with several addresses list each instead of 0.0.0.0: replies then leave from the address that was asked.
//!
//! Not here: which answer is right (`hf-answer`), bytes (`hf-wire`), who serves (`hf-decide`).

mod bind;
mod counters;
mod current;
mod respond;
mod run;
mod tcp;
mod udp;

pub use bind::{BindError, Bound, Transport, bind};
pub use counters::{Counters, CountersReport};
pub use run::Inputs;

#[cfg(test)]
mod tests;
