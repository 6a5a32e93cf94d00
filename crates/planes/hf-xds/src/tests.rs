//! A client over real sockets, written on bare HTTP/2: what Envoy would not do, and what the board of consumers is told.

use std::future::Future;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use hf_consumers::Group;
use hf_model::{Revision, Timestamp};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::messages::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Locality, Node,
    Status,
};
use crate::resources::Kind;
use crate::resources::tests::{NOW, World, snapshot};

const DEADLINE: Duration = Duration::from_secs(20);
const WORLD: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"))
}

/// A node that serves, and what the tests change.
struct Served {
    address: SocketAddr,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    stop: watch::Sender<bool>,
    consumers: Consumers,
    running: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(world: Option<World<'_>>) -> Served {
        Served::over(world, None).await
    }

    async fn over(world: Option<World<'_>>, tls: Option<ServerTls>) -> Served {
        Served::with(world, tls, |_| ()).await
    }

    /// With so much memory for what clients make it keep.
    async fn within(world: Option<World<'_>>, bytes: usize) -> Served {
        Served::with(world, None, |bound| bound.budget = Budget::new(bytes)).await
    }

    async fn with(
        world: Option<World<'_>>,
        tls: Option<ServerTls>,
        change: impl FnOnce(&mut Bound),
    ) -> Served {
        let (snapshots, receiver) = watch::channel(world.map(|world| Arc::new(snapshot(world))));
        let (stop, shutdown) = watch::channel(false);
        let consumers = Consumers::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let mut bound = bind(any, tls, receiver, consumers.clone(), Clock::manual(NOW)).await.unwrap();
        change(&mut bound);
        let address = bound.address();
        let running = tokio::spawn(bound.run(shutdown));
        Served { address, snapshots, stop, consumers, running }
    }

    fn set(&self, world: World<'_>) {
        self.snapshots.send_replace(Some(Arc::new(snapshot(world))));
    }

    fn groups(&self, at: Timestamp) -> Vec<Group> {
        self.consumers.groups(at, Revision(8)).groups
    }

