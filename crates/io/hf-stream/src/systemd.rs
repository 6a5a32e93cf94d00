//! What a service manager such as systemd gives a process, and what it wants to hear from it.
//!
//! 1. [`Manager::tell`] says how we are, to the socket in `NOTIFY_SOCKET`; without one it says nothing.
//! 2. [`Manager::watchdog`] is how often it wants to hear that we live, `WATCHDOG_USEC`.
//! 3. [`activated`] takes the sockets that it opened for us (`LISTEN_FDS`), with their names (`LISTEN_FDNAMES`); only once, and before
//!    other threads run, since it takes them out of the environment.
//!
//! Not here: when what is said.
//!
//! Source: the manual pages sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    socket: Option<OsString>,
    watchdog: Option<Duration>,
}

/// What a service manager may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// We serve.
    Ready,
    /// As [`Tell::Ready`], and this process is the service's main one from now on: it took over.
    ReadyAsMain(u32),
    /// A successor is taking over.
    Reloading,
    /// We end.
    Stopping,
    /// We live.
    Alive,
    /// How we are, for people.
    Status(String),
}

impl Tell {
    fn text(&self) -> String {
        match self {
            Tell::Ready => "READY=1".to_owned(),
            Tell::ReadyAsMain(process) => format!("MAINPID={process}\nREADY=1"),
            Tell::Reloading => "RELOADING=1".to_owned(),
            Tell::Stopping => "STOPPING=1".to_owned(),
            Tell::Alive => "WATCHDOG=1".to_owned(),
            Tell::Status(text) => format!("STATUS={}", text.replace('\n', " ")),
        }
    }
}

impl Manager {
    /// As the environment says.
    pub fn from_env() -> Self {
        Manager::from(|name| std::env::var_os(name), std::process::id())
    }

    fn from(variable: impl Fn(&str) -> Option<OsString>, own_process: u32) -> Self {
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(own_process));
        let watchdog = number("WATCHDOG_USEC").filter(|us| for_us && *us > 0).map(Duration::from_micros);
        let socket = variable("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        Manager { socket, watchdog }
    }

    /// Whether anybody listens.
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// How often it wants to hear [`Tell::Alive`]: half of the time after which it gives us up.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// Says it, if anybody listens. Does not wait: a manager that is behind gets the next one.
    pub fn tell(&self, what: &Tell) -> io::Result<()> {
        let Some(name) = &self.socket else { return Ok(()) };
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.send_to_addr(what.text().as_bytes(), &address).map(drop)
    }
}

/// Sockets that the service manager opened, with the names that it gave them.
#[derive(Debug, Default)]
pub struct Activated {
    /// Listening TCP sockets.
    pub tcp: Vec<(String, TcpListener)>,
    /// UDP sockets.
    pub udp: Vec<(String, UdpSocket)>,
    /// Names of those that are neither; they are left alone.
    pub others: Vec<String>,
}

/// Takes the sockets that were opened for this process.
pub fn activated() -> Activated {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut sockets = listenfd::ListenFd::from_env();
    let mut names = names.split(':').filter(|name| !name.is_empty());
    let mut activated = Activated::default();
    for at in 0..sockets.len() {
        let name = names.next().unwrap_or("unknown").to_owned();
        if let Ok(Some(listener)) = sockets.take_tcp_listener(at) {
            activated.tcp.push((name, listener));
        } else if let Ok(Some(socket)) = sockets.take_udp_socket(at) {
            activated.udp.push((name, socket));
        } else {
            activated.others.push(name);
        }
    }
    activated
}
