//! The server name in a TLS client's first bytes, with rustls as the second opinion.
//!
//! 1. A hello is whole or asks for more: every shorter beginning of one that was read asks for more.
//! 2. Where rustls finds a name too, it is the same one: else a client could be sent to another pool than the one that it gets a
//!    certificate of.

use hf_stream::hello::{HELLO_BYTES_MAX, Hello, server_name};
use rustls::server::Acceptor;

pub(crate) fn check(data: &[u8]) {
    let Ok(hello) = server_name(data) else { return };
    let Hello::Name(ours) = hello else {
        assert!(data.len() < HELLO_BYTES_MAX, "{} bytes and no end", data.len());
        return;
    };
    let whole = (0..=data.len()).find(|cut| server_name(&data[..*cut]) != Ok(Hello::NeedMore));
    let whole = whole.expect("all of it is whole");
    assert_eq!(server_name(&data[..whole]), Ok(Hello::Name(ours.clone())), "at {whole} bytes");
    if let (Some(ours), Some(theirs)) = (ours, rustls_sees(&data[..whole])) {
        let theirs = theirs.to_ascii_lowercase();
        assert_eq!(ours, theirs.strip_suffix('.').unwrap_or(&theirs));
    }
}

fn rustls_sees(mut hello: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    while !hello.is_empty() {
        acceptor.read_tls(&mut hello).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(str::to_owned);
        }
    }
    None
}
