//! TLS and PROXY protocol to endpoints.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hf_config::estate::{EndpointHttp, EndpointTls, ProxyVersion};
use hf_stream::proxy::{Header, Parsed, parse};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Kept, Origin2, WorldBuilder, get};

/// A server's side, and trust in it.
fn identity(name: &str, alpn: &[u8]) -> (ServerConfig, RootCertStore) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    (config, roots)
}

/// What a balancer that trusts `roots` and asks for `tls` gets from an endpoint called `inside.test`.
async fn asked(roots: bool, server_name: Option<&str>, verify: bool) -> (u16, String) {
    let (config, trust) = identity("inside.test", b"h2");
    let a = Origin2::start_with(Some(config)).await;
    let server_name = server_name.map(str::to_owned);
    let world = WorldBuilder::new()
        .authorities(if roots { trust } else { RootCertStore::empty() })
        .rules(|pool| pool.to_endpoint.http = EndpointHttp::Http2)
        .rules(move |pool| pool.to_endpoint.tls = Some(EndpointTls { server_name, verify }))
        .web(&[("a", a.address)])
        .start()
        .await;
    let answer = get(world.web(), "/").await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn the_endpoints_certificate_is_verified_by_name_and_authority() {
    let https = "HTTP/2.0 https service.test".to_owned();
    assert_eq!(asked(true, Some("inside.test"), true).await, (200, https.clone()));
    let (status, why) = asked(true, None, true).await;
    assert!(status == 502 && why.contains("certificate"), "{status} {why}");
    let (status, why) = asked(false, Some("inside.test"), true).await;
    assert!(status == 502 && why.contains("certificate"), "{status} {why}");
    assert_eq!(asked(false, None, false).await, (200, https));
}

#[tokio::test]
async fn an_endpoint_without_http2_in_its_tls_is_named() {
    let (config, trust) = identity("inside.test", b"http/1.1");
    let a = Origin2::start_with(Some(config)).await;
    let world = WorldBuilder::new()
        .authorities(trust)
        .rules(|pool| pool.to_endpoint.http = EndpointHttp::Http2)
        .rules(|pool| {
            pool.to_endpoint.tls =
                Some(EndpointTls { server_name: Some("inside.test".to_owned()), verify: true });
        })
        .web(&[("a", a.address)])
        .start()
        .await;
    assert_eq!(get(world.web(), "/").await.status, 502);
}

/// An endpoint that reads a PROXY header first, and answers requests on the same connection with the client that it was told.
async fn told() -> (SocketAddr, Arc<Mutex<Vec<Header>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let headers: Arc<Mutex<Vec<Header>>> = Arc::default();
    let seen = headers.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let (header, mut used) = loop {
                    match parse(&bytes) {
                        Ok(Parsed::Done(header, used)) => break (header, used),
                        Ok(Parsed::NeedMore) => bytes.push(stream.read_u8().await.unwrap()),
                        Err(error) => panic!("{error}"),
                    }
                };
                let Header::Proxied { source, .. } = header.clone() else { panic!("it names nobody") };
                seen.lock().unwrap().push(header);
                loop {
                    while !bytes[used..].ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        bytes.push(byte);
                    }
                    used = bytes.len();
                    let body = source.to_string();
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (address, headers)
}

#[tokio::test]
async fn each_client_has_connections_that_begin_with_its_address() {
    for version in [ProxyVersion::V1, ProxyVersion::V2] {
        let (address, headers) = told().await;
        let world = WorldBuilder::new()
            .workers(1)
            .rules(move |pool| pool.to_endpoint.proxy_protocol = Some(version))
            .web(&[("a", address)])
            .start()
            .await;
        let (mut one, mut other) = (Kept::open(world.web()).await, Kept::open(world.web()).await);
        let (first, second) = (one.get("/").await.body, other.get("/").await.body);
        assert_ne!(first, second, "each is told its own client");
        for _ in 0..5 {
            assert_eq!((one.get("/").await.body, other.get("/").await.body), (first.clone(), second.clone()));
        }
        let headers = headers.lock().unwrap().clone();
        assert_eq!(headers.len(), 2, "connections are kept for the same client");
        let destinations = headers.iter().map(|header| match header {
            Header::Proxied { destination, .. } => *destination,
            Header::Local => panic!("it names nobody"),
        });
        assert!(destinations.into_iter().all(|destination| destination == world.web()));
    }
}
