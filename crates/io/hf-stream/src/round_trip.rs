//! The round-trip time that the kernel has measured on a connection.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::socket::GetSockOpt as _;

/// The socket option; nix has no name for it, but the macro that makes one.
#[derive(Clone, Copy, Debug)]
struct TcpInfo;

nix::getsockopt_impl!(
    TcpInfo,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    libc::tcp_info,
    nix::sys::socket::sockopt::GetStruct<libc::tcp_info>
);

/// The smoothed round-trip time of a TCP connection; none before the first measurement, and for what is no TCP connection.
pub fn round_trip(connection: &impl AsFd) -> Option<Duration> {
    let info = TcpInfo.get(connection).ok()?;
    (info.tcpi_rtt > 0).then(|| Duration::from_micros(u64::from(info.tcpi_rtt)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_has_one_and_a_listener_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let measured = round_trip(&client).expect("the handshake was measured");
        assert!(measured < Duration::from_secs(1), "{measured:?}");
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(round_trip(&one), None);
    }
}
