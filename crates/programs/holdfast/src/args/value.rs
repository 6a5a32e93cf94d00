//! What a value of a flag must look like; refused here, it is bad usage and nothing was asked of a node.
//!
//! Whether a zone, pool or name exists, and whether a length is in range, is for the node to say.

use std::net::IpAddr;

use hf_api::{ControlSet, ControlTo};
use hf_control::{ControlRef, Resource, Scope};
use hf_model::{CheckName, Cidr, Digest, DigestError, DnsName, NameError, PoolName, ZoneId};

/// What `holdfast explain` is to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// A name, absolute.
    Name(DnsName),
    /// A pool.
    Pool(PoolName),
    /// A health check.
    Check(CheckName),
}

/// A name, with or without its last dot, `pool/NAME` or `check/NAME`.
pub fn explained(text: &str) -> Result<Explained, String> {
    if let Some(pool) = text.strip_prefix("pool/") {
        return PoolName::new(pool).map(Explained::Pool).map_err(|error| error.to_string());
    }
    if let Some(check) = text.strip_prefix("check/") {
        return CheckName::new(check).map(Explained::Check).map_err(|error| error.to_string());
    }
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    DnsName::new(&absolute.to_ascii_lowercase()).map(Explained::Name).map_err(|error| error.to_string())
}

/// The id of a zone, or an alias, which looks the same.
pub fn zone(text: &str) -> Result<String, NameError> {
    ZoneId::new(text).map(|zone| zone.to_string())
}

/// `everything`, `pool/NAME` or `record/NAME`.
pub fn scope(text: &str) -> Result<String, String> {
    text.parse::<Scope>().map(|scope| scope.to_string()).map_err(|error| error.to_string())
}

/// The same, or `region/ID`: everything of a zone of that region.
pub fn resource(text: &str) -> Result<String, String> {
    if text.starts_with("region/") {
        return managed(text);
    }
    scope(text).map_err(|error| error.replace("`everything`, ", "`everything`, `region/ID`, "))
}

/// `region/ID`, `pool/NAME` or `record/NAME`.
pub fn managed(text: &str) -> Result<String, String> {
    text.parse::<Resource>().map(|resource| resource.to_string()).map_err(|error| error.to_string())
}

/// A pool's name, with or without `pool/` before it.
pub fn pool(text: &str) -> Result<String, NameError> {
    PoolName::new(text.strip_prefix("pool/").unwrap_or(text)).map(|pool| pool.to_string())
}

/// `NAME`, `PANEL/NAME` or `#NUMBER`.
pub fn control(text: &str) -> Result<String, String> {
    text.parse::<ControlRef>().map(|control| control.to_string()).map_err(|error| error.to_string())
}

/// `NAME=on` or `NAME=off`.
pub fn set(text: &str) -> Result<ControlSet, String> {
    let (name, to) = text.rsplit_once('=').ok_or("write NAME=on or NAME=off")?;
    let to = match to {
        "on" => ControlTo::On,
        "off" => ControlTo::Off,
        _ => return Err("a routing control is on or off; write NAME=on or NAME=off".to_owned()),
    };
    Ok(ControlSet { control: control(name)?, to })
}

/// A link of the journal's chain: 64 hexadecimal digits.
pub fn link(text: &str) -> Result<Digest, DigestError> {
    text.parse()
}

/// The address of a client.
pub fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "no IP address; write one such as 192.0.2.1 or 2001:db8::1".to_owned())
}

/// The network of a client.
pub fn network(text: &str) -> Result<Cidr, String> {
    Cidr::new(text).map_err(|error| error.to_string())
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
        assert_eq!(name("check/alive"), Explained::Check(CheckName::new("alive").unwrap()));
        assert_eq!(resource("record/www.example.test").unwrap(), "record/www.example.test.");
        assert_eq!(resource("everything").unwrap(), "everything");
        assert_eq!((rtype("aaaa").unwrap(), rtype("type257").unwrap()), ("AAAA".into(), "TYPE257".into()));
    }

    #[test]
    fn controls_are_named_in_three_ways_and_set_to_two() {
        for name in ["eu", "regions/eu", "#00000000000000ff"] {
            assert_eq!(control(name).unwrap(), name);
        }
        assert!(control("a/b/c").is_err() && control("#1").is_err() && control("a b").is_err());
        let told = |text: &str| set(text).map(|set| format!("{} {}", set.control, set.to.as_str()));
        assert_eq!(told("regions/a=b=off").unwrap(), "regions/a=b off");
        assert_eq!(told("eu=on").unwrap(), "eu on");
        assert!(told("eu").is_err() && told("eu=up").is_err() && told("=on").is_err());
        assert_eq!((pool("pool/web").unwrap(), pool("web").unwrap()), ("web".into(), "web".into()));
        assert_eq!(resource("region/eu-west-2").unwrap(), "region/eu-west-2");
        assert!(scope("region/eu-west-2").is_err() && managed("everything").is_err());
        assert_eq!(link(&"0f".repeat(32)).unwrap(), Digest([15; 32]));
        assert!(link(&"0f".repeat(31)).is_err() && link(&"0g".repeat(32)).is_err());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(explained("pool/No Such").is_err());
        assert!(explained("www..test").is_err());
        assert!(zone("Use1_az1").is_err());
        assert!(resource("pools/web").unwrap_err().contains("`everything`, `region/ID`, `pool/NAME`"));
        assert!(length("soon").is_err());
        assert!(address("192.0.2").is_err());
        assert!(network("192.0.2.0").is_err() && network("192.0.2.0/24").is_ok());
        assert!(rtype("AAAAA").is_err());
    }
}
