//! The kinds of trouble.

macro_rules! kinds {
    ($($name:ident $text:literal $is_fault:literal $doc:literal,)*) => {
        /// What an episode is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $doc] $name,)*
        }

        impl Kind {
            /// All of them. Their order is part of the seeds: new ones come last.
            pub const ALL: &[Kind] = &[$(Kind::$name,)*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            /// Whether a zone is to be found.
            pub fn is_fault(self) -> bool {
                match self { $(Kind::$name => $is_fault,)* }
            }
        }
    };
}

kinds! {
    HardDown "hard-down" true "A zone fails wholly.",
    ManyFaults "many-faults" true "8 to 60 % of a zone's requests fail.",
    FewFaults "few-faults" true "2.5 to 6 % do, and probes see nothing.",
    PacketLoss "packet-loss" true "Packets of a zone are lost: answers come after retransmits, a few not at all.",
    Slow "slow" true "A zone is slower by a factor.",
    SlowTail "slow-tail" true "More of a zone's answers are slow.",
    OneClass "one-class" true "One class of requests fails in a zone, and probes are not of that class.",
    Flapping "flapping" true "A zone fails and is well again by turns.",
    Ramp "ramp" true "Faults of a zone grow over 200 seconds.",
    HalfTheEndpoints "half-the-endpoints" true "Half of a zone's endpoints fail.",
    BadDeployment "bad-deployment" true "A zone's endpoints get a bad version one after the other.",
    ZoneAndEndpoint "zone-and-endpoint" true "A zone fails in part, and one endpoint elsewhere does too.",
    BlackHole "black-hole" true "Requests never arrive in a zone: traffic falls, and only probes see it.",
    Quiet "quiet" false "Nothing.",
    OneEndpoint "one-endpoint" false "One endpoint fails.",
    OneSlowEndpoint "one-slow-endpoint" false "One endpoint is slow.",
    EverywhereAtOnce "everywhere-at-once" false "All zones fail alike within three seconds.",
    EverywhereSlow "everywhere-slow" false "All zones are slow alike.",
    EverywhereByTurns "everywhere-by-turns" false "All zones fail alike, up to twelve seconds apart.",
    GoodDeployment "good-deployment" false "Endpoints of a zone restart one after the other.",
    ClientOnEndpoint "client-on-endpoint" false "A client's bad requests go to one endpoint.",
    ClientOnZone "client-on-zone" false "A client's bad requests go to one zone.",
    Crowd "crowd" false "Twice to four times the load, everywhere.",
    UnevenLoad "uneven-load" false "One zone has more load than the others, and is a little slower.",
    BadObserver "bad-observer" false "One zone's probes fail, whomever they ask.",
    OneLink "one-link" false "Two zones do not reach each other.",
    Blip "blip" false "A zone fails for a few seconds.",
    TwoZones "two-zones" false "Two zones fail alike.",
    Pauses "pauses" false "Half of a zone's endpoints pause again and again for a second or three.",
    LittleTraffic "little-traffic" false "Nothing, at 1 to 15 requests a second.",
    LongDeployment "long-deployment" false "Endpoints of a zone restart one after the other, each of them away for some seconds and slow for up to half a minute.",
    DeploymentEverywhere "deployment-everywhere" false "The same in one zone after the other.",
    LongPauses "long-pauses" false "All endpoints of a zone pause again and again for up to four seconds.",
    AfterEverywhere "after-everywhere" true "A zone fails two minutes after all zones did for a moment.",
    EverywhereRamp "everywhere-ramp" false "Faults of all zones grow over 200 seconds, up to twelve seconds apart.",
    EverywhereLate "everywhere-late" false "All zones fail alike, and one of them is well again up to half a minute after the others.",
    ColdStart "cold-start" false "Everything restarts; each zone's caches fill at their own pace.",
    RetryStorm "retry-storm" false "Faults and retries feed each other in all zones, up to six seconds apart.",
    DoubledZone "doubled-zone" false "The traffic of one zone doubles over minutes, and it is a little slower.",
    TinyZone "tiny-zone" false "One zone has a hundredth of the others' traffic.",
    SlowAfterSlow "slow-after-everywhere-slow" true "A zone is slow two minutes after all zones were for one.",
}

impl Kind {
    /// The kind of this name.
    pub fn named(text: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Whether nobody marks it, and zones may have as few as two endpoints.
    pub fn is_wide(self) -> bool {
        matches!(self, Kind::LongDeployment | Kind::DeploymentEverywhere | Kind::LongPauses)
    }

    /// Where not one false verdict is allowed.
    pub fn allows_none(self) -> bool {
        matches!(
            self,
            Kind::EverywhereAtOnce
                | Kind::EverywhereSlow
                | Kind::EverywhereByTurns
                | Kind::EverywhereRamp
                | Kind::EverywhereLate
                | Kind::ColdStart
                | Kind::RetryStorm
                | Kind::OneEndpoint
                | Kind::BadObserver
                | Kind::GoodDeployment
                | Kind::LongDeployment
                | Kind::DeploymentEverywhere
        )
    }
}
