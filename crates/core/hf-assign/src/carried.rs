//! Where a request carries a ticket: in its query, in a header, or as a cookie, all of one name.
//!
//! 1. The query comes first, since whoever was just told a place comes with it; then the header of programs, then the cookie that a place sets.
//! 2. A query may be old, such as that of a bookmark: what is no good there does not hide a good cookie. At most [`SHOWN_MAX`] are looked at.
//! 3. A ticket is replaced in a query, never piled up.
//!
//! Not here: whether a ticket is good (`ticket`, `assigner`).

/// The query key, header and cookie that carry a ticket.
pub const TICKET: &str = "holdfast-ticket";

/// Tickets of one request that are looked at: each costs a signature to check.
pub const SHOWN_MAX: usize = 4;

/// How a ticket was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// In the query.
    Query,
    /// In the header.
    Header,
    /// As a cookie.
    Cookie,
}

/// The tickets that a request shows: of its query, of the values of the header, of the values of `Cookie`.
pub fn shown<'a>(
    query: Option<&'a str>,
    headers: impl Iterator<Item = &'a str>,
    cookies: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = (By, &'a str)> {
    let in_query = query.into_iter().flat_map(|query| query.split('&')).filter_map(value_of);
    let in_cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| value_of(pair.trim()));
    let in_query = in_query.map(|text| (By::Query, text));
    let in_headers = headers.map(|text| (By::Header, text));
    in_query.chain(in_headers).chain(in_cookies.map(|text| (By::Cookie, text))).take(SHOWN_MAX)
}

/// Whether a query carries one.
pub fn is_in(query: &str) -> bool {
    query.split('&').any(|pair| value_of(pair).is_some())
}

/// The query without tickets; empty when nothing else is in it.
pub fn without_ticket(query: &str) -> String {
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && value_of(pair).is_none()).collect();
    rest.join("&")
}

/// The query with this ticket, or none, in place of those that it has; with its `?`, or empty.
pub fn query_with(query: Option<&str>, ticket: Option<&str>) -> String {
    let mut text = query.map(without_ticket).unwrap_or_default();
    if let Some(ticket) = ticket {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(TICKET);
        text.push('=');
        text.push_str(ticket);
    }
    if !text.is_empty() {
        text.insert(0, '?');
    }
    text
}

fn value_of(pair: &str) -> Option<&str> {
    pair.strip_prefix(TICKET)?.strip_prefix('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, headers: &[&str], cookies: &[&str], want: &[(By, &str)]) {
        let found = shown(Some(query), headers.iter().copied(), cookies.iter().copied());
        assert_eq!(found.collect::<Vec<_>>(), want, "{query} {headers:?} {cookies:?}");
    }

    #[test]
    fn a_ticket_is_in_the_query_a_header_or_a_cookie() {
        check("", &[], &["a=b; holdfast-ticket=c"], &[(By::Cookie, "c")]);
        check("x=1&holdfast-ticketx=no", &["h"], &[], &[(By::Header, "h")]);
        check(
            "x=1&holdfast-ticket=q",
            &["h"],
            &["holdfast-ticket=c"],
            &[(By::Query, "q"), (By::Header, "h"), (By::Cookie, "c")],
        );
        check(&"holdfast-ticket=q&".repeat(9), &[], &[], &[(By::Query, "q"); SHOWN_MAX]);
    }

    #[test]
    fn tickets_in_a_query_are_replaced() {
        let with = |query, ticket| query_with(Some(query), ticket);
        assert_eq!(with("a=1&holdfast-ticket=x&b", None), "?a=1&b");
        assert_eq!(with("a=1&holdfast-ticket=x&b", Some("y")), "?a=1&b&holdfast-ticket=y");
        assert_eq!(with("holdfast-ticket=x", None), "");
        assert_eq!(query_with(None, Some("y")), "?holdfast-ticket=y");
        assert!(is_in("a&holdfast-ticket=") && !is_in("a&holdfast-ticket"));
    }
}
