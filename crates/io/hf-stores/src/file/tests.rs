use std::path::PathBuf;
use std::time::Duration;

use hf_config::estate::StorePlace;
use hf_config::node::StoresConfig;

use crate::test_server::NOW;
use crate::{Look, Store};

const WITHIN: Duration = Duration::from_secs(10);

async fn looked(path: PathBuf) -> Look {
    Store::new(StorePlace::File { path }, &StoresConfig::default()).look(WITHIN, NOW).await
}

#[track_caller]
fn assert_silent(look: &Look, words: &str) {
    let Look::Silent { why } = look else { panic!("{look:?}") };
    assert!(why.contains(words), "{why}");
}

#[tokio::test]
async fn a_file_is_there_or_not_there_in_a_folder_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("az1");
    assert_eq!(looked(path.clone()).await, Look::Absent);
    std::fs::write(&path, "").unwrap();
    assert_eq!(looked(path.clone()).await, Look::There { what: format!("file {}", path.display()) });
    assert_silent(&looked(path.join("below")).await, "Not a directory");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(looked(path.clone()).await, Look::Absent);
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(looked(path).await, Look::There { .. }));
}

#[tokio::test]
async fn a_folder_that_is_missing_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unmounted/az1");
    assert_silent(&looked(path).await, "unmounted/az1: its folder is not there; make it, or mount");
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("az1");
    std::os::unix::fs::symlink("/nonexistent/by/far", &path).unwrap();
    assert!(matches!(looked(path).await, Look::There { .. }));
}

#[tokio::test]
async fn a_disk_that_hangs_holds_one_thread_and_no_look_beyond_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("secret");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let disk = crate::disk::Disk::default();
    // Opening it waits for a writer.
    let read = tokio::time::timeout(Duration::from_millis(20), disk.read(&pipe, "mend it")).await;
    assert!(read.is_err());
    let told = disk.read(&pipe, "mend it").await.unwrap_err();
    assert!(told.contains("an earlier look still waits for the disk"), "{told}");
    // The thread goes when the disk answers, and the store may be looked at again.
    let file = folder.path().join("other");
    std::fs::write(&file, "text").unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        // Again and again: the thread may open it only after this one was closed.
        drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap());
        match disk.read(&file, "mend it").await {
            Ok(read) => break assert_eq!(read, b"text"),
            Err(told) => assert!(tokio::time::Instant::now() < deadline, "{told}"),
        }
        tokio::task::yield_now().await;
    }
}
