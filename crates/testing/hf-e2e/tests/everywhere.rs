//! One shift, and everything leaves the zone: consumers of every kind at once in one estate of three zones, each under load.
//!
//! What only this can show: that one act reaches all of them beside one another, and that the shift's page says so of each. It prints the table of
//! docs/benchmarks.md: `cargo nextest run -p hf-e2e everywhere:: --no-capture`.

use std::collections::BTreeSet;
use std::time::Duration;

use hf_e2e::estate::{ANY_ADDRESS_PORT, ZONES, address};
use hf_e2e::fronts::{
    self, Front, arrivals, arrivals_with, haproxies, start_clients, start_haproxy, tell_node,
};
use hf_e2e::load::now_ms;
use hf_e2e::process::{Running, must};
use hf_e2e::takers::{Caller, Envoy, Source, calls_pool, xds_section};
use hf_e2e::traffic::Client;
use hf_e2e::virtual_address::{self, VIRTUAL, wait_for_address};
use hf_e2e::work::{Queue, Work, add_places};
use hf_e2e::world::DEADLINE;
use hf_e2e::{World, wait_for};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// The zone that is left.
const ZONE: &str = "az2";
/// Who has taken nothing there for so long, while it went on elsewhere, has left.
const QUIET_MS: u64 = 1_500;
/// Far more than any of them needs; a machine may be busy.
const GENEROUS_MS: u64 = 10_000;

/// By what it is seen that a consumer takes something in a zone.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// An answer of a DNS server names the zone.
    Answers,
    /// A request that came through one of our balancers arrives there.
    Balancer,
    /// A request of this front does.
    Front(&'static str),
    /// A call is answered there.
    Calls,
    /// The worker there takes an order.
    Orders(Queue),
}

/// What the table has: the consumer, how it is seen, and as what it acknowledges; without a name the nodes do.
const CONSUMERS: [(&str, Seen, &str); 13] = [
    ("DNS", Seen::Answers, ""),
    ("Holdfast's balancer", Seen::Balancer, ""),
    ("HAProxy 2.6, agent check every 500 ms", Seen::Front("agent-2.6"), "agent-1"),
    ("HAProxy 2.6, runtime socket", Seen::Front("socket-2.6"), "haproxy-2.6"),
    ("HAProxy 2.8, agent check every 500 ms", Seen::Front("agent-2.8"), "agent-2"),
    ("HAProxy 2.8, runtime socket", Seen::Front("socket-2.8"), "haproxy-2.8"),
    ("nginx, rendered file and reload", Seen::Front("nginx"), "nginx"),
    ("Envoy, ADS", Seen::Front("envoy-ads"), "edge"),
    ("Envoy, rendered EDS file", Seen::Front("envoy-file"), "envoy-file"),
    ("gRPC client without a proxy, ADS", Seen::Calls, "calls"),
    ("NATS JetStream worker", Seen::Orders(Queue::Nats), "orders-nats"),
    ("PostgreSQL `SKIP LOCKED` worker", Seen::Orders(Queue::Postgres), "orders-postgres"),
    ("keepalived's address, tracked file", Seen::Front("keepalived"), "keepalived"),
];

/// All of them, and their load.
struct Everything {
    fronts: Vec<Front>,
    caller: Caller,
    work: [Work; 2],
    clients: Vec<Client>,
    keepalived: [Running; 2],
    _load: Vec<Running>,
}

fn start() -> World {
    let mut world = World::build();
    add_places(&mut world);
    world.add_to_estate(&calls_pool());
    let folder = world.place("az1");
    let eds =
        "[[render]]\nname = \"envoy-file\"\nkind = \"envoy-eds\"\npool = \"web\"\npath = \"eds/web.json\"\n";
    std::fs::create_dir(folder.join("eds")).expect("the world's folder is ours");
    for zone in ZONES {
        let mut sections = xds_section(zone);
        if zone == "az1" {
            sections += &(fronts::haproxy_section(&folder) + &fronts::nginx_section(&folder) + eds);
        }
        if zone != "az3" {
            sections += &virtual_address::section(zone);
        }
        tell_node(&world, zone, &sections);
    }
    for node in ["control", "az1", "az2", "az3"] {
        world.start_node(node);
    }
    world.wait_until_serving();
    world.tell_runbook_the_estate();
    for file in ["web.conf", "eds/web.json"] {
        wait_for(&format!("{file} with six endpoints"), DEADLINE, || {
            let text = std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())?;
            let count = text.matches("10.77.").count();
            if count == 6 && !text.contains(" down") { Ok(()) } else { Err(text) }
        });
    }
    world
}

