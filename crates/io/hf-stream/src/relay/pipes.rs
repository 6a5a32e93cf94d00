//! Pipes for `splice(2)`: taken when a way has much to carry, given back when it has not, bounded for each thread.
//!
//! A pipe that still holds bytes is never given back: they belong to somebody.

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

/// Pipes of one thread, in use or kept. Two descriptors each; without one a way is copied through the buffer.
pub const PIPES_MAX: usize = 256;

/// Pipes kept for the next, of one thread.
const KEPT_MAX: usize = 16;

/// What a pipe should hold: four of the buffer's size, for fewer turns. The kernel may refuse, and then it holds a quarter of it.
const PIPE_BYTES: usize = 256 << 10;

thread_local! {
    static KEPT: RefCell<Vec<Ends>> = const { RefCell::new(Vec::new()) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// One pipe of this thread.
#[derive(Debug)]
pub struct Pipe {
    ends: Option<Ends>,
    /// Bytes in it.
    pub held: usize,
}

/// The two ends of a pipe.
#[derive(Debug)]
pub struct Ends {
    /// Where bytes come out.
    pub out: OwnedFd,
    /// Where they go in.
    pub into: OwnedFd,
}

impl Pipe {
    /// An empty pipe; none at the bound, or without descriptors.
    pub fn take() -> Option<Pipe> {
        let kept = KEPT.with_borrow_mut(Vec::pop);
        let ends = match kept {
            Some(ends) => ends,
            None if COUNT.get() >= PIPES_MAX => return None,
            None => {
                let (out, into) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok()?;
                // Beyond the user's share of pipe memory the ordinary size remains, which works as well.
                let _ = fcntl_setpipe_size(&into, PIPE_BYTES);
                COUNT.set(COUNT.get() + 1);
                Ends { out, into }
            }
        };
        Some(Pipe { ends: Some(ends), held: 0 })
    }

    /// Its ends.
    pub fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("only dropping takes them")
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Some(ends) = self.ends.take() else { return };
        // At a thread's end there may be no place left to keep it.
        let kept = self.held == 0
            && KEPT
                .try_with(|kept| {
                    let mut kept = kept.borrow_mut();
                    let room = kept.len() < KEPT_MAX;
                    if room {
                        kept.push(ends);
                    }
                    room
                })
                .unwrap_or(false);
        if !kept {
            let _ = COUNT.try_with(|count| count.set(count.get().saturating_sub(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_no_more() {
        let all: Vec<Pipe> = std::iter::from_fn(Pipe::take).collect();
        assert_eq!(all.len(), PIPES_MAX);
        drop(all);
        assert_eq!(COUNT.get(), KEPT_MAX);
    }

    #[test]
    fn one_with_bytes_is_not_kept() {
        let mut pipe = Pipe::take().unwrap();
        pipe.held = 1;
        drop(pipe);
        assert_eq!((COUNT.get(), KEPT.with_borrow(Vec::len)), (0, 0));
    }
}
