//! TLS to etcd: its authority, and what we show.
//!
//! Not here: which endpoints have TLS (`hf-config`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hf_config::node::EtcdTls;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why the way to etcd cannot be set up; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdFilesError {
    /// A file cannot be read.
    #[error("{path}: cannot be read; check [ledger] in the node file and the file's permissions", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A file holds nothing of the kind.
    #[error("{path}: holds no {what}; is it the right file?", path = path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A certificate or key cannot be used.
    #[error("{path}: {problem}; use a certificate and the key that was made with it", path = path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

/// Reads the files.
pub fn load(config: &EtcdTls) -> Result<Arc<ClientConfig>, EtcdFilesError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&config.ca)? {
        roots.add(authority).map_err(|error| unusable(&config.ca, &error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&config.ca, &error))?
        .with_root_certificates(roots);
    let mut tls = match &config.own {
        Some(own) => {
            let key = PrivateKeyDer::from_pem_slice(&read(&own.key)?).map_err(|_| EtcdFilesError::Empty {
                path: own.key.clone(),
                what: "private key in PEM form",
            })?;
            builder
                .with_client_auth_cert(certificates(&own.certificate)?, key)
                .map_err(|error| unusable(&own.certificate, &error))?
        }
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(tls))
}

/// The password in a file, without the newline that editors put at its end.
pub fn password(path: &Path) -> Result<String, EtcdFilesError> {
    let bytes = read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| EtcdFilesError::Unusable { path: path.to_owned(), problem: "not a text".to_owned() })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(EtcdFilesError::Empty { path: path.to_owned(), what: "password" });
    }
    Ok(text.to_owned())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, EtcdFilesError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(EtcdFilesError::Empty { path: path.to_owned(), what: "certificate in PEM form" }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, EtcdFilesError> {
    std::fs::read(path).map_err(|source| EtcdFilesError::Unreadable { path: path.to_owned(), source })
}

fn unusable(path: &Path, error: &rustls::Error) -> EtcdFilesError {
    EtcdFilesError::Unusable { path: path.to_owned(), problem: error.to_string() }
}
