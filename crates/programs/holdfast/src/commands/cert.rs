//! `holdfast cert`: a small authority for nodes and operators.
//!
//! The feed wants mutual TLS outside loopback, and so does the API. Whoever has an authority of their own uses that; this is for
//! the rest.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde::Serialize;

use crate::args::{CertArgs, CertCommand, Output};
use crate::failure::Failure;
use crate::output::show;

/// Makes an authority or a node's certificate.
pub fn run(args: &CertArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        CertCommand::Authority { folder } => show(output, &authority(folder)?, |made| {
            format!("wrote {} and {}; keep the key away from the nodes", made.certificate, made.key)
        }),
        CertCommand::Node { node, addresses, folder } => {
            show(output, &node_certificate(node, addresses, folder)?, |made| {
                format!(
                    "wrote {certificate} and {key}; in the node's file, whose folder its paths start from:\n\n\
                     [tls]\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {key:?}\n\n\
                     [api]\ntls = {{ certificate = {certificate:?}, key = {key:?} }} # if it listens off this machine; clients: --ca {ca}",
                    certificate = made.certificate,
                    key = made.key,
                    ca = made.ca,
                )
            })
        }
        CertCommand::Operator { name, folder } => show(output, &operator(name, folder)?, |made| {
            format!(
                "wrote {certificate} and {key}; the nodes take it with [api] tls = {{ …, client_ca = {ca:?} }}, and\n\
                 `holdfast access add {name} --role read --certificate-name {name}` says what it may do",
                certificate = made.certificate,
                key = made.key,
                ca = made.ca,
            )
        }),
        CertCommand::Pin { certificate } => {
            let pin = hf_api::tls::key_pin_of_file(certificate)
                .map_err(|error| Failure::Usage(error.to_string()))?;
            show(output, &pin.to_string(), Clone::clone)
        }
    }
}

/// What was written, as printed with `-o json`.
#[derive(Debug, Serialize)]
struct Made {
    certificate: String,
    key: String,
    /// The authority's certificate, which every node knows.
    ca: String,
}

impl Made {
    fn new(folder: &Path, name: &str) -> Made {
        let path = |file: String| folder.join(file).display().to_string();
        Made {
            certificate: path(format!("{name}.pem")),
            key: path(format!("{name}.key")),
            ca: path("ca.pem".to_owned()),
        }
    }
}

fn authority(folder: &Path) -> Result<Made, Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Refused(format!("{}: {error}", folder.display())))?;
    let mut params = CertificateParams::new(Vec::new()).map_err(|error| made(&error))?;
    params.distinguished_name.push(DnType::CommonName, "Holdfast feed authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(|error| made(&error))?;
    let certificate = params.self_signed(&key).map_err(|error| made(&error))?;
    write_new(&folder.join("ca.key"), &key.serialize_pem(), 0o600)?;
    write_new(&folder.join("ca.pem"), &certificate.pem(), 0o644)?;
    Ok(Made::new(folder, "ca"))
}

fn node_certificate(node: &str, addresses: &[IpAddr], folder: &Path) -> Result<Made, Failure> {
    let node = hf_model::NodeId::new(node).map_err(|error| Failure::Usage(format!("holdfast: {error}")))?;
    let mut params = CertificateParams::new(vec![node.to_string()]).map_err(|error| made(&error))?;
    params.distinguished_name.push(DnType::CommonName, node.as_str());
    params.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    signed(params, node.as_str(), folder)
}

/// Has no DNS name: on a feed it could be no node.
fn operator(name: &str, folder: &Path) -> Result<Made, Failure> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if !(1..=64).contains(&name.len()) || !name.chars().all(good) || name.starts_with('.') {
        return Err(Failure::Usage(
            "holdfast: an operator's name has 1 to 64 of a-z A-Z 0-9 - _ . @, since it becomes a file's name"
                .to_owned(),
        ));
    }
    let mut params = CertificateParams::new(Vec::new()).map_err(|error| made(&error))?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    signed(params, name, folder)
}

/// Has the folder's authority sign a new key, and writes both beside it.
fn signed(mut params: CertificateParams, name: &str, folder: &Path) -> Result<Made, Failure> {
    let ca_pem = super::read_file(&folder.join("ca.pem"))?;
    let ca_key =
        KeyPair::from_pem(&super::read_file(&folder.join("ca.key"))?).map_err(|error| made(&error))?;
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key).map_err(|error| made(&error))?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().map_err(|error| made(&error))?;
    let certificate = params.signed_by(&key, &issuer).map_err(|error| made(&error))?;
    write_new(&folder.join(format!("{name}.key")), &key.serialize_pem(), 0o600)?;
    write_new(&folder.join(format!("{name}.pem")), &certificate.pem(), 0o644)?;
    Ok(Made::new(folder, name))
}

fn made(error: &rcgen::Error) -> Failure {
    Failure::Refused(format!("the certificate cannot be made: {error}"))
}

/// Never overwrites: a replaced authority would lock every node out.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            let mend =
                if error.kind() == std::io::ErrorKind::AlreadyExists { "; move it away first" } else { "" };
            Failure::Refused(format!("cannot write {}: {error}{mend}", path.display()))
        })
}
