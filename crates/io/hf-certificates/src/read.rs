//! From the files of one pair to a certificate that can be shown, and the names that it is for.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{CertificateError, Pair};

/// Names of one certificate that count; public authorities allow 100.
const NAMES: usize = 200;

/// A pair that can be used.
#[derive(Clone)]
pub(crate) struct Loaded {
    /// The chain and what signs.
    pub key: Arc<CertifiedKey>,
    /// Lower case.
    pub names: Vec<String>,
}

/// Reads a pair; blocks.
pub(crate) fn read(pair: &Pair) -> Result<Loaded, CertificateError> {
    let chain = read_chain(&pair.certificate)?;
    let secret = PrivateKeyDer::from_pem_file(&pair.key)
        .map_err(|problem| unreadable(&pair.key, problem.to_string()))?;
    let names = names_of(&chain[0]);
    let provider = rustls::crypto::ring::default_provider();
    let key = CertifiedKey::from_der(chain, secret, &provider).map_err(|problem| {
        let (certificate, key) = (pair.certificate.clone(), pair.key.clone());
        CertificateError::BadPair { certificate, key, problem: problem.to_string() }
    })?;
    Ok(Loaded { key: Arc::new(key), names })
}

fn unreadable(file: &Path, problem: String) -> CertificateError {
    CertificateError::Unreadable { file: file.to_path_buf(), problem }
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|problem| unreadable(file, problem.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(file, "it holds no certificate in PEM form".to_owned()));
    }
    Ok(chain)
}

/// Reads the certificates of authorities; blocks.
pub fn read_authorities(file: &Path) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    for authority in read_chain(file)? {
        roots.add(authority).map_err(|problem| CertificateError::BadAuthority {
            file: file.to_path_buf(),
            problem: problem.to_string(),
        })?;
    }
    Ok(roots)
}

/// The DNS names that a certificate is for.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else { return Vec::new() };
    let dns_name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    alternatives.value.general_names.iter().filter_map(dns_name).take(NAMES).collect()
}
