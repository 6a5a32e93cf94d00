//! The HTTP API of every node.
//!
//! 1. Reads are open to the machine itself; others need the role `read`. Writes always need a caller that may, by role and
//!    scope; what is refused of them is in the journal too. Liveness, metrics and the API's own description are open; a
//!    break-glass shift is known by its signature.
//! 2. Bounded: [`CONNECTIONS`] connections, [`REQUESTS`] requests at a time (beyond: 503), bodies of 64 KiB (an estate's: 17 MiB, four at
//!    a time) that arrive within ten (thirty) seconds.
//! 3. Every refusal is a JSON [`Problem`](hf_api::Problem): what, where, how to mend it.
//! 4. Each route and its description stand in one place; `/openapi.json` is made of the code.
//!
//! Not here: the rules of a change (`hf-control`), what an answer is made of (`view`, `traffic`, `zero`).

mod autoshift;
mod body;
mod closing;
mod consumers;
mod controls;
mod deployments;
mod dns;
mod endpoints;
mod estate;
mod explain;
mod glass;
mod gray;
mod guard;
mod hosted;
mod journal;
mod metrics;
mod panels;
mod pins;
mod practice;
mod refusal;
mod results;
mod shifts;
mod status;
mod whatif;
mod writer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use hf_api::serve::{BindError, Listener, TowerToHyperService};
use hf_api::tls::ServerTls;
use hf_clock::Clock;
use hf_config::node::{OperatorKey, Role, SourcesConfig, StoresConfig};
use hf_control::Intent;
use hf_feed::{ConsumersHeard, Reports};
use hf_geo::Geography;
use hf_gray::Judged;
use hf_ledger::Journal;
use hf_model::{NodeId, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use tokio::sync::{Semaphore, mpsc, watch};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use shifts::who_asked;
pub(crate) use whatif::hold_told;

pub use explain::AskedVotes;
pub use glass::{GivenBreakGlass, body_of as break_glass_body};

use crate::access::Access;
use crate::capacity::Carried;
use crate::control::Control;
use crate::dns_here::DnsHere;
use crate::notify::Notifications;
use crate::obeyed::ObeyedHere;
use crate::observe::{self, Observed};
use crate::pushed_here::PushedHere;
use crate::refusals::Refusals;
use crate::sources::Sources;

/// Connections at a time; further ones wait.
pub const CONNECTIONS: usize = 1_024;
/// Requests at a time; further ones are refused as busy.
pub const REQUESTS: usize = 512;
/// Estates that are read or compared at a time.
pub const LARGE: usize = 4;

/// What the API of one node stands on.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub node: NodeId,
    /// Where it runs, if stated.
    pub zone: Option<ZoneId>,
    /// What it does.
    pub roles: Vec<Role>,
    /// Between two reports of a node.
    pub beat: Duration,
    /// The ledger's writer, on nodes with the control role.
    pub control: Option<Control>,
    /// Why a node with the control role has no writer: its ledger cannot be opened.
    pub ledger_problem: Option<String>,
    /// The ledger's journal there; a [`RingJournal`](crate::RingJournal) elsewhere.
    pub journal: Arc<dyn Journal>,
    /// What its planes obey.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// What it heard of all nodes, itself included.
    pub reports: watch::Receiver<Arc<Reports>>,
    /// What its planes obey: changes are answered when they obey them.
    pub obeyed: ObeyedHere,
    /// What the detectors of gray failure say here, on nodes with the control role; empty elsewhere.
    pub gray: watch::Receiver<Arc<Judged>>,
    /// What all nodes heard of consumers of zone status, itself included.
    pub consumers: watch::Receiver<Arc<ConsumersHeard>>,
    /// Where break-glass shifts go.
    pub break_glass: mpsc::Sender<GivenBreakGlass>,
    /// Where it is asked which checkers say what.
    pub votes: mpsc::Sender<AskedVotes>,
    /// Whose break-glass shifts it obeys.
    pub break_glass_keys: Vec<OperatorKey>,
    /// Who may do what.
    pub access: Access,
    /// The time.
    pub clock: Clock,
    /// The estate file that this node watches.
    pub estate_file: Option<PathBuf>,
    /// Why it is not in force.
    pub estate_file_problem: watch::Receiver<Option<String>>,
    /// Where clients are, as files and measurements say it here; on nodes with the DNS role answers go by the same.
    pub geography: Geography,
    /// What this node's own planes count.
    pub activity: Arc<Activity>,
    /// What DNS tells here, on nodes with that role.
    pub dns: Option<Arc<dyn DnsHere>>,
    /// Where results of pushed health checks go, on nodes with the checker role.
    pub pushed: Option<Arc<dyn PushedHere>>,
    /// Where endpoint sources are looked up, on nodes with the control role.
    pub sources_config: SourcesConfig,
    /// What sources told, there.
    pub sources: Arc<Sources>,
    /// What zones carried in the last week, there.
    pub carried: Arc<Carried>,
    /// Who is told what happened, on nodes with the control role.
    pub notifications: Arc<Notifications>,
    /// What this node brings to the stores of closing sources, there.
    pub stores_config: StoresConfig,
}

