//! Socket addresses as written in files, and which of them are in one another's way.
//!
//! Not here: opening them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::walk::clip;

/// Reads `address:port`.
pub(crate) fn read_socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{:?} is not an address and port; write them such as 10.1.1.10:8080 or [2001:db8::1]:8080",
            clip(text)
        )
    })
}

/// Listeners that are taken, by port.
#[derive(Default)]
pub(crate) struct Taken(BTreeMap<u16, BTreeSet<IpAddr>>);

impl Taken {
    /// Takes `address`; gives the one in its way, if any: the same, or of one family and port with one unspecified.
    pub(crate) fn insert(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        let taken = self.0.entry(address.port()).or_default();
        let ip = address.ip();
        // Only the exact one, the unspecified one, or (for an unspecified newcomer) any of the family can be in the way.
        let found = if ip.is_unspecified() {
            taken.iter().find(|other| other.is_ipv4() == ip.is_ipv4()).copied()
        } else {
            let any = if ip.is_ipv4() { IpAddr::from([0u8; 4]) } else { IpAddr::from([0u8; 16]) };
            [ip, any].into_iter().find(|candidate| taken.contains(candidate))
        };
        taken.insert(ip);
        found.map(|other| SocketAddr::new(other, address.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_and_port_meet_at_the_unspecified_address() {
        let meets = |first: &str, second: &str| {
            let mut taken = Taken::default();
            assert_eq!(taken.insert(first.parse().unwrap()), None);
            taken.insert(second.parse().unwrap()).is_some()
        };
        assert!(meets("10.0.0.1:80", "10.0.0.1:80"));
        assert!(meets("0.0.0.0:80", "10.0.0.1:80"));
        assert!(meets("10.0.0.1:80", "0.0.0.0:80"));
        assert!(meets("[::]:80", "[::1]:80"));
        assert!(!meets("10.0.0.1:80", "10.0.0.2:80"));
        assert!(!meets("0.0.0.0:80", "0.0.0.0:81"));
        assert!(!meets("0.0.0.0:80", "[::1]:80"));
    }
}
