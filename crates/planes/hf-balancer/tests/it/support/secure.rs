//! Certificates of the tests, and clients that trust them.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use hf_certificates::{Certificates, Pair};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A folder of certificates, and trust in all of them.
pub struct Authority {
    folder: TempDir,
    roots: RootCertStore,
}

impl Authority {
    pub fn new() -> Self {
        Authority { folder: TempDir::new().unwrap(), roots: RootCertStore::empty() }
    }

    /// Writes a certificate for a name, or replaces the one of that file.
    pub fn issue(&mut self, file: &str, name: &str) -> Pair {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let pair = Pair {
            certificate: self.folder.path().join(format!("{file}.pem")),
            key: self.folder.path().join(format!("{file}.key")),
        };
        fs::write(&pair.certificate, cert.pem()).unwrap();
        fs::write(&pair.key, signing_key.serialize_pem()).unwrap();
        self.roots.add(cert.der().clone()).unwrap();
        pair
    }

    /// Certificates for these names, the first for everybody.
    pub fn certificates(&mut self, names: &[&str]) -> Certificates {
        Certificates::load(names.iter().map(|name| self.issue(name, name)).collect()).unwrap()
    }

    /// A connection that asks for `name`.
    pub async fn connect(
        &self,
        to: SocketAddr,
        name: &str,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(to).await?;
        self.over(stream, name, protocols).await
    }

    /// The same over a stream that is there already.
    pub async fn over(
        &self,
        stream: TcpStream,
        name: &str,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// The certificate that the other side showed.
pub fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}
