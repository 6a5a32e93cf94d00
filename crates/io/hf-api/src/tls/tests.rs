//! Both ends over real sockets: whom a client trusts, whom a server lets in, certificates that change.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use hf_clock::Clock;

use super::server::LOOK_EVERY;
use super::*;
use crate::serve::{Peer, PeerNames, listen};
use crate::{Client, ClientError};

/// A folder with an authority, whose certificates are made as they are needed.
struct Pki {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Pki {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        Pki { dir, issuer: Issuer::new(params, key) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `NAME.pem` and `NAME.key`, for 127.0.0.1 and `names`.
    fn issue(&self, file: &str, names: &[&str], common_name: &str) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    fn files(&self, clients: ClientCertificates) -> ServerFiles {
        ServerFiles { certificate: self.path("server.pem"), key: self.path("server.key"), clients }
    }

    fn identity(&self, file: &str) -> Identity {
        Identity { certificate: self.path(&format!("{file}.pem")), key: self.path(&format!("{file}.key")) }
    }
}

/// Answers every request with whom the client's certificate names, as a shift's id.
async fn served(tls: ServerTls) -> (SocketAddr, watch::Sender<bool>) {
    let listener = listen("test_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, (stop, shutdown)) = (listener.address(), watch::channel(false));
    let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
        assert!(request.extensions().get::<Peer>().is_some());
        let names =
            request.extensions().get::<PeerNames>().map(|names| names.0.join(" ")).unwrap_or_default();
        let estate = serde_json::json!({"revision": 1, "digest": names, "toml": "", "files": {}});
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(estate.to_string()))))
    });
    tokio::spawn(listener.with_tls(tls).serve(service, 64, shutdown));
    (address, stop)
}

async fn ask(address: SocketAddr, trust: &Trust, identity: Option<&Identity>) -> Result<String, String> {
    let tls = ClientTls::load(trust, identity).unwrap();
    let client = Client::with_tls(vec![format!("https://{address}")], None, Some(tls)).unwrap();
    match client.estate().await {
        Ok(estate) => Ok(estate.digest),
        Err(ClientError::Unreachable { tried }) => Err(tried[0].why.clone()),
        Err(other) => Err(other.to_string()),
    }
}

#[tokio::test]
async fn an_authority_or_a_key_lets_a_client_trust() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::system()).unwrap();
    let pin = tls.pin().unwrap();
    let (address, _stop) = served(tls).await;
    assert_eq!(ask(address, &Trust::Authority(pki.path("ca.pem")), None).await.unwrap(), "");
    assert_eq!(ask(address, &Trust::Keys(vec![KeyPin([0; 32]), pin]), None).await.unwrap(), "");
    assert_eq!(server_key(&address.to_string()).await.unwrap(), pin);
    assert_eq!(key_pin_of_file(&pki.path("server.pem")).unwrap(), pin);

    let other = Pki::new();
    let error = ask(address, &Trust::Authority(other.path("ca.pem")), None).await.unwrap_err();
    assert!(error.starts_with("its certificate is of another authority than ours"), "{error}");
    let error = ask(address, &Trust::Keys(vec![KeyPin([7; 32])]), None).await.unwrap_err();
    assert_eq!(
        error,
        format!(
            "its key is {pin}, pinned is {}; if the key was changed on purpose, pin the new one; if not, somebody stands in between",
            KeyPin([7; 32])
        )
    );
}

#[tokio::test]
async fn a_client_certificate_names_its_holder() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    pki.issue("ann", &["ann.example"], "ann");
    let trust = Trust::Authority(pki.path("ca.pem"));
    let welcome = ClientCertificates::Welcome(pki.path("ca.pem"));
    let (address, _stop) = served(ServerTls::load(pki.files(welcome), Clock::system()).unwrap()).await;
    assert_eq!(ask(address, &trust, None).await.unwrap(), "");
    assert_eq!(ask(address, &trust, Some(&pki.identity("ann"))).await.unwrap(), "ann.example ann");

    let required = ClientCertificates::Required(pki.path("ca.pem"));
    let (address, _stop) = served(ServerTls::load(pki.files(required), Clock::system()).unwrap()).await;
    assert_eq!(ask(address, &trust, Some(&pki.identity("ann"))).await.unwrap(), "ann.example ann");
    let error = ask(address, &trust, None).await.unwrap_err();
    assert!(error.contains("it wants a client certificate"), "{error}");

    let other = Pki::new();
    other.issue("eve", &["ann.example"], "ann");
    let error = ask(address, &trust, Some(&other.identity("eve"))).await.unwrap_err();
    assert!(error.contains("it does not take our client certificate"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_address_is_told() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::system()).unwrap();
    let (address, _stop) = served(tls).await;
    let tls = ClientTls::load(&Trust::Authority(pki.path("ca.pem")), None).unwrap();
    let client =
        Client::with_tls(vec![format!("https://localhost:{}", address.port())], None, Some(tls)).unwrap();
    let error = client.estate().await.unwrap_err().to_string();
    assert!(error.contains("its certificate is for other addresses than this one"), "{error}");
}

