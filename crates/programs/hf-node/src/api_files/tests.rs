//! A broken access file is told, and told no more when it is mended.

use std::fs;

use hf_clock::Clock;
use hf_control_plane::AccessPlace;

use super::*;

#[tokio::test]
async fn a_bad_access_file_is_told_until_it_is_good_again() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(&AccessPlace::DataDir(folder.path().to_owned()), Clock::system()).unwrap();
    let (problem_to, mut problem) = watch::channel(None);
    let (stop_to, stop) = watch::channel(false);
    let watching = tokio::spawn(run(access, None, problem_to, stop));
    let file = folder.path().join("access.toml");
    let good = fs::read(&file).unwrap();

    fs::write(&file, "[[principal").unwrap();
    let told = within(problem.wait_for(Option::is_some)).await.unwrap().clone().unwrap();
    assert!(told.contains("access.toml:1:") && told.ends_with("stays as it was before"), "{told}");
    fs::write(&file, good).unwrap();
    within(problem.wait_for(Option::is_none)).await.unwrap();

    stop_to.send(true).unwrap();
    within(watching).await.unwrap();
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it is noticed in time")
}
