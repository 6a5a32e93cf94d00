//! A cell of the table: a fault, how far it reaches, what has to be decided, and what was.
//!
//! Not here: how a fault is made (`world`).

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::files;
use crate::estate::ZONES;

/// Endpoints of each pool in each zone.
pub const ENDPOINTS: u32 = 4;

/// A way in which endpoints fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Connections are reset.
    Reset,
    /// Packets vanish.
    BlackHole,
    /// The answer begins two seconds late.
    SlowFirstByte,
    /// The answer begins at once and ends two seconds late.
    SlowBody,
    /// Two answers in five are 500, but not those to checks.
    ErrorsInPart,
    /// The page is another one.
    WrongBody,
    /// Half of the endpoints reset connections; of one endpoint, half of its connections.
    Half,
    /// Three packets in ten are dropped.
    Loss,
    /// The endpoints' names are gone; of all: their name server.
    Dns,
    /// The clock is two hours ahead, and a credential has expired by it.
    Clock,
    /// The disk is full.
    Disk,
    /// The certificate has expired.
    Tls,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 12] = [
        Fault::Reset,
        Fault::BlackHole,
        Fault::SlowFirstByte,
        Fault::SlowBody,
        Fault::ErrorsInPart,
        Fault::WrongBody,
        Fault::Half,
        Fault::Loss,
        Fault::Dns,
        Fault::Clock,
        Fault::Disk,
        Fault::Tls,
    ];

    /// The name of its pool, of its files, and in the endpoints' program.
    pub fn pool(self) -> &'static str {
        match self {
            Fault::Reset => "reset",
            Fault::BlackHole => "black-hole",
            Fault::SlowFirstByte => "slow-first-byte",
            Fault::SlowBody => "slow-body",
            Fault::ErrorsInPart => "errors-in-part",
            Fault::WrongBody => "wrong-body",
            Fault::Half => "half",
            Fault::Loss => "loss",
            Fault::Dns => "dns",
            Fault::Clock => "clock",
            Fault::Disk => "disk",
            Fault::Tls => "tls",
        }
    }

    /// In the table.
    pub fn words(self) -> &'static str {
        match self {
            Fault::Reset => "connections are reset",
            Fault::BlackHole => "black hole",
            Fault::SlowFirstByte => "first byte 2 s late",
            Fault::SlowBody => "body ends 2 s late",
            Fault::ErrorsInPart => "500 to 40 % of requests, checks are well",
            Fault::WrongBody => "wrong body",
            Fault::Half => "half of them are reset",
            Fault::Loss => "30 % of packets lost",
            Fault::Dns => "DNS: names gone; all: server dead",
            Fault::Clock => "clock 2 h ahead",
            Fault::Disk => "disk full",
            Fault::Tls => "certificate expired",
        }
    }

    /// Where its endpoints listen.
    pub fn port(self) -> u16 {
        9_001 + self.place()
    }

    /// Its place among all.
    pub fn place(self) -> u16 {
        self as u16
    }

    /// Whether balancers carry requests of its pool: checks alone do not find it.
    pub fn has_requests(self) -> bool {
        matches!(self, Fault::ErrorsInPart | Fault::Loss)
    }
}

/// How far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One endpoint.
    One,
    /// The endpoints of one zone.
    Zone,
    /// All endpoints.
    All,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 3] = [Scope::One, Scope::Zone, Scope::All];
}

/// A fault and how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The fault.
    pub fault: Fault,
    /// How far.
    pub scope: Scope,
}

/// What has to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The endpoints that are hit are out, and no zone is accused.
    Out,
    /// They leave the pool, since their source says so.
    Gone,
    /// A zone's endpoints are out, and autoshift would leave it.
    Left,
    /// The detector names the zone, and autoshift would leave it.
    Named,
    /// Nobody is healthy, so health is ignored; no zone is accused.
    Open,
    /// Nothing, by anybody.
    Nothing,
}

impl Expected {
    /// Whether it was decided, where by the present look exactly those are out that are hit, or others.
    pub fn is_met(self, outcome: &Outcome, those_are_out: bool) -> bool {
        match self {
            Expected::Out => those_are_out,
            Expected::Gone => those_are_out && outcome.gone.is_some(),
            Expected::Left => those_are_out && outcome.advised.is_some(),
            Expected::Named => outcome.named.is_some() && outcome.advised.is_some(),
            Expected::Open => outcome.opened.is_some(),
            Expected::Nothing => true,
        }
    }
}