    /// Waits until the board says this.
    async fn until_told(&self, what: &str, is_so: impl Fn(&[Group]) -> bool) {
        within(what, async {
            while !is_so(&self.groups(NOW)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

/// A connection's client side.
struct Client(SendRequest<Bytes>);

impl Client {
    async fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).await.unwrap(), 1 << 20).await
    }

    async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, window: u32) -> Client {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let (sender, connection) = builder.handshake(io).await.unwrap();
        tokio::spawn(connection);
        Client(sender)
    }

    async fn call(&mut self, path: &str) -> Call {
        let request = Request::post(format!("http://xds.test{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut sender = self.0.clone().ready().await.unwrap();
        let (answer, send) = sender.send_request(request, false).unwrap();
        let answer = within("the head of the answer", answer).await.unwrap();
        let head = answer.headers().clone();
        Call { send, head, body: answer.into_body(), read: BytesMut::new() }
    }
}

/// One call.
struct Call {
    send: SendStream<Bytes>,
    head: HeaderMap,
    body: RecvStream,
    read: BytesMut,
}

impl Call {
    fn say(&mut self, message: &impl Message) {
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.encoded_len()).unwrap());
        message.encode(&mut framed).unwrap();
        self.send.send_data(framed.freeze(), false).unwrap();
    }

    /// The next message, or how the call ended: `grpc-status`, `grpc-message`.
    async fn hear<M: Message + Default>(&mut self) -> Result<M, (String, String)> {
        within("a message", async {
            loop {
                if let Some((head, rest)) = self.read.split_first_chunk::<5>() {
                    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                    if rest.len() >= len {
                        self.read.advance(5);
                        return Ok(M::decode(self.read.split_to(len)).unwrap());
                    }
                }
                match self.body.data().await {
                    Some(Ok(data)) => {
                        self.body.flow_control().release_capacity(data.len()).unwrap();
                        self.read.extend_from_slice(&data);
                    }
                    Some(Err(error)) => return Err((format!("{:?}", error.reason()), String::new())),
                    None => {
                        let trailers = self.body.trailers().await.unwrap();
                        let end = trailers.as_ref().unwrap_or(&self.head);
                        let of = |name| end.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
                        return Err((of("grpc-status"), of("grpc-message")));
                    }
                }
            }
        })
        .await
    }

    async fn end(&mut self) -> (String, String) {
        self.hear::<DiscoveryResponse>().await.expect_err("the end of the call")
    }
}

fn asked(kind: Kind, names: &[&str], nonce: &str) -> DiscoveryRequest {
    DiscoveryRequest {
        node: Some(Node {
            id: "envoy-1".to_owned(),
            cluster: "edge".to_owned(),
            locality: Some(Locality { region: "near".to_owned(), zone: "other-n1".to_owned() }),
            ..Node::default()
        }),
        type_url: kind.type_url().to_owned(),
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        response_nonce: nonce.to_owned(),
        ..DiscoveryRequest::default()
    }
}

/// The group of `edge`, with so many instances.
fn one_of(groups: &[Group], revision: Option<u64>, instances: u32) -> bool {
    one(groups, revision) && groups[0].instances == instances
}

fn one(groups: &[Group], revision: Option<u64>) -> bool {
    matches!(groups, [group] if group.name.as_str() == "edge" && group.lowest_revision.map(|of| of.0) == revision)
}

#[tokio::test]
async fn what_a_client_accepts_is_acknowledged_and_what_it_refuses_is_not() {
    let served = Served::start(Some(World::default())).await;
    let mut call = Client::connect(served.address).await.call(WORLD).await;
    call.say(&asked(Kind::Endpoints, &["web"], ""));
    let first: DiscoveryResponse = call.hear().await.unwrap();
    served.until_told("the client on the board", |groups| one(groups, None)).await;
    call.say(&asked(Kind::Endpoints, &["web"], &first.nonce));
    served.until_told("the accepted revision", |groups| one(groups, Some(7))).await;
    assert_eq!(
        served.groups(NOW)[0].zone.as_ref().map(hf_model::ZoneId::as_str),
        Some("n1"),
        "an alias is its zone"
    );

    served.set(World { revision: 8, shifted: &["n1"], ..World::default() });
    let second: DiscoveryResponse = call.hear().await.unwrap();
    assert_ne!(second.version_info, first.version_info);
    let error = Status { code: 3, message: "I do not like it".to_owned() };
    let mut refusal = asked(Kind::Endpoints, &["web"], &second.nonce);
    refusal.error_detail = Some(error);
    call.say(&refusal);
    // What follows is told, so the refusal was heard; the same content is not sent again, and is not taken for applied.
    call.say(&asked(Kind::Listener, &["web"], ""));
    let third: DiscoveryResponse = call.hear().await.unwrap();
    assert_eq!(third.type_url, Kind::Listener.type_url());
    call.say(&asked(Kind::Listener, &["web"], &third.nonce));
    call.say(&asked(Kind::Route, &["web"], ""));
    let fourth: DiscoveryResponse = call.hear().await.unwrap();
    assert_eq!(fourth.type_url, Kind::Route.type_url());
    assert!(one(&served.groups(NOW), Some(7)), "{:?}", served.groups(NOW));

    // A good-bye takes it off the board.
    call.send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(call.end().await.0, "0");
    served.until_told("the good-bye", <[Group]>::is_empty).await;
}

#[tokio::test]
async fn a_client_that_is_not_heard_again_is_silent_and_not_fine() {
    let served = Served::start(Some(World::default())).await;
    let mut client = Client::connect(served.address).await;
    let mut call = client.call(WORLD).await;
    call.say(&asked(Kind::Endpoints, &["web"], ""));
    let first: DiscoveryResponse = call.hear().await.unwrap();
    call.say(&asked(Kind::Endpoints, &["web"], &first.nonce));
    served.until_told("the accepted revision", |groups| one(groups, Some(7))).await;
    served.stop.send_replace(true);
    assert_eq!(call.end().await.0, "14");
    within("the end", served.running).await.unwrap();
    let later = served.consumers.groups(NOW.plus(Duration::from_mins(1)), Revision(7)).groups;
    assert_eq!((later.len(), later[0].silent), (1, 1));
}

#[tokio::test]
async fn delta_tells_changes_at_once_and_nothing_before_there_is_a_snapshot() {
    let served = Served::start(None).await;
    let mut call = Client::connect(served.address).await.call(DELTA).await;
    let request = DeltaDiscoveryRequest {
        type_url: Kind::Endpoints.type_url().to_owned(),
        resource_names_subscribe: vec!["web".to_owned()],
        ..DeltaDiscoveryRequest::default()
    };
    call.say(&request);
    let early = timeout(Duration::from_millis(50), call.body.data()).await;
    assert!(early.is_err(), "nothing is told for lack of knowledge");
    served.set(World::default());
    let first: DeltaDiscoveryResponse = call.hear().await.unwrap();
    assert_eq!((first.resources.len(), first.resources[0].name.as_str()), (1, "web"));
    served.set(World { revision: 8, shifted: &["n2"], ..World::default() });
    let second: DeltaDiscoveryResponse = call.hear().await.unwrap();
    assert_ne!(first.resources[0].version, second.resources[0].version);

    // On another node the client goes on from what it holds: only what differs comes.
    let other = Served::start(Some(World { revision: 8, shifted: &["n2"], ..World::default() })).await;
    let mut call = Client::connect(other.address).await.call(DELTA).await;
    call.say(&DeltaDiscoveryRequest {
        initial_resource_versions: [("web".to_owned(), second.resources[0].version.clone())].into(),
        ..request
    });
    other.set(World { revision: 9, ..World::default() });
    let third: DeltaDiscoveryResponse = call.hear().await.unwrap();
    assert_eq!(third.resources[0].version, first.resources[0].version);
}

#[tokio::test]
async fn bad_calls_end_with_a_status() {
    let served = Served::start(Some(World::default())).await;
    let mut client = Client::connect(served.address).await;
    let (status, _) = client.call("/envoy.service.discovery.v3.Other/Stream").await.end().await;
    assert_eq!(status, "12");
    let request =
        Request::post(format!("http://xds.test{WORLD}")).header("content-type", "application/grpc-web");
    let (answer, _) = client.0.send_request(request.body(()).unwrap(), true).unwrap();
    assert_eq!(within("the answer", answer).await.unwrap().status(), 415);

    let mut call = client.call(WORLD).await;
    call.say(&asked(Kind::Endpoints, &[&"x".repeat(300)], ""));
    let (status, message) = call.end().await;
    assert_eq!(
        (status.as_str(), message.contains("at most 256 bytes, this one has 300")),
        ("3", true),
        "{message}"
    );

    let mut call = client.call(WORLD).await;
    call.say(&DiscoveryRequest::default());
    assert_eq!(
        call.end().await,
        ("3".to_owned(), "a request on an aggregated stream names its type; set `type_url`".to_owned())
    );

    let mut call = client.call("/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints").await;
    call.say(&asked(Kind::Cluster, &[], ""));
    assert_eq!(call.end().await.0, "3");

    let mut call = client.call(WORLD).await;
    call.send.send_data(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]), false).unwrap();
    assert_eq!(call.end().await.0, "8");

    let mut call = client.call(WORLD).await;
    call.send.send_data(Bytes::from_static(&[1, 0, 0, 0, 0]), false).unwrap();
    assert_eq!(call.end().await.0, "12");

    let mut call = client.call(WORLD).await;
    call.send.send_data(Bytes::from_static(&[0, 0, 0, 0, 1, 0xff]), false).unwrap();
    assert_eq!(call.end().await.0, "3");
    assert!(served.groups(NOW).is_empty());
}

