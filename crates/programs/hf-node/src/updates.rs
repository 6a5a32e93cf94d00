//! Dynamic updates on their way from the DNS role to the ledger.
//!
//! 1. A node with the control role hands them to its own writer, and answers when its own DNS answers by them (`ObeyedHere`).
//! 2. Another one hands them to any control node that it hears of, over that node's API and TLS, known by the key that its reports name. It
//!    shows the certificate that it has for the feed: `access.toml` there gives that the role `update`, and no secret is added.
//! 3. At most [`AT_A_TIME`] are under way, each for [`PATIENCE`]; beyond, and whenever the ledger is out of reach, the client gets SERVFAIL and
//!    asks again. Its request id makes that harmless.
//!
//! Not here: signatures and forms (`hf-dns`), whether it may be (`hf-control`).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hf_api::tls::{ClientTls, Identity, KeyPin, Trust};
use hf_api::{Client, ClientError};
use hf_config::node::Role;
use hf_control::{Command, HostedUpdate, Outcome, Refusal, UpdateChange, UpdatePrerequisite, UpdateRcode};
use hf_control_plane::{Control, ObeyedHere};
use hf_dns::{Answering, UpdateRequest, Updates};
use hf_feed::Reports;
use hf_model::Operator;
use hf_wire::Rcode;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

/// Updates under way at a time.
const AT_A_TIME: usize = 64;
/// For one update; less than clients wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// Hands updates to the ledger.
#[derive(Clone)]
pub struct HandedOn {
    /// This node's own writer, with the control role, and what its planes obey.
    control: Option<(Control, ObeyedHere)>,
    reports: watch::Receiver<Arc<Reports>>,
    /// This node's certificate of the feed.
    identity: Option<Identity>,
    room: Arc<Semaphore>,
}

impl HandedOn {
    /// Over the own writer, or over the control nodes that reports tell of.
    pub fn new(
        control: Option<(Control, ObeyedHere)>,
        reports: watch::Receiver<Arc<Reports>>,
        identity: Option<Identity>,
    ) -> HandedOn {
        HandedOn { control, reports, identity, room: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    async fn hand(self, request: UpdateRequest) -> Rcode {
        let Ok(_room) = self.room.try_acquire() else { return Rcode::SERV_FAIL };
        let (hosted_zone, key) = (request.hosted_zone.clone(), request.key.clone());
        let handed = async {
            match &self.control {
                Some((control, obeyed)) => to_own_writer(control, obeyed, request).await,
                None => self.to_a_control_node(request).await,
            }
        };
        match timeout(PATIENCE, handed).await {
            Ok(Ok(rcode)) => rcode,
            Ok(Err(problem)) => {
                warn!(%hosted_zone, %key, %problem, "a dynamic update did not get to the ledger; its client is told to ask again");
                Rcode::SERV_FAIL
            }
            Err(_) => {
                warn!(%hosted_zone, %key, "no control node answered a dynamic update in time; its client is told to ask again");
                Rcode::SERV_FAIL
            }
        }
    }

    async fn to_a_control_node(&self, request: UpdateRequest) -> Result<Rcode, String> {
        let (mut endpoints, mut pins) = (Vec::new(), Vec::new());
        for heard in self.reports.borrow().values() {
            let report = &heard.report;
            if report.roles.contains(&Role::Control)
                && let Some(api) = &report.api
            {
                endpoints.push(api.clone());
                pins.extend(report.api_key.as_deref().and_then(|key| key.parse::<KeyPin>().ok()));
            }
        }
        if endpoints.is_empty() {
            return Err(
                "no control node is heard, or none has an API that others reach; see its `api` listener"
                    .to_owned(),
            );
        }
        let client = if pins.is_empty() {
            Client::new(endpoints, None)
        } else {
            let (trust, identity) = (Trust::Keys(pins), self.identity.clone());
            let loaded =
                tokio::task::spawn_blocking(move || ClientTls::load(&trust, identity.as_ref())).await;
            let tls =
                loaded.expect("reading certificates does not panic").map_err(|error| error.to_string())?;
            Client::with_tls(endpoints, None, Some(tls))
        };
        let client = client.map_err(|error| error.to_string())?;
        let (hosted_zone, update) = (request.hosted_zone.to_string(), on_the_wire(&request));
        match client.update_hosted_zone(&hosted_zone, &update).await {
            Ok(_) => Ok(Rcode::NO_ERROR),
            Err(ClientError::Refused { code, message, .. }) if code.starts_with("update-") => {
                debug!(%hosted_zone, %code, %message, "a dynamic update was refused");
                let known = UpdateRcode::ALL.into_iter();
                let mut known =
                    known.filter(|rcode| code == format!("update-{}", rcode.to_string().to_lowercase()));
                Ok(known.next().map_or(Rcode::SERV_FAIL, |rcode| Rcode(u16::from(rcode.number()))))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Updates for HandedOn {
    fn update(&self, request: UpdateRequest) -> Answering {
        Box::pin(self.clone().hand(request))
    }
}

async fn to_own_writer(
    control: &Control,
    obeyed: &ObeyedHere,
    request: UpdateRequest,
) -> Result<Rcode, String> {
    let by = Operator::new(&format!("key {}", request.key));
    let UpdateRequest { hosted_zone, key, prerequisites, changes, request_id } = request;
    let update = HostedUpdate { hosted_zone, key, prerequisites, changes };
    match control.submit(by, request_id, Command::UpdateHostedZone(update)).await {
        Ok(Outcome::Done { revision, .. }) => {
            obeyed.revision(revision).await;
            Ok(Rcode::NO_ERROR)
        }
        Ok(Outcome::Refused(Refusal::Update { code, .. })) => Ok(Rcode(u16::from(code.number()))),
        Ok(Outcome::Refused(other)) => Err(other.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// As the API takes it.
fn on_the_wire(request: &UpdateRequest) -> hf_api::UpdateHostedZone {
    let prerequisite = |part: &UpdatePrerequisite| {
        use hf_api::UpdatePrerequisite as Part;
        let name = part.name().to_string();
        match part {
            UpdatePrerequisite::NameInUse(_) => Part::NameInUse { name },
            UpdatePrerequisite::NameNotInUse(_) => Part::NameNotInUse { name },
            UpdatePrerequisite::SetExists(_, rtype) => Part::SetExists { name, rtype: *rtype },
            UpdatePrerequisite::SetMissing(_, rtype) => Part::SetMissing { name, rtype: *rtype },
            UpdatePrerequisite::RecordExists(_, rtype, rdata) => {
                Part::RecordExists { name, rtype: *rtype, rdata: hex(rdata) }
            }
        }
    };
    let change = |change: &UpdateChange| {
        use hf_api::UpdateChange as Part;
        let name = change.name().to_string();
        match change {
            UpdateChange::Add(record) => {
                Part::Add { name, rtype: record.rtype, ttl_s: record.ttl, rdata: hex(&record.rdata) }
            }
            UpdateChange::Delete(_, rtype, rdata) => Part::Delete { name, rtype: *rtype, rdata: hex(rdata) },
            UpdateChange::DeleteSet(_, rtype) => Part::DeleteSet { name, rtype: *rtype },
            UpdateChange::DeleteName(_) => Part::DeleteName { name },
        }
    };
    hf_api::UpdateHostedZone {
        key: request.key.to_string(),
        prerequisites: request.prerequisites.iter().map(prerequisite).collect(),
        changes: request.changes.iter().map(change).collect(),
        request_id: Some(request.request_id.to_string()),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
