//! The store over real sockets: a primary of ours, and a secondary that follows it.

use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::Verdicts;
use hf_model::Revision;
use hf_wire::tsig::{Algorithm, Key};

use super::*;
use crate::tests::world::{NOW, Server};
use crate::{ColdInputs, Settings};

const BASE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
"#;

fn snapshot(hosted: &str, zone_file: Option<&str>, number: u64) -> Arc<Snapshot> {
    let files = zone_file.map(|text| ("example.test.zone".to_owned(), text.to_owned())).into_iter().collect();
    let bundle = EstateBundle { toml: format!("{BASE}{hosted}"), files };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|why| panic!("{why:?}"));
    let intent = Intent {
        revision: Revision(number),
        estate_revision: Revision(number),
        estate: bundle,
        ..Intent::default()
    };
    let verdicts = Verdicts::unknown(0);
    Arc::new(Snapshot::build(number, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts))
}

fn zone(serial: u32, extra: &str) -> String {
    format!(
        "$ORIGIN example.test.\n$TTL 60\n@ SOA ns hostmaster {serial} 5 5 600 60\n@ NS ns\nns A 192.0.2.1\n{extra}"
    )
}

fn keys() -> Keys {
    let name = WireName::from(&DnsName::new("xfer.").unwrap());
    Keys::new([Key::new(&name, Algorithm::HmacSha256, b"some secret of ours")])
}

async fn start(folder: &tempfile::TempDir, first: Arc<Snapshot>) -> (Server, HostedStore) {
    start_at(folder, first, NOW).await
}

/// With a store whose clock stands there.
async fn start_at(folder: &tempfile::TempDir, first: Arc<Snapshot>, now: Timestamp) -> (Server, HostedStore) {
    let config = HostedConfig {
        data_dir: folder.path().join("data"),
        zone_dir: Some(folder.path().to_path_buf()),
        keys: keys(),
        clock: Clock::manual(now),
    };
    let store = HostedStore::open(config);
    let cold = ColdInputs { keys: keys(), hosted: Some(store.clone()), ..ColdInputs::default() };
    let server = Server::start_cold("127.0.0.1:0", first, Settings::default(), cold).await;
    (server, store)
}

async fn until_serial(store: &HostedStore, serial: u32) {
    let mut set = store.subscribe();
    let apex = WireName::from(&DnsName::new("example.test.").unwrap());
    let waiting = set.wait_for(|set| set.get(&apex).is_some_and(|contents| contents.serial() == serial));
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it comes in time")
        .expect("the store stays");
}

/// Until that version is on disk.
async fn until_saved(store: &HostedStore, serial: u32) {
    let saved = async {
        while disk::read_all(&store.0.folder()).iter().all(|saved| saved.contents.serial() != serial) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), saved).await.expect("it is saved in time");
}

