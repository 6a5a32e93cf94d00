//! The server's side: certificates that may change while it runs.
//!
//! 1. Files are looked at every second. A change counts when two looks agree on it, so that a certificate and its key, replaced
//!    one after the other, are read together.
//! 2. Bad new files keep the old ones in force; [`ServerTls::problem`] says so until that is mended. So does an end that is near.
//! 3. A certificate that has ended is served all the same: clients that pin its key go on, and the others say why they do not.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use hf_clock::Clock;
use rustls::ServerConfig;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use super::{
    KeyPin, TlsError, bad_authority, bad_pair, ends_at_ms, names_of, read_authority, read_certificates,
    read_key,
};

/// Handshakes at a time; further ones wait, within the same [`HANDSHAKE`].
pub const HANDSHAKES: usize = 128;
/// From a connection's acceptance to the end of its handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// Between two looks at the files.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long before its end a certificate is warned of: as long as a shift may last.
const WARN_BEFORE: Duration = Duration::from_hours(72);

/// Where the server's certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// Its certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whether clients show certificates.
    pub clients: ClientCertificates,
}

/// Whether clients show certificates, and of which authority (a PEM file).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    NotAsked,
    /// Those who have one may show it; the others show a token.
    Welcome(PathBuf),
    /// No connection without one.
    Required(PathBuf),
}

/// The server's side of TLS; all clones are one.
#[derive(Clone)]
pub struct ServerTls(Arc<Inner>);

struct Inner {
    files: ServerFiles,
    /// What is spoken inside, by its name in ALPN.
    protocol: &'static [u8],
    clock: Clock,
    current: RwLock<Current>,
    problem: watch::Sender<Option<String>>,
    handshakes: Semaphore,
}

#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    pin: Option<KeyPin>,
    ends_at_ms: Option<u64>,
    looks: Vec<Look>,
}

/// How a file looks from outside: what tells a changed one.
type Look = Option<(SystemTime, u64, u64)>;

impl ServerTls {
    /// Reads the files; blocks. For HTTP/1.1.
    pub fn load(files: ServerFiles, clock: Clock) -> Result<ServerTls, TlsError> {
        ServerTls::load_for(b"http/1.1", files, clock)
    }

    /// As [`ServerTls::load`], for another protocol by its name in ALPN, such as `h2`.
    pub fn load_for(
        protocol: &'static [u8],
        files: ServerFiles,
        clock: Clock,
    ) -> Result<ServerTls, TlsError> {
        let current = read(&files, protocol, looks(&files))?;
        let tls = ServerTls(Arc::new(Inner {
            files,
            protocol,
            clock,
            current: RwLock::new(current),
            problem: watch::Sender::new(None),
            handshakes: Semaphore::new(HANDSHAKES),
        }));
        tls.tell_problem(None);
        Ok(tls)
    }

    /// The public key as clients pin it.
    pub fn pin(&self) -> Option<KeyPin> {
        self.current().pin
    }

    /// What is wrong with the files now, or soon; none when nothing is.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.0.problem.subscribe()
    }

    /// Looks at the files every second; never ends.
    pub async fn watch(&self) {
        let (mut last, mut refused) = (self.current().looks, None);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.0.files.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || looks(&files)).await else { return };
            let steady = now == last;
            last.clone_from(&now);
            if !steady || now == self.current().looks || refused.as_ref() == Some(&now) {
                if now == self.current().looks {
                    refused = None; // the good ones are back
                }
                self.tell_problem(refused.is_some().then(|| self.0.problem.borrow().clone()).flatten());
                continue;
            }
            let files = self.0.files.clone();
            let (looked, protocol) = (now.clone(), self.0.protocol);
            let read = tokio::task::spawn_blocking(move || read(&files, protocol, looked));
            let Ok(read) = read.await else { return };
            match read {
                Ok(current) => {
                    info!(pin = ?current.pin, "the API's certificate has changed");
                    *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = current;
                    refused = None;
                    self.tell_problem(None);
                }
                Err(problem) => {
                    refused = Some(now);
                    let told = format!(
                        "the API's certificates have changed and cannot be used, those of before stay: {problem}"
                    );
                    warn!(%problem, "the API's certificates have changed and cannot be used; those of before stay");
                    self.tell_problem(Some(told));
                }
            }
        }
    }

    /// A connection's handshake, within bounds; none when it did not come about.
    pub async fn accept(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Arc<[String]>)> {
        let shaken = async {
            let _turn = self.0.handshakes.acquire().await.ok()?;
            let config = self.current().config;
            TlsAcceptor::from(config).accept(stream).await.ok()
        };
        // Whoever cannot speak TLS is told so by the alert; there is nobody else to tell.
        let stream = tokio::time::timeout(HANDSHAKE, shaken).await.ok()??;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let names = shown.map(|certificate| names_of(certificate)).unwrap_or_default();
        Some((stream, names.into()))
    }

    fn current(&self) -> Current {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A problem of the files, else the end that is near.
    fn tell_problem(&self, of_files: Option<String>) {
        let near = || {
            let ends_at_ms = self.current().ends_at_ms?;
            let now = self.0.clock.now();
            let file = self.0.files.certificate.display();
            if ends_at_ms <= now.0 {
                Some(format!("{file}: the API's certificate has ended; issue a new one"))
            } else if ends_at_ms <= now.plus(WARN_BEFORE).0 {
                let at = crate::instant(ends_at_ms);
                Some(format!("{file}: the API's certificate ends at {at}; issue a new one"))
            } else {
                None
            }
        };
        let problem = of_files.or_else(near);
        self.0.problem.send_if_modified(|told| {
            let changed = *told != problem;
            if changed {
                if let Some(problem) = &problem {
                    warn!(problem, "the API's TLS");
                }
                *told = problem;
            }
            changed
        });
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

fn looks(files: &ServerFiles) -> Vec<Look> {
    let look = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    };
    let authority = match &files.clients {
        ClientCertificates::NotAsked => None,
        ClientCertificates::Welcome(file) | ClientCertificates::Required(file) => Some(file.as_path()),
    };
    [Some(files.certificate.as_path()), Some(files.key.as_path()), authority]
        .into_iter()
        .flatten()
        .map(look)
        .collect()
}

fn read(files: &ServerFiles, protocol: &[u8], looks: Vec<Look>) -> Result<Current, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = |file: &Path| {
        let roots = Arc::new(read_authority(file)?);
        Ok(WebPkiClientVerifier::builder_with_provider(roots, provider.clone()))
    };
    let clients = match &files.clients {
        ClientCertificates::NotAsked => Arc::new(NoClientAuth),
        ClientCertificates::Welcome(file) => {
            verifier(file)?.allow_unauthenticated().build().map_err(|error| bad_authority(file, &error))?
        }
        ClientCertificates::Required(file) => {
            verifier(file)?.build().map_err(|error| bad_authority(file, &error))?
        }
    };
    let chain: Vec<CertificateDer<'static>> = read_certificates(&files.certificate)?;
    let key = read_key(&files.key)?;
    let (pin, ends_at_ms) = (KeyPin::of(&chain[0]), ends_at_ms(&chain[0]));
    let failed = |error| bad_pair(&files.certificate, &files.key, &error);
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(failed)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Current { config: Arc::new(config), pin, ends_at_ms, looks })
}
