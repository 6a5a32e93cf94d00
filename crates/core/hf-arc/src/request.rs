//! A request as it came over the wire, borrowed from whoever holds the socket, and how its encoded parts are read.

/// A request before anybody has looked into it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// In capitals.
    pub method: &'a str,
    /// As on the request line: still percent-encoded, without the query.
    pub path: &'a str,
    /// As on the request line, without `?`; empty if there is none.
    pub query: &'a str,
    /// Names in any case; a header that came twice stands here twice, in its order.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// All of it.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The values of a header, in their order.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// The header's value, if it came exactly once and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.values(name);
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(first).ok().map(str::trim)
    }

    /// Whether somebody has tried to sign it the way of AWS, in a header or in the query.
    ///
    /// For listeners that let unsigned requests of this machine through: a request that claims to be signed is always verified.
    pub fn claims_a_signature(&self) -> bool {
        self.values("authorization").next().is_some() || self.is_presigned()
    }

    /// Whether the signature is in the query, as in links for browsers.
    pub(crate) fn is_presigned(&self) -> bool {
        self.pairs().any(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name == "x-amz-signature" || name == "x-amz-algorithm" || name == "x-amz-credential"
        })
    }

    /// The parameters of the query, still encoded.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// Undoes percent-encoding, once. A plus sign stays one (RFC 3986).
///
/// None for a `%` without two digits, or bytes that are not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_decoded_once() {
        assert_eq!(decoded("a%3Ab%2Fc").as_deref(), Some("a:b/c"));
        assert_eq!(decoded("a%253A").as_deref(), Some("a%3A"));
        assert_eq!(decoded("a+b%20c").as_deref(), Some("a+b c"));
        assert_eq!(decoded("%C3%BC").as_deref(), Some("ü"));
        for bad in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_doubled_ones_are_not() {
        let headers = vec![("Host", b" a ".as_slice()), ("X", b"1"), ("x", b"2"), ("bad", b"\xff")];
        let request = Request { method: "GET", path: "/", query: "a&b=1=2&&c=", headers, body: b"" };
        assert_eq!(request.header("host"), Some("a"));
        assert_eq!(request.header("x"), None);
        assert_eq!(request.header("bad"), None);
        assert_eq!(request.pairs().collect::<Vec<_>>(), [("a", ""), ("b", "1=2"), ("c", "")]);
    }
}
