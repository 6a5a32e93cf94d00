//! The endpoints behind the proxies: the least HTTP/1.1 that all of them accept, 128 bytes or 64 KiB an answer.

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use crate::Told;

/// A request's head is never longer: it is the load's own, with what a proxy adds.
const HEAD_MAX: usize = 8 << 10;

/// Serves at these addresses until it is killed.
///
/// # Errors
///
/// When an address cannot be had.
pub fn serve(addresses: &[SocketAddr]) -> Told<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let answers = Rc::new(Answers { small: answer(128), large: answer(64 << 10) });
    LocalSet::new().block_on(&runtime, async {
        let mut listeners = Vec::new();
        for address in addresses {
            let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
            let answers = answers.clone();
            listeners.push(spawn_local(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    spawn_local(attend(stream, answers.clone()));
                }
            }));
        }
        for listener in listeners {
            let _ = listener.await;
        }
        Err("the endpoints cannot accept connections any more".to_owned())
    })
}

struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

fn answer(length: usize) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n");
    answer.extend(std::iter::repeat_n('x', length));
    answer.into_bytes()
}

async fn attend(mut stream: TcpStream, answers: Rc<Answers>) {
    let _ = stream.set_nodelay(true);
    let mut head = Vec::with_capacity(1 << 10);
    loop {
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) if head.len() > HEAD_MAX => return,
            Ok(_) => {}
        }
        while let Some(end) = end_of_head(&head) {
            let large = head.starts_with(b"GET /64k ");
            head.drain(..end);
            let answer = if large { &answers.large } else { &answers.small };
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// Where the body begins.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}