impl Context {
    /// The newest snapshot.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.borrow().clone()
    }

    /// The ledger's writer, where the ledger is what the nodes go by: not while they hold more.
    pub fn ledger(&self) -> Option<&Control> {
        self.control.as_ref().filter(|control| control.behind().is_none())
    }

    /// The ledger's time as far as this node has a part in it, else its clock.
    pub fn ledger_time(&self) -> Timestamp {
        self.control.as_ref().map_or_else(|| self.clock.now(), Control::time)
    }

    /// Why the ledger of this node takes no changes.
    pub fn ledger_problem(&self) -> Option<String> {
        let behind = || self.control.as_ref().and_then(Control::behind).map(|behind| behind.to_string());
        self.ledger_problem.clone().or_else(behind)
    }

    /// The newest intent that this node knows of: the ledger's on a control node, else the snapshot's.
    pub fn intent(&self) -> Arc<Intent> {
        match self.ledger() {
            Some(control) => control.intent().borrow().clone(),
            None => self.snapshot().map(|snapshot| snapshot.intent.clone()).unwrap_or_default(),
        }
    }
}

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) context: Context,
    observed: Observed,
    /// Practice runs that could not begin.
    held: crate::practice::Held,
    pub(crate) refusals: Refusals,
    refused_acts: glass::RefusedActs,
    /// For `explain`; made when first asked for.
    compiled: Mutex<explain::Kept>,
    pub(crate) autoshifts: crate::autoshift::Autoshifts,
    pub(crate) closing: crate::closing::Closing,
    requests: Semaphore,
    large: Semaphore,
    openapi: String,
}

type SharedState = axum::extract::State<Arc<Shared>>;

/// The API of one node.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    router: Router,
}

/// The API with its port open.
pub struct Bound {
    listener: Listener,
    api: Api,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "Evacuates zones, and tells why traffic goes where it goes. Instants are milliseconds since 1970 UTC. \
                       Every refusal is a Problem. A write is safe to repeat with the same request_id."
    ),
    components(schemas(hf_api::Problem))
)]
struct Description;

fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(status::status))
        .routes(routes!(shifts::list, shifts::start))
        .routes(routes!(shifts::show, shifts::cancel))
        .routes(routes!(shifts::extend))
        .routes(routes!(pins::pin, pins::unpin))
        .routes(routes!(deployments::list, deployments::start, deployments::end))
        .routes(routes!(controls::list, controls::set))
        .routes(routes!(panels::show_panel, panels::put_panel, panels::delete_panel))
        .routes(routes!(panels::show_control, panels::put_control, panels::delete_control))
        .routes(routes!(panels::show_rule, panels::put_rule, panels::delete_rule))
        .routes(routes!(practice::list))
        .routes(routes!(practice::show, practice::put, practice::delete))
        .routes(routes!(practice::start))
        .routes(routes!(autoshift::list))
        .routes(routes!(practice::autoshift))
        .routes(routes!(hosted::list))
        .routes(routes!(dns::answers))
        .routes(routes!(hosted::keys, hosted::add_key))
        .routes(routes!(hosted::move_key, hosted::remove_key))
        .routes(routes!(hosted::update))
        .routes(routes!(endpoints::list))
        .routes(routes!(endpoints::register, endpoints::deregister))
        .routes(routes!(results::list, results::push))
        .routes(routes!(estate::show, estate::apply))
        .routes(routes!(estate::compare))
        .routes(routes!(explain::explain))
        .routes(routes!(gray::gray))
        .routes(routes!(gray::recording))
        .routes(routes!(consumers::consumers))
        .routes(routes!(closing::list))
        .routes(routes!(whatif::what_if))
        .routes(routes!(whatif::scale_in))
        .routes(routes!(journal::journal))
        .routes(routes!(journal::export))
        .routes(routes!(glass::break_glass))
        .routes(routes!(status::live))
        .routes(routes!(status::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(status::openapi))
        .routes(routes!(status::front))
}

