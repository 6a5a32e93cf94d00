//! A piece of an answer on its way to a client.
//!
//! 1. It has the bytes as they came, and copies none.
//! 2. On a stream of HTTP/2 it says when some of them go out: h2 takes a piece whole and asks for the next one when all of it went, so nobody else
//!    sees that a slow client takes it bit by bit.
//!
//! Not here: what follows from it (`stuck`, `client_state`).

use std::io::IoSlice;
use std::rc::Rc;

use bytes::{Buf, Bytes};

use crate::stuck::Streaming;

/// Bytes of an answer, on a stream of HTTP/2 with who is told that they go out.
#[derive(Debug)]
pub struct Piece {
    bytes: Bytes,
    streaming: Option<Rc<Streaming>>,
}

impl Piece {
    /// Of these bytes.
    pub fn new(bytes: Bytes, streaming: Option<Rc<Streaming>>) -> Self {
        Piece { bytes, streaming }
    }

    fn moved(&self, count: usize) {
        if let Some(streaming) = self.streaming.as_ref().filter(|_| count > 0) {
            streaming.moved();
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.moved(count);
    }

    fn copy_to_bytes(&mut self, count: usize) -> Bytes {
        self.moved(count);
        self.bytes.copy_to_bytes(count)
    }
}
