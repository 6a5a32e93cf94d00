//! Who asks: the client's address behind trusted proxies, and the ticket that it holds.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use hf_assign::carried;
use hf_model::Cidr;

const TICKET: HeaderName = HeaderName::from_static(carried::TICKET);

/// The last address that no trusted hop vouches for.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for hop in hops.iter().rev() {
        if !is_trusted(client) {
            break;
        }
        // What a trusted hop cannot have written ends the chain.
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

/// The tickets that a request shows.
pub fn tickets<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let values = |name| headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    carried::shown(query, values(TICKET), values(header::COOKIE)).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&'static str], want: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted = [Cidr::new("10.0.0.0/8").unwrap()];
        let got = address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(got.to_string(), want, "{peer} {forwarded:?}");
    }

    #[test]
    fn only_trusted_hops_say_who_the_client_is() {
        check("192.0.2.1", &[], "192.0.2.1");
        check("192.0.2.1", &["198.51.100.1"], "192.0.2.1");
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check("10.0.0.1", &["203.0.113.9", "198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["what, 10.0.0.2"], "10.0.0.2");
        check("::ffff:10.0.0.1", &["2001:db8::1"], "2001:db8::1");
    }

    #[test]
    fn tickets_are_read_from_all_that_carries_them() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; holdfast-ticket=cookie".parse().unwrap());
        headers.insert(TICKET, "header".parse().unwrap());
        let found: Vec<&str> = tickets(Some("x=1&holdfast-ticket=query"), &headers).collect();
        assert_eq!(found, ["query", "header", "cookie"]);
    }
}
