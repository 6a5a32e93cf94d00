//! The client's side: which servers it trusts, and what it shows of itself.
//!
//! 1. Whom to trust is always said: an authority, or keys. There is no list of public authorities here: a node of ours is not
//!    on the public web, and a list would be one more thing that ends.
//! 2. An authority's certificate must name the address that was dialled. A pinned key needs no name and has no end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{KeyPin, TlsError, bad_authority, bad_pair, read_authority, read_certificates, read_key};

/// For [`server_key`] to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a server is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its certificate is of this authority (a PEM file) and names the address.
    Authority(PathBuf),
    /// Its public key is one of these.
    Keys(Vec<KeyPin>),
}

/// The client's own certificate, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The client's side of TLS; cheap to clone.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl ClientTls {
    /// Reads the files; blocks.
    pub fn load(trust: &Trust, identity: Option<&Identity>) -> Result<ClientTls, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Keys(pins) => {
                Arc::new(ByKey { pins: pins.clone(), seen: Mutex::new(None), provider: provider.clone() })
            }
            Trust::Authority(file) => {
                let roots = Arc::new(read_authority(file)?);
                WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                    .build()
                    .map_err(|error| bad_authority(file, &error))?
            }
        };
        config(verifier, provider, identity).map(|config| ClientTls(Arc::new(config)))
    }

    /// A handshake with the server at `host`.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.0.clone()).connect(name, stream).await
    }
}

fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
    identity: Option<&Identity>,
) -> Result<ClientConfig, TlsError> {
    let nowhere = Path::new("");
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad_pair(nowhere, nowhere, &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => builder
            .with_client_auth_cert(read_certificates(certificate)?, read_key(key)?)
            .map_err(|error| bad_pair(certificate, key, &error))?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Which key a server shows now, whoever it is: to pin it once a person has compared it.
///
/// # Errors
///
/// Why there is no answer, in words.
pub async fn server_key(authority: &str) -> Result<KeyPin, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(ByKey { pins: Vec::new(), seen: Mutex::new(None), provider: provider.clone() });
    let config = config(verifier.clone(), provider, None).map_err(|error| error.to_string())?;
    let asked = async {
        let stream =
            TcpStream::connect(authority).await.map_err(|error| format!("no connection: {error}"))?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        // It always fails: no key is pinned. What was shown is kept all the same.
        let failed = ClientTls(Arc::new(config)).connect(host, stream).await.err();
        let seen = *verifier.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ok_or_else(|| {
            failed.map_or_else(|| "it showed no certificate".to_owned(), |error| words(&error))
        })
    };
    timeout(PATIENCE, asked).await.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?
}

/// What is wrong with a connection, for people: TLS's own words say neither whose fault it is nor what to do.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    use CertificateError as Bad;
    let Some(found) = tls_error(error) else { return error.to_string() };
    match found {
        rustls::Error::InvalidCertificate(Bad::Other(other)) => other.to_string(),
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            "its certificate is of another authority than ours; check the authority's file, or pin its key".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "its certificate has ended; issue a new one there, or pin its key".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "its certificate is not valid yet; check this machine's clock".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "its certificate is for other addresses than this one; issue it with this address, or pin its key".to_owned()
        }
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there; use http://, or check the port".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it wants a client certificate; give one with its key".to_owned()
        }
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::DecryptError | AlertDescription::BadCertificate,
        ) => "it does not take our client certificate: another authority signed that; use one that this node's `client_ca` signed".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "our client certificate has ended; issue a new one".to_owned()
        }
        other => other.to_string(),
    }
}

fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    // An error chain of ours is short; a loop in one would be a defect that must not hang us.
    for _ in 0..16 {
        let error = next?;
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            next = Some(inner); // its `source` would pass over this one
        } else {
            next = error.source();
        }
    }
    None
}

/// The server shows another key than the pinned ones.
#[derive(Debug, thiserror::Error)]
#[error(
    "its key is {shown}, pinned is {}; if the key was changed on purpose, pin the new one; if not, somebody stands in between",
    pins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
)]
struct OtherKey {
    shown: String,
    pins: Vec<KeyPin>,
}

/// Accepts a server by its key alone.
#[derive(Debug)]
struct ByKey {
    pins: Vec<KeyPin>,
    /// The key that was shown last.
    seen: Mutex<Option<KeyPin>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ByKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = KeyPin::of(end_entity);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        if shown.is_some_and(|shown| self.pins.contains(&shown)) {
            return Ok(ServerCertVerified::assertion());
        }
        let shown = shown.map_or_else(|| "unreadable".to_owned(), |shown| shown.to_string());
        let error = OtherKey { shown, pins: self.pins.clone() };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(rustls::OtherError(Arc::new(error)))))
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
