//! What clients send to zone status: heads of requests with their queries, and WebSocket frames.
//!
//! 1. A head ends where it ends: every shorter beginning asks for more, and what follows changes nothing.
//! 2. What is taken is within its bounds; a query is read, or it says why not.
//! 3. In whatever pieces frames come, the same is heard, and the same ends it.
//! 4. What is heard is bounded, and a text that was heard comes back the same when it is sent.

use hf_status::frames::{self, BadFrame, Heard, MESSAGE_BYTES_MAX, Reader};
use hf_status::request::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Plus, Query, Request, decode};

pub(crate) fn check(data: &[u8]) {
    check_request(data);
    let whole = heard(data, data.len().max(1));
    for size in [1, 3, 64] {
        assert_eq!(heard(data, size), whole, "in pieces of {size}");
    }
}

fn check_request(data: &[u8]) {
    let Ok(Some((request, len))) = Request::read(data) else { return };
    assert!(len <= HEAD_BYTES_MAX && request.body_len <= BODY_BYTES_MAX, "{request:?}");
    for cut in [len / 2, len - 1] {
        assert_eq!(Request::read(&data[..cut]), Ok(None), "{cut} of {len}");
    }
    assert_eq!(Request::read(&data[..len]), Ok(Some((request.clone(), len))));
    if let Some(path) = decode(request.path, Plus::IsPlus) {
        assert!(path.len() <= request.path.len());
    }
    // Either it is read, or it says why not.
    if let Err(why) = Query::read(request.query) {
        assert!(!why.to_string().is_empty());
    }
}

fn heard(data: &[u8], size: usize) -> (Vec<Heard>, Result<(), BadFrame>) {
    let (mut reader, mut all) = (Reader::default(), Vec::new());
    for piece in data.chunks(size) {
        let taken = reader.take(piece, |one| {
            match &one {
                Heard::Text(text) => {
                    assert!(text.len() <= MESSAGE_BYTES_MAX && frames::text(text).ends_with(text.as_bytes()));
                }
                Heard::Ping(payload) => assert!(frames::pong(payload).ends_with(payload)),
                Heard::Pong | Heard::Close(_) => {}
            }
            all.push(one);
        });
        if taken.is_err() || matches!(all.last(), Some(Heard::Close(_))) {
            return (all, taken);
        }
    }
    (all, Ok(()))
}