impl Everything {
    fn start(world: &World) -> Everything {
        let mut fronts = Vec::new();
        for ((_, program, libraries), number) in haproxies().into_iter().zip(1..) {
            let process = start_haproxy(world, number, &program, libraries.as_deref());
            let [agent, socket] =
                [["agent-2.6", "socket-2.6"], ["agent-2.8", "socket-2.8"]][usize::from(number) - 1];
            fronts.push(Front::in_az1(agent, 9_000 + number, None));
            fronts.push(Front::in_az1(socket, 9_010 + number, Some(process)));
        }
        let file = Source::File(world.place("az1").join("eds"));
        fronts.push(Envoy { name: "envoy-ads", source: Source::World, number: 0 }.start(world));
        fronts.push(Envoy { name: "envoy-file", source: file, number: 1 }.start(world));
        let keepalived =
            [(ZONE, 150), ("az1", 100)].map(|(zone, priority)| virtual_address::start(world, zone, priority));
        wait_for_address(world, ZONE, "az1");
        fronts.push(Front { name: "keepalived", at: format!("{VIRTUAL}:{ANY_ADDRESS_PORT}"), process: None });
        fronts.push(Front::in_az1("nginx", 9_020, Some(fronts::start_nginx(world))));
        for front in &fronts {
            front.wait_until_it_answers(world);
        }
        let everything = Everything {
            _load: start_clients(world, &fronts),
            fronts,
            caller: Caller::start(world),
            work: [Queue::Nats, Queue::Postgres].map(|queue| Work::start(world, queue)),
            clients: (0..2).map(|number| Client::start(world, number)).collect(),
            keepalived,
        };
        for (consumer, seen, _) in CONSUMERS {
            wait_for(&format!("{consumer} to take something in {ZONE}"), DEADLINE * 2, || {
                everything.last_in(world, ZONE, seen).ok_or_else(|| "nothing so far".to_owned())
            });
        }
        everything
    }

    /// When something was last taken in a zone.
    fn last_in(&self, world: &World, zone: &str, seen: Seen) -> Option<u64> {
        let latest = |all: Vec<u64>| all.into_iter().max();
        match seen {
            Seen::Answers => {
                let requests = self.clients.iter().flat_map(Client::requests);
                let named =
                    requests.filter(|request| request.address.split(',').any(|it| it == address(zone)));
                named.map(|request| request.begun_ms).max()
            }
            Seen::Balancer => latest(arrivals_with(world, zone, "/?c=")),
            Seen::Front(name) => latest(arrivals(world, zone, name)),
            Seen::Calls => self.caller.last_in(zone),
            Seen::Orders(queue) => {
                latest(self.work[usize::from(queue == Queue::Postgres)].taken_after(zone, 0))
            }
        }
    }

    /// Waits until a consumer takes nothing in the zone any more while it goes on elsewhere; when it last did.
    fn wait_until_left(&self, world: &World, consumer: &str, seen: Seen, begun: u64) -> u64 {
        wait_for(&format!("{consumer} to leave {ZONE}"), DEADLINE * 2, || {
            let last = self.last_in(world, ZONE, seen).unwrap_or(0);
            let others = ZONES.iter().filter(|zone| **zone != ZONE);
            let elsewhere = others.filter_map(|zone| self.last_in(world, zone, seen)).max().unwrap_or(0);
            if elsewhere > last.max(begun) + QUIET_MS {
                Ok(last)
            } else {
                Err(format!("last there at {last}, elsewhere at {elsewhere}, the shift at {begun}"))
            }
        })
    }
}

/// A scheduler that says itself what it has applied.
fn acknowledge(world: &World, tag: Option<&Value>, revision: &Value) {
    let word = json!({"consumer": "cron", "instance": "one", "kind": "scheduler", "zone": "az3", "tag": tag, "revision": revision});
    let mut command = world.network.command("client", "curl");
    must(
        command
            .args(["-sf", "-X", "POST", "-d", &word.to_string()])
            .arg(format!("http://{}:7601/acknowledge", address("az3"))),
    );
}

