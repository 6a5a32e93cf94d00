//! One notice to one receiver: a webhook, a server of NATS, or a mail.
//!
//! 1. A delivery is one attempt with a time of its own ([`NotifyWay::TIMEOUT`], or the command's); whoever calls tries again.
//! 2. It is over when the receiver has said so: a status of 2xx, NATS' PONG after the message, exit status 0.
//! 3. What fails says what, where and how to mend it; [`Failed::is_rejected`] when the same notice would fail for ever.
//! 4. Secrets are read from their files at each delivery, so a new one counts at once.
//!
//! Not here: what is told and when, order, repetition (`hf-control-plane`).

mod connect;
mod mail;
mod nats;
mod notice;
mod webhook;

use hf_config::node::NotifyWay;
use hf_model::Timestamp;
use tokio::time::timeout;

pub use notice::Notice;
pub use webhook::sign;

/// Why a notice did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Failed {
    /// What, where, how to mend it.
    pub words: String,
    /// The receiver has read it and does not want it: the same one will not be wanted later.
    pub is_rejected: bool,
}

impl Failed {
    fn new(words: impl Into<String>) -> Failed {
        Failed { words: words.into(), is_rejected: false }
    }
}

/// Delivers once. `now` is what a signature is dated with.
pub async fn deliver(way: &NotifyWay, notice: &Notice, now: Timestamp) -> Result<(), Failed> {
    let limit = match way {
        NotifyWay::Mail { command, .. } => command.timeout,
        NotifyWay::Webhook { .. } | NotifyWay::Nats { .. } => NotifyWay::TIMEOUT,
    };
    let delivery = async {
        match way {
            NotifyWay::Webhook { url, secret_file, ca } => {
                webhook::post(url, secret_file.as_deref(), ca.as_deref(), notice, now).await
            }
            NotifyWay::Nats { server, subject, credentials_file, ca } => {
                nats::publish(server, subject, credentials_file.as_deref(), ca.as_deref(), notice).await
            }
            NotifyWay::Mail { command, to, from } => {
                mail::hand_over(&command.command, to, from.as_deref(), notice, now).await
            }
        }
    };
    timeout(limit, delivery).await.unwrap_or_else(|_| {
        Err(Failed::new(format!("no answer within {} s; see what holds the receiver up", limit.as_secs())))
    })
}
