use super::*;

const NAME: &[u8] = b"\x03wWw\x07example\x04test\0";

/// A header of zeroes and the question `wWw.example.test. A`.
fn question() -> (Vec<u8>, usize) {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend_from_slice(NAME);
    bytes.extend_from_slice(&[0, 1, 0, 1]);
    let end = bytes.len();
    (bytes, end)
}

fn with(limit: usize, room: usize, write: impl FnOnce(&mut Message<'_>)) -> Vec<u8> {
    let (mut bytes, question_end) = question();
    bytes.resize(question_end + 300, 0xee);
    let mut message = Message::new(&mut bytes, Frame { question_end, limit, room });
    assert!(message.is_empty());
    write(&mut message);
    let len = message.len();
    bytes.truncate(len);
    bytes.split_off(question_end)
}

#[test]
fn names_are_pointers_wherever_their_bytes_stand() {
    let name = |name: &[u8]| with(512, 0, |message| message.name(name).unwrap());
    assert_eq!(name(b"\x03www\x07EXAMPLE\x04test\0"), b"\xc0\x0c");
    assert_eq!(name(b"\x07example\x04test\0"), b"\xc0\x10");
    assert_eq!(name(b"\x02ns\x07example\x04test\0"), b"\x02ns\xc0\x10");
    assert_eq!(name(b"\x02ns\x05other\x04test\0"), b"\x02ns\x05other\xc0\x18");
    assert_eq!(name(b"\x02ns\x03org\0"), b"\x02ns\x03org\0");
    assert_eq!(name(b"\0"), b"\0");
    assert_eq!(name(b"\x01a\x03www\x07example\x04test\0"), b"\x01a\xc0\x0c");
}

#[test]
fn records_are_counted_in_the_header() {
    let (mut bytes, question_end) = question();
    bytes.resize(512, 0);
    bytes[2] = 0x80 | TC | AA;
    bytes[3] = 0x0f;
    let mut message = Message::new(&mut bytes, Frame { question_end, limit: 512, room: 11 });
    let finished = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01";
    message.finished(Section::Answer, 1, finished).unwrap();
    let rdata_at = message.record(Section::Answer, Owner::At(ASKED_AT), 1, 5, &[10, 0, 0, 2]).unwrap();
    message.record(Section::Authority, Owner::Name(b"\x04test\0"), 2, 5, b"\0").unwrap();
    message.close(3, Authority::Ours);
    message.append_behind(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]).unwrap();
    let written = message.written();
    assert_eq!(&written[2..4], &[0x84, 3]);
    assert_eq!(&written[6..12], &[0, 2, 0, 1, 0, 1]);
    assert_eq!(&written[rdata_at..rdata_at + 4], &[10, 0, 0, 2]);
    assert_eq!(&written[question_end..question_end + 16], finished);
    assert_eq!(&written[question_end + 16..rdata_at], &finished[..12]);
    assert_eq!(&written[rdata_at + 4..rdata_at + 17], b"\xc0\x18\0\x02\0\x01\0\0\0\x05\0\x01\0");
}

#[test]
fn finished_records_take_another_owner() {
    let finished = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01";
    let twice = [&finished[..], finished].concat();
    let moved = with(512, 0, |message| {
        message.finished_at(Section::Answer, 2, &twice, 0x123).unwrap();
    });
    assert_eq!(moved[..2], [0xc1, 0x23]);
    assert_eq!(moved[2..16], finished[2..]);
    assert_eq!(moved[16..18], [0xc1, 0x23]);
    assert_eq!(moved[18..], finished[2..]);
}

#[test]
fn what_does_not_fit_leaves_nothing_behind() {
    let (_, question_end) = question();
    let rest = with(question_end + 20, 5, |message| {
        assert_eq!(message.record(Section::Answer, Owner::At(ASKED_AT), 1, 5, &[0; 4]), Err(Full));
        assert!(message.is_empty());
        message.record(Section::Answer, Owner::At(ASKED_AT), 1, 5, &[0; 3]).unwrap();
        message.truncate();
        assert_eq!(message.put(b""), Err(Full));
        message.close(0, Authority::NotOurs);
        assert_eq!(message.written()[2], TC);
        assert_eq!(message.count(Section::Answer), 0);
        message.append_behind(&[0; 5]).unwrap();
    });
    assert_eq!(rest, [0; 5]);
}

#[test]
fn a_name_beyond_the_reach_of_pointers_is_written_out() {
    let (mut bytes, question_end) = question();
    bytes.resize(0x5000, 0);
    let mut message = Message::new(&mut bytes, Frame { question_end, limit: 0x5000, room: 0 });
    message.put(&vec![0; POINTER_END - question_end]).unwrap();
    let at = message.len();
    message.put(b"\x01a\x01b\0").unwrap();
    message.owner(Owner::At(at)).unwrap();
    assert_eq!(&message.written()[at + 5..], b"\x01a\x01b\0");
    assert_eq!(message.finished_at(Section::Answer, 1, &[0; 12], at), Err(Full));
}
