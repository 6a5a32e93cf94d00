//! Estate files, from whoever may apply one; every node reads them out of the ledger.
//!
//! 1. Any text becomes an estate or problems with places; twice the same text, twice the same.
//! 2. What is read is inside the declared bounds, names only files of the bundle, and differs from itself in nothing.
//! 3. Every plane can use it: it is decided, balanced and answered, and kept on disk.

use hf_config::estate::{Estate, EstateBundle, limits};
use hf_config::{diff, estate_files, read_estate};
use hf_snapshot::Snapshot;

use crate::bundle::{FILE, bundle, check_problems};
use crate::world;

pub(crate) fn check(data: &[u8]) {
    check_bundle(bundle(data));
}

/// The same for a bundle.
pub(crate) fn check_bundle(bundle: EstateBundle) {
    // Its problems could not be told from those of the TOML text; a folder cannot hold both either.
    if bundle.files.contains_key(FILE) {
        return;
    }
    let read = read_estate(FILE, &bundle);
    assert_eq!(read, read_estate(FILE, &bundle), "reading is a function");
    match (read, estate_files(FILE, &bundle.toml)) {
        (Ok(estate), files) => {
            let files = files.expect("an estate that reads says its files");
            assert!(files.iter().all(|file| bundle.files.contains_key(file)), "{files:?}");
            check_estate(bundle, estate);
        }
        (Err(problems), files) => {
            check_problems(&problems, &bundle);
            if let Err(problems) = files {
                check_problems(&problems, &bundle);
            }
        }
    }
}

fn check_estate(bundle: EstateBundle, estate: Estate) {
    assert!(!estate.zones.is_empty() && estate.zones.len() <= limits::ZONES);
    assert!(estate.pools.iter().all(|pool| !pool.endpoints.is_empty()));
    assert!(estate.endpoint_refs().count() <= limits::ENDPOINTS);
    assert_eq!(diff(Some(&estate), &estate), [], "an estate differs from itself");
    for change in diff(None, &estate) {
        assert!(!change.to_string().contains(char::is_control), "{change:?}");
    }
    let snapshot = world::snapshot(bundle, estate);
    let bytes = snapshot.encode().expect("a small estate fits its file");
    let again = Snapshot::decode(&bytes, world::NOW).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, snapshot, "from disk it is another");
    world::use_snapshot(snapshot);
}
