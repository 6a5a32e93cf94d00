//! The files that the balancer role names: certificates that it shows to clients, authorities that it trusts at endpoints, the access log.
//!
//! Certificates that are not good at the start are read again when they change, as all are; authorities are read once.
//!
//! Not here: where they stand in the node's file (`hf-config`), handshakes (`hf-balancer`).

use hf_balancer::Authorities;
use hf_certificates::{Certificates, Pair, RootCertStore, read_authorities};
use hf_config::node::{AccessLog, BalancerConfig, Certificate};
use tracing::error;

/// What was read.
pub(crate) struct BalancerFiles {
    /// None when none are named.
    pub certificates: Option<Certificates>,
    /// The public ones when none are named, and nobody when those that are named cannot be read: whom to trust was said, and others it is not.
    pub authorities: Authorities,
    bad_certificates: Vec<String>,
    bad_authorities: Option<String>,
}

impl BalancerFiles {
    /// All that is wrong.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        self.bad_certificates.iter().chain(&self.bad_authorities).cloned()
    }

    /// Says it in the log; the balancer goes on with what is good.
    pub fn tell(&self) {
        for problem in &self.bad_certificates {
            error!(%problem, "the balancer has a certificate less");
        }
        if let Some(problem) = &self.bad_authorities {
            error!(%problem, "no endpoint's certificate can be verified; mend it and start the node again");
        }
    }
}

/// Reads them; blocks.
pub(crate) fn read(config: &BalancerConfig) -> BalancerFiles {
    let pair = |of: &Certificate| Pair { certificate: of.certificate.clone(), key: of.key.clone() };
    let (mut certificates, mut bad_certificates) = (None, Vec::new());
    if !config.certificates.is_empty() {
        let (read, problems) = Certificates::load_or_wait(config.certificates.iter().map(pair).collect());
        certificates = Some(read);
        bad_certificates = problems.iter().map(ToString::to_string).collect();
    }
    let (authorities, bad_authorities) = match config.endpoint_authorities.as_deref().map(read_authorities) {
        None => (Authorities::default(), None),
        Some(Ok(roots)) => (Authorities::from(roots), None),
        Some(Err(problem)) => (Authorities::from(RootCertStore::empty()), Some(problem.to_string())),
    };
    BalancerFiles { certificates, authorities, bad_certificates, bad_authorities }
}

/// Why the access log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "{to}: the access log cannot be opened ({source}); change `access_log` of [balancer] or the folder's permissions"
)]
pub(crate) struct NoAccessLog {
    to: String,
    source: std::io::Error,
}

/// Opens the access log, if one is wanted.
pub(crate) fn open_access_log(
    wanted: Option<&AccessLog>,
) -> Result<Option<hf_balancer::AccessLog>, NoAccessLog> {
    let (to, opened) = match wanted {
        None => return Ok(None),
        Some(AccessLog::Stdout) => ("stdout".to_owned(), hf_balancer::AccessLog::to_stdout()),
        Some(AccessLog::File(path)) => {
            (path.display().to_string(), hf_balancer::AccessLog::to_file(path.clone()))
        }
    };
    opened.map(Some).map_err(|source| NoAccessLog { to, source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_and_the_rest_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("empty.pem"), "").unwrap();
        let config = BalancerConfig {
            certificates: vec![Certificate { certificate: file("empty.pem"), key: file("none.key") }],
            endpoint_authorities: Some(file("absent.pem")),
            ..BalancerConfig::default()
        };
        let read = read(&config);
        assert!(read.certificates.as_ref().is_some_and(|certificates| !certificates.is_ready()));
        assert!(read.bad_certificates[0].contains("empty.pem: "), "{:?}", read.bad_certificates);
        assert!(read.problems().last().is_some_and(|problem| problem.contains("absent.pem: ")));
        let nothing = super::read(&BalancerConfig::default());
        assert!(nothing.certificates.is_none() && nothing.problems().next().is_none());
    }
}
