//! The part of the role status that serves xDS: off without `[xds]`.
//!
//! Certificates are read again when they change. Without good ones a node that can serve from its disk starts without this part and says so: never in
//! the clear for want of a certificate.
//!
//! Not here: what is served (`hf-xds`).

use std::path::PathBuf;

use hf_api::tls::{ClientCertificates, ServerFiles, ServerTls, TlsError};
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role, XdsConfig};

/// What the node file says, on a node that has the role.
pub(crate) fn wanted(config: &NodeConfig) -> Option<&XdsConfig> {
    config.xds.as_ref().filter(|_| config.roles.contains(&Role::Status))
}

/// Its certificates, if it has any; blocks.
pub(crate) fn tls(config: &XdsConfig, clock: Clock) -> Result<Option<ServerTls>, TlsError> {
    let files = config.tls.as_ref().map(|tls| ServerFiles {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        clients: tls.client_ca.clone().map_or(ClientCertificates::NotAsked, ClientCertificates::Required),
    });
    files.map(|files| ServerTls::load_for(b"h2", files, clock)).transpose()
}

/// Has its paths looked up.
pub(crate) fn resolve(config: &mut Option<XdsConfig>, from_base: impl Fn(&mut PathBuf)) {
    if let Some(tls) = config.as_mut().and_then(|xds| xds.tls.as_mut()) {
        [&mut tls.certificate, &mut tls.key].into_iter().for_each(&from_base);
        tls.client_ca.as_mut().map(from_base);
    }
}