impl Cell {
    /// The zone that is hit, or that has the endpoint: not the same for all faults.
    pub fn zone(self) -> &'static str {
        ZONES[usize::from(self.fault.place()) % ZONES.len()]
    }

    /// Which endpoints are hit: zone and number from 0.
    pub fn endpoints(self) -> Vec<(&'static str, u32)> {
        let hit = |zone: &&str| self.scope == Scope::All || *zone == self.zone();
        let count = match (self.scope, self.fault) {
            (Scope::One, _) => 1,
            (_, Fault::Half) => ENDPOINTS / 2,
            _ => ENDPOINTS,
        };
        ZONES.into_iter().filter(hit).flat_map(|zone| (0..count).map(move |number| (zone, number))).collect()
    }

    /// Their addresses.
    pub fn addresses(self) -> BTreeSet<String> {
        let address = |(zone, number)| files::socket(self.fault, &files::endpoint(zone, number));
        self.endpoints().into_iter().map(address).collect()
    }

    /// What has to be decided.
    pub fn expected(self) -> Expected {
        match (self.fault, self.scope) {
            (Fault::ErrorsInPart | Fault::Loss, Scope::Zone) => Expected::Named,
            // One endpoint that fails in part is the balancers' to avoid; if all do, there is nowhere to go.
            (Fault::ErrorsInPart | Fault::Loss, _) | (Fault::Half, Scope::One) | (Fault::Dns, Scope::All) => {
                Expected::Nothing
            }
            (Fault::Dns, _) => Expected::Gone,
            (Fault::Half, _) | (_, Scope::One) => Expected::Out,
            (_, Scope::Zone) => Expected::Left,
            (_, Scope::All) => Expected::Open,
        }
    }
}

/// What was decided; times count from the fault.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of which cell.
    pub cell: Cell,
    /// When so many of the endpoints that are hit were out as were at most.
    pub out: Option<Duration>,
    /// So many.
    pub out_most: usize,
    /// Others that were out at some look.
    pub others_out: BTreeSet<String>,
    /// When endpoints left the pool.
    pub gone: Option<Duration>,
    /// When health was ignored.
    pub opened: Option<Duration>,
    /// When the detector named the zone.
    pub named: Option<Duration>,
    /// When it would have left it.
    pub advised: Option<Duration>,
    /// When all was as before, after it was mended.
    pub well: Option<Duration>,
    /// What must not be; the first.
    pub wrong: Option<String>,
}

impl Outcome {
    /// Nothing yet.
    pub fn new(cell: Cell) -> Outcome {
        Outcome {
            cell,
            out: None,
            out_most: 0,
            others_out: BTreeSet::new(),
            gone: None,
            opened: None,
            named: None,
            advised: None,
            well: None,
            wrong: None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = Vec::new();
        if let Some(at) = self.opened {
            said.push(format!("health is ignored {}", seconds(at)));
        } else if let Some(at) = self.out {
            let what = if self.gone.is_some() { "no longer in the pool" } else { "out" };
            said.push(format!("{} {what} {}", self.out_most, seconds(at)));
        }
        if !self.others_out.is_empty() {
            let others: Vec<&str> = self.others_out.iter().map(String::as_str).collect();
            said.push(format!("in passing also {}", others.join(" and ")));
        }
        if let Some(at) = self.named {
            said.push(format!("zone named by the detector {}", seconds(at)));
        }
        if let Some(at) = self.advised {
            said.push(format!("zone left {}", seconds(at)));
        }
        if said.is_empty() {
            said.push("nothing".to_owned());
        }
        if let Some(what) = &self.wrong {
            said.push(format!("WRONG: {what}"));
        }
        f.write_str(&said.join(", "))
    }
}

fn seconds(at: Duration) -> String {
    format!("{:.1} s", at.as_secs_f64())
}

/// The outcomes as a table of Markdown, a line for each fault.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text =
        "| fault | one endpoint | one zone | all | well again at the latest |\n|---|---|---|---|---|\n"
            .to_owned();
    for fault in Fault::ALL {
        let of: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.cell.fault == fault).collect();
        if of.is_empty() {
            continue;
        }
        let cell = |scope| {
            let found = of.iter().find(|outcome| outcome.cell.scope == scope);
            found.map_or("–".to_owned(), ToString::to_string)
        };
        let well = of.iter().filter_map(|outcome| outcome.well).max().map_or("–".to_owned(), seconds);
        let [one, zone, all] = Scope::ALL.map(cell);
        text.push_str(&format!("| {} | {one} | {zone} | {all} | {well} |\n", fault.words()));
    }
    text
}
