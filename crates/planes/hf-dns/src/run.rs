//! The role at work: workers of UDP on threads of their own, all else on the async side.
//!
//! Who gets a core first, where there are fewer cores than threads that want one:
//! 1. The node's own runtime: what comes into force, and the compiling of it. Whoever runs it gives it the shortest turns (`holdfast`).
//! 2. Workers: plain queries wait for nothing but the above ([`WORKER_TURN`]).
//! 3. The cold side, a runtime of its own [`COLD_STEPS`] of `nice` behind: connections, TLS, odd datagrams, reading and comparing large zones, freeing them. A flood there
//!    takes a quarter of a core from workers that are busy, and waits for those that are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_clock::Clock;
use hf_geo::Geography;
use hf_model::ZoneId;
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::bind::{Bound, WorkerPort};
use crate::cold::{Cold, ColdInputs};
use crate::current::{Changing, keep_signed};
use crate::respond::Responder;
use crate::settings::Settings;
use crate::signing::Signers;
use crate::tap;
use crate::worker::{ColdMessage, Worker, answer_cold};

/// Messages that wait for the careful reader.
pub(crate) const COLD_QUEUE: usize = 1_024;

/// A worker's turns. Much longer than those of what comes into force, or that waits for the end of a worker's turn after all: with 0.4 ms one wake-up in ten waited
/// 3 ms for two busy workers, with 1 ms one in a hundred. Shorter than the kernel's own length, 1.4 ms with two cores and 2.8 ms from eight on.
pub(crate) const WORKER_TURN: Duration = Duration::from_millis(1);

/// How far the cold side stands back: with five steps it has the weight of a third of a worker.
const COLD_STEPS: i32 = 5;

/// Turns of the cold side: what a worker that wakes up need not wait for.
const COLD_TURN: Duration = Duration::from_millis(4);

/// What the role is given by the node around it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What to answer from; none until the node has one. When nobody is left to send, the last one stays.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// Stamps the activity.
    pub clock: Clock,
    /// Where answers that name a zone's endpoints are counted.
    pub activity: Arc<Activity>,
    /// Where this node runs, by id or alias.
    pub own_zone: Option<ZoneId>,
    /// What all answers have in common.
    pub settings: Settings,
    /// Where clients are, as files and measurements say it.
    pub geography: Geography,
    /// Keys, contents from elsewhere, updates, TLS.
    pub cold: ColdInputs,
}

/// The workers' threads. They are told to stop when this is dropped.
struct Workers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Says so when a thread panics; without threads it says nothing.
    died: mpsc::Receiver<()>,
}

/// Tells of a panic of the thread that it was made in.
struct TellOfPanic(mpsc::Sender<()>);

impl Drop for TellOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Full: somebody told already.
            let _ = self.0.try_send(());
        }
    }
}

impl Workers {
    fn start(
        ports: Vec<WorkerPort>,
        responder: &Arc<Responder>,
        cold: &mpsc::Sender<ColdMessage>,
        tap: Option<&tap::Tap>,
    ) -> Workers {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, died) = mpsc::channel(1);
        let mut threads = Vec::new();
        for (index, WorkerPort { datagrams, replies }) in ports.into_iter().enumerate() {
            let worker = Worker::new(index, responder.clone(), replies, cold.clone(), tap.cloned());
            let (stop, tell) = (stop.clone(), TellOfPanic(tell.clone()));
            let thread = std::thread::Builder::new().name(format!("dns-{index}")).spawn(move || {
                let _tell = tell;
                if let Err(why) = hf_datagram::come_soon(WORKER_TURN) {
                    debug!(%why, "a UDP worker of DNS has turns as long as anybody's");
                }
                worker.run(datagrams, &stop);
            });
            threads.push(thread.expect("the system gives the node a few threads at its start"));
        }
        Workers { stop, threads, died }
    }

    /// Until a thread panics; then panics with what it said.
    async fn panic(&mut self) {
        if self.died.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if let Err(why) = thread.join() {
                std::panic::resume_unwind(why);
            }
        }
    }

    /// Stops them and waits until their ports are closed.
    async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if let Err(why) = thread.join() {
                    std::panic::resume_unwind(why);
                }
            }
        });
        if let Err(why) = joined.await
            && why.is_panic()
        {
            std::panic::resume_unwind(why.into_panic());
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The runtime of the cold side. Its threads end when this is dropped, in their own time.
struct ColdSide {
    own: Option<Runtime>,
    handle: Handle,
}

impl ColdSide {
    /// One of its own beside a runtime of several threads. One thread alone is a choice (a test with a clock of its own): then all is there.
    fn start() -> ColdSide {
        let here = Handle::current();
        if here.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return ColdSide { own: None, handle: here };
        }
        // From where its starter stands: threads of it start others.
        let place = hf_datagram::nice().unwrap_or(0) + COLD_STEPS;
        let stand_back = move || {
            if let Err(why) = hf_datagram::stand_back(place) {
                debug!(%why, "a thread of the cold side of DNS cannot stand back");
            }
            // Not the short turns that it was given at its birth by who started it.
            if let Err(why) = hf_datagram::come_soon(COLD_TURN) {
                debug!(%why, "a thread of the cold side of DNS has turns as long as anybody's");
            }
        };
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        match builder.thread_name("cold-dns").on_thread_start(stand_back).enable_all().build() {
            Ok(runtime) => ColdSide { handle: runtime.handle().clone(), own: Some(runtime) },
            Err(why) => {
                warn!(%why, "DNS has no threads for its cold side; odd queries and connections share those of the node");
                ColdSide { own: None, handle: here }
            }
        }
    }
}

