//! The URL of a status endpoint.
//!
//! Not here: how it is asked (`http`).

use std::fmt;
use std::str::FromStr;

/// The port of zone status where the URL has none.
pub const DEFAULT_PORT: u16 = 7601;

/// Where a status endpoint is: `http://NODE:7601`, with `https` too under the feature `tls`; a path is put before every route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) is_tls: bool,
    /// A name or an address, without brackets.
    pub(crate) name: String,
    pub(crate) port: u16,
    /// As in the header `Host`.
    pub(crate) authority: String,
    /// Empty, or `/…` without a last slash.
    pub(crate) prefix: String,
}

/// Why this is no URL of a status endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no status endpoint: {why}; write one such as http://10.0.0.1:7601")]
pub struct BadEndpoint {
    /// As given, cut.
    pub url: String,
    /// What is wrong.
    pub why: &'static str,
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = |why| BadEndpoint { url: text.chars().take(200).collect(), why };
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| bad("it has no http://"))?;
        let is_tls = match scheme {
            "http" => false,
            "https" if cfg!(feature = "tls") => true,
            "https" => return Err(bad("this build has no TLS (feature `tls`)")),
            _ => return Err(bad("only http and https are spoken")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if rest.contains(['?', '#']) {
            return Err(bad("it has a query"));
        }
        if authority.contains('@') {
            return Err(bad("it has a user's name"));
        }
        if rest.bytes().any(|byte| byte.is_ascii_control() || byte == b' ' || !byte.is_ascii()) {
            return Err(bad("it has characters that no URL has"));
        }
        let (name, port) = match authority.strip_prefix('[') {
            Some(inside) => {
                let (name, rest) = inside.split_once(']').ok_or_else(|| bad("a bracket is not closed"))?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or_else(|| bad("its port is no number"))?),
                };
                (name, port)
            }
            None => match authority.rsplit_once(':') {
                Some((name, _)) if name.contains(':') => {
                    return Err(bad("an IPv6 address stands in brackets"));
                }
                Some((name, port)) => (name, Some(port)),
                None => (authority, None),
            },
        };
        if name.is_empty() {
            return Err(bad("it names nobody"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => {
                port.parse().ok().filter(|port| *port != 0).ok_or_else(|| bad("its port is no number"))?
            }
        };
        let shown = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        Ok(Endpoint {
            is_tls,
            name: name.to_owned(),
            port,
            authority: format!("{shown}:{port}"),
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_in_one_form() {
        let check = |text: &str, want: &str| {
            let shown =
                text.parse::<Endpoint>().map_or_else(|error| error.why.to_owned(), |url| url.to_string());
            assert_eq!(shown, want, "{text}");
        };
        check("http://10.0.0.1:7601", "http://10.0.0.1:7601");
        check("http://10.0.0.1", "http://10.0.0.1:7601");
        check("https://status.example.test/zones/", "https://status.example.test:7601/zones");
        check("http://[2001:db8::1]:80", "http://[2001:db8::1]:80");
        check("http://[2001:db8::1]", "http://[2001:db8::1]:7601");
        check("http://2001:db8::1", "an IPv6 address stands in brackets");
        check("10.0.0.1:7601", "it has no http://");
        check("ftp://a", "only http and https are spoken");
        check("http://", "it names nobody");
        check("http://a:0", "its port is no number");
        check("http://a:x", "its port is no number");
        check("http://u@a", "it has a user's name");
        check("http://a/?x", "it has a query");
        check("http://a b", "it has characters that no URL has");
    }
}
