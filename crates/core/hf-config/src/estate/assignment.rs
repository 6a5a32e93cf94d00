//! Services whose sessions are assigned to a place at their first request.
//!
//! Not here: assigning (`hf-assign`).

use std::time::Duration;

use super::HostPattern;

/// A service whose sessions are assigned: the first request is told a place, and a ticket for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its name: 1 to 63 bytes of a-z, 0-9 and `-`. Unique.
    pub service: String,
    /// The tree whose chain decides, as a position in [`Estate::trees`](super::Estate::trees): names and assignments agree.
    pub tree: u16,
    /// Where clients of each of the tree's branches go, in the order of the branches: `https://eu.example.test`, without a
    /// slash at its end.
    pub urls: Vec<String>,
    /// Where sessions ask: the URL of the assigners, without a slash at its end. Whose ticket is refused is sent there.
    pub ask_at: String,
    /// Names under which assigners are asked for this service by any path: each request is then sent on to the same path at the session's
    /// place. Empty: by `/assign` alone.
    pub hosts: Vec<HostPattern>,
    /// How long a ticket is good. 1 min to 24 h, default 1 h.
    pub ticket_lifetime: Duration,
}
