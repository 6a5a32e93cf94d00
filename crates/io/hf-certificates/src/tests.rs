use std::fs;

use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
use tempfile::TempDir;

use super::*;

/// Writes a certificate for `names`; a key that does not belong to it where `names` is empty.
fn write(folder: &TempDir, file: &str, names: &[&str]) -> Pair {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let Made { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let pair = Pair {
        certificate: folder.path().join(format!("{file}.pem")),
        key: folder.path().join(format!("{file}.key")),
    };
    fs::write(&pair.certificate, cert.pem()).unwrap();
    fs::write(&pair.key, signing_key.serialize_pem()).unwrap();
    pair
}

/// Which of the pairs is shown, by position.
fn shown(certificates: &Certificates, name: Option<&str>) -> Option<usize> {
    let table = certificates.0.table.load();
    let key = table.for_name(name)?;
    table.loaded.iter().position(|loaded| loaded.as_ref().is_some_and(|one| Arc::ptr_eq(&one.key, &key)))
}

#[test]
fn the_name_that_is_asked_for_decides() {
    let folder = TempDir::new().unwrap();
    let pairs = vec![
        write(&folder, "a", &["a.test", "www.a.test"]),
        write(&folder, "b", &["*.b.test", "a.test"]),
        write(&folder, "c", &["x.b.test"]),
    ];
    let certificates = Certificates::load(pairs).unwrap();
    for (name, want) in [
        (Some("a.test"), 0),
        (Some("WWW.A.Test."), 0),
        (Some("y.b.test"), 1),
        (Some("x.b.test"), 2),
        (Some("b.test"), 0),
        (Some("z.y.b.test"), 0),
        (Some("unknown.test"), 0),
        (None, 0),
    ] {
        assert_eq!(shown(&certificates, name), Some(want), "{name:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_the_file_and_the_mend() {
    let folder = TempDir::new().unwrap();
    let (good, other) = (write(&folder, "good", &["a.test"]), write(&folder, "other", &["b.test"]));
    let absent = Pair { certificate: folder.path().join("none.pem"), key: good.key.clone() };
    let mixed = Pair { certificate: good.certificate.clone(), key: other.key };
    let (certificates, problems) = Certificates::load_or_wait(vec![absent, mixed, good]);
    let words = problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(words[0].contains("none.pem: "), "{words:?}");
    assert!(words[1].contains("use the two files that were made together"), "{words:?}");
    assert_eq!(certificates.problem().borrow().as_deref(), Some(words.join("\n").as_str()));
    // The first good one is for everybody.
    assert_eq!(shown(&certificates, None), Some(2));
}

/// Waits until it is told that something is wrong, or that nothing is any more; a minute of virtual time at most.
async fn told(certificates: &Certificates, is_wrong: bool) {
    let mut problem = certificates.problem();
    let told = problem.wait_for(|problem| problem.is_some() == is_wrong);
    tokio::time::timeout(Duration::from_mins(1), told).await.expect("told in time").unwrap();
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_read_and_bad_ones_keep_the_old() {
    let folder = TempDir::new().unwrap();
    let pair = write(&folder, "a", &["a.test"]);
    let certificates = Certificates::load(vec![pair.clone()]).unwrap();
    let first = certificates.0.table.load().for_name(None).unwrap();
    let watched = certificates.clone();
    let watching = tokio::spawn(async move { watched.watch().await });
    fs::write(&pair.key, "no key").unwrap();
    told(&certificates, true).await;
    assert!(Arc::ptr_eq(&certificates.0.table.load().for_name(None).unwrap(), &first));
    write(&folder, "a", &["new.test"]);
    told(&certificates, false).await;
    assert_eq!(certificates.0.table.load().exactly.keys().collect::<Vec<_>>(), ["new.test"]);
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn what_changed_before_anybody_watched_is_read_too() {
    let folder = TempDir::new().unwrap();
    let certificates = Certificates::load(vec![write(&folder, "a", &["a.test"])]).unwrap();
    write(&folder, "a", &["new.test"]);
    let mut read = Vec::new();
    // Reading tells that nothing is wrong, also where nothing was.
    let mut problem = certificates.problem();
    tokio::select! {
        () = certificates.watch() => {}
        told = tokio::time::timeout(Duration::from_mins(1), problem.changed()) => {
            told.expect("told in time").unwrap();
            read.extend(certificates.0.table.load().exactly.keys().cloned());
        }
    }
    assert_eq!(read, ["new.test"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_good_files_waits_for_them() {
    let folder = TempDir::new().unwrap();
    let pair = write(&folder, "a", &["a.test"]);
    let absent = folder.path().join("moved");
    fs::rename(&pair.key, &absent).unwrap();
    let (certificates, problems) = Certificates::load_or_wait(vec![pair.clone()]);
    assert_eq!((problems.len(), certificates.is_ready()), (1, false));
    let watched = certificates.clone();
    let watching = tokio::spawn(async move { watched.watch().await });
    fs::rename(&absent, &pair.key).unwrap();
    told(&certificates, false).await;
    assert!(certificates.is_ready());
    assert_eq!(shown(&certificates, Some("a.test")), Some(0));
    watching.abort();
}
