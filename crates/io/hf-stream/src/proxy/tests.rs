use proptest::prelude::*;

use super::*;

fn check(bytes: &[u8], want: &str) {
    let got = match parse(bytes) {
        Ok(Parsed::NeedMore) => "more".to_owned(),
        Ok(Parsed::Done(Header::Local, used)) => format!("local, {used}"),
        Ok(Parsed::Done(Header::Proxied { source, destination, authority }, used)) => {
            format!("{source} to {destination} {}, {used}", authority.as_deref().unwrap_or("-"))
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want, "{}", bytes.escape_ascii());
}

#[test]
fn lines_of_text() {
    check(b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\nGET", "192.0.2.1:40000 to 198.51.100.1:443 -, 45");
    check(b"PROXY TCP6 2001:db8::1 ::1 1 0\r\n", "[2001:db8::1]:1 to [::1]:0 -, 32");
    check(b"PROXY UNKNOWN\r\n", "local, 15");
    check(b"PROXY UNKNOWN any thing\r\n", "local, 25");
    check(b"", "more");
    check(b"PRO", "more");
    check(b"PROXY TCP4 192.0.2.1", "more");
}

#[test]
fn lines_that_have_not_one_reading_are_refused() {
    let refused = |line: &[u8], what: &str| check(line, &format!("the PROXY header is malformed: {what}"));
    refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\n", "the line does not end with CR LF");
    refused(b"PROXY TCP4 192.0.2.01 198.51.100.1 40000 443\r\n", "an address is not IPv4");
    refused(b"PROXY TCP4 ::1 198.51.100.1 40000 443\r\n", "an address is not IPv4");
    refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 040 443\r\n", "a port is not a number from 0 to 65535");
    refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 +40 443\r\n", "a port is not a number from 0 to 65535");
    refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 4 65536\r\n", "a port is not a number from 0 to 65535");
    refused(b"PROXY TCP4 192.0.2.1 198.51.100.1 4 5 6\r\n", "there are more fields than six");
    refused(b"PROXY UDP4 192.0.2.1 198.51.100.1 4 5\r\n", "the family is none of TCP4, TCP6 and UNKNOWN");
    refused(b"PROXY TCP4\r\n", "an address is not IPv4");
}

#[test]
fn what_is_no_header_is_said_at_once() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"P/", b"\r\n\r\nX", &[22, 3, 1]] {
        assert_eq!(parse(bytes), Err(ProxyError::NotProxy), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_header_beyond_its_bound_is_refused_before_it_is_there() {
    let line = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 93]].concat();
    assert_eq!(line.len(), V1_BYTES_MAX);
    assert_eq!(parse(&line), Err(ProxyError::TooLong { max: V1_BYTES_MAX }));
    assert_eq!(parse(&line[..106]), Ok(Parsed::NeedMore));
    let binary = [v2::SIGNATURE, &[0x21, 0x11, 0x0f, 0xf1]].concat();
    assert_eq!(parse(&binary), Err(ProxyError::TooLong { max: V2_BYTES_MAX }));
}

#[test]
fn binary_headers() {
    let of = |command: u8, family: u8, body: &[u8]| {
        [v2::SIGNATURE, &[command, family, 0, body.len() as u8], body].concat()
    };
    let four = [192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187];
    check(&of(0x21, 0x11, &four), "192.0.2.1:80 to 192.0.2.2:443 -, 28");
    check(&of(0x20, 0x11, &four), "local, 28");
    check(&of(0x20, 0, &[]), "local, 16");
    check(&of(0x21, 0x31, &[1; 216]), "local, 232");
    check(
        &of(0x21, 0x11, &[&four[..], &[2, 0, 5], b"A.tst"].concat()),
        "192.0.2.1:80 to 192.0.2.2:443 a.tst, 36",
    );
    check(&of(0x21, 0x11, &four[..11]), "the PROXY header is malformed: the addresses are cut short");
    check(
        &of(0x21, 0x11, &[&four[..], &[4, 0, 9]].concat()),
        "the PROXY header is malformed: a typed value is cut short",
    );
    check(&of(0x31, 0x11, &four), "the PROXY header is malformed: its version is not 2");
    check(
        &of(0x22, 0x11, &four)[..13],
        "the PROXY header is malformed: its command is neither LOCAL nor PROXY",
    );
}

fn addresses() -> impl Strategy<Value = SocketAddr> {
    any::<(std::net::IpAddr, u16)>().prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    /// What is written is read again, with what follows left alone, and no beginning of it is taken for more than that.
    #[test]
    fn written_is_read(source in addresses(), destination in addresses(), name in "[a-z]{0,20}", rest in any::<[u8; 4]>()) {
        let name = Some(name.as_str()).filter(|name| !name.is_empty());
        let (want_source, want_destination) = one_family(source, destination);
        for version in [1, 2] {
            let mut bytes = Vec::new();
            if version == 1 {
                write_v1(source, destination, &mut bytes);
            } else {
                write_v2(source, destination, name, &mut bytes);
            }
            let length = bytes.len();
            for cut in 0..length {
                prop_assert_eq!(parse(&bytes[..cut]), Ok(Parsed::NeedMore));
            }
            bytes.extend_from_slice(&rest);
            let authority = name.filter(|_| version == 2).map(str::to_owned);
            let want = Header::Proxied { source: want_source, destination: want_destination, authority };
            prop_assert_eq!(parse(&bytes), Ok(Parsed::Done(want, length)));
        }
    }

    /// Any bytes give an answer.
    #[test]
    fn nothing_panics(begin in 0..3_usize, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let begin: &[u8] = [&b""[..], b"PROXY ", v2::SIGNATURE][begin];
        let bytes = [begin, &rest].concat();
        if let Ok(Parsed::Done(_, used)) = parse(&bytes) {
            prop_assert!(used <= bytes.len());
        }
    }
}
