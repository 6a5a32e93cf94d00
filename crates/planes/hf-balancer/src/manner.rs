//! How a pool's endpoints are spoken to: which HTTP, over TLS or not, with which PROXY header, with how much patience.
//!
//! A manner is made when the estate changes and kept while the pool says the same, so that connections made in it stay in use.

use std::net::SocketAddr;
use std::sync::Arc;

use hf_config::estate::{Bounds, EndpointHttp, Patience, Pool, ToEndpoint};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::unverified;

/// Whom endpoints' certificates may be signed by.
#[derive(Clone, Debug)]
pub struct Authorities(Arc<RootCertStore>);

impl Default for Authorities {
    /// Those that browsers trust.
    fn default() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Authorities(Arc::new(roots))
    }
}

impl From<RootCertStore> for Authorities {
    fn from(roots: RootCertStore) -> Self {
        Authorities(Arc::new(roots))
    }
}

/// How to speak to the endpoints of one pool.
pub struct Manner {
    /// As the estate says.
    pub says: ToEndpoint,
    /// How long each phase may take.
    pub patience: Patience,
    /// How much there may be.
    pub bounds: Bounds,
    tls: Option<TlsConnector>,
    server_name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for Manner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manner").field("says", &self.says).finish_non_exhaustive()
    }
}

impl Manner {
    /// Of `pool`; `old` again if that says the same.
    pub fn of(pool: &Pool, authorities: &Authorities, old: Option<&Arc<Manner>>) -> Arc<Manner> {
        let is_same = |old: &&Arc<Manner>| {
            old.says == pool.to_endpoint && old.patience == pool.patience && old.bounds == pool.bounds
        };
        if let Some(same) = old.filter(is_same) {
            return same.clone();
        }
        let tls = pool.to_endpoint.tls.as_ref();
        let given = tls.and_then(|tls| tls.server_name.clone());
        Arc::new(Manner {
            says: pool.to_endpoint.clone(),
            patience: pool.patience.clone(),
            bounds: pool.bounds.clone(),
            tls: tls.map(|tls| {
                let config = client_config(authorities, tls.verify, pool.to_endpoint.http);
                TlsConnector::from(Arc::new(config))
            }),
            server_name: given.and_then(|name| ServerName::try_from(name).ok()),
        })
    }

    /// Whether endpoints speak HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.says.http == EndpointHttp::Http2
    }

    /// Whether a connection serves one client only: it began with that one's address.
    pub fn is_per_client(&self) -> bool {
        self.says.proxy_protocol.is_some()
    }

    /// What TLS needs for the endpoint at `address`; none without TLS.
    pub fn tls(&self, address: SocketAddr) -> Option<(&TlsConnector, ServerName<'static>)> {
        let connector = self.tls.as_ref()?;
        let name = self.server_name.clone().unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        Some((connector, name))
    }
}

fn client_config(authorities: &Authorities, verify: bool, http: EndpointHttp) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let mut config = if verify {
        config.with_root_certificates(authorities.0.clone()).with_no_client_auth()
    } else {
        config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(unverified::AnyCertificate::new(provider)))
            .with_no_client_auth()
    };
    let alpn: &[u8] = match http {
        EndpointHttp::Http1 => b"http/1.1",
        EndpointHttp::Http2 => b"h2",
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}
