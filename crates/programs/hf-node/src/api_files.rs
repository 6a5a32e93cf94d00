//! Watches the files that the API goes by, who may do what and its certificate: what is wrong with them stands in the node's report.
//!
//! 1. They are looked at every [`LOOK_EVERY`], also while nobody asks anything: who breaks a file learns it before it is needed.
//! 2. What was read before stays in force while there is a problem.
//!
//! Not here: reading the files (`hf_control_plane::Access`, `hf_api::tls`).

use std::time::Duration;

use hf_api::tls::ServerTls;
use hf_control_plane::Access;
use tokio::sync::watch;
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches until `shutdown`. `problem` is what is wrong now.
pub async fn run(
    access: Access,
    tls: Option<ServerTls>,
    problem: watch::Sender<Option<String>>,
    mut shutdown: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = shutdown.wait_for(|stop| *stop) => {}
        () = watch_for_ever(&access, tls.as_ref(), &problem) => {}
    }
}

async fn watch_for_ever(access: &Access, tls: Option<&ServerTls>, problem: &watch::Sender<Option<String>>) {
    loop {
        access.refresh().await;
        let found = together(
            access.problem().map(|problem| format!("{problem}; who may do what stays as it was before")),
            tls.and_then(|tls| tls.problem().borrow().clone()),
        );
        problem.send_if_modified(|told| {
            let is_new = *told != found;
            *told = found;
            is_new
        });
        sleep(LOOK_EVERY).await;
    }
}

fn together(access: Option<String>, tls: Option<String>) -> Option<String> {
    match (access, tls) {
        (Some(access), Some(tls)) => Some(format!("{access}\n{tls}")),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