/// What zone status says now.
fn told(world: &World) -> Value {
    let (text, code) = world.curl(&format!("http://{}:7601/status", address("az3")));
    assert_eq!(code, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Groups come with the worst first.
fn assert_laggards_first(groups: &Value) {
    let order = ["lags", "not-told", "silent", "applied"];
    let ranks: Vec<usize> = groups
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| order.iter().position(|standing| group["standing"] == *standing).expect("a standing"))
        .collect();
    assert!(ranks.is_sorted(), "{groups}");
}

/// Until this says that all that are known have applied it, every one of the table among them. `cannot_say`: those whose protocol has no word for it.
fn wait_until_all_applied(what: &str, cannot_say: &[&str], ask: impl Fn() -> Value) -> Value {
    wait_for(&format!("{what} to list everything as having applied it"), DEADLINE * 2, || {
        let consumers = ask();
        assert_laggards_first(&consumers["groups"]);
        let groups = consumers["groups"].as_array().expect("groups");
        let has_word = |group: &Value| {
            let cannot = cannot_say.iter().any(|name| group["name"] == *name);
            group["standing"] == if cannot { "not-told" } else { "applied" }
        };
        let is_well = |name: &str| {
            let mut named = groups.iter().filter(|group| group["name"] == name).peekable();
            named.peek().is_some() && named.all(has_word)
        };
        let names = CONSUMERS.iter().map(|(.., name)| *name).filter(|name| !name.is_empty()).chain(["cron"]);
        let missing: Vec<&str> = names.filter(|name| !is_well(name)).collect();
        if missing.is_empty() && groups.iter().all(has_word) {
            Ok(consumers)
        } else {
            Err(format!("{missing:?} of {}", consumers["groups"]))
        }
    })
}

#[test]
fn one_shift_takes_the_zone_out_of_everything() {
    let mut world = start();
    let everything = Everything::start(&world);
    let before = told(&world)["revision"].clone();
    acknowledge(&world, None, &before);

    let begun = now_ms();
    let shift = world.json(&["shift", "start", ZONE, "--for", "10m", "--reason", "everything leaves"]);
    let acknowledged = now_ms();
    println!("all nodes had acknowledged {} ms after the command began", acknowledged - begun);
    let left =
        CONSUMERS.map(|(consumer, seen, _)| everything.wait_until_left(&world, consumer, seen, acknowledged));

    // One has said what it had before, and no more: it stands before all others.
    let id = shift["id"].as_str().expect("an id").to_owned();
    acknowledge(&world, None, &before);
    for (what, ask) in lists(&world, &id) {
        wait_for(&format!("{what} to have the laggard first"), DEADLINE, || {
            let consumers = ask();
            assert_laggards_first(&consumers["groups"]);
            let first = &consumers["groups"][0];
            if first["name"] == "cron" && first["standing"] == "lags" {
                Ok(())
            } else {
                Err(first.to_string())
            }
        });
    }
    let now = told(&world);
    acknowledge(&world, Some(&now["tag"]), &now["revision"]);
    let listed = lists(&world, &id).map(|(what, ask)| wait_until_all_applied(what, &[], ask));
    for other in &listed[1..] {
        assert_eq!(who(&listed[0]), who(other), "every list has the same consumers");
    }
    let shown = world.json(&["shift", "show", &id]);
    assert_unsaid_work_is_unknown(&shown["consumers"]);
    print_table(&shown, &left, begun, acknowledged);
    for ((consumer, seen, _), last) in CONSUMERS.iter().zip(left) {
        for (since, what) in [(begun, "the command began"), (acknowledged, "the shift was acknowledged")] {
            assert!(
                last < since + GENEROUS_MS,
                "{consumer} took something in {ZONE} {} ms after {what}",
                last - since
            );
        }
        assert_eq!(
            everything.last_in(&world, ZONE, *seen).unwrap_or(0),
            last,
            "{consumer} went back to {ZONE}"
        );
    }

    world.json(&["shift", "cancel", &id]);
    let canceled = now_ms();
    for (consumer, seen, _) in CONSUMERS {
        wait_for(&format!("{consumer} to use {ZONE} again"), DEADLINE * 2, || {
            let last = everything.last_in(&world, ZONE, seen).unwrap_or(0);
            if last > canceled { Ok(()) } else { Err(format!("last at {last}, canceled at {canceled}")) }
        });
    }
    past_the_ledger(&mut world);
    world.assert_no_errors();
    let Everything { mut fronts, keepalived, .. } = everything;
    // What runs with workers of its own takes them along when it is told to end, not when it is killed.
    let nginx = fronts.pop().and_then(|front| front.process);
    for process in keepalived.into_iter().chain(nginx) {
        process.signal(Signal::SIGTERM);
        process.wait();
    }
}

type Ask<'a> = Box<dyn Fn() -> Value + 'a>;

/// Everything that lists the consumers.
fn lists<'a>(world: &'a World, id: &'a str) -> [(&'static str, Ask<'a>); 3] {
    [
        ("/v1/consumers", Box::new(|| world.api("az1", "/v1/consumers").expect("an answer"))),
        ("status -o json", Box::new(|| world.json(&["status"])["consumers"].clone())),
        ("shift show", Box::new(move || world.json(&["shift", "show", id])["consumers"].clone())),
    ]
}

