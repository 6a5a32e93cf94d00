//! The DNS role: sockets around `hf-answer`.
//!
//! 1. Ports first: [`bind`] opens UDP and TCP of every address and says clearly which it cannot have, and why.
//! 2. Every answer comes from memory behind one atomic pointer. Nothing on the way waits for another part of the node; when
//!    all else is gone the last snapshot goes on answering.
//! 3. Before the first snapshot every question gets SERVFAIL, and the log says so once: resolvers then ask another server.
//!    One that is there at the start, from the disk, is compiled first: whoever asks meanwhile waits for it, for a second at most.
//! 4. A plain query over UDP never leaves its worker: a thread with a socket or queue of its own, without locks, allocation or runtime
//!    (`worker`, `hot`). What is odd goes through a queue of 1,024 to the async side and its careful reader; beyond that it is dropped.
//! 5. Bounds: queries of 4,096 bytes over UDP and 65,535 over TCP; 1,000 TCP connections, where a new one closes the one that
//!    has been quiet longest; 10 s for a query to arrive or a reply to be taken over TCP. A reply that a full UDP socket does
//!    not take is dropped: the asker asks again.
//! 6. Whatever arrives, it is answered, refused or passed over as the RFCs say, and counted ([`Counters`]).
//! 7. What is said to be in force ([`Bound::in_force`]) is: no answer is handed to the network any more that was made from a snapshot before it (`grace`). Two exceptions, neither of
//!    which anybody waits for: over TCP and TLS what is written to an asker that does not take it at once, and what was answered behind that on the same connection, may still go
//!    out later, when the asker reads; and what AF_XDP's ring has no room to send at once.
//!
//! On a machine with several addresses list each instead of 0.0.0.0: replies then leave from the address that was asked.
//!
//! Not here: which answer is right (`hf-answer`), bytes (`hf-wire`), who serves (`hf-decide`).

mod bind;
mod cold;
mod counters;
mod current;
mod grace;
mod hosted;
mod hot;
mod keys;
mod names;
mod notify;
mod rate;
mod requests;
mod respond;
mod run;
mod settings;
mod signing;
mod stream;
mod tap;
mod transfer;
mod update;
mod worker;

pub use bind::{BindError, Bound, Transport, bind};
pub use cold::{ColdError, ColdInputs};
pub use counters::{Counters, CountersReport};
pub use hosted::{HostedConfig, HostedReport, HostedStore, check_zone_file};
pub use keys::{KeyError, check_tsig_secret, read_keys};
pub use names::{BranchShare, NameReport, Names, ZoneShare};
pub use run::Inputs;
pub use settings::{Cookies, Settings, SettingsError, check_cookie_secret, check_seal};
pub use stream::{DotTls, TlsError};
pub use update::{Answering, UpdateRequest, Updates};

#[cfg(test)]
mod tests;
