//! Who asks: the client's address behind trusted proxies, and the ticket that it holds.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use hf_model::Cidr;

/// The cookie, header and query key that carry a ticket.
pub const TICKET: &str = "holdfast-ticket";

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

/// The ticket that a request shows: in the query, in the header, or as a cookie.
pub fn ticket<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> Option<&'a str> {
    let in_query = query.and_then(|query| query.split('&').find_map(|pair| value_of(pair)));
    let in_header = || headers.get(TICKET).and_then(|value| value.to_str().ok());
    let in_cookie = || {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|line| line.split(';')).find_map(|pair| value_of(pair.trim()))
    };
    in_query.or_else(in_header).or_else(in_cookie)
}

fn value_of(pair: &str) -> Option<&str> {
    pair.strip_prefix(TICKET)?.strip_prefix('=')
}

/// The query without a ticket: it is replaced, never piled up.
pub fn without_ticket(query: &str) -> String {
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && value_of(pair).is_none()).collect();
    rest.join("&")
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
    fn a_ticket_is_in_the_query_a_header_or_a_cookie() {
        let mut headers = HeaderMap::new();
        assert_eq!(ticket(None, &headers), None);
        headers.insert(header::COOKIE, "a=b; holdfast-ticket=cookie".parse().unwrap());
        assert_eq!(ticket(None, &headers), Some("cookie"));
        headers.insert(TICKET, "header".parse().unwrap());
        assert_eq!(ticket(Some("x=1&holdfast-ticketx=no"), &headers), Some("header"));
        assert_eq!(ticket(Some("x=1&holdfast-ticket=query"), &headers), Some("query"));
        assert_eq!(without_ticket("a=1&holdfast-ticket=x&b"), "a=1&b");
        assert_eq!(without_ticket("holdfast-ticket=x"), "");
    }
}
