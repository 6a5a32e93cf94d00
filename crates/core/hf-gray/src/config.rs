//! The constants, with their reasons. All lengths of time are seconds, one step each.

/// How the detector judges.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The logarithm of the mean time between two false alarms of one zone, in seconds, if seconds were independent. Default: ten years.
    pub log_a: f64,
    /// No verdict on less evidence than so many seconds give. Default 7: shorter ones catch storms of pauses.
    pub min_s: f64,
    /// The same in a zone that is being deployed to: rolling restarts look like a bad zone when it has few endpoints. Default 30.
    pub min_marked_s: f64,
    /// Where trouble goes round from endpoint to endpoint, or comes and goes as pauses do, that of one endpoint is no evidence before it is so old.
    /// Default 30: endpoints of many services are slow for half a minute after a restart. 0 is: never so.
    pub young_s: u32,
    /// How long a verdict waits while a peer gets worse against its own past, too. Default 20.
    pub hold_s: u32,
    /// By which share of the suspect's rise a peer must have risen for that. Default 0.25.
    pub hold_ratio: f64,
    /// From which share on it is shared trouble, however long it lasts. Default 0.35.
    pub shared_ratio: f64,
    /// Whether a peer's rise is by its last three seconds where those are worse than ten. Default yes: one to which the trouble came two seconds ago has a
    /// fifth of it in ten. No shows what that rule is worth.
    pub peers_by_now: bool,
    /// From which likelihood on (a logarithm) a peer's rise above its own past is sure in the last three or ten seconds, and holds a verdict back as soon and though
    /// it is within what a zone may have. Default 8.2: once an hour by chance. Infinity shows what that rule is worth.
    pub sure_rise: f64,
    /// For how long slowness of a zone that was suspected of it while all zones were slow counts as everybody's. Default 1,800: by then what is usual has
    /// moved with the others, and the zone that was hit hardest would be left for it. Less than five minutes is five minutes.
    pub shared_suspicion_s: u32,
    /// How long a verdict waits, from the first suspicion on, on what could be the beginning of a global incident: an even share of faults, not
    /// all of them, that probes see alike. Default 10: zones feel a common cause up to a dozen seconds apart, nothing is suspected in the first two of
    /// these, and the first of the peers is nearer than the last.
    pub even_hold_s: u32,
    /// Below this rate of faults nothing waits for that. Default 0.02: a global incident of three percent looks alike.
    pub even_rate_min: f64,
    /// A zone may have so many times the faults of its worst peer, and of its own past. Default 2.
    pub rho: f64,
    /// The same of slow answers. Default 1.5.
    pub rho_slow: f64,
    /// And so much more of faults. Default 0.004.
    pub delta_faults: f64,
    /// And so much more of answers that are slower than usual for half, 95 % and 99 % of them. Default 0.15, 0.025, 0.015.
    pub delta_slow: [f64; 3],
    /// And so much more of failed probes. Default 0.05.
    pub delta_probes: f64,
    /// Slow is above so many times each of the three quantiles. Default 1.5, 1.5, 2.
    pub slow_times: [f64; 3],
    /// The share of a zone's worst endpoints that is left out, at least one of three. Default 0.2.
    pub trim: f64,
    /// The excess comes from this share of the endpoints at least. Default 0.4.
    pub breadth: f64,
    /// And from so many. Default 1.7.
    pub breadth_min: f64,
    /// The most by which evidence is divided for requests that are not independent. Default 6.
    pub dispersion_max: f64,
    /// Evidence heaps up to so many times the threshold, so that it melts soon afterwards. Default 1.25.
    pub ceiling: f64,
    /// Nothing is decided so long after the start. Default 120.
    pub warm_s: u32,
    /// Whether probes are told as verdicts, which a zone that fails in part does not turn: then it says nothing that they are good. Default no.
    pub probes_are_verdicts: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            log_a: 19.567_970_888_267_44, // ln 3.15e8
            min_s: 7.0,
            min_marked_s: 30.0,
            young_s: 30,
            hold_s: 20,
            hold_ratio: 0.25,
            shared_ratio: 0.35,
            peers_by_now: true,
            sure_rise: 8.188_689_124_444_2, // ln 3,600
            shared_suspicion_s: 1_800,
            even_hold_s: 10,
            even_rate_min: 0.02,
            rho: 2.0,
            rho_slow: 1.5,
            delta_faults: 0.004,
            delta_slow: [0.15, 0.025, 0.015],
            delta_probes: 0.05,
            slow_times: [1.5, 1.5, 2.0],
            trim: 0.2,
            breadth: 0.4,
            breadth_min: 1.7,
            dispersion_max: 6.0,
            ceiling: 1.25,
            warm_s: 120,
            probes_are_verdicts: false,
        }
    }
}
