//! The certificate of DNS over TLS, which may change while it serves.
//!
//! 1. The files are looked at every second. A change counts when two looks agree on it, so that a certificate and its key, replaced one
//!    after the other, are read together.
//! 2. Bad new files keep the old ones in force, and the log says so. Connections that are open go on as they began.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use hf_config::node::DnsTls;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
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
    config: ArcSwap<ServerConfig>,
}

impl std::fmt::Debug for DotTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DotTls").field("certificate", &self.0.certificate).finish_non_exhaustive()
    }
}

/// How the files look from outside: what tells a changed one.
type Looks = [Option<(SystemTime, u64, u64)>; 2];

impl DotTls {
    /// Reads the files; blocks.
    pub fn load(config: &DnsTls) -> Result<DotTls, TlsError> {
        let read = read(&config.certificate, &config.key)?;
        Ok(DotTls(Arc::new(Inner {
            certificate: config.certificate.clone(),
            key: config.key.clone(),
            config: ArcSwap::from_pointee(read),
        })))
    }

    /// One handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.config.load_full()).accept(stream).await
    }

    /// Looks at the files every second; never ends.
    pub(crate) async fn watch(&self) {
        let mut in_force = self.looks().await;
        let mut last = in_force;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.looks().await;
            let steady = now == last;
            last = now;
            if !steady || now == in_force {
                continue;
            }
            in_force = now;
            let inner = self.0.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || read(&inner.certificate, &inner.key)).await
            else {
                return;
            };
            match read {
                Ok(config) => {
                    self.0.config.store(Arc::new(config));
                    info!(certificate = %self.0.certificate.display(), "the certificate of DNS over TLS has changed");
                }
                Err(problem) => error!(
                    %problem,
                    "the certificate of DNS over TLS has changed and cannot be used; the one of before stays"
                ),
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
