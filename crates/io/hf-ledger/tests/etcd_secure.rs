//! TLS and login to etcd.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

mod member;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_config::node::{Certificate, EtcdConfig, EtcdLogin, EtcdTls};
use hf_ledger::{EtcdFilesError, EtcdLedger, Ledger, LedgerError};
use hf_model::Revision;
use member::{Cluster, etcdctl, own_address, until};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

/// An authority and what it signed, as files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), issuer.pem()).unwrap();
        Authority { issuer, folder: folder.to_owned() }
    }

    /// Signs a certificate for this process's address; answers its file and that of its key.
    fn issue(&self, name: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![own_address().to_string()]).unwrap();
        // Without a common name: etcd would take that for a user.
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let made = Certificate {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        std::fs::write(&made.certificate, certificate.pem()).unwrap();
        std::fs::write(&made.key, key.serialize_pem()).unwrap();
        made
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A member with TLS that asks for certificates, and one that is good.
async fn secure() -> (Cluster, EtcdConfig) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    Authority::new(directory.path(), "other-ca");
    let (server, own) = (authority.issue("server"), authority.issue("client"));
    let ca = directory.path().join("ca.pem");
    let arguments = [
        "--client-cert-auth".to_owned(),
        format!("--trusted-ca-file={}", text(&ca)),
        format!("--cert-file={}", text(&server.certificate)),
        format!("--key-file={}", text(&server.key)),
    ];
    let cluster = Cluster::start_in(directory, 1, "https", &arguments).await;
    let config = EtcdConfig { tls: Some(EtcdTls { ca, own: Some(own) }), ..cluster.config() };
    (cluster, config)
}

/// `etcdctl` with the good certificate.
fn administer(config: &EtcdConfig, arguments: &[&str]) -> String {
    let tls = config.tls.as_ref().unwrap();
    let own = tls.own.as_ref().unwrap();
    let (endpoint, ca) = (format!("https://{}", config.endpoints[0]), text(&tls.ca));
    let (certificate, key) = (text(&own.certificate), text(&own.key));
    let how = ["--endpoints", &endpoint, "--cacert", &ca, "--cert", &certificate, "--key", &key];
    etcdctl(&[&how, arguments].concat())
}

async fn ready(config: &EtcdConfig) -> EtcdLedger {
    let ledger = member::open(config);
    until("etcd answers", async || ledger.barrier().await.is_ok()).await;
    ledger
}

async fn refused(config: &EtcdConfig) -> String {
    EtcdLedger::open(config).unwrap().barrier().await.unwrap_err().to_string()
}

#[tokio::test]
async fn tls_with_certificates_on_both_sides() {
    let (cluster, config) = secure().await;
    let ledger = ready(&config).await;
    assert_eq!(ledger.append(b"one".to_vec()).await.unwrap(), Revision(1));

    let tls = config.tls.clone().unwrap();
    let without = EtcdConfig { tls: Some(EtcdTls { own: None, ..tls.clone() }), ..config.clone() };
    let said = refused(&without).await;
    assert!(said.contains("cannot be reached"), "{said}");
    let other_ca = cluster.directory.path().join("other-ca.pem");
    let other = EtcdConfig { tls: Some(EtcdTls { ca: other_ca, ..tls.clone() }), ..config.clone() };
    let said = refused(&other).await;
    assert!(said.contains("TLS") && said.contains("UnknownIssuer"), "{said}");
    let plain = EtcdConfig { tls: None, ..config.clone() };
    let said = refused(&plain).await;
    assert!(said.contains("cannot be reached"), "{said}");
}

