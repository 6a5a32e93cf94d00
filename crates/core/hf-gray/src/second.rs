//! One second of one service, as observers counted it.

/// All zones, in an order that stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// One for each zone.
    pub zones: Vec<Zone>,
    /// Row by observer's zone, column by target's zone: whether the probe was answered; none where there was none.
    pub probes: Vec<Vec<Option<bool>>>,
    /// Row by observer's zone, column by target's zone: what the balancers of one zone saw of the other's endpoints. Empty where nobody tells.
    pub seen: Vec<Vec<Seen>>,
}

/// What the balancers of one zone saw of the endpoints of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests that came to their end.
    pub requests: u32,
    /// Of these, those that the service failed.
    pub faults: u32,
    /// How many took how long, by bucket.
    pub latency: Vec<u32>,
}

/// One zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// One for each endpoint, in an order that stays.
    pub endpoints: Vec<Endpoint>,
    /// Faults of the two clients with most of them.
    pub worst_clients_faults: u32,
    /// Requests of the same two.
    pub worst_clients_requests: u32,
    /// Whether it is being deployed to.
    pub is_marked: bool,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Requests that came to their end.
    pub requests: u32,
    /// Of these, those that the service failed: 5xx, resets, time-outs.
    pub faults: u32,
    /// Of these, how many took how long, by bucket.
    pub latency: Vec<u32>,
}

/// What the buckets of latency are: each is `ratio` times as long as the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// How many.
    pub buckets: usize,
    /// From one bucket's beginning to the next one's; above 1.
    pub ratio: f64,
}
