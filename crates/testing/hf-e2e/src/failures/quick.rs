//! A zone that is lost at once, and quick checks: how soon nothing goes there any more.
//!
//! 1. Lost in three ways: its endpoints reset connections, packets to them vanish, all of its machines are gone.
//! 2. *Out*: every node that is left says that the zone's endpoints, all of them and no others, get no new traffic.
//! 3. *Left*: the last answer of DNS with an address of the zone was given, and the last byte to an endpoint there was sent by a balancer, on every node
//!    that is left. Seen on the wire ([`Traffic`]), also for some seconds after; what is later than *out* by more than [`STILL_USED`] is wrong.
//! 4. Balancers send to all zones alike here (`affinity` 0 %): otherwise only the lost zone's own would have to leave it.
//! 5. Times count from just before the fault is made.
//!
//! Not here: faults that take longer to find (`cell`).

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::files::{all, endpoint};
use super::seen::Seer;
use super::traffic::{Traffic, Use};
use crate::estate::{self, ZONES, address};
use crate::load::{Load, python, script};
use crate::netns::enter;
use crate::process::{Running, must};
use crate::wait::{observe_for, wait_for};
use crate::world::{DEADLINE, World};

const POOL: &str = "quick";
const NAME: &str = "quick.shop.test.";
/// Where endpoints serve requests.
const PORT: u16 = 9_100;
/// Where they answer checks, so that probes are told from requests.
const CHECK_PORT: u16 = 9_101;
const LISTEN: u16 = 8_201;
/// Requests a second, to all balancers together; a third of them is for the zone that is lost.
const RATE: u32 = 240;
/// How long it is watched after it was decided: what comes late is wrong, too.
const SETTLE: Duration = Duration::from_secs(3);
/// So long after it was out on every node nothing uses a zone any more. Answers and balancers follow what their node has decided at once, and were last seen
/// before the slowest node told; this is what threads on a busy machine may want before they have a packet in their hands. Whoever still uses the zone does
/// so until the end of [`SETTLE`], three times as long.
const STILL_USED: Duration = Duration::from_secs(1);
/// How long it may take at most, on any machine.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

/// How a zone is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its endpoints reset connections.
    Reset,
    /// Packets to its endpoints vanish.
    BlackHole,
    /// All of its machines are gone, nodes too.
    Gone,
}

impl Loss {
    /// All of them.
    pub const ALL: [Loss; 3] = [Loss::Reset, Loss::BlackHole, Loss::Gone];

    /// In the table.
    pub fn words(self) -> &'static str {
        match self {
            Loss::Reset => "its connections are reset",
            Loss::BlackHole => "a black hole",
            Loss::Gone => "its machines are gone",
        }
    }
}

/// How quick the checks are, and whoever watches.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one probe to the next.
    pub interval: Duration,
    /// Of one probe. All endpoints of a zone are one process: checks find a zone bad that has no processor for `fall` times so long.
    pub timeout: Duration,
    /// How many bad results in a row take an endpoint out.
    pub fall: u32,
    /// Between two looks at a node.
    pub look: Duration,
}

/// What became of one loss; times count from the fault.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// How the zone was lost.
    pub loss: Loss,
    /// When it was out on the last node.
    pub out: Duration,
    /// The last answer with an address of the zone.
    pub answered: Duration,
    /// The last that a balancer sent there.
    pub sent: Duration,
    /// When all was as before, after it was mended.
    pub well: Duration,
}

impl Left {
    /// What was wrong: something of the zone was used long after it was out everywhere.
    fn still_used(&self) -> Result<(), String> {
        let Left { out, answered, sent, .. } = *self;
        for (what, last) in
            [("DNS still answered with its addresses", answered), ("a balancer still sent to it", sent)]
        {
            if last > out + STILL_USED {
                let words = self.loss.words();
                return Err(format!(
                    "{words}: the zone was out on all nodes after {out:.2?}, and {what} after {last:.2?}"
                ));
            }
        }
        Ok(())
    }
}

