//! One look at one store: is the object, the page or the file there, is the item healthy, that closes a zone.
//!
//! 1. What a store says counts only if it says it plainly ([`Look::There`], [`Look::Absent`]). Whatever else comes back, an error, a denial,
//!    a redirect, somebody else's page, nothing in time, is [`Look::Silent`], with why and how to mend it: it is never taken for an absence.
//! 2. An absence needs a store that is there itself: a bucket that lists nothing, 404 or 410 of a server, a folder without the file,
//!    a table without the item. A bucket, table or folder that is missing is silence.
//! 3. A look is one connection of its own, over in the time that it is given. Of an answer 64 KiB are read at most; more is silence.
//! 4. No redirect is followed: it would ask somebody whom nobody named, and show them a signed request.
//! 5. Secrets and authorities are read from their files at each look, so a new one counts at once.
//!
//! Not here: what may be looked at (`hf-config`), how often is looked, how many stores must agree (`hf-closing`), what is done
//! then (`hf-control-plane`).

pub mod answers;
mod disk;
mod file;
mod http_page;
mod object;
mod table;
mod wire;

#[cfg(test)]
mod test_server;

use std::path::PathBuf;
use std::time::Duration;

pub use hf_closing::Look;

use hf_config::estate::StorePlace;
use hf_config::node::{StoreCredentials, StoresConfig};
use hf_model::Timestamp;
use tokio::time::timeout;

use disk::Disk;

/// Bytes of an answer, a secret or a file of authorities that are read at most.
pub const BYTES_MAX: usize = 64 * 1024;

/// One store.
#[derive(Debug)]
pub struct Store {
    place: StorePlace,
    access: Access,
    disk: Disk,
}

/// What this node brings to a store.
#[derive(Debug)]
struct Access {
    ca: Option<PathBuf>,
    credentials: Option<StoreCredentials>,
}

impl Store {
    /// A store that nobody has looked at, with what the node brings to it.
    pub fn new(place: StorePlace, node: &StoresConfig) -> Store {
        let credentials = place.credentials().and_then(|name| node.named(name)).cloned();
        Store { place, access: Access { ca: node.ca.clone(), credentials }, disk: Disk::default() }
    }

    /// Where it is.
    pub fn place(&self) -> &StorePlace {
        &self.place
    }

    /// Looks once. `now` is what a signature is dated with.
    ///
    /// One look at a time: a second one may find the disk taken, and is silent then.
    pub async fn look(&self, within: Duration, now: Timestamp) -> Look {
        match timeout(within, self.ask(now)).await {
            Ok(Ok(look)) => look,
            Ok(Err(why)) => Look::Silent { why },
            Err(_) => Look::Silent {
                why: format!(
                    "{} has not answered within {} ms; see what holds it up",
                    self.place,
                    within.as_millis()
                ),
            },
        }
    }

    async fn ask(&self, now: Timestamp) -> Result<Look, String> {
        if let Some(name) = self.place.credentials()
            && self.access.credentials.is_none()
        {
            return Err(format!(
                "this node has no credentials `{name}`; add [[credentials]] to its node file"
            ));
        }
        let door = Door { access: &self.access, disk: &self.disk, now };
        match &self.place {
            StorePlace::Object { service, bucket, key, path_style } => {
                object::Bucket { service, bucket, path_style: *path_style }.look(key, &door).await
            }
            StorePlace::Http { url } => http_page::look(url, &door).await,
            StorePlace::File { path } => file::look(path, &self.disk).await,
            StorePlace::Table { service, table, key, value, attribute } => {
                table::Item { service, table, key, value, attribute }.look(&door).await
            }
        }
    }
}

/// What one look goes through.
struct Door<'a> {
    access: &'a Access,
    disk: &'a Disk,
    now: Timestamp,
}

/// What others wrote, fit to stand in a message: without control characters, 200 characters at most.
fn shown(text: &str) -> String {
    let mut short: String =
        text.trim().chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(200).is_some() {
        short.push('…');
    }
    short
}
