//! The API over TLS: a client certificate is a principal, a token does as well, and the journal tells from where.

use std::path::Path;

use hf_access::Role;
use hf_api::tls::{ClientCertificates, ClientTls, Identity, ServerFiles, ServerTls, Trust};
use hf_api::{Client, ClientError, StartShift};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tokio::sync::watch;

use super::fixture::Fixture;
use crate::access::{ACCESS, AccessEdit, NewPrincipal};

/// Writes `ca.pem`, and a certificate and key for each name, the first one for 127.0.0.1 too.
fn certificates(dir: &Path, names: [&str; 3]) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().unwrap();
    std::fs::write(dir.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in names {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
        let key = KeyPair::generate().unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem())
            .unwrap();
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn start() -> StartShift {
    StartShift {
        zone: "a".to_owned(),
        resource: "everything".to_owned(),
        length: "30m".to_owned(),
        reason: "smoke".to_owned(),
        override_floor: Vec::new(),
        request_id: None,
    }
}

#[tokio::test]
async fn a_certificate_or_a_token_opens_the_api_over_tls() {
    let fixture = Fixture::control().await;
    let dir = fixture.dir();
    certificates(dir, ["node", "ann", "eve"]);
    let mut edit = AccessEdit::open(&dir.join(ACCESS)).unwrap();
    let ann = NewPrincipal {
        name: "ann of operations".to_owned(),
        roles: [Role::Operate].into(),
        certificates: vec!["ann".to_owned()],
        ..NewPrincipal::default()
    };
    edit.add(&ann).unwrap();
    edit.save().unwrap();
    let files = ServerFiles {
        certificate: dir.join("node.pem"),
        key: dir.join("node.key"),
        clients: ClientCertificates::Welcome(dir.join("ca.pem")),
    };
    let tls = ServerTls::load(files, fixture.clock.clone()).unwrap();
    let pin = tls.pin().unwrap();
    let (_stop, shutdown) = watch::channel(false);
    let bound = fixture.api.clone().bind_tls("127.0.0.1:0".parse().unwrap(), tls).await.unwrap();
    let endpoint = format!("https://{}", bound.address());
    tokio::spawn(bound.run(shutdown));
    let client = |identity: Option<&str>, token: Option<&str>| {
        let identity = identity.map(|name| Identity {
            certificate: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
        });
        let tls = ClientTls::load(&Trust::Keys(vec![pin]), identity.as_ref()).unwrap();
        Client::with_tls(vec![endpoint.clone()], token.map(ToOwned::to_owned), Some(tls)).unwrap()
    };
    let shift = client(Some("ann"), None).start_shift(&start()).await.unwrap();
    assert_eq!(shift.by, "ann of operations");
    client(None, Some(&fixture.token)).cancel_shift(&shift.id, None).await.unwrap();
    for (stranger, want) in [(client(None, None), "no-token"), (client(Some("eve"), None), "bad-token")] {
        let refused = stranger.start_shift(&start()).await.unwrap_err();
        assert!(
            matches!(&refused, ClientError::Refused { status: 401, code, .. } if code == want),
            "{refused:?}"
        );
    }
    let journal = client(None, None).journal(Some(0), 100).await.unwrap();
    let begun = journal.lines.iter().find(|line| line.text.contains("takes everything out of a")).unwrap();
    assert_eq!(begun.by, "ann of operations");
    assert!(begun.from.as_deref().is_some_and(|from| from.starts_with("127.0.0.1:")), "{begun:?}");
}
