//! The balancer role: requests and connections to endpoints, own zone first, never where the snapshot does not let them.
//!
//! One thread for each core, each with its own runtime, its own listener of every pool (SO_REUSEPORT) and its own kept
//! connections. The life of a request: [`worker`] accepts the client, [`arrive`] reads what comes before HTTP, [`serve`] keeps the connection,
//! [`client_io`] watches what it sends, [`front`] says which pool is meant, [`tickets`] whether a session belongs here, [`exchange`] picks an endpoint by its [`route::Route`], borrows a
//! connection from [`kept`] and passes the answer back; [`tunnel`] carries what is no HTTP any more. Pools of bytes go through [`tcp`].
//!
//! 1. A snapshot in force binds every request after it; when a zone is left its idle connections close at once, and what is under
//!    way there is cut after `drain`.
//! 2. When this balancer's own zone is left for a pool, its clients are sent away to look the name up again: busy ones by
//!    `Connection: close` or GOAWAY, idle ones over a second, or with their next answer if they were busy a moment ago. Clients of balancers in other zones notice nothing.
//! 3. This balancer's own view of health narrows what the decision serves and never widens it.
//! 4. Nothing is tried twice that may have been carried out once.
//!
//! 5. Where a client's bytes have two readings they are refused ([`framing`]).
//!
//! Not here: certificates' files (`hf-certificates`), bytes below HTTP (`hf-stream`), how to choose (`hf-balance`).

mod access_log;
mod alone;
mod arrive;
mod body;
mod bound;
mod budget;
mod checks;
mod client;
mod client_io;
mod client_state;
mod client_stream;
mod config;
mod deadline;
mod departure;
mod endpoint;
mod endpoint_io;
mod exchange;
pub mod framing;
mod front;
mod grpc;
mod handover;
mod handshakes;
mod headers;
mod health;
mod http2;
mod kept;
mod lease;
mod listen;
mod manner;
mod memory;
mod outliers;
mod pace;
mod piece;
mod refuse;
mod replay;
mod route;
mod routes;
mod serve;
mod sticky;
mod stuck;
mod tcp;
mod tickets;
mod tries;
mod tunnel;
mod unverified;
mod websocket;
mod worker;

pub use access_log::AccessLog;
pub use bound::{Bound, ListenerView, Snapshots, bind, bind_with};
pub use config::{BalancerConfig, Limits};
pub use handover::{Given, Handover, NamedListener};
pub use listen::BindError;
pub use manner::Authorities;
pub use memory::{EndpointMemory, Memories};