/// Who is in a list, and how far they are; not when they were heard.
fn who(consumers: &Value) -> BTreeSet<String> {
    let groups = consumers["groups"].as_array().expect("groups");
    let one = |group: &Value| {
        ["name", "kind", "zone", "standing", "instances"].map(|key| group[key].to_string()).join(" ")
    };
    groups.iter().map(one).collect()
}

/// Those that have no word for what runs are not taken for idle; workers and runtime sockets say it.
fn assert_unsaid_work_is_unknown(consumers: &Value) {
    for group in consumers["groups"].as_array().expect("groups") {
        let says = match group["kind"].as_str().expect("a kind") {
            "haproxy-agent" | "xds" | "file" | "scheduler" => false,
            "haproxy-socket" | "worker" => true,
            other => panic!("nobody here is a {other}: {group}"),
        };
        let unsaid = if says { json!(0) } else { group["instances"].clone() };
        assert_eq!(group["work_not_told"], unsaid, "{group}");
    }
    assert!(consumers["work_not_told"].as_u64() > Some(0), "{consumers}");
}

fn print_table(shown: &Value, left: &[u64], begun: u64, acknowledged: u64) {
    let nodes = shown["acknowledged"].as_array().expect("the nodes");
    assert!(nodes.iter().all(|node| node["applied"] == true), "{}", shown["acknowledged"]);
    let groups = shown["consumers"]["groups"].as_array().expect("groups");
    println!(
        "| consumer | last taken in the zone, after the command began | after all nodes had acknowledged it | acknowledged in status, after the start |\n|---|---|---|---|"
    );
    for ((consumer, _, name), last) in CONSUMERS.iter().zip(left) {
        let [of_shift, of_all] = [begun, acknowledged].map(|since| {
            let last = last.checked_sub(since).filter(|ms| *ms > 0);
            last.map_or("nothing".to_owned(), |ms| format!("{ms} ms"))
        });
        let mine = groups.iter().filter(|group| group["name"] == *name);
        let when = match mine.filter_map(|group| group["applied_ms"].as_u64()).max() {
            _ if name.is_empty() => format!("by all {} nodes", nodes.len()),
            Some(ms) => format!("{ms} ms"),
            None => "not".to_owned(),
        };
        println!("| {consumer} | {of_shift} | {of_all} | {when} |");
    }
}

/// With no ledger an act has no revision: the same page says who obeys it.
fn past_the_ledger(world: &mut World) {
    world.kill_node("control");
    let told = world.cli(&["shift", "start", "--break-glass", ZONE, "--for", "5m", "--reason", "no ledger"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let page = || {
        let mut shifts = world.api("az1", &format!("/v1/shifts?zone={ZONE}"))?;
        Ok::<Value, String>(shifts["break_glass"][0]["consumers"].take())
    };
    wait_for("a laggard on the page of the break-glass shift", DEADLINE, || {
        let consumers = page()?;
        if consumers["groups"][0]["name"] == "cron" {
            Ok(())
        } else {
            Err(consumers["groups"][0].to_string())
        }
    });
    // What is told may change meanwhile: who obeys says so of the newest. An xDS client accepts versions, and says nothing of acts.
    wait_until_all_applied("the break-glass shift's page", &["edge", "calls"], || {
        let now = self::told(world);
        acknowledge(world, Some(&now["tag"]), &now["revision"]);
        page().expect("an answer")
    });
    // Nobody is left with it.
    let canceled = world.cli(&["shift", "cancel", "--break-glass", ZONE]);
    assert!(canceled.status.success(), "{}", String::from_utf8_lossy(&canceled.stderr));
    wait_for("the zone to be open again", Duration::from_secs(20), || {
        let (_, code) = world.curl(&format!("http://{}:7601/status/{ZONE}", address("az3")));
        if code == 200 { Ok(()) } else { Err(code.to_string()) }
    });
}