/// The description of all routes, as JSON.
pub fn openapi() -> String {
    let (_, openapi) = routes().split_for_parts();
    let mut text = openapi.to_pretty_json().expect("the description has text keys only");
    text.push('\n');
    text
}

impl Api {
    /// Builds the routes; nothing runs yet.
    pub fn new(context: Context) -> Api {
        let shared = Arc::new(Shared {
            compiled: Mutex::new(explain::Kept::new(&context.geography)),
            context,
            observed: Observed::default(),
            held: crate::practice::Held::default(),
            refusals: Refusals::default(),
            refused_acts: glass::RefusedActs::default(),
            autoshifts: crate::autoshift::Autoshifts::default(),
            closing: crate::closing::Closing::default(),
            requests: Semaphore::new(REQUESTS),
            large: Semaphore::new(LARGE),
            openapi: openapi(),
        });
        let (router, _) = routes().split_for_parts();
        let router = router
            .fallback(guard::not_found)
            .method_not_allowed_fallback(guard::not_allowed)
            .layer(from_fn_with_state(shared.clone(), guard::callers))
            .layer(from_fn_with_state(shared.clone(), crate::arc::front))
            .layer(from_fn_with_state(shared.clone(), guard::busy))
            .with_state(shared.clone());
        Api { shared, router }
    }

    /// What it stands on.
    #[cfg(test)]
    pub(crate) fn context(&self) -> &Context {
        &self.shared.context
    }

    /// The routes, for a server or a test. Requests carry [`hf_api::serve::Peer`]; without it they count as from elsewhere.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Takes in reports and snapshots until a stop is announced: rates, times to zero, the journal of decisions.
    pub async fn observe(&self, shutdown: watch::Receiver<bool>) {
        observe::run(&self.shared.context, &self.shared.observed, shutdown).await;
    }

    /// Opens the port, for plain HTTP.
    pub async fn bind(self, listen: SocketAddr) -> Result<Bound, BindError> {
        let listener = hf_api::serve::listen("api_listen", listen).await?;
        Ok(Bound { listener, api: self })
    }

    /// Opens the port, for TLS.
    pub async fn bind_tls(self, listen: SocketAddr, tls: ServerTls) -> Result<Bound, BindError> {
        let Bound { listener, api } = self.bind(listen).await?;
        Ok(Bound { listener: listener.with_tls(tls), api })
    }
}

impl Bound {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers and observes until `shutdown` becomes true.
    pub async fn run(self, shutdown: watch::Receiver<bool>) {
        let service = TowerToHyperService::new(self.api.router());
        let serve = self.listener.serve(service, CONNECTIONS, shutdown.clone());
        let refusals = self.api.shared.refusals.run(&self.api.shared.context, shutdown.clone());
        let expiring = crate::expiring::run(&self.api.shared.context, shutdown.clone());
        let sources = &self.api.shared.context.sources;
        let sources = crate::sources::run(&self.api.shared.context, sources, shutdown.clone());
        let carried = crate::capacity::run(&self.api.shared.context.carried, shutdown.clone());
        let Shared { context, observed, held, .. } = &*self.api.shared;
        let notify = crate::notify::run(context, shutdown.clone());
        let practice = crate::practice::run(context, observed, held, shutdown.clone());
        let autoshift =
            crate::autoshift::run(&self.api.shared.context, &self.api.shared.autoshifts, shutdown.clone());
        let closing =
            crate::closing::run(&self.api.shared.context, &self.api.shared.closing, shutdown.clone());
        tokio::join!(
            serve,
            closing,
            self.api.observe(shutdown),
            refusals,
            expiring,
            sources,
            autoshift,
            carried,
            practice,
            notify
        );
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::fixture;
