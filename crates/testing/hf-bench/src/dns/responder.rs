//! What health checks find: a port on all addresses of this machine that takes every connection and ends it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::{Told, cores};

/// It ends when it is dropped.
#[derive(Debug)]
pub struct Responder {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Any free port.
    pub fn start() -> Told<Responder> {
        let told = |error: std::io::Error| format!("a port for health checks: {error}");
        let listener = TcpListener::bind("0.0.0.0:0").map_err(told)?;
        let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().map_err(told)?.port()));
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = std::thread::spawn(move || {
            // Before what asks on this core: a check must not wait for that.
            cores::come_first();
            while !over.load(Ordering::Relaxed) {
                // Taken and ended; one that could not be taken is the checker's finding.
                drop(listener.accept());
            }
        });
        Ok(Responder { address, is_over, thread: Some(thread) })
    }

    /// Where.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take().filter(|_| woken.is_ok()) {
            // It does not panic, and nobody needs to know.
            let _ = thread.join();
        }
    }
}
