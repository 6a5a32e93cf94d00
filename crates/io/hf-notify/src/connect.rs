//! A connection to a receiver, with TLS where its address says so.

use std::path::Path;
use std::sync::Arc;

use hf_config::node::Url;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Failed;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A TCP connection.
pub async fn connect(to: &Url) -> Result<TcpStream, Failed> {
    let stream = TcpStream::connect(to.authority()).await;
    let stream = stream.map_err(|error| {
        Failed::new(format!(
            "no connection to {}: {error}; see whether it runs and is reached",
            to.authority()
        ))
    })?;
    let _ = stream.set_nodelay(true); // only slower without
    Ok(stream)
}

/// TLS on it; the certificate is of this authority, else of a public one, and names the host.
pub async fn secure(stream: TcpStream, to: &Url, ca: Option<&Path>) -> Result<Box<dyn Stream>, Failed> {
    let failed = |what: &str| Failed::new(format!("TLS with {}: {what}", to.authority()));
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let unreadable = |error: &dyn std::fmt::Display| {
                Failed::new(format!("{}: {error}; write PEM certificates there", file.display()))
            };
            let pem = tokio::fs::read(file).await.map_err(|error| unreadable(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(&"no certificate is in it"));
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(&error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match stream {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(failed(&format!("{error}; see its certificate, or name its authority in `ca`"))),
    }
}
