//! How many zone status lets in: `[status]`.

use std::time::Duration;

/// How many zone status lets in, and how long it waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusConfig {
    /// Watchers and long polls together. 1 to 1,000,000. Default 50,000, or what half of the process's open files allow; a number that is
    /// said here may have all of them but 2,048.
    pub watchers: Option<u32>,
    /// Connections from one IPv4 address or IPv6 /64. 1 to 1,000,000, default 5,000: a large cluster behind one translated address, and far
    /// from all.
    pub connections_per_address: u32,
    /// Different resources that are watched. 1 to 65,536, default 1,024: each is made anew with each change.
    pub resources: u32,
    /// Of these, watched from one address. 1 to 65,536, default 128: nobody has more than an eighth.
    pub resources_per_address: u32,
    /// For a watcher to take a message, and for a client to take an answer. 1 s to 25 s, default 5 s: whoever hears nothing for 25 s
    /// takes its connection for dead.
    pub message_time: Duration,
}

impl Default for StatusConfig {
    fn default() -> Self {
        StatusConfig {
            watchers: None,
            connections_per_address: 5_000,
            resources: 1_024,
            resources_per_address: 128,
            message_time: Duration::from_secs(5),
        }
    }
}
