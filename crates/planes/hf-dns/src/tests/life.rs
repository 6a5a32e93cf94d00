//! From the first port to the last answer.

use std::net::SocketAddr;

use hf_config::node::DnsConfig;
use hf_health::Verdict;
use hf_telemetry::ZoneActivityReport;
use hickory_proto::op::ResponseCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{NOW, Server, query, snapshot};
use crate::{BindError, ColdInputs, Settings, Transport, bind};

const A: u16 = 1;

#[tokio::test]
async fn before_the_first_snapshot_it_says_so_and_then_answers() {
    let server = Server::start(None).await;
    let early = server.udp(&query("www.example.test.", A)).await;
    assert_eq!(early.response_code, ResponseCode::ServFail);
    assert_eq!(server.counters.report().not_ready, 1);
    server.snapshots.send_replace(Some(snapshot(Verdict::Healthy)));
    server.until(|reply| reply.response_code == ResponseCode::NoError).await;
    server.stop().await;
}

#[tokio::test]
async fn with_a_snapshot_at_the_start_the_first_query_has_its_answer() {
    for _ in 0..10 {
        let first = snapshot(Verdict::Healthy);
        let server =
            Server::start_cold("127.0.0.1:0", first, Settings::default(), ColdInputs::default()).await;
        assert_eq!(server.udp(&query("www.example.test.", A)).await.answers.len(), 2);
        assert_eq!(server.counters.report().not_ready, 0);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_new_snapshot_changes_the_answer() {
    let server = Server::start(Some(snapshot(Verdict::Healthy))).await;
    let asked = query("www.example.test.", A);
    assert_eq!(server.udp(&asked).await.answers.len(), 2);
    server.snapshots.send_replace(Some(snapshot(Verdict::Unhealthy)));
    server.until_for(&asked, |reply| reply.answers.len() == 1).await;
    server.stop().await;
}

#[tokio::test]
async fn without_anybody_to_bring_snapshots_it_goes_on() {
    let mut server = Server::start(Some(snapshot(Verdict::Healthy))).await;
    server.snapshots.send_replace(None);
    assert_eq!(server.udp(&query("www.example.test.", A)).await.answers.len(), 2);
    server.snapshots = tokio::sync::watch::channel(None).0;
    for _ in 0..3 {
        assert_eq!(server.udp(&query("www.example.test.", A)).await.answers.len(), 2);
    }
    server.stop().await;
}

#[tokio::test]
async fn answers_are_counted_for_the_zones_that_they_name() {
    let server = Server::start(Some(snapshot(Verdict::Unhealthy))).await;
    server.udp(&query("www.example.test.", A)).await;
    server.udp(&query("many.example.test.", A)).await;
    server.udp(&query("eu-az1.web.pool.example.test.", A)).await;
    server.udp(&query("eu-az1.web.pool.example.test.", A)).await;
    // Workers tell after they have replied.
    let row = |zone: &str, answers| ("web".to_owned(), zone.to_owned(), answers, Some(NOW));
    let report = || -> Vec<_> {
        let report = server.activity.report();
        let row = |of: &ZoneActivityReport| {
            (of.pool.to_string(), of.zone.to_string(), of.dns_answers, of.last_dns_answer_at)
        };
        report.iter().map(row).collect()
    };
    server.until_so(|| report() == [row("eu-az1", 2), row("eu-az2", 1)]).await;
    let names = server.names.report();
    assert_eq!(
        (names.len(), names[0].name.to_string(), names[0].answers),
        (1, "www.example.test.".to_owned(), 1)
    );
    let zones: Vec<_> = names[0].zones.iter().map(|of| (of.zone.as_str(), of.answers, of.weight)).collect();
    assert_eq!(zones, [("eu-az1", 0, 100), ("eu-az2", 1, 100)]);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_is_closed_after_ten_seconds() {
    let server = Server::start(None).await;
    for sent in [&b""[..], b"\0", b"\0\x20half a query"] {
        let mut stream = server.tcp().await;
        stream.write_all(sent).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 10);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_told_and_a_stopped_server_frees_its_ports() {
    // An address of its own: no other test's socket can be given the port that is free for a moment.
    let server = Server::start_at("127.0.77.1:0", None).await;
    let address = server.address;
    let told = bind(&DnsConfig::on(vec![address])).await.unwrap_err();
    assert!(matches!(told, BindError::Taken { transport: Transport::Udp, .. }), "{told}");
    server.stop().await;
    drop(bind(&DnsConfig::on(vec![address])).await.unwrap());

    let blocker = tokio::net::TcpListener::bind("127.0.77.1:0").await.unwrap();
    let told = bind(&DnsConfig::on(vec![blocker.local_addr().unwrap()])).await.unwrap_err();
    assert!(matches!(told, BindError::Taken { transport: Transport::Tcp, .. }), "{told}");
    assert!(told.to_string().contains("stop the program that has it"));
}

#[tokio::test]
async fn an_address_of_another_machine_is_told() {
    let elsewhere: SocketAddr = "192.0.2.1:5300".parse().unwrap();
    let told = bind(&DnsConfig::on(vec!["127.0.0.1:0".parse().unwrap(), elsewhere])).await.unwrap_err();
    assert!(
        told.to_string().starts_with("DNS cannot listen on 192.0.2.1:5300 (UDP): this machine does not have")
    );
}

#[tokio::test]
async fn several_addresses_of_both_families_are_served() {
    let listen: Vec<SocketAddr> =
        ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"].map(|a| a.parse().unwrap()).to_vec();
    let bound = bind(&DnsConfig::on(listen)).await.unwrap();
    assert_eq!(bound.local_addresses().len(), 3);
    assert!(bound.local_addresses().iter().all(|address| address.port() != 0));
}