#[tokio::test]
async fn a_user_with_a_role_for_the_prefix() {
    let (cluster, config) = secure().await;
    ready(&config).await;
    // As docs/operations.md has it.
    for command in [
        &["user", "add", "root:admin-word"][..],
        &["user", "grant-role", "root", "root"],
        &["role", "add", "holdfast"],
        &["role", "grant-permission", "holdfast", "--prefix=true", "readwrite", "/holdfast/"],
        &["user", "add", "holdfast:pass word"],
        &["user", "grant-role", "holdfast", "holdfast"],
        &["auth", "enable"],
    ] {
        administer(&config, command);
    }
    let password_file = cluster.directory.path().join("password");
    std::fs::write(&password_file, "pass word\n").unwrap();
    let login = EtcdLogin { user: "holdfast".to_owned(), password_file: password_file.clone() };
    let with_login = EtcdConfig { login: Some(login.clone()), ..config.clone() };

    let said = refused(&config).await;
    assert!(said.contains("refused: etcdserver: "), "{said}");
    let ledger = ready(&with_login).await;
    assert_eq!(ledger.append(b"one".to_vec()).await.unwrap(), Revision(1));
    let other = EtcdConfig { prefix: "/other/".to_owned(), ..with_login.clone() };
    let said = refused(&other).await;
    assert!(said.contains("refused: etcdserver: permission denied"), "{said}");

    // The watch has the right too.
    let reader = ready(&with_login).await;
    assert_eq!(ledger.append(b"two".to_vec()).await.unwrap(), Revision(2));
    let mut newest = reader.newest();
    tokio::time::timeout(Duration::from_secs(30), newest.wait_for(|at| at.0 == 2)).await.unwrap().unwrap();

    // A token that etcd has forgotten is replaced.
    let admin = |command: &[&str]| administer(&config, &[&["--user", "root:admin-word"], command].concat());
    admin(&["role", "add", "unrelated"]); // the revision of the store of users moves
    assert_eq!(ledger.append(b"three".to_vec()).await.unwrap(), Revision(3));
    admin(&["auth", "disable"]);
    assert_eq!(ledger.append(b"four".to_vec()).await.unwrap(), Revision(4));
    administer(&config, &["auth", "enable"]);
    assert_eq!(ledger.append(b"five".to_vec()).await.unwrap(), Revision(5));

    std::fs::write(&password_file, "another").unwrap();
    let said = refused(&with_login).await;
    assert!(said.contains("refused: etcdserver: authentication failed"), "{said}");
}

#[tokio::test]
async fn files_that_are_no_good_are_named_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let (one, two) = (authority.issue("one"), authority.issue("two"));
    let ca = directory.path().join("ca.pem");
    let empty = directory.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let config = |tls: Option<EtcdTls>, password_file: Option<PathBuf>| EtcdConfig {
        endpoints: vec!["127.0.0.1:1".parse().unwrap()],
        prefix: "/holdfast/".to_owned(),
        login: password_file.map(|password_file| EtcdLogin { user: "a".to_owned(), password_file }),
        tls,
    };
    let said = |tls: Option<EtcdTls>, password_file: Option<PathBuf>| {
        let error: EtcdFilesError = EtcdLedger::open(&config(tls, password_file)).err().expect("refused");
        error.to_string().replace(&format!("{}/", directory.path().display()), "")
    };
    let missing = directory.path().join("missing");
    assert_eq!(
        said(Some(EtcdTls { ca: missing.clone(), own: None }), None),
        "missing: cannot be read; check [ledger] in the node file and the file's permissions"
    );
    assert_eq!(
        said(Some(EtcdTls { ca: empty.clone(), own: None }), None),
        "empty: holds no certificate in PEM form; is it the right file?"
    );
    let mixed = Certificate { certificate: one.certificate.clone(), key: two.key };
    let found = said(Some(EtcdTls { ca: ca.clone(), own: Some(mixed) }), None);
    assert!(found.starts_with("one.pem: ") && found.ends_with("the key that was made with it"), "{found}");
    let no_key = Certificate { certificate: one.certificate, key: empty.clone() };
    assert_eq!(
        said(Some(EtcdTls { ca, own: Some(no_key) }), None),
        "empty: holds no private key in PEM form; is it the right file?"
    );
    assert_eq!(said(None, Some(empty)), "empty: holds no password; is it the right file?");
    assert!(said(None, Some(missing)).starts_with("missing: cannot be read"));
}

#[tokio::test]
async fn a_wrong_port_is_told_as_such() {
    // Something that speaks HTTP/1.1 only.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = EtcdConfig {
        endpoints: vec![listener.local_addr().unwrap()],
        prefix: "/holdfast/".to_owned(),
        login: None,
        tls: None,
    };
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let refused = EtcdLedger::open(&config).unwrap().barrier().await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable { .. }), "{refused}");
    serving.abort();
}
