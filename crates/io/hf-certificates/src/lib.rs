//! Certificates that a server shows: several, chosen by the name that a client asks for, read again when their files change.
//!
//! 1. A certificate counts for the DNS names that it holds, `*.` names for one label. The exact name comes first, then the pattern; among pairs with
//!    one name the first has it. Whoever asks for no name, or for one that nobody has, is shown the first good pair.
//! 2. The files are looked at every second. A change counts when two looks agree on it, so that a certificate and its key, replaced one
//!    after the other, are read together.
//! 3. Bad new files keep that pair's old ones in force, and the log and [`Certificates::problem`] say so. Connections that are open go on as they
//!    began.
//! 4. A server that must serve starts without good files too ([`Certificates::load_or_wait`]): until there is a good pair handshakes fail.
//! 5. Sessions are resumed by tickets whose key this process makes and changes by itself; nothing of a session is kept here.
//!
//! Beside them: the authorities of a file, for whoever verifies others ([`read_authorities`]).
//!
//! Not here: handshakes, sockets, clients' certificates.

mod read;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tracing::{error, info};

use crate::read::{Loaded, read};

pub use read::read_authorities;
pub use rustls::RootCertStore;

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The files of one certificate, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a pair cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read as PEM of its kind.
    #[error("{}: {problem}; check the path and the file's permissions", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// A certificate of an authority cannot be used.
    #[error("{}: not a usable certificate of an authority ({problem}); issue it anew as a CA", .file.display())]
    BadAuthority {
        /// Which.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// They cannot be used together.
    #[error("{} and {}: {problem}; use the two files that were made together", .certificate.display(), .key.display())]
    BadPair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        problem: String,
    },
}

/// All pairs of a server; all clones are one.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    pairs: Vec<Pair>,
    /// How the files looked right before they were read first.
    looked: Vec<Looks>,
    table: ArcSwap<Table>,
    problem: watch::Sender<Option<String>>,
}

/// Which certificate is for which name.
#[derive(Clone, Default)]
struct Table {
    /// In the order of the pairs; none where there were never good files.
    loaded: Vec<Option<Loaded>>,
    exactly: BTreeMap<String, Arc<CertifiedKey>>,
    /// By what follows the `*.`.
    below: BTreeMap<String, Arc<CertifiedKey>>,
}

impl Table {
    fn new(loaded: Vec<Option<Loaded>>) -> Self {
        let (mut exactly, mut below) = (BTreeMap::new(), BTreeMap::new());
        for one in loaded.iter().flatten() {
            for name in &one.names {
                match name.strip_prefix("*.") {
                    Some(rest) => below.entry(rest.to_owned()).or_insert_with(|| one.key.clone()),
                    None => exactly.entry(name.clone()).or_insert_with(|| one.key.clone()),
                };
            }
        }
        Table { loaded, exactly, below }
    }

    fn for_name(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let named = name.and_then(|name| {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let pattern = || self.below.get(name.split_once('.')?.1);
            self.exactly.get(&name).or_else(pattern).cloned()
        });
        named.or_else(|| self.loaded.iter().flatten().next().map(|first| first.key.clone()))
    }
}

/// How the files of one pair look from outside: what tells changed ones.
type Looks = [Option<(SystemTime, u64, u64)>; 2];

impl Certificates {
    /// Reads all pairs; blocks.
    ///
    /// # Errors
    ///
    /// What is wrong with each pair that is not good.
    pub fn load(pairs: Vec<Pair>) -> Result<Certificates, Vec<CertificateError>> {
        let (certificates, problems) = Certificates::load_or_wait(pairs);
        if problems.is_empty() { Ok(certificates) } else { Err(problems) }
    }

    /// Reads what is good, waits for the rest, and says what is wrong with that; blocks.
    pub fn load_or_wait(pairs: Vec<Pair>) -> (Certificates, Vec<CertificateError>) {
        let mut problems = Vec::new();
        let looked = looks(&pairs);
        let loaded = pairs
            .iter()
            .map(|pair| read(pair).map_err(|problem| problems.push(problem)).ok())
            .collect::<Vec<_>>();
        let inner = Inner {
            pairs,
            looked,
            table: ArcSwap::from_pointee(Table::new(loaded)),
            problem: watch::Sender::new(in_words(&problems)),
        };
        (Certificates(Arc::new(inner)), problems)
    }

    /// Whether a handshake can succeed now.
    pub fn is_ready(&self) -> bool {
        self.0.table.load().loaded.iter().any(Option::is_some)
    }

    /// Why files as they are on disk are not in force; none when all are.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.0.problem.subscribe()
    }

    /// How handshakes go, with these protocols in the server's order; certificates are those of the moment of each handshake.
    pub fn server_config(&self, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        // One is enough for the next connection, which brings another; each costs as much as a record.
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    /// Looks at the files every second; never ends.
    pub async fn watch(&self) {
        // Files that changed since they were read, before anybody watched, are news too.
        let mut last = self.0.looked.clone();
        // What was read at the start; pairs that were not good are read again whatever they look like.
        let mut in_force: Vec<Option<Looks>> = {
            let table = self.0.table.load();
            last.iter().zip(&table.loaded).map(|(looks, loaded)| loaded.as_ref().map(|_| *looks)).collect()
        };
        let mut problems: Vec<Option<CertificateError>> = vec![None; self.0.pairs.len()];
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.looks().await;
            for (at, looks) in now.iter().enumerate() {
                if last.get(at) == Some(looks) && in_force[at] != Some(*looks) {
                    in_force[at] = Some(*looks);
                    problems[at] = self.read_again(at).await;
                    let all: Vec<_> = problems.iter().flatten().cloned().collect();
                    self.0.problem.send_replace(in_words(&all));
                }
            }
            last = now;
        }
    }

    async fn read_again(&self, at: usize) -> Option<CertificateError> {
        let pair = self.0.pairs[at].clone();
        let certificate = pair.certificate.clone();
        match tokio::task::spawn_blocking(move || read(&pair)).await.ok()? {
            Ok(read) => {
                let mut loaded = self.0.table.load().loaded.clone();
                loaded[at] = Some(read);
                self.0.table.store(Arc::new(Table::new(loaded)));
                info!(certificate = %certificate.display(), "a certificate has changed");
                None
            }
            Err(problem) => {
                error!(%problem, "a certificate cannot be used; the one of before stays");
                Some(problem)
            }
        }
    }

    async fn looks(&self) -> Vec<Looks> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || looks(&inner.pairs)).await.unwrap_or_default()
    }
}

fn looks(pairs: &[Pair]) -> Vec<Looks> {
    pairs.iter().map(|pair| [look(&pair.certificate), look(&pair.key)]).collect()
}

fn look(path: &Path) -> Option<(SystemTime, u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

fn in_words(problems: &[CertificateError]) -> Option<String> {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.table.load().for_name(hello.server_name())
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("pairs", &self.0.pairs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
