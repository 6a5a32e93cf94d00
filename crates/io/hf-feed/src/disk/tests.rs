use super::*;

/// A stand-in for a snapshot: good when it says so.
fn decode(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
    if text.starts_with("good") { Ok(text) } else { Err(format!("not good: {text}")) }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_three_newest_are_kept_and_the_newest_good_one_is_loaded() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(&temp.path().join("a/b")).unwrap();
    for number in 8..=12 {
        dir.save(number, format!("good {number}").as_bytes()).unwrap();
    }
    assert_eq!(names(&dir.0).len(), 3);
    let loaded = dir.load(decode).unwrap();
    assert_eq!(loaded.newest, Some((12, "good 12".to_owned())));
    assert_eq!(loaded.bad, []);
    assert!(loaded.next_number > 12);
}

#[test]
fn bad_files_are_named_and_passed_over_and_their_numbers_are_not_used_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    dir.save(1, b"good 1").unwrap();
    dir.save(2, b"torn").unwrap();
    dir.save(3, b"\xff").unwrap();
    fs::write(temp.path().join("snapshot-00000000000000000004.hfs.new"), b"good but not in place").unwrap();
    fs::write(temp.path().join("notes.txt"), b"good").unwrap();
    let loaded = dir.load(decode).unwrap();
    assert_eq!(loaded.newest, Some((1, "good 1".to_owned())));
    let bad: Vec<_> = loaded.bad.iter().map(|bad| bad.problem.as_str()).collect();
    assert_eq!(bad, ["invalid utf-8 sequence of 1 bytes from index 0", "not good: torn"]);
    assert!(loaded.next_number > 3);
}

#[test]
fn what_a_crash_left_behind_is_removed_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    dir.save(1, b"good 1").unwrap();
    for name in ["snapshot-00000000000000000002.hfs.new", "break-glass.hfb.new", "estate.new", "notes.txt"] {
        fs::write(temp.path().join(name), b"half").unwrap();
    }
    dir.remove_unfinished().unwrap();
    assert_eq!(names(&dir.0), ["estate.new", "notes.txt", "snapshot-00000000000000000001.hfs"]);
}

#[test]
fn an_empty_folder_loads_as_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let loaded = SnapshotDir::open(temp.path()).unwrap().load(decode).unwrap();
    assert_eq!((loaded.newest, loaded.next_number), (None, 1));
}

#[test]
fn a_failed_write_leaves_the_old_files_in_place() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    dir.save(1, b"good 1").unwrap();
    // What cannot be opened for writing stands in for a disk without room.
    fs::create_dir(temp.path().join("snapshot-00000000000000000002.hfs.new")).unwrap();
    let error = dir.save(2, b"good 2").unwrap_err();
    assert!(error.to_string().contains("snapshot-00000000000000000002.hfs: "), "{error}");
    assert_eq!(dir.load(decode).unwrap().newest, Some((1, "good 1".to_owned())));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_says_what_to_do() {
    let error = write_synced(Path::new("/dev/full"), b"bytes").map_err(at(Path::new("x"))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("No space left") && text.contains("make room there"), "{text}");
}

#[test]
fn break_glass_acts_come_back_and_a_flipped_bit_is_found() {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::open(temp.path()).unwrap();
    assert_eq!(dir.load_break_glass(), Ok(vec![]));
    let shift = hf_control::BreakGlassShift {
        estate: hf_model::EstateId([7; 16]),
        zone: hf_model::ZoneId::new("a").unwrap(),
        reason: "x".to_owned(),
        by: hf_model::Operator::new("anna"),
        signed_at: hf_model::Timestamp(1),
        ends_at: hf_model::Timestamp(2),
    };
    let list = vec![SignedBreakGlass { shift, signature: [7; 64] }];
    dir.save_break_glass(&list).unwrap();
    assert_eq!(dir.load_break_glass(), Ok(list));
    let path = temp.path().join(BREAK_GLASS);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(dir.load_break_glass().is_err(), "flipped at {at}");
        fs::write(&path, &good[..at]).unwrap();
        assert!(dir.load_break_glass().is_err(), "cut at {at}");
    }
}
