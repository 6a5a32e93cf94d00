use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::wire::State;

/// A place that answers paths: `PATH` to headers and body.
async fn answers(table: &[(&'static str, &'static str, &'static str)]) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let table = table.to_vec();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4_096];
            let count = stream.read(&mut bytes).await.unwrap();
            let answer = answer(&String::from_utf8_lossy(&bytes[..count]), &table);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://127.0.0.1:{port}").parse().unwrap()
}

fn answer(head: &str, table: &[(&'static str, &'static str, &'static str)]) -> String {
    let line = head.lines().next().unwrap_or_default();
    let found = table.iter().find(|(path, header, _)| {
        line.contains(path) && (header.is_empty() || head.to_ascii_lowercase().contains(header))
    });
    match found {
        Some((_, _, body)) => format!(
            "HTTP/1.1 200 OK\r\nmetadata-flavor: Google\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        None => "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned(),
    }
}

async fn ask(metadata: Endpoint, variables: &[(&str, &str)], folder: &Path) -> Result<OwnZone, NoZone> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    Sources {
        variable: &variable,
        file: folder.join("zone"),
        metadata,
        service_account: folder.to_owned(),
        patience: Duration::from_secs(5),
    }
    .ask()
    .await
}

fn found(answer: Result<OwnZone, NoZone>) -> String {
    match answer {
        Ok(zone) => format!("{:?} {} {:?}", zone.from, zone.zone, zone.also),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_environment_comes_before_a_file_and_a_file_before_a_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let gcp =
        [("/computeMetadata/v1/instance/zone", "metadata-flavor: google", "projects/1/zones/europe-west1-b")];
    let metadata = answers(&gcp).await;
    let check =
        async |variables: &[(&str, &str)]| found(ask(metadata.clone(), variables, folder.path()).await);
    assert_eq!(check(&[]).await, "Gcp europe-west1-b []");
    std::fs::write(folder.path().join("zone"), "# where we are\n\nuse1-az2\n").unwrap();
    assert_eq!(check(&[]).await, "File use1-az2 []");
    assert_eq!(check(&[("HOLDFAST_ZONE", " use1-az3 ")]).await, "Environment use1-az3 []");
    assert_eq!(check(&[("HOLDFAST_ZONE", "")]).await, "File use1-az2 []");
    assert!(check(&[("HOLDFAST_ZONE", "a b")]).await.contains("`a b` is no zone's name"));
    assert!(
        check(&[("HOLDFAST_ZONE_FILE", "/nowhere/zone")]).await.contains("/nowhere/zone: it is not there")
    );
    std::fs::write(folder.path().join("zone"), "# nothing\n").unwrap();
    assert!(check(&[]).await.contains("it names no zone"));
}

#[tokio::test]
async fn clouds_tell_their_zones() {
    let folder = tempfile::tempdir().unwrap();
    let token = ("PUT /latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds: 60", "tok");
    let with = "x-aws-ec2-metadata-token: tok";
    let name = ("/placement/availability-zone ", with, "us-east-1a");
    let id = ("/placement/availability-zone-id", with, "use1-az1");
    let azure = ("/metadata/instance/compute", "metadata: true", r#"{"location":"westeurope","zone":"2"}"#);
    let nowhere = ("/metadata/instance/compute", "", r#"{"location":"westeurope","zone":""}"#);
    let check = async |table: &[_]| found(ask(answers(table).await, &[], folder.path()).await);
    assert_eq!(check(&[token, name, id]).await, r#"Aws use1-az1 ["us-east-1a"]"#);
    assert_eq!(check(&[token, name]).await, "Aws us-east-1a []");
    assert_eq!(check(&[azure]).await, "Azure westeurope-2 []");
    let error = check(&[nowhere]).await;
    assert!(error.contains("in no zone of it") && error.contains("set HOLDFAST_ZONE"), "{error}");
    let task = answers(&[("/v4/x/task", "", r#"{"AvailabilityZone":"eu-west-1c","Containers":[]}"#)]).await;
    let url = format!("{task}/v4/x");
    let ecs = ask(task, &[("ECS_CONTAINER_METADATA_URI_V4", &url)], folder.path()).await;
    assert_eq!(found(ecs), "Ecs eu-west-1c []");
}

#[tokio::test]
async fn nobody_there_is_said_soon() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed: Endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = ask(closed, &[("AWS_EC2_METADATA_DISABLED", "true")], folder.path()).await.unwrap_err();
    assert_eq!(error.tried.len(), 2, "{error}");
}

#[tokio::test]
async fn the_node_of_a_pod_has_a_label() {
    let folder = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("ca.crt"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("token"), "secret\n").unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let table = [(
        "GET /api/v1/nodes/node-7 ",
        "authorization: bearer secret",
        r#"{"metadata":{"labels":{"topology.kubernetes.io/zone":"us-east-1b","topology.k8s.aws/zone-id":"use1-az4"}}}"#,
    )];
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut bytes = vec![0; 4_096];
            let count = stream.read(&mut bytes).await.unwrap();
            let answer = answer(&String::from_utf8_lossy(&bytes[..count]), &table);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    let metadata = answers(&[]).await;
    let mut variables =
        vec![("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", port.as_str())];
    let unnamed = ask(metadata.clone(), &variables, folder.path()).await;
    assert!(found(unnamed).contains("NODE_NAME is not set"));
    variables.push(("NODE_NAME", "node-7"));
    let zone = ask(metadata, &variables, folder.path()).await.unwrap();
    assert_eq!((zone.from, zone.zone.as_str()), (ZoneSource::Kubernetes, "us-east-1b"));
    // The estate may call it by its id.
    assert_eq!(zone.known_in(&Zones::of([("use1-az4", State::Open)])), "use1-az4");
    assert_eq!(zone.known_in(&Zones::default()), "us-east-1b");
}
