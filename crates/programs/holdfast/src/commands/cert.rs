//! `holdfast cert`: a small authority for the feed between machines.
//!
//! The feed wants mutual TLS outside loopback. Whoever has an authority of their own uses that; this is for the rest.

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
                     [tls]\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {key:?}",
                    certificate = made.certificate,
                    key = made.key,
                    ca = made.ca,
                )
            })
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
    let ca_pem = super::read_file(&folder.join("ca.pem"))?;
    let ca_key =
        KeyPair::from_pem(&super::read_file(&folder.join("ca.key"))?).map_err(|error| made(&error))?;
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key).map_err(|error| made(&error))?;
    let mut params = CertificateParams::new(vec![node.to_string()]).map_err(|error| made(&error))?;
    params.distinguished_name.push(DnType::CommonName, node.as_str());
    params.subject_alt_names.extend(addresses.iter().map(|address| SanType::IpAddress(*address)));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().map_err(|error| made(&error))?;
    let certificate = params.signed_by(&key, &issuer).map_err(|error| made(&error))?;
    write_new(&folder.join(format!("{node}.key")), &key.serialize_pem(), 0o600)?;
    write_new(&folder.join(format!("{node}.pem")), &certificate.pem(), 0o644)?;
    Ok(Made::new(folder, node.as_str()))
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