#[tokio::test]
async fn streams_of_one_client_are_one_line_that_goes_with_the_last() {
    let served = Served::start(Some(World::default())).await;
    let (mut one, mut other) = (Client::connect(served.address).await, Client::connect(served.address).await);
    let (mut clusters, mut endpoints) = (one.call(WORLD).await, other.call(WORLD).await);
    clusters.say(&asked(Kind::Cluster, &[], ""));
    endpoints.say(&asked(Kind::Endpoints, &["web"], ""));
    let told: DiscoveryResponse = clusters.hear().await.unwrap();
    clusters.say(&asked(Kind::Cluster, &[], &told.nonce));
    let told: DiscoveryResponse = endpoints.hear().await.unwrap();
    endpoints.say(&asked(Kind::Endpoints, &["web"], &told.nonce));
    served.until_told("what both have applied", |groups| one_of(groups, Some(7), 1)).await;

    // Nothing changes for clusters, so that stream is there at once; the client is not.
    served.set(World { revision: 8, shifted: &["n1"], ..World::default() });
    let told: DiscoveryResponse = endpoints.hear().await.unwrap();
    clusters.say(&asked(Kind::Cluster, &["web"], ""));
    let _: DiscoveryResponse = clusters.hear().await.unwrap();
    assert!(one_of(&served.groups(NOW), Some(7), 1), "{:?}", served.groups(NOW));
    clusters.send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(clusters.end().await.0, "0");
    endpoints.say(&asked(Kind::Endpoints, &["web"], &told.nonce));
    served.until_told("what the other has applied", |groups| one_of(groups, Some(8), 1)).await;
    endpoints.send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(endpoints.end().await.0, "0");
    served.until_told("the good-bye", <[Group]>::is_empty).await;
}

