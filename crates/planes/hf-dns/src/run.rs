//! The role at work: workers of UDP on threads of their own, all else on the async side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use hf_clock::Clock;
use hf_geo::Geography;
use hf_model::ZoneId;
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::bind::{Bound, WorkerPort};
use crate::cold::{Cold, ColdInputs};
use crate::current::{Changing, keep_signed};
use crate::respond::Responder;
use crate::settings::Settings;
use crate::signing::Signers;
use crate::tap;
use crate::worker::{ColdMessage, Worker, answer_cold};

/// Messages that wait for the careful reader.
const COLD_QUEUE: usize = 1_024;

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
        let mut tasks = JoinSet::new();
        let (follower, worker_count) = (responder.clone(), self.workers.len());
        tasks.spawn(keep_signed(responder.clone(), signers.clone()));
        tasks.spawn(async move {
            follower.current.follow(changing, own_zone, activity, worker_count, signers).await;
            std::future::pending::<()>().await;
        });
        let (cold, messages) = mpsc::channel(COLD_QUEUE);
        tasks.spawn(answer_cold(cold_path.requests.clone(), messages));
        let mut workers = Workers::start(self.workers, &responder, &cold, tap.as_ref());
        cold_path.spawn(&mut tasks, of_estate, (self.tcp, self.dot));
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
    }
}
