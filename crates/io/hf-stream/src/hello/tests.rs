use proptest::prelude::*;

use super::*;

fn block2(inner: &[u8]) -> Vec<u8> {
    [&(inner.len() as u16).to_be_bytes(), inner].concat()
}

fn server_name_extension(name: &[u8]) -> Vec<u8> {
    let entry = [&[HOST_NAME][..], &block2(name)].concat();
    [&[0, 0][..], &block2(&block2(&entry))].concat()
}

/// A hello with these extensions, as a handshake message.
fn message(extensions: Option<&[u8]>) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[2, 1, 1, 0, 2, 0x13, 1, 1, 0]);
    body.extend(extensions.map(block2).into_iter().flatten());
    [&[CLIENT_HELLO, 0, (body.len() >> 8) as u8, body.len() as u8][..], &body].concat()
}

/// The message in records of `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| [&[RECORD_HANDSHAKE, 3, 1][..], &block2(part)].concat()).collect()
}

fn with_name(name: &[u8]) -> Vec<u8> {
    let other = [&[0, 43][..], &block2(&[2, 3, 4])].concat();
    let extensions = [other.clone(), server_name_extension(name), other].concat();
    records(&message(Some(&extensions)), 1 << 14)
}

fn check(bytes: &[u8], want: &str) {
    let got = match server_name(bytes) {
        Ok(Hello::NeedMore) => "more".to_owned(),
        Ok(Hello::Name(name)) => name.unwrap_or("-".to_owned()),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want);
}

#[test]
fn a_name_is_found() {
    check(&with_name(b"www.Example.test"), "www.example.test");
    check(&with_name(b"a_b.example.test."), "a_b.example.test");
    check(&records(&message(None), 99), "-");
    check(&records(&message(Some(&[])), 99), "-");
}

#[test]
fn what_is_no_tls_is_said_at_the_first_byte() {
    let not = "the connection does not begin with a TLS client hello; clients of this listener must speak TLS at once";
    check(b"", "more");
    check(b"G", not);
    check(b"SSH-2.0-OpenSSH\r\n", not);
    check(&[22, 2], not);
    check(&[22, 3, 1, 0, 4, 2], not);
}

#[test]
fn names_that_are_none_are_refused() {
    for name in [&b"192.0.2.1"[..], b"", b"a..b", b"a b", "käse.test".as_bytes(), b"a\0b", &[b'x'; 64]] {
        check(&with_name(name), "the TLS client hello is malformed: the server name is no host name");
    }
}

#[test]
fn hellos_with_two_readings_are_refused() {
    let name = server_name_extension(b"a.test");
    let twice = records(&message(Some(&[name.clone(), name].concat())), 1 << 14);
    check(&twice, "the TLS client hello is malformed: there are two server name extensions");
    let mut cut = message(Some(&server_name_extension(b"a.test")));
    cut.pop();
    cut[3] -= 1;
    check(&records(&cut, 1 << 14), "the TLS client hello is malformed: a field is cut short");
    check(&[22, 3, 1, 0, 0], "the TLS client hello is malformed: a record is empty or longer than 16 KiB");
}

#[test]
fn an_endless_hello_is_refused_at_its_bound() {
    check(&[22, 3, 1, 0, 4, 1, 1, 0, 0], "the TLS client hello has more than 16384 bytes");
    let mut long = message(Some(&[0; 99]));
    long[2] = 0x3f;
    long[3] = 0xff;
    long.resize(HELLO_BYTES_MAX - 10, 0);
    // Each small record costs a head, so the bytes run out before the message ends.
    let bytes = records(&long, 100);
    check(&bytes[..HELLO_BYTES_MAX - 1], "more");
    check(&bytes[..HELLO_BYTES_MAX], "the TLS client hello has more than 16384 bytes");
}

proptest! {
    /// In whatever records it comes, the name is the same, and every beginning of it asks for more.
    #[test]
    fn records_do_not_matter(size in 1..200_usize, name in "[a-z]{1,20}\\.test") {
        let whole = message(Some(&server_name_extension(name.as_bytes())));
        let bytes = records(&whole, size);
        for cut in 0..bytes.len() {
            prop_assert_eq!(server_name(&bytes[..cut]), Ok(Hello::NeedMore));
        }
        prop_assert_eq!(server_name(&[&bytes[..], b"\x17more"].concat()), Ok(Hello::Name(Some(name))));
    }

    /// Any bytes give an answer.
    #[test]
    fn nothing_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), rest in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut bytes = with_name(b"www.example.test");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = server_name(&bytes);
        let _ = server_name(&rest);
        let _ = server_name(&records(&[&[CLIENT_HELLO, 0, 0, rest.len() as u8][..], &rest].concat(), 30));
    }
}
