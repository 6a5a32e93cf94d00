//! One client, as all requests of its connection know it: where it comes from, how it reached us, and what of that endpoints are told.
//!
//! 1. The address is the connection's, or what a PROXY header in front of it says.
//! 2. What endpoints are told does not change within a connection, so it is made once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hf_config::estate::ZoneIx;
use http::header::HeaderValue;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address; IPv4 is never mapped into IPv6.
    pub peer: SocketAddr,
    /// Where it came to: our own listener, or what it reached in front of us.
    pub destination: SocketAddr,
    /// Whether TLS ended here, or in front of us as a PROXY header says.
    pub over_tls: bool,
    /// The server name of its TLS, lower case.
    pub server_name: Option<Arc<str>>,
    /// Where it is, if that is known. By the estate of the time when it came.
    pub zone: Option<ZoneIx>,
    /// Whether somebody whom we trust stands between it and us: what that one says of its client is kept.
    pub behind_trusted: bool,
}

impl Client {
    /// Who comes from `peer` to `destination` itself.
    pub fn direct(peer: SocketAddr, destination: SocketAddr) -> Self {
        Client {
            peer: canonical(peer),
            destination: canonical(destination),
            over_tls: false,
            server_name: None,
            zone: None,
            behind_trusted: false,
        }
    }
}

/// The same address, IPv4 as IPv4.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What endpoints are told of a client, ready as field values.
#[derive(Clone, Debug)]
pub struct ClientFields {
    /// Its address, for `X-Forwarded-For`.
    pub address: HeaderValue,
    /// `http` or `https`, for `X-Forwarded-Proto`.
    pub scheme: HeaderValue,
    /// The port that it came to, for `X-Forwarded-Port`.
    pub port: HeaderValue,
    /// All of it, for `Forwarded` (RFC 7239).
    pub forwarded: HeaderValue,
    /// Whether what is already there is kept.
    pub behind_trusted: bool,
}

impl ClientFields {
    /// Of `client`.
    pub fn new(client: &Client) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).expect("addresses and numbers are plain text");
        let address = client.peer.ip();
        let scheme = if client.over_tls { "https" } else { "http" };
        let forwarded = match address {
            IpAddr::V4(address) => format!("for={address};proto={scheme}"),
            // RFC 7239 6: an address of IPv6 stands in brackets and quotes.
            IpAddr::V6(address) => format!("for=\"[{address}]\";proto={scheme}"),
        };
        ClientFields {
            address: value(&address.to_string()),
            scheme: HeaderValue::from_static(scheme),
            port: HeaderValue::from(client.destination.port()),
            forwarded: value(&forwarded),
            behind_trusted: client.behind_trusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, over_tls: bool, want: [&str; 4]) {
        let mut client = Client::direct(peer.parse().unwrap(), "[::]:8443".parse().unwrap());
        client.over_tls = over_tls;
        let fields = ClientFields::new(&client);
        let got = [&fields.address, &fields.scheme, &fields.port, &fields.forwarded];
        assert_eq!(got.map(|value| value.to_str().unwrap()), want);
    }

    #[test]
    fn endpoints_are_told_the_address_as_people_write_it() {
        check("192.0.2.1:5", false, ["192.0.2.1", "http", "8443", "for=192.0.2.1;proto=http"]);
        check("[::ffff:192.0.2.1]:5", true, ["192.0.2.1", "https", "8443", "for=192.0.2.1;proto=https"]);
        check("[2001:db8::1]:5", true, ["2001:db8::1", "https", "8443", "for=\"[2001:db8::1]\";proto=https"]);
    }
}
