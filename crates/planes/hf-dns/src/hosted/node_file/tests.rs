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
    assert_eq!(read(&apex, &path).unwrap().names(), 30_002);

    let cut_short = |taken| {
        if taken == PIECE_BYTES as u64 {
            let end = text[..PIECE_BYTES + 1_000].rfind('\n').unwrap() + 1;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(end as u64).unwrap();
        }
    };
    let refused = read_in_pieces(&apex, &path, cut_short).unwrap_err();
    assert!(refused.contains("written to while it was read"), "{refused}");

    fs::write(&path, &text).unwrap();
    let appended = |taken| {
        if taken == PIECE_BYTES as u64 {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more 60 A 192.0.2.2\n").unwrap();
        }
    };
    let refused = read_in_pieces(&apex, &path, appended).unwrap_err();
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
    assert_eq!(read_in_pieces(&apex, &path, renamed).unwrap().names(), 30_002);
}
