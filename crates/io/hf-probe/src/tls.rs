//! TLS of probes: whom to trust, and what to say first.
//!
//! Certificates are verified unless a check says otherwise; then signatures are verified all the same, so that the other side at least has
//! the key of the certificate that it shows.

use std::net::IpAddr;
use std::sync::Arc;

use hf_config::estate::{CheckTls, EndpointHttp};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// How to speak TLS for a check.
///
/// # Errors
///
/// What is wrong with the authorities.
pub fn config(check: &CheckTls, http: Option<EndpointHttp>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let mut config = if check.verify {
        config.with_root_certificates(roots(check.authorities.as_deref())?).with_no_client_auth()
    } else {
        let any = Arc::new(AnyCertificate { provider });
        config.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    };
    config.alpn_protocols = match http {
        Some(EndpointHttp::Http1) => vec![b"http/1.1".to_vec()],
        Some(EndpointHttp::Http2) => vec![b"h2".to_vec()],
        None => Vec::new(),
    };
    Ok(config)
}

fn roots(pem: Option<&str>) -> Result<RootCertStore, String> {
    let Some(pem) = pem else { return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate =
            certificate.map_err(|error| format!("the check's `ca_file` is not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("the check's `ca_file` names no authority: {error}"))?;
    }
    if roots.is_empty() {
        return Err("the check's `ca_file` has no certificate".to_owned());
    }
    Ok(roots)
}

/// The name that a certificate has to be for: as the check says, else the host that is asked for, else the address.
pub fn name(check: &CheckTls, host: Option<&str>, ip: IpAddr) -> ServerName<'static> {
    let named = check.server_name.clone().or_else(|| host.map(|host| without_port(host).to_owned()));
    let by_name = named.and_then(|name| ServerName::try_from(name).ok());
    by_name.unwrap_or_else(|| ServerName::IpAddress(ip.into()))
}

/// `www.example.test:8443` to `www.example.test`, `[::1]:443` to `::1`.
pub fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_loses_its_port_and_nothing_else() {
        let check = |host: &str, want: &str| assert_eq!(without_port(host), want);
        check("www.example.test:8443", "www.example.test");
        check("www.example.test", "www.example.test");
        check("[2001:db8::1]:443", "2001:db8::1");
        check("2001:db8::1", "2001:db8::1");
        check("10.0.0.1:80", "10.0.0.1");
    }

    #[test]
    fn authorities_that_are_none_are_told() {
        let check = |pem: &str| {
            let check = CheckTls { authorities: Some(pem.into()), ..CheckTls::default() };
            config(&check, None).map(|_| ()).unwrap_err()
        };
        assert_eq!(check("nothing"), "the check's `ca_file` has no certificate");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(check(broken).starts_with("the check's `ca_file` names no authority: "), "{}", check(broken));
    }
}