/// The running world: four endpoints in each zone, a name, balancers with requests.
pub struct QuickWorld {
    // Dropped in this order.
    _load: Load,
    traffic: Traffic,
    _running: Vec<Running>,
    world: World,
    look: Duration,
}

fn estate_text(pace: Pace) -> String {
    let (interval_ms, timeout_ms, fall) = (pace.interval.as_millis(), pace.timeout.as_millis(), pace.fall);
    let endpoints: Vec<String> = all()
        .map(|(zone, _, address)| format!("  {{ address = \"{address}:{PORT}\", zone = \"{zone}\" }}"))
        .collect();
    let endpoints = endpoints.join(",\n");
    estate::estate()
        + &format!(
            "
[[health_check]]
name = \"{POOL}\"
kind = \"http\"
path = \"/health\"
port = {CHECK_PORT}
expect = {{ status = \"200\", body = \"ok\" }}
interval = \"{interval_ms}ms\"
timeout = \"{timeout_ms}ms\"
confirm_interval = \"100ms\"
fall = {fall}

[[pool]]
name = \"{POOL}\"
health_check = \"{POOL}\"
listen = \"0.0.0.0:{LISTEN}\"
cross_zone = true
affinity = \"0%\"
endpoints = [
{endpoints}
]

[[record]]
name = \"{NAME}\"
type = \"A\"
ttl = \"1s\"
answer = {{ pool = \"{POOL}\" }}
choose = [\"open\"]
"
        )
}

impl QuickWorld {
    /// Builds and starts it, and waits until all is well and requests go into all zones. Moves this thread into the control node's namespace.
    ///
    /// # Panics
    ///
    /// Without root, or one of the programs.
    pub fn start(pace: Pace) -> QuickWorld {
        let mut world = World::build();
        for (zone, _, address) in all() {
            world.network.add_address(zone, &address);
        }
        std::fs::write(world.folder().join("estate.toml"), estate_text(pace)).expect("the estate file");
        for node in ZONES.iter().chain(&["control"]) {
            // As it is by default: nothing here waits for a beat.
            let file = world.place(node).join("node.toml");
            let text = std::fs::read_to_string(&file).expect("it was written");
            std::fs::write(&file, text.replace("beat = \"200ms\"\n", "")).expect("a file of our own");
        }
        let faulty = world.folder().join("faulty");
        std::fs::create_dir_all(faulty.join("broken")).expect("a folder of our own");
        let mut running: Vec<Running> = ZONES
            .iter()
            .map(|zone| {
                let mut command = world.network.command(zone, python());
                command.arg(script("faulty.py")).arg(&faulty);
                for (_, _, address) in all().filter(|(of, _, _)| of == zone) {
                    command.args([PORT, CHECK_PORT].map(|port| format!("reset@{address}:{port}")));
                }
                Running::start(command, &faulty.join(format!("{zone}.log")))
            })
            .collect();
        for running in &mut running {
            wait_for("endpoints to listen", DEADLINE, || {
                let text = running.text();
                if text.contains("ready") { Ok(()) } else { Err(text) }
            });
        }
        world.start_node("control");
        for zone in ZONES {
            world.start_node(zone);
        }
        world.wait_until_serving();
        let places: Vec<String> = ZONES.map(|zone| format!("{}:{LISTEN}", address(zone))).to_vec();
        let load = Load::start(&world, RATE, &places, false);
        let traffic = Traffic::watch(&world.network, NAME, PORT);
        enter(&world.network, "control");
        let made = QuickWorld { _load: load, traffic, _running: running, world, look: pace.look };
        made.await_well();
        made
    }

    /// Those who ask the nodes, but this one.
    fn seers(&self, without: Option<&str>) -> Vec<Seer> {
        let nodes =
            ZONES.into_iter().map(|zone| (zone, address(zone))).chain([("control", "127.0.0.1".to_owned())]);
        nodes
            .filter(|(node, _)| Some(*node) != without)
            .map(|(node, address)| {
                let token = self.world.place(node).join("data/operator.token");
                let token = std::fs::read_to_string(token).expect("the node has made it");
                Seer::of(&address, &token)
            })
            .collect()
    }

    /// Until no node has an endpoint out, and each zone's machines use every zone.
    fn await_well(&self) {
        let seers = self.seers(None);
        wait_for("all endpoints to be well on all nodes", DECIDED_WITHIN * 2, || {
            let out: BTreeSet<String> = seers.iter().flat_map(out_at).collect();
            if out.is_empty() { Ok(()) } else { Err(format!("{out:?}")) }
        });
        let since = Instant::now();
        wait_for("answers from and requests to all zones", DECIDED_WITHIN * 2, || {
            let [answers, sent] = [self.traffic.answers_since(since), self.traffic.sent_since(since)];
            for (by, of) in ZONES.into_iter().flat_map(|by| ZONES.map(|of| (by, of))) {
                let is_one = |found: &Use| found.by == by && found.of == of;
                if !(answers.iter().any(is_one) && sent.iter().any(is_one)) {
                    return Err(format!("none from {by} to {of}"));
                }
            }
            Ok(())
        });
    }

    /// Loses this zone so, watches, and mends it.
    ///
    /// # Errors
    ///
    /// What was wrong: another zone's endpoints all out, or something that was not decided, or used long after.
    pub fn lose(&self, zone: &'static str, loss: Loss) -> Result<Left, String> {
        let hit: BTreeSet<String> = (0..super::cell::ENDPOINTS).map(|n| socket(&endpoint(zone, n))).collect();
        let seers = self.seers((loss == Loss::Gone).then_some(zone));
        let since = Instant::now();
        self.set(zone, loss, true);
        let decided = watch(&seers, self.look, since, zone, &hit);
        let told = decided.and_then(|out| {
            let decided = Instant::now();
            observe_for(SETTLE);
            let is_left = |found: &Use| !(loss == Loss::Gone && found.by == zone);
            let last = |uses: &[Use]| {
                let into = uses.iter().filter(|found| found.of == zone && is_left(found));
                into.map(|found| found.at.saturating_duration_since(since)).max().unwrap_or_default()
            };
            let (answers, sent) = (self.traffic.answers_since(since), self.traffic.sent_since(since));
            // Silence is no proof: others must have been used meanwhile, by everybody.
            for by in ZONES.into_iter().filter(|by| !(loss == Loss::Gone && *by == zone)) {
                for (what, uses) in [("answered", &answers), ("sent", &sent)] {
                    if !uses.iter().any(|found| found.by == by && found.at > decided && found.of != zone) {
                        return Err(format!("{by} {what} nothing at all after {zone} was lost"));
                    }
                }
            }
            let left = Left { loss, out, answered: last(&answers), sent: last(&sent), well: Duration::ZERO };
            left.still_used().map(|()| left)
        });
        self.set(zone, loss, false);
        let mended = Instant::now();
        self.await_well();
        told.map(|left| Left { well: mended.elapsed(), ..left })
    }

    fn set(&self, zone: &str, loss: Loss, lost: bool) {
        match loss {
            Loss::Gone => self.world.network.link(zone, !lost),
            Loss::Reset => {
                for number in 0..super::cell::ENDPOINTS {
                    let file = format!("faulty/broken/reset@{}", endpoint(zone, number));
                    let file = self.world.folder().join(file);
                    let done = if lost { std::fs::write(file, "all") } else { std::fs::remove_file(file) };
                    done.expect("a file of our own");
                }
            }
            Loss::BlackHole => {
                let to: Vec<String> =
                    (0..super::cell::ENDPOINTS).map(|number| endpoint(zone, number)).collect();
                let mut rules = "add table inet quick\ndelete table inet quick\n".to_owned();
                if lost {
                    rules.push_str(&format!(
                        "table inet quick {{ chain in {{ type filter hook input priority 0; ip daddr {{ {} }} tcp dport {{ {PORT}, {CHECK_PORT} }} drop; }}; }}",
                        to.join(", ")
                    ));
                }
                must(self.world.network.command(zone, "nft").arg(rules));
            }
        }
    }

    /// Fails when a node has logged an error.
    pub fn assert_no_errors(&self) {
        self.world.assert_no_errors();
    }
}

fn socket(address: &str) -> String {
    format!("{address}:{PORT}")
}

fn out_at(seer: &Seer) -> BTreeSet<String> {
    seer.out_of(POOL, all().map(|(_, _, address)| socket(&address)).collect())
}

/// Until all of them have exactly these out. How long that took; each node is asked by a thread of its own.
fn watch(
    seers: &[Seer],
    look: Duration,
    since: Instant,
    zone: &str,
    hit: &BTreeSet<String>,
) -> Result<Duration, String> {
    let one = |seer: &Seer| loop {
        let out = out_at(seer);
        let at = since.elapsed();
        let is_whole = |other: &&str| {
            let mut endpoints = all().filter(|(of, _, _)| of == other);
            *other != zone && endpoints.all(|(_, _, address)| out.contains(&socket(&address)))
        };
        if let Some(other) = ZONES.iter().copied().find(|other| is_whole(other)) {
            return Err(format!("all of {other} was out after {at:.1?}: {out:?}"));
        }
        if out == *hit {
            return Ok(at);
        }
        if at > DECIDED_WITHIN {
            return Err(format!("not decided within {DECIDED_WITHIN:?}; {seer:?} has {out:?} out"));
        }
        observe_for(look);
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = seers.iter().map(|seer| scope.spawn(move || one(seer))).collect();
        let all = threads.into_iter().map(|thread| thread.join().expect("it panics with its reason"));
        all.collect::<Result<Vec<Duration>, String>>().map(|all| all.into_iter().max().unwrap_or_default())
    })
}

/// Several losses as a table of Markdown: the median, and the longest.
pub fn quick_table(all: &[Left]) -> String {
    let mut text = "| a zone is lost: | out on all nodes | last answer of DNS | last sent by a balancer | well again |\n|---|---|---|---|---|\n"
        .to_owned();
    for loss in Loss::ALL {
        let of: Vec<&Left> = all.iter().filter(|left| left.loss == loss).collect();
        if of.is_empty() {
            continue;
        }
        let column = |time: fn(&Left) -> Duration| Spread::of(of.iter().map(|left| time(left)).collect());
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            loss.words(),
            column(|left| left.out),
            column(|left| left.answered),
            column(|left| left.sent),
            column(|left| left.well),
        ));
    }
    text
}

struct Spread {
    median: Duration,
    longest: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Spread {
        times.sort_unstable();
        let at = |place: usize| times.get(place).copied().unwrap_or_default();
        Spread { median: at(times.len() / 2), longest: at(times.len().saturating_sub(1)) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s, at most {:.2} s", self.median.as_secs_f64(), self.longest.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_zone_that_is_used_long_after_it_was_out_is_wrong() {
        let left = |answered, sent| {
            let [answered, sent] = [answered, sent].map(ms);
            Left { loss: Loss::Reset, out: ms(500), answered, sent, well: ms(0) }.still_used()
        };
        assert_eq!(left(480, 1_500), Ok(()));
        assert_eq!(left(0, 0), Ok(()));
        let answered = left(3_490, 400).expect_err("until the end");
        assert!(answered.contains("DNS") && answered.contains("3.49s"), "{answered}");
        let sent = left(400, 1_501).expect_err("a moment too long");
        assert!(sent.contains("a balancer"), "{sent}");
    }

    #[test]
    fn checks_have_the_pace_that_is_asked_for() {
        let pace = Pace { interval: ms(1_000), timeout: ms(500), fall: 4, look: ms(100) };
        let text = estate_text(pace);
        assert!(text.contains("\ninterval = \"1000ms\"\ntimeout = \"500ms\"\n"), "{text}");
        assert!(text.contains("\nfall = 4\n"), "{text}");
    }
}
