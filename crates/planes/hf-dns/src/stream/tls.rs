//! The certificate of DNS over TLS, which may change while it serves.
//!
//! 1. The files are looked at every second. A change counts when two looks agree on it, so that a certificate and its key, replaced one
//!    after the other, are read together.
//! 2. Bad new files keep the old ones in force, and the log says so. Connections that are open go on as they began.
//! 3. A node that serves starts without good files too: until there are some, connections are closed at once.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use hf_config::node::DnsTls;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{error, info};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The protocol's name in a handshake (RFC 7858 is older than that; the registry of the IANA has it).
const ALPN: &[u8] = b"dot";

/// Why DNS over TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as PEM of its kind.
    #[error("{}: {problem}; check `tls` of [dns] and the file's permissions", .file.display())]
    Unreadable {
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

/// The server's side of TLS; all clones are one.
#[derive(Clone)]
pub struct DotTls(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    /// None until there were good files.
    config: ArcSwapOption<ServerConfig>,
    problem: watch::Sender<Option<String>>,
}

impl std::fmt::Debug for DotTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DotTls").field("certificate", &self.0.certificate).finish_non_exhaustive()
    }
}

impl Inner {
    fn new(files: &DnsTls, config: Option<ServerConfig>, problem: Option<String>) -> Inner {
        Inner {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            config: ArcSwapOption::from_pointee(config),
            problem: watch::Sender::new(problem),
        }
    }
}

/// How the files look from outside: what tells a changed one.
type Looks = [Option<(SystemTime, u64, u64)>; 2];

impl DotTls {
    /// Reads the files; blocks.
    pub fn load(config: &DnsTls) -> Result<DotTls, TlsError> {
        let (tls, problem) = DotTls::load_or_wait(config);
        problem.map_or(Ok(tls), Err)
    }

    /// Reads the files, or waits until they are good, and says why; blocks.
    pub fn load_or_wait(config: &DnsTls) -> (DotTls, Option<TlsError>) {
        let read = read(&config.certificate, &config.key);
        let problem = read.as_ref().err().map(ToString::to_string);
        let (config, error) = match read {
            Ok(read) => (Inner::new(config, Some(read), problem), None),
            Err(error) => (Inner::new(config, None, problem), Some(error)),
        };
        (DotTls(Arc::new(config)), error)
    }

    /// Why the files as they are on disk are not in force; none when they are.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.0.problem.subscribe()
    }

    /// One handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let none = || std::io::Error::other("there is no certificate yet");
        TlsAcceptor::from(self.0.config.load_full().ok_or_else(none)?).accept(stream).await
    }

    /// Looks at the files every second; never ends.
    pub(crate) async fn watch(&self) {
        let mut last = self.looks().await;
        // Without a certificate whatever is there counts.
        let mut in_force = self.0.config.load().is_some().then_some(last);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.looks().await;
            let steady = now == last;
            last = now;
            if !steady || Some(now) == in_force {
                continue;
            }
            in_force = Some(now);
            let inner = self.0.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || read(&inner.certificate, &inner.key)).await
            else {
                return;
            };
            match read {
                Ok(config) => {
                    self.0.config.store(Some(Arc::new(config)));
                    self.0.problem.send_replace(None);
                    info!(certificate = %self.0.certificate.display(), "the certificate of DNS over TLS has changed");
                }
                Err(problem) => {
                    error!(%problem, "the certificate of DNS over TLS cannot be used; the one of before stays");
                    self.0.problem.send_replace(Some(problem.to_string()));
                }
            }
        }
    }

    async fn looks(&self) -> Looks {
        let inner = self.0.clone();
        let look = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        };
        let looks = tokio::task::spawn_blocking(move || [look(&inner.certificate), look(&inner.key)]);
        looks.await.unwrap_or_default()
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let unreadable =
        |file: &Path, problem: String| TlsError::Unreadable { file: file.to_path_buf(), problem };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|problem| unreadable(certificate, problem.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(certificate, "it holds no certificate in PEM form".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|problem| unreadable(key, problem.to_string()))?;
    let bad_pair = |problem: rustls::Error| TlsError::BadPair {
        certificate: certificate.to_path_buf(),
        key: key.to_path_buf(),
        problem: problem.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(bad_pair)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(bad_pair)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}
