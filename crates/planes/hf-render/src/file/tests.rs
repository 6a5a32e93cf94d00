use std::os::unix::fs::symlink;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_file_is_written_when_it_differs_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.conf");
    assert!(put(&path, Some("one\n"), 0o640).unwrap());
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one\n", 0o640));
    let inode = fs::metadata(&path).unwrap().ino();
    assert!(!put(&path, Some("one\n"), 0o644).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "not written again");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(put(&path, Some("two\n"), 0o644).unwrap());
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("two\n", 0o604));
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode, "a new file in its place");
    assert!(put(&path, None, 0o644).unwrap() && !put(&path, None, 0o644).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_link_stays_and_leftovers_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "old").unwrap();
    symlink(&real, &link).unwrap();
    fs::write(folder.path().join(".real.new"), "half").unwrap();
    assert!(put(&link, Some("new"), 0o644).unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "new");
}

#[test]
fn what_does_not_go_is_told_with_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    let error = put(&folder.path().join("no/where"), Some("x"), 0o644).unwrap_err().to_string();
    assert!(error.starts_with("cannot write ") && error.ends_with("make its folder"), "{error}");
    let error = put(folder.path(), Some("x"), 0o644).unwrap_err().to_string();
    assert!(error.contains("look at the disk"), "{error}");
}
