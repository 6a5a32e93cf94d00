//! Mutual TLS between nodes: both sides show a certificate of one authority.
//!
//! 1. TLS 1.3 only. The authority is the feed's own: whoever has a certificate of it is a node.
//! 2. A certificate names its node: the node's id is one of its DNS names. So a node cannot speak for another one, and no
//!    address is in it. (The address that was dialled is not compared: it says nothing about who may be there.)
//! 3. Wrong files are found at the start, with the file's name and the mend, by verifying the own certificate as a peer would.
//! 4. Files are read once; a new certificate needs a restart. One that ends within 72 hours is warned of.
//!
//! Not here: who may connect without TLS (`hf-config` lets plain feeds listen on loopback only).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hf_config::node::TlsConfig;
use hf_model::{NodeId, Timestamp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How long before its end a certificate is warned of: as long as a shift may last.
const WARN_BEFORE: Duration = Duration::from_hours(72);

/// Why the feed's TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {problem}; check `tls` in the node file and the file's permissions", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// A file holds nothing of the kind.
    #[error("{}: holds no {what} in PEM form; is it the right file?", .file.display())]
    Empty {
        /// Which.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A certificate of the authority cannot be used.
    #[error("{}: not a usable certificate of an authority ({problem}); issue it anew as a CA", .file.display())]
    BadAuthority {
        /// Which.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// Key and certificate do not belong together.
    #[error("{}: the key does not match the certificate in {}; use the two files that were made together", .key.display(), .certificate.display())]
    KeyMismatch {
        /// The key.
        key: PathBuf,
        /// The certificate.
        certificate: PathBuf,
    },
    /// The certificate's time is over.
    #[error("{}: the certificate has expired; issue a new one", .0.display())]
    Expired(PathBuf),
    /// The certificate's time has not come.
    #[error("{}: the certificate is not valid yet; check this machine's clock", .0.display())]
    NotYet(PathBuf),
    /// Another authority signed it.
    #[error("{}: the certificate was not signed by the authority in {}; issue it with that one", .certificate.display(), .ca.display())]
    OtherAuthority {
        /// The certificate.
        certificate: PathBuf,
        /// The authority.
        ca: PathBuf,
    },
    /// It names another node.
    #[error("{}: the certificate is not for the node `{node}`; issue one with the DNS name `{node}`", .certificate.display())]
    OtherNode {
        /// The certificate.
        certificate: PathBuf,
        /// This node.
        node: NodeId,
    },
    /// Anything else that is wrong with it.
    #[error("{}: {problem}; issue a new certificate, for server and client use", .file.display())]
    Other {
        /// The file.
        file: PathBuf,
        /// What.
        problem: String,
    },
}

/// Both directions of the feed's TLS.
#[derive(Clone)]
pub struct Tls {
    /// For connections that come in.
    pub acceptor: TlsAcceptor,
    /// For connections that go out.
    pub connector: TlsConnector,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads and checks the files.
    pub fn load(config: &TlsConfig, node: &NodeId, now: Timestamp) -> Result<Tls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in read_certificates(&config.ca)? {
            roots.add(authority).map_err(|error| bad_authority(config, &error))?;
        }
        let roots = Arc::new(roots);
        let chain = read_certificates(&config.certificate)?;
        let key = read_key(&config.key)?;

        let for_clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| bad_authority(config, &error))?;
        let for_servers = Arc::new(ByAuthority { roots, provider: provider.clone() });
        check_own(config, node, &chain, now, &*for_clients, &for_servers)?;

        let other = |error: rustls::Error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::KeyMismatch { key: config.key.clone(), certificate: config.certificate.clone() }
            }
            error => TlsError::Other { file: config.key.clone(), problem: error.to_string() },
        };
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(other)?
            .with_client_cert_verifier(for_clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(other)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(other)?
            .dangerous()
            .with_custom_certificate_verifier(for_servers)
            .with_client_auth_cert(chain, key)
            .map_err(other)?;
        Ok(Tls { acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }
}

/// Whether a verified certificate is that of `node` (rule 2).
pub fn is_for_node(certificate: &CertificateDer<'_>, node: &NodeId) -> bool {
    let Ok(name) = ServerName::try_from(node.as_str()) else { return false };
    ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}

fn check_own(
    config: &TlsConfig,
    node: &NodeId,
    chain: &[CertificateDer<'static>],
    now: Timestamp,
    for_clients: &dyn ClientCertVerifier,
    for_servers: &ByAuthority,
) -> Result<(), TlsError> {
    let (own, between) = chain.split_first().expect("read_certificates gives at least one");
    let verify = |at: Timestamp| {
        let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0));
        for_clients.verify_client_cert(own, between, at)?;
        for_servers.verify(own, between, at)
    };
    verify(now).map_err(|error| own_problem(config, &error))?;
    if !is_for_node(own, node) {
        return Err(TlsError::OtherNode { certificate: config.certificate.clone(), node: node.clone() });
    }
    if verify(now.plus(WARN_BEFORE)).is_err() {
        let file = config.certificate.display();
        tracing::warn!(%file, "the feed's certificate ends within 72 hours; issue a new one and restart this node");
    }
    Ok(())
}

fn own_problem(config: &TlsConfig, error: &rustls::Error) -> TlsError {
    use CertificateError as Cause;
    let certificate = config.certificate.clone();
    match error {
        rustls::Error::InvalidCertificate(Cause::Expired | Cause::ExpiredContext { .. }) => {
            TlsError::Expired(certificate)
        }
        rustls::Error::InvalidCertificate(Cause::NotValidYet | Cause::NotValidYetContext { .. }) => {
            TlsError::NotYet(certificate)
        }
        rustls::Error::InvalidCertificate(Cause::UnknownIssuer | Cause::BadSignature) => {
            TlsError::OtherAuthority { certificate, ca: config.ca.clone() }
        }
        error => TlsError::Other { file: certificate, problem: error.to_string() },
    }
}

fn bad_authority(config: &TlsConfig, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::BadAuthority { file: config.ca.clone(), problem: error.to_string() }
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(TlsError::Empty { file: file.to_owned(), what: "certificate" }),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(file, error)),
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    match PrivateKeyDer::from_pem_file(file) {
        Err(rustls_pki_types::pem::Error::NoItemsFound) => {
            Err(TlsError::Empty { file: file.to_owned(), what: "private key" })
        }
        read => read.map_err(|error| unreadable(file, error)),
    }
}

fn unreadable(file: &Path, error: rustls_pki_types::pem::Error) -> TlsError {
    let problem = match error {
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        error => format!("not PEM: {error}"),
    };
    TlsError::Unreadable { file: file.to_owned(), problem }
}

/// Accepts any certificate of the authority, whatever address was dialled (rule 2).
#[derive(Debug)]
struct ByAuthority {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ByAuthority {
    fn verify(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(own)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, algorithms)
    }
}

impl ServerCertVerifier for ByAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verify(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