impl Drop for ColdSide {
    fn drop(&mut self) {
        if let Some(runtime) = self.own.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bound {
    /// Answers until `shutdown` turns true or its sender is gone; then closes ports and connections.
    ///
    /// # Panics
    ///
    /// When one of its tasks did: half a DNS server is worse than one that is restarted.
    pub async fn run(self, inputs: Inputs, mut shutdown: watch::Receiver<bool>) {
        let Inputs { snapshots, clock, activity, own_zone, settings, geography, cold: cold_inputs } = inputs;
        let dnstap = settings.dnstap.clone().map(|sink| tap::start(sink, settings.nsid.clone()));
        let tap = match dnstap.transpose() {
            Ok(started) => started.map(|(tap, _)| tap),
            Err(why) => {
                warn!(%why, "dnstap does not run: its thread cannot be started");
                None
            }
        };
        let signers = Arc::new(Signers::new(settings.seal.clone(), clock.clone()));
        let responder =
            Arc::new(Responder::new(self.current, self.counters, settings, clock.clone(), tap.clone()));
        let of_estate = snapshots.clone();
        let changing = Changing { snapshots, contents: cold_inputs.contents(), geography };
        let cold_path = Cold::new(responder.clone(), cold_inputs, clock);
        // After the side that they run on: tasks are dropped first.
        let cold_side = ColdSide::start();
        let mut tasks = JoinSet::new();
        let (follower, worker_count) = (responder.clone(), self.workers.len());
        tasks.spawn_on(keep_signed(responder.clone(), signers.clone()), &cold_side.handle);
        let frees = cold_side.handle.clone();
        tasks.spawn(async move {
            follower.current.follow(changing, own_zone, activity, worker_count, (signers, frees)).await;
            std::future::pending::<()>().await;
        });
        let telling = responder.clone();
        tasks.spawn(async move {
            telling.current.tell_in_force().await;
            std::future::pending::<()>().await;
        });
        let (cold, messages) = mpsc::channel(COLD_QUEUE);
        tasks.spawn_on(answer_cold(cold_path.requests.clone(), messages), &cold_side.handle);
        if of_estate.borrow().is_some() {
            responder.current.wait_for_first().await;
        }
        let mut workers = Workers::start(self.workers, &responder, &cold, tap.as_ref());
        cold_path.spawn((&mut tasks, &cold_side.handle), of_estate, (self.tcp, self.dot));
        info!(addresses = ?self.addresses, "DNS answers");
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => info!("DNS stops"),
            () = workers.panic() => {}
            Some(Err(why)) = tasks.join_next() => {
                if why.is_panic() {
                    std::panic::resume_unwind(why.into_panic());
                }
            }
        }
        workers.stop().await;
        // Ports are closed when this ends.
        tasks.shutdown().await;
    }
}
