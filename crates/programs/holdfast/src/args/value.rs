//! What a value of a flag must look like; refused here, it is bad usage and nothing was asked of a node.
//!
//! Whether a zone, pool or name exists, and whether a length is in range, is for the node to say.

use std::net::IpAddr;

use hf_control::Scope;
use hf_model::{DnsName, NameError, PoolName, ZoneId};

/// What `holdfast explain` is to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// A name, absolute.
    Name(DnsName),
    /// A pool.
    Pool(PoolName),
}

/// A name, with or without its last dot, or `pool/NAME`.
pub fn explained(text: &str) -> Result<Explained, String> {
    if let Some(pool) = text.strip_prefix("pool/") {
        return PoolName::new(pool).map(Explained::Pool).map_err(|error| error.to_string());
    }
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    DnsName::new(&absolute.to_ascii_lowercase()).map(Explained::Name).map_err(|error| error.to_string())
}

/// The id of a zone, or an alias, which looks the same.
pub fn zone(text: &str) -> Result<String, NameError> {
    ZoneId::new(text).map(|zone| zone.to_string())
}

/// `everything`, `pool/NAME` or `record/NAME`.
pub fn resource(text: &str) -> Result<String, String> {
    text.parse::<Scope>().map(|scope| scope.to_string()).map_err(|error| error.to_string())
}

/// The address of a client.
pub fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "no IP address; write one such as 192.0.2.1 or 2001:db8::1".to_owned())
}

/// A length of time, such as 30m.
pub fn length(text: &str) -> Result<String, String> {
    hf_model::parse_duration(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// A record type by its name, or as `TYPE123`; in any case.
pub fn rtype(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    let number = upper.strip_prefix("TYPE").and_then(|number| number.parse::<u16>().ok());
    let is_known = number.is_some() || (1..=300).any(|rtype| hf_config::type_text(rtype) == upper);
    is_known.then_some(upper).ok_or_else(|| "no record type; write A, AAAA, CNAME, TXT or TYPE123".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_resources_are_taken_with_and_without_their_last_dot() {
        let name = |text: &str| explained(text).unwrap();
        assert_eq!(name("www.Example.test"), name("www.example.test."));
        assert_eq!(name("pool/web"), Explained::Pool(PoolName::new("web").unwrap()));
        assert_eq!(resource("record/www.example.test").unwrap(), "record/www.example.test.");
        assert_eq!(resource("everything").unwrap(), "everything");
        assert_eq!((rtype("aaaa").unwrap(), rtype("type257").unwrap()), ("AAAA".into(), "TYPE257".into()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(explained("pool/No Such").is_err());
        assert!(explained("www..test").is_err());
        assert!(zone("Use1_az1").is_err());
        assert!(resource("pools/web").is_err());
        assert!(length("soon").is_err());
        assert!(address("192.0.2").is_err());
        assert!(rtype("AAAAA").is_err());
    }
}