#[tokio::test]
async fn who_does_not_speak_tls_does_no_harm() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::system()).unwrap();
    let pin = tls.pin().unwrap();
    let (address, _stop) = served(tls).await;
    for rubbish in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x16\x03\x01\0\0", b"\0", b""] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(rubbish).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await; // an alert or a reset
    }
    assert!(ask(address, &Trust::Keys(vec![pin]), None).await.is_ok());

    let plain = listen("test_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, (_stop, shutdown)) = (plain.address(), watch::channel(false));
    let service = hyper::service::service_fn(|_: Request<Incoming>| async move {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    tokio::spawn(plain.serve(service, 4, shutdown));
    let error = ask(address, &Trust::Keys(vec![pin]), None).await.unwrap_err();
    assert!(error.starts_with("it does not speak TLS there"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_given_up_and_its_place_is_free_again() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::system()).unwrap();
    let (address, _stop) = served(tls).await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(address).await.unwrap()); // all connections that there may be
    }
    let mut one_more = TcpStream::connect(address).await.unwrap();
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
    }
    assert_eq!(one_more.read(&mut [0; 16]).await.unwrap_or(0), 0, "its turn came, and ended");
}

/// Lets virtual time go by until `condition` holds, ten looks at the files at most. To be called while no connection is open.
async fn until(what: &str, condition: impl Fn() -> bool) {
    tokio::time::pause();
    let deadline = Instant::now() + 10 * LOOK_EVERY;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(LOOK_EVERY / 2).await;
    }
    tokio::time::resume();
}

#[tokio::test]
async fn new_certificates_count_and_bad_ones_do_not() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::system()).unwrap();
    let (first, problem) = (tls.pin().unwrap(), tls.problem());
    let (address, _stop) = served(tls.clone()).await;
    pki.issue("server", &["node-1"], "node-1");
    until("the new one counts", || tls.pin() != Some(first)).await;
    let second = tls.pin().unwrap();
    assert!(ask(address, &Trust::Keys(vec![second]), None).await.is_ok());
    assert!(ask(address, &Trust::Keys(vec![first]), None).await.is_err());

    std::fs::write(pki.path("server.pem"), "nonsense").unwrap();
    until("the bad one is told", || {
        problem.borrow().as_ref().is_some_and(|text| text.contains("holds no certificate"))
    })
    .await;
    assert!(ask(address, &Trust::Keys(vec![second]), None).await.is_ok());
    pki.issue("server", &["node-1"], "node-1");
    until("all is well again", || problem.borrow().is_none()).await;
    assert!(ask(address, &Trust::Keys(vec![second]), None).await.is_err());
}

#[test]
fn the_end_of_a_certificate_is_told_in_time() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1"); // rcgen's own end: the year 4096
    let far = hf_model::Timestamp(u64::MAX / 2);
    let tls = ServerTls::load(pki.files(ClientCertificates::NotAsked), Clock::manual(far)).unwrap();
    assert!(
        tls.problem()
            .borrow()
            .as_ref()
            .unwrap()
            .ends_with("the API's certificate has ended; issue a new one")
    );
}

#[test]
fn files_that_cannot_serve_are_told_with_the_mend() {
    let pki = Pki::new();
    pki.issue("server", &["node-1"], "node-1");
    pki.issue("other", &["node-2"], "node-2");
    let load = |certificate: &str, key: &str, clients| {
        let files = ServerFiles { certificate: pki.path(certificate), key: pki.path(key), clients };
        let error = ServerTls::load(files, Clock::system()).unwrap_err().to_string();
        error.replace(&format!("{}/", pki.dir.path().display()), "")
    };
    let none = || ClientCertificates::NotAsked;
    assert_eq!(
        load("server.pem", "other.key", none()),
        "other.key: the key does not match the certificate in server.pem; use the two files that were made together"
    );
    assert!(load("absent.pem", "server.key", none()).starts_with("absent.pem: No such file"));
    assert_eq!(
        load("server.key", "server.key", none()),
        "server.key: holds no certificate in PEM form; is it the right file?"
    );
    assert_eq!(
        load("server.pem", "server.pem", none()),
        "server.pem: holds no private key in PEM form; is it the right file?"
    );
    let welcome = ClientCertificates::Welcome(pki.path("server.key"));
    assert_eq!(
        load("server.pem", "server.key", welcome),
        "server.key: holds no certificate in PEM form; is it the right file?"
    );
}

#[test]
fn a_pin_is_read_as_it_is_written() {
    let pin = KeyPin([9; 32]);
    assert_eq!(pin.to_string().parse(), Ok(pin));
    assert_eq!(format!(" {pin}\n").parse(), Ok(pin));
    for bad in [
        "",
        "sha256/",
        "sha256/AAAA",
        "sha1/AAAA",
        "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
        "sha256/ß",
    ] {
        assert_eq!(bad.parse::<KeyPin>(), Err(KeyPinError), "{bad}");
    }
}
