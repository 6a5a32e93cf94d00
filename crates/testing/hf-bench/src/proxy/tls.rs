//! A certificate for the proxies, and clients that trust it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::Told;

/// The name that the certificate is for.
pub const NAME: &str = "bench.test";

/// PEM files of one certificate, ECDSA P-256.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Both in one, as HAProxy wants them.
    pub both: PathBuf,
    der: CertificateDer<'static>,
}

impl Files {
    /// Makes them in `folder`.
    pub fn made(folder: &Path) -> Told<Files> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]);
        let made = made.map_err(|error| format!("no certificate: {error}"))?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let at = |name: &str| folder.join(name);
        let files = Files {
            certificate: at("cert.pem"),
            key: at("key.pem"),
            both: at("both.pem"),
            der: made.cert.der().clone(),
        };
        for (path, text) in [
            (&files.certificate, certificate.clone()),
            (&files.key, key.clone()),
            (&files.both, certificate + &key),
        ] {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(files)
    }

    /// A client's side: no session is resumed, so that every connection is a full handshake.
    pub fn client(&self, protocol: &[u8]) -> Told<Arc<ClientConfig>> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.der.clone()).map_err(|error| format!("own certificate: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| format!("no TLS: {error}"))?;
        let mut config = config.with_root_certificates(trusted).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}