#[tokio::test]
async fn what_clients_make_the_node_keep_is_bounded_for_all_together() {
    let served = Served::within(Some(World::default()), 20_000).await;
    let names = |stream: usize| (0..60).map(|at| format!("pool-{stream}-{at}")).collect::<Vec<_>>();
    let ask =
        |stream: usize| DiscoveryRequest { resource_names: names(stream), ..asked(Kind::Endpoints, &[], "") };
    let mut client = Client::connect(served.address).await;
    let (mut first, mut second) = (client.call(WORLD).await, client.call(WORLD).await);
    first.say(&ask(1));
    let _: DiscoveryResponse = first.hear().await.unwrap();
    second.say(&ask(2));
    let _: DiscoveryResponse = second.hear().await.unwrap();
    let mut third = client.call(WORLD).await;
    third.say(&ask(3));
    let (status, message) = third.end().await;
    assert_eq!(status, "8");
    assert!(message.contains("no memory for more names"), "{message}");
    // A long message that does not come whole is kept too.
    let mut fourth = client.call(WORLD).await;
    let mut begun = vec![0, 0, 1, 0, 0];
    begun.resize(20_000, b'x');
    fourth.send.send_data(begun.into(), false).unwrap();
    let (status, message) = fourth.end().await;
    assert_eq!(status, "8");
    assert!(message.contains("so long a message"), "{message}");
    // Who goes makes room.
    first.send.send_data(Bytes::new(), true).unwrap();
    assert_eq!(first.end().await.0, "0");
    let mut third = client.call(WORLD).await;
    third.say(&ask(3));
    let _: DiscoveryResponse = third.hear().await.unwrap();
}

#[tokio::test]
async fn what_is_kept_for_who_asks_for_all_comes_out_of_the_same_memory() {
    // Two clusters: 8 bytes, and 64 for each in what it was told and in the answer that is open.
    let served = Served::within(Some(World::default()), 263).await;
    let mut client = Client::connect(served.address).await;
    let mut call = client.call(WORLD).await;
    call.say(&asked(Kind::Cluster, &[], ""));
    let (status, message) = call.end().await;
    assert_eq!(status, "8");
    assert!(message.contains("no memory for more names"), "{message}");
    let served = Served::within(Some(World::default()), 264).await;
    let mut call = Client::connect(served.address).await.call(WORLD).await;
    call.say(&asked(Kind::Cluster, &[], ""));
    let _: DiscoveryResponse = call.hear().await.unwrap();
}

/// A client that has been told of `web`, and said so; none where there is no memory for that.
async fn follows(served: &Served) -> Option<Call> {
    let mut call = Client::connect(served.address).await.call(WORLD).await;
    call.say(&asked(Kind::Endpoints, &["web"], ""));
    let told: DiscoveryResponse = call.hear().await.ok()?;
    call.say(&asked(Kind::Endpoints, &["web"], &told.nonce));
    Some(call)
}

#[tokio::test]
async fn who_is_told_more_because_the_world_changes_is_not_sent_away_for_it() {
    let mut enough = 0;
    loop {
        enough += 8;
        if follows(&Served::within(Some(World::default()), enough).await).await.is_some() {
            break;
        }
    }
    // Room for two who have been told, and not for two answers that are open at once.
    let served = Served::within(Some(World::default()), 2 * enough - 20).await;
    let mut calls = Vec::new();
    for _ in 1..=2 {
        calls.push(follows(&served).await.expect("memory for both"));
        served
            .until_told("the accepted revision", |groups| {
                groups
                    .first()
                    .is_some_and(|group| (group.lowest_revision, group.not_told) == (Some(Revision(7)), 0))
            })
            .await;
    }
    served.set(World { revision: 8, shifted: &["n1"], ..World::default() });
    for call in &mut calls {
        let told: Result<DiscoveryResponse, _> = call.hear().await;
        assert!(told.is_ok(), "a zone is left, and it is sent away instead of being told: {told:?}");
    }
}