const PRIMARY: &str = r#"
[[hosted_zone]]
name = "example.test."
file = "example.test.zone"
transfers = [{ key = "xfer." }]
notify = [NOTIFY]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_follows_its_primary_and_keeps_its_copy() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let quiet = PRIMARY.replace("notify = [NOTIFY]", "");
    let (primary, _) = start(&folders[0], snapshot(&quiet, Some(&zone(1, "")), 1)).await;
    let secondary_estate = format!(
        "[[hosted_zone]]\nname = \"example.test.\"\nprimaries = [{{ address = \"{}\", key = \"xfer.\" }}]\n",
        primary.address
    );
    let (secondary, store) = start(&folders[1], snapshot(&secondary_estate, None, 1)).await;
    until_serial(&store, 1).await;

    // From now on the primary tells the secondary, and a change comes as a step.
    let told =
        PRIMARY.replace("NOTIFY", &format!("{{ address = \"{}\", key = \"xfer.\" }}", secondary.address));
    primary.snapshots.send_replace(Some(snapshot(&told, Some(&zone(2, "a A 192.0.2.2\n")), 2)));
    until_serial(&store, 2).await;
    primary.snapshots.send_replace(Some(snapshot(&told, Some(&zone(3, "b A 192.0.2.3\n")), 3)));
    until_serial(&store, 3).await;
    assert_eq!(store.report()[0].problem, None);
    until_saved(&store, 3).await;

    // Without the primary a new process answers from its disk.
    primary.stop().await;
    secondary.stop().await;
    let (again, store) = start(&folders[1], snapshot(&secondary_estate, None, 1)).await;
    until_serial(&store, 3).await;
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_secondaries_does_not_make_an_old_copy_young() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let quiet = PRIMARY.replace("notify = [NOTIFY]", "");
    let of = |primary: &Server| {
        let address = primary.address;
        let primaries = format!("primaries = [{{ address = \"{address}\", key = \"xfer.\" }}]");
        let estate = format!(
            "[[hosted_zone]]\nname = \"example.test.\"\n{primaries}\ntransfers = [{{ key = \"xfer.\" }}]\n"
        );
        snapshot(&estate, None, 1)
    };
    // What the server says for how long the zone may be answered from.
    let left = async |server: &Server| {
        let apex = WireName::from_wire(b"\x07example\x04test\0").unwrap();
        let plain = hf_wire::transfer::soa_query(7, &apex);
        assert_eq!(hf_wire::options::expires_in(&server.udp_after(&[], &plain).await), None);
        let asked = hf_wire::transfer::soa_and_expire_query(7, &apex);
        hf_wire::options::expires_in(&server.udp_after(&[], &asked).await)
    };
    let (primary, _) = start(&folders[0], snapshot(&quiet, Some(&zone(1, "")), 1)).await;
    let (middle, store) = start(&folders[1], of(&primary)).await;
    until_serial(&store, 1).await;
    until_saved(&store, 1).await;
    assert_eq!(left(&primary).await, Some(600));
    let estate = of(&primary);
    primary.stop().await;
    middle.stop().await;

    let later = Timestamp(NOW.0 + 100_000);
    let (middle, _) = start_at(&folders[1], estate, later).await;
    middle.until(|reply| !reply.answers.is_empty()).await;
    assert_eq!(left(&middle).await, Some(500));
    let (last, store) = start_at(&folders[2], of(&middle), later).await;
    until_serial(&store, 1).await;
    until_saved(&store, 1).await;
    assert_eq!(store.report()[0].seen_at, Some(NOW));
    last.stop().await;
    middle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_of_a_node_file_keeps_the_version_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.test.zone");
    std::fs::write(&file, zone(1, "")).unwrap();
    let estate = "[[hosted_zone]]\nname = \"example.test.\"\nsource = \"node\"\n";
    let (server, store) = start(&folder, snapshot(estate, None, 1)).await;
    until_serial(&store, 1).await;
    std::fs::write(&file, zone(2, "a A not-an-address\n")).unwrap();
    let told = async {
        loop {
            if let Some(problem) = store.report().first().and_then(|report| report.problem.clone()) {
                return problem;
            }
            tokio::task::yield_now().await;
        }
    };
    let problem = tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told");
    assert!(problem.contains("example.test.zone:6:"), "{problem}");
    until_serial(&store, 1).await;
    std::fs::write(&file, zone(3, "a A 192.0.2.7\n")).unwrap();
    until_serial(&store, 3).await;
    // The version is there a moment before its report.
    let mended = async {
        while store.report()[0].problem.is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), mended).await.expect("it is told to be mended");
    server.stop().await;

    // A node that starts with a bad file serves what was good the last time.
    std::fs::write(&file, "nothing good").unwrap();
    let (server, store) = start(&folder, snapshot(estate, None, 1)).await;
    until_serial(&store, 3).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_included_file_alone_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (file, head) = (folder.path().join("example.test.zone"), folder.path().join("head"));
    let soa = |serial: u32| format!("@ SOA ns hostmaster {serial} 5 5 600 60\n");
    let main =
        |includes: &str| format!("$ORIGIN example.test.\n$TTL 60\n{includes}@ NS ns\nns A 192.0.2.1\n");
    std::fs::write(&file, main("$INCLUDE head\n")).unwrap();
    std::fs::write(&head, soa(1)).unwrap();
    let estate = "[[hosted_zone]]\nname = \"example.test.\"\nsource = \"node\"\n";
    let (server, store) = start(&folder, snapshot(estate, None, 1)).await;
    until_serial(&store, 1).await;
    std::fs::write(&head, soa(2)).unwrap();
    until_serial(&store, 2).await;

    // One that is missing is a problem, and is looked for.
    std::fs::remove_file(&head).unwrap();
    let told = async {
        while store.report()[0].problem.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told");
    until_serial(&store, 2).await;
    std::fs::write(&head, soa(3)).unwrap();
    until_serial(&store, 3).await;

    // One that an edit brings in.
    std::fs::write(folder.path().join("other"), soa(4)).unwrap();
    std::fs::write(&file, main("$INCLUDE other\n")).unwrap();
    until_serial(&store, 4).await;
    std::fs::write(folder.path().join("other"), soa(5)).unwrap();
    until_serial(&store, 5).await;
    server.stop().await;
}
