//! A server of HTTP for tests, with TLS if wanted: one answer for each request, and what was asked.

use std::path::PathBuf;
use std::sync::Arc;

use hf_config::estate::AwsService;
use hf_config::node::{StoreCredentials, StoresConfig, Url};
use hf_model::{CredentialsName, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Any instant.
pub(crate) const NOW: Timestamp = Timestamp(1_795_298_995_000);

/// Answers as they go over the wire, one a connection; then it hears nobody.
pub(crate) struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    folder: tempfile::TempDir,
}

impl Server {
    /// In the clear.
    pub(crate) async fn plain() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Server { listener, tls: None, folder: tempfile::tempdir().expect("a folder") }
    }

    /// With a certificate for `localhost` of an authority of its own.
    pub(crate) async fn secure() -> Server {
        let (ca_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("an authority");
        let issuer = Issuer::new(params, ca_key);
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let own = params.signed_by(&key, &issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a key that fits");
        let server = Server::plain().await;
        std::fs::write(server.ca(), ca.pem()).expect("written");
        Server { tls: Some(TlsAcceptor::from(Arc::new(config))), ..server }
    }

    /// The file of its authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// A node that trusts its authority and has the credentials `runbook`, with this in the secret's file.
    pub(crate) fn node(&self, secret: &str) -> StoresConfig {
        let runbook = StoreCredentials {
            name: CredentialsName::new("runbook").expect("a name"),
            access_key_id: "HFEXAMPLEKEY00000001".to_owned(),
            secret_file: self.file("secret", secret),
        };
        StoresConfig { ca: Some(self.ca()), credentials: vec![runbook] }
    }

    /// What it is to who signs with `runbook`, or to nobody in particular.
    pub(crate) fn service(&self, credentials: Option<&str>) -> AwsService {
        AwsService {
            endpoint: self.url("/"),
            region: "eu-west-2".to_owned(),
            credentials: credentials.map(|name| CredentialsName::new(name).expect("a name")),
        }
    }

    /// Where it is.
    pub(crate) fn url(&self, path: &str) -> Url {
        let port = self.listener.local_addr().expect("an address").port();
        let (secure, host) = (self.tls.is_some(), if self.tls.is_some() { "localhost" } else { "127.0.0.1" });
        Url { secure, host: host.to_owned(), port, path: path.to_owned() }
    }

    /// Its socket, for who hears by himself.
    pub(crate) fn listen(&self) -> &TcpListener {
        &self.listener
    }

    /// TLS on a connection, as far as that comes.
    pub(crate) async fn shake(&self, stream: TcpStream) -> std::io::Result<()> {
        let tls = self.tls.as_ref().expect("a server with TLS");
        tls.accept(stream).await.map(|_| ())
    }

    /// Gives these answers, then what was asked. An empty answer is none: the connection is left open, and held as long as the server.
    pub(crate) async fn answer(self, answers: &[&str]) -> Vec<String> {
        let (mut asked, mut held) = (Vec::new(), Vec::new());
        for answer in answers {
            let (stream, _) = self.listener.accept().await.expect("a connection");
            if answer.is_empty() {
                held.push(stream);
                continue;
            }
            let question = match &self.tls {
                None => exchange(stream, answer).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => exchange(stream, answer).await,
                    Err(error) => format!("no TLS: {error}"),
                },
            };
            asked.push(question);
        }
        if !held.is_empty() {
            std::future::pending::<()>().await;
        }
        asked
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut asked = Vec::new();
    let mut byte = [0];
    while !is_whole(&asked) && matches!(stream.read(&mut byte).await, Ok(1)) {
        asked.push(byte[0]);
    }
    // Whoever has heard enough hangs up.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    String::from_utf8(asked).expect("text")
}

fn is_whole(asked: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(asked) else { return false };
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// An answer with a body.
pub(crate) fn page(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
