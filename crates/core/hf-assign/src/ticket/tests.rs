use proptest::prelude::*;

use super::*;

fn key(of: u8) -> TicketKey {
    TicketKey::new(&[of; 32])
}

fn ticket() -> Ticket {
    Ticket {
        service: "chat".to_owned(),
        place: "0123456789abcdef".to_owned(),
        ends_at: Timestamp(2_000_000),
        is_last_resort: false,
    }
}

fn check(text: &str, now_ms: u64, want: &Result<Ticket, TicketError>) {
    assert_eq!(Ticket::read(text, &key(1), Timestamp(now_ms)), *want, "{text}");
}

#[test]
fn a_ticket_is_read_as_it_was_written_until_its_end() {
    let text = ticket().signed(&key(1));
    assert!(text.len() <= TICKET_BYTES);
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{text}");
    check(&text, 0, &Ok(ticket()));
    check(&text, 1_999_999, &Ok(ticket()));
    check(&text, 2_000_000, &Err(TicketError::Ended));
    let last = Ticket { is_last_resort: true, ..ticket() };
    check(&last.signed(&key(1)), 0, &Ok(last));
}

#[test]
fn what_another_key_signed_is_forged() {
    check(&ticket().signed(&key(2)), 0, &Err(TicketError::Forged));
}

#[test]
fn a_key_comes_and_goes_without_a_forged_ticket() {
    let of = |signs: u8, others: &[u8]| {
        TicketKey::with_others(&[signs; 32], &others.iter().map(|other| [*other; 32]).collect::<Vec<_>>())
    };
    // One step after the other; during each, nodes are at either side of it.
    let steps = [of(1, &[]), of(1, &[2]), of(2, &[1]), of(2, &[])];
    let read = |signer: &TicketKey, reader: &TicketKey| {
        Ticket::read(&ticket().signed(signer), reader, Timestamp(0)).is_ok()
    };
    for two in steps.windows(2) {
        assert!(read(&two[0], &two[1]), "an old ticket at a new node");
        assert!(read(&two[1], &two[0]), "a new ticket at an old node");
    }
    assert!(!read(&steps[0], &steps[3]), "the old key is gone");
    assert!(!read(&of(9, &[]), &steps[2]));
}

#[test]
fn what_is_no_ticket_is_forged() {
    let good = ticket().signed(&key(1));
    let (signed, mac) = good.rsplit_once('.').unwrap();
    for text in [
        "",
        ".",
        "1",
        "1.chat.place.0",
        signed,
        mac,
        &format!("{signed}."),
        &format!("{signed}.{}", &mac[..8]),
        &format!("{good}A"),
        &"x".repeat(TICKET_BYTES + 1),
    ] {
        check(text, 0, &Err(TicketError::Forged));
    }
}

proptest! {
    #[test]
    fn no_changed_byte_passes(at in 0_usize..60, other in 0_u8..128) {
        let mut bytes = ticket().signed(&key(1)).into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != other);
        bytes[at] = other;
        let text = String::from_utf8(bytes).unwrap();
        let read = Ticket::read(&text, &key(1), Timestamp(0));
        prop_assert_eq!(read, Err(TicketError::Forged));
    }

    #[test]
    fn nothing_makes_the_reader_stumble(text in "\\PC{0,200}") {
        let _ = Ticket::read(&text, &key(1), Timestamp(0));
    }
}
