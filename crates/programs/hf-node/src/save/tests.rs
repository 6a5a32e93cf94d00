use std::future::Future;
use std::time::Duration;

use hf_model::Timestamp;

use super::*;
use crate::hub::{FromDisk, Hub};
use crate::testing::{config, intent};

const DEADLINE: Duration = Duration::from_secs(20);

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("happens before the deadline")
}

fn snapshot(number: u64) -> Arc<Snapshot> {
    let disk = FromDisk { next_number: number, ..FromDisk::default() };
    let mut hub = Hub::new(&config("n"), disk, Timestamp(1));
    let intent = intent(number, "web");
    let estate = Arc::new(hf_control::read_estate(&intent.estate).unwrap());
    hub.take(Arc::new(intent), Ok(estate));
    hub.refresh(Timestamp(1)).unwrap()
}

fn newest(dir: &SnapshotDir) -> Option<u64> {
    let loaded =
        dir.load(|bytes| Snapshot::decode(bytes, Timestamp(2)).map_err(|error| error.to_string())).unwrap();
    assert_eq!(loaded.bad, []);
    loaded.newest.map(|(_, snapshot)| snapshot.number)
}

#[tokio::test]
async fn the_newest_is_on_disk_when_the_task_has_ended() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    let (kept, receiver) = watch::channel(Kept::default());
    let task = tokio::spawn(run(dir.clone(), receiver));
    for number in 1..=40 {
        kept.send_modify(|kept| kept.snapshot = Some(snapshot(number)));
        tokio::task::yield_now().await;
    }
    drop(kept);
    within(task).await.unwrap();
    assert_eq!(newest(&dir), Some(40));
}

#[tokio::test(start_paused = true)]
async fn the_first_change_is_saved_at_once_and_a_burst_is_one_save() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    let (kept, receiver) = watch::channel(Kept::default());
    let task = tokio::spawn(run(dir.clone(), receiver));
    let begun = Instant::now();
    kept.send_modify(|kept| kept.snapshot = Some(snapshot(1)));
    let is_saved = async |number| {
        while newest(&dir) != Some(number) {
            tokio::task::yield_now().await;
        }
    };
    is_saved(1).await;
    assert!(begun.elapsed() < SPACING, "nothing was waited for");
    for number in 2..=40 {
        kept.send_modify(|kept| kept.snapshot = Some(snapshot(number)));
        tokio::task::yield_now().await;
    }
    assert_eq!(newest(&dir), Some(1));
    tokio::time::advance(SPACING).await;
    is_saved(40).await;
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 2);
    // The end waits for nothing.
    let ending = Instant::now();
    kept.send_modify(|kept| kept.snapshot = Some(snapshot(41)));
    drop(kept);
    task.await.unwrap();
    assert!(ending.elapsed() < SPACING);
    assert_eq!(newest(&dir), Some(41));
}

#[tokio::test]
async fn a_disk_that_refuses_is_tried_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    // What cannot be opened for writing stands in for a disk without room.
    let block = temp.path().join("snapshot-00000000000000000001.hfs.new");
    std::fs::create_dir(&block).unwrap();
    let (kept, receiver) = watch::channel(Kept::default());
    let task = tokio::spawn(run(dir.clone(), receiver));
    kept.send_modify(|kept| kept.snapshot = Some(snapshot(1)));
    tokio::task::yield_now().await;
    std::fs::remove_dir(&block).unwrap();
    // A change is a new try; so is the end.
    kept.send_modify(|kept| kept.snapshot = Some(snapshot(2)));
    drop(kept);
    within(task).await.unwrap();
    assert_eq!(newest(&dir), Some(2));
}
