use proptest::prelude::*;

use super::*;

/// A query from 10.0.0.9:4242 or 2001:db8::9:4242.
fn query(is_ipv6: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let len = (UDP + payload.len()) as u16;
    if is_ipv6 {
        frame.extend([0x86, 0xdd, 0x60, 1, 2, 3]);
        frame.extend(len.to_be_bytes());
        frame.extend([17, 9]);
        frame.extend("2001:db8::9".parse::<Ipv6Addr>().unwrap().octets());
        frame.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    } else {
        frame.extend([0x08, 0x00, 0x45, 4]);
        frame.extend((len + 20).to_be_bytes());
        frame.extend([7, 7, 0, 0, 9, 17, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1]);
    }
    frame.extend(4_242_u16.to_be_bytes());
    frame.extend(53_u16.to_be_bytes());
    frame.extend(len.to_be_bytes());
    frame.extend([0xab, 0xcd]);
    frame.extend(payload);
    frame
}

/// The sum over 16-bit words as RFC 1071 tells it, by hand.
fn slow_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

proptest! {
    /// A reply is addressed to the asker, and all of its checksums hold.
    #[test]
    fn a_reply_goes_back_with_right_checksums(
        is_ipv6: bool,
        asked in proptest::collection::vec(any::<u8>(), 0..64),
        reply in proptest::collection::vec(any::<u8>(), 1..1_233),
        padding in 0..20_usize,
    ) {
        let mut frame = query(is_ipv6, &asked);
        frame.resize(frame.len() + padding, 0);
        let found = read(&frame).unwrap();
        prop_assert_eq!(&frame[found.payload.clone()], &asked[..]);
        prop_assert_eq!(found.from.port(), 4_242);
        frame.truncate(found.payload.start);
        frame.extend(&reply);
        turn_round(&mut frame, found.payload.start);

        prop_assert_eq!(&frame[..12], &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
        let seen = read(&frame).unwrap();
        prop_assert_eq!(&frame[seen.payload.clone()], &reply[..]);
        prop_assert_eq!(seen.from.port(), 53);
        let own = if is_ipv6 { "2001:db8::1" } else { "10.0.0.1" };
        prop_assert_eq!(seen.from.ip().to_string(), own);
        let udp = seen.payload.start - UDP;
        let addresses = if is_ipv6 { &frame[22..54] } else { &frame[26..34] };
        if !is_ipv6 {
            prop_assert_eq!(slow_sum(&frame[ETHERNET..udp]), 0xffff);
        }
        let len = (frame.len() - udp) as u16;
        let pseudo = [addresses, &[0, 17], &len.to_be_bytes()].concat();
        let mut all = [&pseudo, &frame[udp..]].concat();
        if all.len() % 2 == 1 {
            all.push(0);
        }
        prop_assert_eq!(slow_sum(&all), 0xffff);
        prop_assert!(frame[udp + 6..udp + 8] != [0, 0]);
    }

    /// Whatever arrives is read without a panic, and what is found lies in the frame.
    #[test]
    fn arbitrary_frames_are_read(
        is_ipv6: bool,
        cut in 0..80_usize,
        changes in proptest::collection::vec((0..80_usize, any::<u8>()), 0..6),
    ) {
        let mut frame = query(is_ipv6, b"a payload of some bytes");
        for (at, byte) in changes {
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
        }
        frame.truncate(frame.len().saturating_sub(cut));
        if let Some(found) = read(&frame) {
            prop_assert!(found.payload.end <= frame.len());
            turn_round(&mut frame, found.payload.start);
        }
    }
}

#[test]
fn lengths_that_do_not_add_up_are_no_query() {
    for is_ipv6 in [false, true] {
        let udp = if is_ipv6 { 54 } else { 34 };
        let whole = query(is_ipv6, b"abc");
        assert!(read(&whole).is_some());
        assert_eq!(read(&whole[..whole.len() - 1]), None);
        for len in [0, 7, 10, 12, u8::MAX] {
            let mut frame = whole.clone();
            frame[udp + 5] = len;
            assert_eq!(read(&frame), None);
        }
    }
}

#[test]
fn nobody_answers_a_source_that_is_no_single_machine() {
    let from = |source: [u8; 4]| {
        let mut frame = query(false, b"abc");
        frame[26..30].copy_from_slice(&source);
        read(&frame).is_some()
    };
    assert!(from([192, 0, 2, 1]));
    for source in [[0, 0, 0, 0], [0, 1, 2, 3], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255]] {
        assert!(!from(source), "{source:?}");
    }
    let mut frame = query(true, b"abc");
    frame[22] = 0xff;
    assert_eq!(read(&frame), None);
    let mut frame = query(false, b"abc");
    frame[34..36].copy_from_slice(&[0, 0]);
    assert_eq!(read(&frame), None);
}
