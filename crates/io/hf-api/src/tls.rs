//! TLS of the API: what both ends share.
//!
//! 1. rustls with ring. Certificates and keys are PEM files; every problem names its file and the mend.
//! 2. A client knows a node by an authority's certificate or by its public key ([`KeyPin`]). A pinned key holds whatever the
//!    certificate around it says, its end included: what opens the door at 3 am does not depend on a calendar.
//! 3. A node may know a client by its certificate; who that is and what it may do is not judged here.
//!
//! Not here: listening (`serve`), requests (`client`), the feed's own TLS (`hf-feed`).

mod client;
mod server;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

pub(crate) use client::words;
pub use client::{ClientTls, Identity, Trust, server_key};
pub use server::{ClientCertificates, ServerFiles, ServerTls};

/// Names of one certificate that are looked at.
const NAMES: usize = 32;

/// Why TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {problem}; check the path and the file's permissions", .file.display())]
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
    /// A certificate of an authority cannot be used.
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
    /// Anything else that is wrong with a file.
    #[error("{}: {problem}; issue a new certificate", .file.display())]
    Other {
        /// The file.
        file: PathBuf,
        /// What.
        problem: String,
    },
}

/// A server's public key: the SHA-256 of its certificate's SubjectPublicKeyInfo, written `sha256/BASE64` as in RFC 7469.
///
/// It stays the same when a certificate is renewed for the same key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPin(pub [u8; 32]);

impl KeyPin {
    /// The pin of a certificate's key.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<KeyPin> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let digest = digest(&SHA256, parsed.public_key().raw);
        digest.as_ref().try_into().ok().map(KeyPin)
    }
}

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a pinned key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pinned key is `sha256/` and 44 characters of base64; a node prints its own at its start, `holdfast cert pin FILE` that of a certificate"
)]
pub struct KeyPinError;

impl FromStr for KeyPin {
    type Err = KeyPinError;
    fn from_str(text: &str) -> Result<Self, KeyPinError> {
        let base64 = text.trim().strip_prefix("sha256/").ok_or(KeyPinError)?;
        let bytes = STANDARD.decode(base64).map_err(|_| KeyPinError)?;
        bytes.try_into().map(KeyPin).map_err(|_| KeyPinError)
    }
}

/// The pin of the first certificate of a PEM file.
pub fn key_pin_of_file(file: &Path) -> Result<KeyPin, TlsError> {
    let chain = read_certificates(file)?;
    chain.first().and_then(KeyPin::of).ok_or_else(|| TlsError::Other {
        file: file.to_owned(),
        problem: "the certificate cannot be parsed".to_owned(),
    })
}

/// Whom a certificate names: its DNS names, and its common name if that is not one of them. The first [`NAMES`].
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
        for name in &alternatives.value.general_names {
            if let GeneralName::DNSName(name) = name {
                names.push((*name).to_owned());
            }
        }
    }
    for name in parsed.subject().iter_common_name() {
        if let Ok(name) = name.as_str()
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names.truncate(NAMES);
    names
}

/// When a certificate ends, in milliseconds since 1970 UTC.
fn ends_at_ms(certificate: &CertificateDer<'_>) -> Option<u64> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    u64::try_from(parsed.validity().not_after.timestamp()).ok().map(|seconds| seconds.saturating_mul(1_000))
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

fn read_authority(file: &Path) -> Result<rustls::RootCertStore, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in read_certificates(file)? {
        roots.add(authority).map_err(|error| bad_authority(file, &error))?;
    }
    Ok(roots)
}

fn bad_authority(file: &Path, error: &dyn fmt::Display) -> TlsError {
    TlsError::BadAuthority { file: file.to_owned(), problem: error.to_string() }
}

fn bad_pair(certificate: &Path, key: &Path, error: &rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::KeyMismatch { key: key.to_owned(), certificate: certificate.to_owned() }
        }
        error => TlsError::Other { file: certificate.to_owned(), problem: error.to_string() },
    }
}

fn unreadable(file: &Path, error: rustls_pki_types::pem::Error) -> TlsError {
    let problem = match error {
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        error => format!("not PEM: {error}"),
    };
    TlsError::Unreadable { file: file.to_owned(), problem }
}

#[cfg(test)]
mod tests;
