//! Commit latency: our API, a bare etcd transaction, the embedded ledger, in turns.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hf_ledger::{EtcdLedger, Ledger};
use serde::Serialize;
use tokio::time::sleep;

use super::bare::Guarded;
use super::estate;
use super::world::World;
use crate::figures::{Spread, milliseconds, ratio};
use crate::kept::{Api, Member};
use crate::{Told, cpu};

/// Blocks of each kind.
const BLOCKS: usize = 12;
/// Commits of each kind that do not count: connections, tokens and logins are made in them.
const WARM_UP: usize = 10;

/// How many, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Samples of each kind.
    pub commits: usize,
    /// Before each.
    pub pause_ms: u64,
    /// Of a bare put: as many as the entry of a batch has.
    pub entry_bytes: usize,
}

/// The figures of one setting.
#[derive(Clone, Debug, Serialize)]
pub struct CommitFigures {
    /// What runs, and how.
    pub setting: String,
    /// A batch of two controls over our API.
    pub api: Spread,
    /// A bare etcd transaction.
    pub etcd: Spread,
    /// The entry of a batch appended by our engine for etcd, without API, rules and nodes: five of it in this process, in turns.
    pub engine: Spread,
    /// The same batch at a node with the embedded ledger; where it was asked.
    pub embedded: Option<Spread>,
    /// Our median over etcd's.
    pub ratio_p50: f64,
    /// The same of the 99th percentile.
    pub ratio_p99: f64,
    /// Processor time of all control nodes for one commit, idle time taken off.
    pub control_cpu_ms: f64,
    /// Processor time of all members for one commit over our API.
    pub etcd_cpu_ms: f64,
    /// Processor time of all members for one bare transaction.
    pub etcd_bare_cpu_ms: f64,
}

/// What some blocks took.
#[derive(Debug, Default)]
struct Series {
    samples: Vec<Duration>,
    wall: Duration,
    control: Duration,
    etcd: Duration,
}

impl Series {
    async fn block(
        &mut self,
        world: &World,
        work: impl AsyncFnOnce(&mut Vec<Duration>) -> Told<()>,
    ) -> Told<()> {
        let (control, etcd) = (World::pids(&world.controls), World::pids(&world.members));
        let used = || (cpu::used(control.iter().copied()), cpu::used(etcd.iter().copied()));
        let (begin, before) = (Instant::now(), used());
        work(&mut self.samples).await?;
        let after = used();
        self.wall += begin.elapsed();
        self.control += after.0.saturating_sub(before.0);
        self.etcd += after.1.saturating_sub(before.1);
        Ok(())
    }

    fn each(&self, of: Duration) -> f64 {
        milliseconds(of / self.samples.len().max(1) as u32)
    }
}

/// Takes all three kinds in turns.
pub async fn measure(setting: &str, world: &World, alone: Option<&World>, plan: Plan) -> Told<CommitFigures> {
    let mut apis = world.apis().await?;
    let mut members = Vec::new();
    for at in 0..world.members.len() {
        members.push(world.member(at).await?);
    }
    let mut single = match alone {
        Some(alone) => alone.apis().await?,
        None => Vec::new(),
    };
    let key = format!("bench/{}", setting.replace(' ', "-"));
    let mut bare = Guarded::new(&key, plan.entry_bytes);
    let engines = world.engines().await?;
    let pause = Duration::from_millis(plan.pause_ms);
    let (mut turn, mut alone_turn) = (0, 0);
    let mut nothing = Vec::new();
    batches(&mut apis, &mut turn, WARM_UP, pause, &mut nothing).await?;
    puts(&mut members, &mut bare, WARM_UP, pause, &mut nothing).await?;
    appends(&engines, plan.entry_bytes, WARM_UP, pause, &mut nothing).await?;
    batches(&mut single, &mut alone_turn, WARM_UP, pause, &mut nothing).await?;

    let (mut ours, mut etcds) = (Series::default(), Series::default());
    let (mut engine, mut embedded) = (Series::default(), Series::default());
    let blocks = BLOCKS.min(plan.commits.max(1));
    for block in 0..blocks {
        let count = plan.commits * (block + 1) / blocks - plan.commits * block / blocks;
        ours.block(world, async |out| batches(&mut apis, &mut turn, count, pause, out).await).await?;
        // What follows the last commit belongs to nobody.
        sleep(Duration::from_millis(100)).await;
        etcds.block(world, async |out| puts(&mut members, &mut bare, count, pause, out).await).await?;
        let bytes = plan.entry_bytes;
        engine.block(world, async |out| appends(&engines, bytes, count, pause, out).await).await?;
        embedded
            .block(world, async |out| batches(&mut single, &mut alone_turn, count, pause, out).await)
            .await?;
    }
    // What the control nodes use while nobody asks them anything.
    let idle = etcds.control.as_secs_f64() / etcds.wall.as_secs_f64().max(1e-9);
    let control = ours.control.saturating_sub(ours.wall.mul_f64(idle));
    let (control_cpu_ms, etcd_cpu_ms) = (ours.each(control), ours.each(ours.etcd));
    let etcd_bare_cpu_ms = etcds.each(etcds.etcd);
    let (api, etcd) = (Spread::of(ours.samples), Spread::of(etcds.samples));
    Ok(CommitFigures {
        setting: setting.to_owned(),
        api,
        etcd,
        engine: Spread::of(engine.samples),
        embedded: alone.map(|_| Spread::of(embedded.samples)),
        ratio_p50: ratio(api.p50_ms, etcd.p50_ms),
        ratio_p99: ratio(api.p99_ms, etcd.p99_ms),
        control_cpu_ms,
        etcd_cpu_ms,
        etcd_bare_cpu_ms,
    })
}

/// Batches, each at the next of the nodes; none where there are no nodes.
async fn batches(
    apis: &mut [Api],
    turn: &mut u64,
    count: usize,
    pause: Duration,
    out: &mut Vec<Duration>,
) -> Told<()> {
    let nodes = apis.len() as u64;
    for _ in 0..if nodes == 0 { 0 } else { count } {
        let body = serde_json::to_vec(&estate::batch(*turn)).map_err(|error| error.to_string())?;
        let api = &mut apis[(*turn % nodes) as usize];
        *turn += 1;
        rest(pause).await;
        let begin = Instant::now();
        api.post("/v1/controls", Bytes::from(body)).await?;
        out.push(begin.elapsed());
    }
    Ok(())
}

/// Bare transactions, each at the next of the members.
async fn puts(
    members: &mut [Member],
    bare: &mut Guarded,
    count: usize,
    pause: Duration,
    out: &mut Vec<Duration>,
) -> Told<()> {
    for at in 0..count {
        let next = at % members.len();
        rest(pause).await;
        let begin = Instant::now();
        bare.write(&mut members[next]).await?;
        out.push(begin.elapsed());
    }
    Ok(())
}

/// Appends, each by the next of the engines.
async fn appends(
    engines: &[EtcdLedger],
    bytes: usize,
    count: usize,
    pause: Duration,
    out: &mut Vec<Duration>,
) -> Told<()> {
    for at in 0..count {
        let engine = &engines[at % engines.len()];
        rest(pause).await;
        let begin = Instant::now();
        Ledger::append(engine, vec![b'x'; bytes]).await.map_err(|error| error.to_string())?;
        out.push(begin.elapsed());
    }
    Ok(())
}

async fn rest(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
