//! TLS that ends at the balancer.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{Authority, Http2, Kept, Origin, WorldBuilder, shown, until, within};

const TLS: &str = "listen = \"0.0.0.0:80\"\ntls = true";

#[tokio::test]
async fn the_server_name_chooses_the_certificate_and_alpn_the_version() {
    let a = Origin::start("a");
    let mut authority = Authority::new();
    let certificates = authority.certificates(&["one.test", "*.two.test"]);
    let world =
        WorldBuilder::new().certificates(certificates).pool("web", TLS, &[("a", a.address)]).start().await;
    let http2 = authority.connect(world.web(), "one.test", &["http/1.1", "h2"]).await.unwrap();
    assert_eq!(http2.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let answer = Http2::over(http2).await.get("/fields").await;
    assert!(answer.body.contains("x-forwarded-proto: https"), "{}", answer.body);
    assert!(answer.body.contains("forwarded: for=127.0.0.1;proto=https"), "{}", answer.body);
    for protocols in [&["http/1.1"][..], &[]] {
        let http1 = authority.connect(world.web(), "x.two.test", protocols).await.unwrap();
        let mut kept = Kept::over(http1).await;
        assert_eq!((kept.get("/").await.body.as_str(), kept.get("/").await.body.as_str()), ("a", "a"));
    }
    // A name that nobody has gets the first certificate, which is not for it.
    assert!(authority.connect(world.web(), "three.test", &[]).await.is_err());
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_clients_and_the_others_stay() {
    let a = Origin::start("a");
    let mut authority = Authority::new();
    let certificates = authority.certificates(&["one.test"]);
    let problem = certificates.problem();
    let world =
        WorldBuilder::new().certificates(certificates).pool("web", TLS, &[("a", a.address)]).start().await;
    let before = authority.connect(world.web(), "one.test", &[]).await.unwrap();
    let first = shown(&before);
    let mut before = Kept::over(before).await;
    assert_eq!(before.get("/").await.body, "a");
    let pair = authority.issue("one.test", "one.test");
    let web = world.web();
    let changed = || async {
        let now = authority.connect(web, "one.test", &[]).await.unwrap();
        shown(&now) != first
    };
    until("the new certificate is shown", changed).await;
    assert_eq!(before.get("/").await.body, "a");
    let second = shown(&authority.connect(web, "one.test", &[]).await.unwrap());
    std::fs::write(&pair.key, "no key").unwrap();
    until("it is told", || async { problem.borrow().is_some() }).await;
    assert_eq!(shown(&authority.connect(web, "one.test", &[]).await.unwrap()), second);
}

#[tokio::test]
async fn a_node_without_certificates_says_so() {
    let a = Origin::start("a");
    let error = match WorldBuilder::new().pool("web", TLS, &[("a", a.address)]).try_start(|_| {}).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("`certificates` of [balancer]"), "{error}");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_closed() {
    let a = Origin::start("a");
    let mut authority = Authority::new();
    let world = WorldBuilder::new()
        .certificates(authority.certificates(&["one.test"]))
        .pool("web", TLS, &[("a", a.address)])
        .try_start(|estate| estate.pools[0].patience.header = std::time::Duration::from_millis(200))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    // One that says nothing at all, and one that speaks in the clear.
    let mut silent = TcpStream::connect(world.web()).await.unwrap();
    let mut read = Vec::new();
    let _ = within("the end", silent.read_to_end(&mut read)).await;
    assert!(read.is_empty());
    let answer = crate::support::raw(world.web(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    assert_eq!(a.requests(), 0);
}
