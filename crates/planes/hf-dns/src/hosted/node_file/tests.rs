use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use super::*;

/// A zone of several pieces.
fn large_zone() -> String {
    let mut text = "@ 60 SOA ns hostmaster 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n".to_owned();
    for n in 0..30_000 {
        writeln!(text, "name-{n:05} 60 A 192.0.2.1").unwrap();
    }
    assert!(text.len() > 2 * PIECE_BYTES);
    text
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.test.zone");
    let apex = WireName::from(&DnsName::new("large.test.").unwrap());
    let text = large_zone();

    fs::write(&path, &text).unwrap();
    assert_eq!(read(&apex, &path).contents.unwrap().names(), 30_002);

    let cut_short = |taken| {
        if taken == PIECE_BYTES as u64 {
            let end = text[..PIECE_BYTES + 1_000].rfind('\n').unwrap() + 1;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(end as u64).unwrap();
        }
    };
    let refused = read_in_pieces(&apex, &path, cut_short).contents.unwrap_err();
    assert!(refused.contains("written to while it was read"), "{refused}");

    fs::write(&path, &text).unwrap();
    let appended = |taken| {
        if taken == PIECE_BYTES as u64 {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more 60 A 192.0.2.2\n").unwrap();
        }
    };
    let refused = read_in_pieces(&apex, &path, appended).contents.unwrap_err();
    assert!(refused.contains("written to while it was read"), "{refused}");

    // Another file under its name is another file: the one that is read stays whole.
    fs::write(&path, &text).unwrap();
    let renamed = |taken| {
        if taken == PIECE_BYTES as u64 {
            let beside = folder.path().join("new");
            fs::write(&beside, "").unwrap();
            fs::rename(&beside, &path).unwrap();
        }
    };
    assert_eq!(read_in_pieces(&apex, &path, renamed).contents.unwrap().names(), 30_002);
}

#[test]
fn an_included_file_that_is_written_to_while_the_zone_is_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (path, inner) = (folder.path().join("large.test.zone"), folder.path().join("inner"));
    let apex = WireName::from(&DnsName::new("large.test.").unwrap());
    fs::write(&path, large_zone().replacen("name-00000", "$INCLUDE inner\nname-00000", 1)).unwrap();

    fs::write(&inner, "a 60 A 192.0.2.2\nb 60 A 192.0.2.2\n").unwrap();
    let whole = read(&apex, &path);
    assert_eq!(whole.contents.unwrap().names(), 30_004);
    assert_eq!(whole.included, [Included { path: inner.clone(), look: look(&inner) }]);

    // It is read with the first piece of the zone.
    let appended = |taken| {
        if taken == PIECE_BYTES as u64 {
            OpenOptions::new().append(true).open(&inner).unwrap().write_all(b"c 60 A 192.0.2.2\n").unwrap();
        }
    };
    let refused = read_in_pieces(&apex, &path, appended).contents.unwrap_err();
    assert!(refused.starts_with(&format!("{}: it was written to", inner.display())), "{refused}");

    let renamed = |taken| {
        if taken == PIECE_BYTES as u64 {
            let beside = folder.path().join("new");
            fs::write(&beside, "").unwrap();
            fs::rename(&beside, &inner).unwrap();
        }
    };
    let old = read_in_pieces(&apex, &path, renamed);
    assert_eq!(old.contents.unwrap().names(), 30_005, "the one that was read is whole");
    assert_ne!(old.included[0].look, look(&inner), "and the other one is read at the next look");

    fs::remove_file(&inner).unwrap();
    let missing = read(&apex, &path);
    assert!(missing.contents.unwrap_err().contains("beside the file that includes it"));
    assert_eq!(missing.included, [Included { path: inner, look: None }], "it is looked for");
}
