//! The PROXY protocol's header at the beginning of a stream.
//!
//! 1. A header is whole or asks for more: every shorter beginning of one that was read asks for more, and what follows it changes nothing.
//! 2. What it says, written again in either version, is read as the same.
//! 3. Nothing asks for more beyond the bound of its version.

use hf_stream::proxy::{Header, Parsed, V1_BYTES_MAX, V2_BYTES_MAX, parse, write_v1, write_v2};

pub(crate) fn check(data: &[u8]) {
    let Ok(parsed) = parse(data) else { return };
    let Parsed::Done(header, used) = parsed else {
        assert!(data.len() < V2_BYTES_MAX, "{} bytes and no end", data.len());
        assert!(data.first() != Some(&b'P') || data.len() < V1_BYTES_MAX, "a line of {} bytes", data.len());
        return;
    };
    assert!(used <= data.len());
    for cut in 0..used {
        assert_eq!(parse(&data[..cut]), Ok(Parsed::NeedMore), "{cut} of {used} bytes");
    }
    assert_eq!(parse(&data[..used]), Ok(Parsed::Done(header.clone(), used)));
    let Header::Proxied { source, destination, authority } = header else { return };
    let plain = |at: std::net::SocketAddr| (at.ip().to_canonical(), at.port());
    for version in [1, 2] {
        let mut written = Vec::new();
        match version {
            1 => write_v1(source, destination, &mut written),
            _ => write_v2(source, destination, authority.as_deref(), &mut written),
        }
        let Ok(Parsed::Done(Header::Proxied { source: from, destination: to, authority: name }, length)) =
            parse(&written)
        else {
            panic!("what was written is not read: {}", written.escape_ascii());
        };
        assert_eq!((length, plain(from), plain(to)), (written.len(), plain(source), plain(destination)));
        assert_eq!(name, authority.clone().filter(|_| version == 2));
    }
}