#[tokio::test]
async fn a_client_that_ends_its_stream_while_it_is_told_something_has_said_good_bye() {
    let served = Served::start(Some(World::default())).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let mut call = Client::over(stream, 600).await.call(WORLD).await;
    call.say(&asked(Kind::Endpoints, &["web"], ""));
    let told: DiscoveryResponse = call.hear().await.unwrap();
    call.say(&asked(Kind::Endpoints, &["web"], &told.nonce));
    served.until_told("the accepted revision", |groups| one(groups, Some(7))).await;
    // More than there is room for, and nothing of it is taken.
    for kind in [Kind::Cluster, Kind::Listener, Kind::Route] {
        call.say(&asked(kind, &["web", "spare", "secure"], ""));
    }
    within("the first of it", call.body.data()).await.unwrap().unwrap();
    call.send.send_reset(Reason::CANCEL);
    served.until_told("the good-bye", <[Group]>::is_empty).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped_with_a_status() {
    let impatient = |bound: &mut Bound| bound.stalled_after = Duration::from_secs(1);
    let served = Served::with(Some(World::default()), None, impatient).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    // Room for a few bytes on the stream: the answer stops there. Heartbeats are answered all the same.
    let mut client = Client::over(stream, 10).await;
    let mut call = client.call(WORLD).await;
    call.say(&asked(Kind::Cluster, &[], ""));
    let reset = within("the reset", async {
        loop {
            // What comes is not given back to the window.
            match call.body.data().await {
                Some(Ok(_)) => {}
                other => return other,
            }
        }
    })
    .await;
    let error = reset.expect("an end before the end").expect_err("a reset");
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM), "gRPC's RESOURCE_EXHAUSTED");
}

mod tls {
    use std::path::Path;

    use hf_api::tls::{ClientCertificates, ServerFiles};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ClientConfig;
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// An authority, and a certificate and key of it for each name, as PEM files.
    fn certificates(folder: &Path, names: &[&str]) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Issuer::new(params, key);
        for name in names {
            let own = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![(*name).to_owned()]).unwrap();
            let pem = params.signed_by(&own, &authority).unwrap().pem();
            std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
            std::fs::write(folder.join(format!("{name}.key")), own.serialize_pem()).unwrap();
        }
    }

    fn client(folder: &Path, own: Option<&str>) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = vec![CertificateDer::from_pem_file(folder.join(format!("{own}.pem"))).unwrap()];
                let key = PrivateKeyDer::from_pem_file(folder.join(format!("{own}.key"))).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    #[tokio::test]
    async fn only_who_has_a_certificate_of_the_authority_gets_in() {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), &["node.test", "envoy.test"]);
        let files = ServerFiles {
            certificate: folder.path().join("node.test.pem"),
            key: folder.path().join("node.test.key"),
            clients: ClientCertificates::Required(folder.path().join("ca.pem")),
        };
        let tls = ServerTls::load_for(b"h2", files, Clock::system()).unwrap();
        let served = Served::over(Some(World::default()), Some(tls)).await;
        let connect = async |own: Option<&str>| {
            let stream = TcpStream::connect(served.address).await.unwrap();
            let connector = TlsConnector::from(Arc::new(client(folder.path(), own)));
            connector.connect(ServerName::try_from("node.test").unwrap(), stream).await
        };
        let stream = connect(Some("envoy.test")).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut call = Client::over(stream, 1 << 20).await.call(WORLD).await;
        call.say(&asked(Kind::Cluster, &[], ""));
        assert_eq!(call.hear::<DiscoveryResponse>().await.unwrap().resources.len(), 2);
        // Without one the handshake ends when the node looks: at once, or with the first byte that is read.
        if let Ok(stream) = connect(None).await {
            let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
            let refused = within("the refusal", connection).await;
            assert!(refused.is_err(), "a client without a certificate got in");
            assert!(sender.send_request(Request::new(()), true).is_err());
        }
    }
}
