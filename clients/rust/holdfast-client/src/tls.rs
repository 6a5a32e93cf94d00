//! TLS to endpoints with `https://`: rustls with ring.
//!
//! 1. A file of authorities, if one is named, and no others; else those that browsers trust.
//! 2. Without the feature `tls` no URL with `https` is taken, so nothing comes here.
//!
//! Not here: client certificates; zone status is for anybody who can reach it.

#[cfg(not(feature = "tls"))]
use std::path::Path;

#[cfg(not(feature = "tls"))]
use crate::http::HttpError;

/// Whom to trust.
#[derive(Clone, Default)]
pub struct Tls {
    #[cfg(feature = "tls")]
    config: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Why the file of authorities is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct BadAuthority {
    /// The file.
    pub path: std::path::PathBuf,
    /// What is wrong with it.
    pub why: String,
}

#[cfg(feature = "tls")]
mod with {
    use std::path::Path;
    use std::sync::Arc;

    use rustls::{ClientConfig, RootCertStore};
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{CertificateDer, ServerName};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::{BadAuthority, Tls};
    use crate::http::HttpError;

    impl Tls {
        pub fn load(authority: Option<&Path>) -> Result<Tls, BadAuthority> {
            let mut roots = RootCertStore::empty();
            if let Some(path) = authority {
                let bad = |why: String| BadAuthority { path: path.to_owned(), why };
                for certificate in
                    CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?
                {
                    let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                    roots.add(certificate).map_err(|error| bad(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(bad("no certificate in it; name a PEM file of authorities".to_owned()));
                }
            } else {
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| BadAuthority { path: "TLS".into(), why: error.to_string() })?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok(Tls { config: Some(Arc::new(config)) })
        }

        pub async fn connect(
            &self,
            name: &str,
            stream: TcpStream,
        ) -> Result<TlsStream<TcpStream>, HttpError> {
            let failed = |text: String| HttpError::Tls(text);
            let config = match &self.config {
                Some(config) => Arc::clone(config),
                None => return Err(failed("no authorities were loaded".to_owned())),
            };
            let name = ServerName::try_from(name.to_owned()).map_err(|error| failed(error.to_string()))?;
            TlsConnector::from(config).connect(name, stream).await.map_err(|error| failed(error.to_string()))
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Tls {
    /// Nothing is trusted in a build without TLS.
    pub fn load(authority: Option<&Path>) -> Result<Tls, BadAuthority> {
        match authority {
            None => Ok(Tls {}),
            Some(path) => Err(BadAuthority {
                path: path.to_owned(),
                why: "this build has no TLS (feature `tls`)".to_owned(),
            }),
        }
    }

    /// Refuses: no URL with `https` is taken in such a build.
    pub async fn connect(
        &self,
        _name: &str,
        stream: tokio::net::TcpStream,
    ) -> Result<tokio::net::TcpStream, HttpError> {
        drop(stream);
        std::future::ready(Err(HttpError::Tls("this build has no TLS (feature `tls`)".to_owned()))).await
    }
}
