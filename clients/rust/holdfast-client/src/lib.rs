//! Tells a program which zones are closed, so that it stops taking work in them: workers of queues, schedulers, routers, autoscalers,
//! servers.
//!
//! It asks one, three or five status endpoints of Holdfast at once (`http://NODE:7601`), believes the majority of those who speak, keeps the last
//! good state on disk, and goes on with what it knows when nobody can be reached.
//!
//! ```no_run
//! use holdfast_client::{Holdfast, Kind};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let zone = holdfast_client::own_zone().await?;
//! let holdfast = Holdfast::builder()
//!     .endpoints(["http://10.1.0.10:7601", "http://10.2.0.10:7601", "http://10.3.0.10:7601"])
//!     .consumer("orders-worker", Kind::Worker)
//!     .zone(&zone.zone)
//!     .state_file("/var/lib/orders/holdfast.state")
//!     .on_close(|zone| println!("{} closed: {}", zone.zone, zone.reason))
//!     .on_open(|zone| println!("{} is open again", zone.zone))
//!     .on_trouble(|trouble| eprintln!("{trouble}"))
//!     .start()?;
//!
//! holdfast.known(std::time::Duration::from_secs(5)).await;
//! let gate = holdfast.gate(&zone.zone);
//! let in_hand = gate.pass().await; // waits while the zone is away
//! // take a message and work on it; `in_hand.must_give_back()` says when to give it back
//! drop(in_hand);
//! holdfast.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! 1. **The majority decides**, zone by zone. A silent endpoint counts for nothing, a tie keeps the last state ([`majority`]).
//! 2. **Before anything is known, everything is open**: a worker that never reached an endpoint, and has no state file, works. Wait for
//!    [`Holdfast::known`] if you would rather not.
//! 3. **What is known stays** when nobody can be reached, for ever. Ends of shifts are hints ([`ZoneStatus::until_ms`]), never obeyed by this clock.
//! 4. **A deaf instance notices**: beside the stream of events one conditional poll goes out within each heartbeat (25 s), and a stream that is silent
//!    for as long is dead. Without a stream it polls every 5 s.
//! 5. **The newest state wins**: nothing is queued. A program that was slow is told where things are, not how they came to be.
//! 6. **Everything is bounded**: bytes of a table, zones, names, endpoints, time for a question.
//!
//! # Pieces
//!
//! - [`Gate`] for consumers of a queue, [`Holdfast::health`] and [`Holdfast::refusal`] for servers, `RefuseLayer` for those on tower (feature `tower`),
//!   [`Router`] for who sends work to places.
//! - [`Holdfast::watch`] (a channel with the newest) and [`Holdfast::changes`] (one after another) beside the callbacks.
//! - [`own_zone`]: where this process runs.
//! - [`Builder::ask_once`]: one question, no tasks.
//!
//! # Features
//!
//! `tls`: `https://` endpoints, and [`own_zone`] from Kubernetes; rustls with ring. `tower`: a layer. None is on by default.

mod backoff;
mod client;
mod disk;
mod endpoint;
#[cfg(test)]
mod fake;
mod gate;
mod http;
mod link;
mod quorum;
#[cfg(feature = "tower")]
mod refuse;
mod router;
mod server;
mod settings;
mod sse;
mod tls;
mod voice;
mod wire;
mod zone;

pub use client::{Changes, EndpointStatus, Holdfast};
pub use disk::replace as replace_file;
pub use endpoint::BadEndpoint;
pub use gate::{Gate, InHand};
pub use link::Trouble;
pub use quorum::{Origin, Zones, majority};
#[cfg(feature = "tower")]
pub use refuse::{Refuse, RefuseFuture, RefuseLayer};
pub use router::{Place, Router, pick};
pub use server::Reply;
pub use settings::{Builder, StartError, machine_name};
pub use tls::BadAuthority;
pub use wire::{Kind, State, ZoneStatus};
pub use zone::{NoZone, OwnZone, ZoneSource, own_zone};
