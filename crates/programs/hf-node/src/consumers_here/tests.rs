use std::collections::BTreeMap;

use hf_consumers::ConsumerKind;
use tokio::time::{Instant, timeout};

use super::*;

const T: Timestamp = Timestamp(1_700_000_000_000);

fn word(instance: &str, at: Timestamp) -> Told {
    Told {
        name: ConsumerName::new("orders").unwrap(),
        instance: InstanceId::new(instance).unwrap(),
        kind: ConsumerKind::Worker,
        zone: Some(ZoneId::new("a1").unwrap()),
        revision: Some(Revision(4)),
        acts: Acts::UNKNOWN,
        running: Some(BTreeMap::from([(ZoneId::new("a1").unwrap(), 3)])),
        at,
    }
}

fn telling(consumers: &Consumers, data_dir: &Path) -> (Telling, watch::Receiver<Groups>) {
    let (to, groups) = watch::channel(Groups::default());
    let (_, heard) = watch::channel(Arc::default());
    let telling = Telling {
        consumers: consumers.clone(),
        clock: Clock::manual(T),
        beat: Duration::from_millis(100),
        heard,
        to,
        data_dir: data_dir.to_owned(),
    };
    (telling, groups)
}

#[tokio::test]
async fn groups_are_told_and_the_board_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let consumers = load(folder.path(), T);
    assert!(consumers.is_empty(), "a first start");
    consumers.tell(word("a", T));
    let (telling, mut groups) = telling(&consumers, folder.path());
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(telling, stopped));
    let told = timeout(Duration::from_secs(30), groups.wait_for(|groups| !groups.groups.is_empty())).await;
    assert_eq!(told.unwrap().unwrap().groups[0].name.as_str(), "orders");
    consumers.tell(word("b", T));
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(load(folder.path(), T).told(), [word("a", T), word("b", T)]);
}

#[tokio::test(start_paused = true)]
async fn a_node_without_consumers_has_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (telling, _groups) = telling(&Consumers::default(), folder.path());
    let (stop, stopped) = watch::channel(false);
    let begun = Instant::now();
    let running = tokio::spawn(run(telling, stopped));
    tokio::time::advance(SAVE * 2).await;
    stop.send_replace(true);
    running.await.unwrap();
    assert!(begun.elapsed() >= SAVE);
    assert!(!folder.path().join(NAME).exists());
}

#[test]
fn a_file_that_is_not_right_is_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    disk::save_sealed(&path, &encode(&[word("a", T)])).unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(load(folder.path(), T).is_empty(), "cut at {at}");
    }
    disk::save_sealed(&path, &[9]).unwrap();
    assert!(load(folder.path(), T).is_empty(), "another version");
    let mut foreign = word("a", T);
    foreign.kind = ConsumerKind::Other;
    let bytes = encode(&[foreign]);
    assert_eq!(decode(&bytes).unwrap().len(), 1);
    let text = String::from_utf8_lossy(&bytes).replace("other", "ether");
    assert!(decode(text.as_bytes()).is_err(), "a kind that there is not");
}

#[test]
fn who_was_heard_in_a_day_to_come_was_heard_now() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = T.plus(Duration::from_hours(5));
    disk::save_sealed(&folder.path().join(NAME), &encode(&[word("a", ahead)])).unwrap();
    assert_eq!(load(folder.path(), T).told(), [word("a", T)]);
}

#[test]
fn the_largest_file_is_within_its_bound() {
    let running =
        (0..64).map(|number| (ZoneId::new(&format!("a-zone-with-name-{number:02}")).unwrap(), u64::MAX));
    let longest = Told {
        name: ConsumerName::new(&"n".repeat(64)).unwrap(),
        instance: InstanceId::new(&"i".repeat(64)).unwrap(),
        kind: ConsumerKind::HaproxySocket,
        zone: Some(ZoneId::new(&"z".repeat(20)).unwrap()),
        revision: Some(Revision(u64::MAX)),
        acts: Acts::UNKNOWN,
        running: Some(running.collect()),
        at: Timestamp(u64::MAX),
    };
    let life = Told { revision: None, running: None, ..longest.clone() };
    let bytes = encode(&[vec![longest; 1_000], vec![life; 1_000]].concat());
    let each = bytes.len() as u64 / 1_000 + 1;
    assert!(each * (INSTANCES_MAX as u64) < LEN_MAX, "{each} bytes each");
}
