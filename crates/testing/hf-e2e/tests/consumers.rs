//! Workers of queues leave a zone with a shift: a NATS JetStream consumer and a PostgreSQL `SKIP LOCKED` queue, the programs of `examples/workers`,
//! a worker in each of three zones.
//!
//! What only this can show: that the Python client against real nodes stops real consumers of real queues, that nothing of the queue is lost or
//! done twice on the way, and that a worker that cannot reach any node goes on as it was told last.

use std::collections::BTreeMap;

use hf_e2e::estate::{ZONES, address};
use hf_e2e::load::now_ms;
use hf_e2e::process::must;
use hf_e2e::wait_for;
use hf_e2e::work::{Queue, Said, Work, add_places, place, psql, said};
use hf_e2e::world::{DEADLINE, World};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Longer than a thread of a worker may be held up between its look at the zone and the line that it writes.
const HELD_UP_MS: u64 = 1_000;

/// A queue's story, with its world.
struct Story {
    work: Work,
    kind: &'static str,
    world: World,
}

impl Story {
    fn start(kind: Queue) -> Story {
        let mut world = World::start();
        add_places(&mut world);
        Story { work: Work::start(&world, kind), kind: kind.name(), world }
    }

    /// Stops the source of orders, waits until all are done, and looks at each.
    fn assert_all_done_once(&mut self) {
        let orders = self.work.orders.take().expect("it runs");
        orders.signal(Signal::SIGTERM);
        let sent = wait_for("the number of orders", DEADLINE, || {
            let said = said(&orders.text());
            let sent =
                said.iter().find(|said| said.event == "sent").and_then(|said| said.line["orders"].as_u64());
            sent.ok_or_else(|| orders.text())
        });
        let mut done: BTreeMap<u64, usize> = BTreeMap::new();
        wait_for("every order to be done", DEADLINE, || {
            done.clear();
            for said in ZONES.iter().flat_map(|zone| self.work.said(zone)).filter(|said| said.event == "done")
            {
                *done.entry(said.message.expect("its number")).or_default() += 1;
            }
            if done.len() as u64 >= sent { Ok(()) } else { Err(format!("{} of {sent}", done.len())) }
        });
        let twice: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "done more than once: {twice:?}");
        assert_eq!(done.len() as u64, sent, "no order that nobody sent");
        println!("{}: {sent} orders, each done once", self.kind);
    }

    /// What a worker has taken it has done or given back, or it was killed with it.
    fn assert_nothing_is_kept(&self, zone: &str) {
        let said = self.work.said(zone);
        for (at, taken) in said.iter().enumerate().filter(|(_, said)| said.event == "taken") {
            let after = said[at + 1..].iter().find(|after| {
                after.message == taken.message && ["done", "given back"].contains(&after.event.as_str())
            });
            assert!(after.is_some(), "{zone} has kept {taken:?}");
        }
    }

    fn cut(&self, zone: &str, is_cut: bool) {
        let nodes: Vec<String> =
            if is_cut { ZONES.iter().map(|node| address(node)).collect() } else { Vec::new() };
        self.world.network.deaf_to(&place(zone), &nodes);
    }

    /// Until the shift's page says that all three workers have applied it and nothing runs in the zone.
    fn wait_until_acknowledged(&self, id: &str) {
        let name = self.work.consumer();
        let told = wait_for("the workers' acknowledgements", DEADLINE, || {
            let told = self.world.json(&["shift", "show", id])["consumers"].clone();
            let ours = |group: &&Value| group["name"] == name.as_str() && group["silent"] == 0;
            let zones = told["groups"].as_array().map_or(0, |groups| groups.iter().filter(ours).count());
            if zones == ZONES.len() && told["applied"] == zones && told["running"] == 0 {
                Ok(told)
            } else {
                Err(told.to_string())
            }
        });
        println!(
            "{}: applied by all after {} ms, the last work left after {} ms",
            self.kind, told["applied_ms"], told["last_work_ms"]
        );
    }

    /// The whole story.
    fn is_evacuated_and_comes_back(&mut self) {
        let zone = "az2";
        let begun = now_ms();
        let shift =
            self.world.json(&["shift", "start", zone, "--for", "10m", "--reason", "the workers leave"]);
        let closed = self.work.wait_for_more(zone, "closed", 1, begun);
        self.work.let_the_others_work(zone);
        let late = self.work.taken_after(zone, closed + HELD_UP_MS);
        assert!(late.is_empty(), "taken in {zone} after it was closed: {late:?}\n{}", self.work.tail(zone));
        let last = self.work.taken_after(zone, 0).last().copied().unwrap_or(begun);
        println!(
            "{}: {zone} took nothing new {} ms after the command began; its worker knew after {} ms",
            self.kind,
            last.saturating_sub(begun),
            closed - begun
        );
        self.assert_nothing_is_kept(zone);
        let id = shift["id"].as_str().expect("an id").to_owned();
        self.wait_until_acknowledged(&id);

        // Nobody tells it of the end: it stays closed, and so does the next process in its place.
        self.cut(zone, true);
        self.world.json(&["shift", "cancel", &id]);
        self.work.let_the_others_work(zone);
        let late = self.work.taken_after(zone, closed + HELD_UP_MS);
        assert!(
            late.is_empty(),
            "taken in {zone} by a worker that was cut off: {late:?}\n{}",
            self.work.tail(zone)
        );
        self.work.workers.remove(zone).expect("its worker").kill();
        let killed = now_ms();
        self.work.start_worker(&self.world, zone);
        self.work.wait_for_more(zone, "ready", 1, killed);
        self.work.let_the_others_work(zone);
        let late = self.work.taken_after(zone, closed + HELD_UP_MS);
        assert!(
            late.is_empty(),
            "taken in {zone} by a worker that read its file: {late:?}\n{}",
            self.work.tail(zone)
        );

        self.cut(zone, false);
        let healed = now_ms();
        let open = self.work.wait_for_more(zone, "open", 1, healed);
        self.work.wait_for_more(zone, "done", 3, open);
        println!("{}: {zone} works again {} ms after it can hear that it is open", self.kind, open - healed);

        // A process that is told to stop finishes what it has.
        let worker = self.work.workers.get_mut(zone).expect("its worker");
        worker.signal(Signal::SIGTERM);
        let ended = wait_for("the worker to stop", DEADLINE, || worker.ended().ok_or_else(|| worker.text()));
        assert!(ended.success(), "{ended}\n{}", self.work.tail(zone));
        self.assert_all_done_once();
        for zone in ZONES {
            self.assert_nothing_is_kept(zone);
        }
        self.world.assert_no_errors();
    }
}

#[test]
fn workers_of_nats_leave_a_zone_and_come_back() {
    let mut story = Story::start(Queue::Nats);
    story.is_evacuated_and_comes_back();
    // Each delivery again is of what was given back: JetStream's own promise is weaker.
    let all: Vec<Said> = ZONES.iter().flat_map(|zone| story.work.said(zone)).collect();
    for again in all.iter().filter(|said| said.line["delivery"].as_u64() > Some(1)) {
        let was = all.iter().any(|said| said.event == "given back" && said.message == again.message);
        assert!(was, "delivered again, and nobody gave it back: {again:?}");
    }
}

#[test]
fn workers_of_postgresql_leave_a_zone_and_come_back() {
    let mut story = Story::start(Queue::Postgres);
    story.is_evacuated_and_comes_back();
    // What the transactions have left is the truth, whatever the workers have said.
    let counts = must(psql(&story.world).args([
        "-c",
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM orders WHERE done), (SELECT count(*) FROM handled), \
         (SELECT count(DISTINCT order_id) FROM handled)",
    ]));
    let counts: Vec<&str> = counts.trim().split('|').collect();
    assert!(
        counts.len() == 4 && counts.iter().all(|count| *count == counts[0]),
        "orders, done, handled: {counts:?}"
    );
}
