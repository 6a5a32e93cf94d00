//! Places: points on the globe and networks that tell where a client is.

use std::net::IpAddr;

/// A point on the globe, in thousandths of a degree so that every machine computes the same distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// -90,000 (south pole) to 90,000 (north pole).
    pub latitude_millideg: i32,
    /// -180,000 to 180,000, east is positive.
    pub longitude_millideg: i32,
}

impl Location {
    /// A number that grows with the distance to `other`: good for ordering, not a length.
    ///
    /// The squared chord on an equirectangular map with the longitude shortened by the mean latitude's
    /// cosine (by a table of whole degrees): exact enough to order regions, and without floating point.
    pub fn order_distance(self, other: Location) -> u64 {
        let latitude = i64::from(self.latitude_millideg) - i64::from(other.latitude_millideg);
        let mut longitude = (i64::from(self.longitude_millideg) - i64::from(other.longitude_millideg)).abs();
        if longitude > 180_000 {
            longitude = 360_000 - longitude;
        }
        let mean = (i64::from(self.latitude_millideg) + i64::from(other.latitude_millideg)).abs() / 2 / 1_000;
        let shortened = longitude * cosine_per_mille(mean) / 1_000;
        (latitude * latitude + shortened * shortened).unsigned_abs()
    }
}

/// The cosine of whole degrees 0 to 90, in thousandths, by Bhaskara's formula (error under 0.002).
fn cosine_per_mille(degrees: i64) -> i64 {
    let square = degrees.clamp(0, 90).pow(2);
    1_000 * (32_400 - 4 * square) / (32_400 + square)
}

/// A network such as `10.1.0.0/16`: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidrError {
    /// Not of the form.
    #[error("{0:?} is not a network; write an address, '/' and a number of bits, such as 10.1.0.0/16")]
    Form(String),
    /// Bits set behind the prefix.
    #[error("the address of a network has no bits behind its prefix; write {0}")]
    HostBits(Cidr),
}

impl Cidr {
    /// Reads `address/bits`.
    pub fn new(text: &str) -> Result<Self, CidrError> {
        let form = || CidrError::Form(text.chars().take(60).collect());
        let (address, bits) = text.split_once('/').ok_or_else(form)?;
        let address: IpAddr = address.parse().map_err(|_| form())?;
        let bits: u8 = bits.parse().map_err(|_| form())?;
        if bits > if address.is_ipv4() { 32 } else { 128 } {
            return Err(form());
        }
        let base = mask(address, bits);
        if base == address { Ok(Cidr { base, bits }) } else { Err(CidrError::HostBits(Cidr { base, bits })) }
    }

    /// The network of so many bits around an address; of more bits than it has: the address alone.
    pub fn around(address: IpAddr, bits: u8) -> Self {
        let bits = bits.min(if address.is_ipv4() { 32 } else { 128 });
        Cidr { base: mask(address, bits), bits }
    }

    /// Whether `address` lies in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.base.is_ipv4() == address.is_ipv4() && mask(address, self.bits) == self.base
    }

    /// The first address of it.
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many leading bits count: the longer, the narrower.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let keep = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & keep).into())
        }
        IpAddr::V6(v6) => {
            let keep = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & keep).into())
        }
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let net = Cidr::new("10.1.0.0/16").unwrap();
        assert!(net.contains("10.1.255.1".parse().unwrap()));
        assert!(!net.contains("10.2.0.1".parse().unwrap()));
        assert!(!net.contains("::1".parse().unwrap()));
        assert!(Cidr::new("0.0.0.0/0").unwrap().contains("9.9.9.9".parse().unwrap()));
        assert!(Cidr::new("::/0").unwrap().contains("::1".parse().unwrap()));
        assert!(Cidr::new("10.1.2.3/16").unwrap_err().to_string().contains("write 10.1.0.0/16"));
        assert!(Cidr::new("10.1.0.0/33").is_err());
        assert_eq!(Cidr::around("10.1.2.3".parse().unwrap(), 24).to_string(), "10.1.2.0/24");
        assert_eq!(Cidr::around("2001:db8:1:2::3".parse().unwrap(), 48).to_string(), "2001:db8:1::/48");
        assert_eq!(Cidr::around("10.1.2.3".parse().unwrap(), 64).to_string(), "10.1.2.3/32");
    }

    #[test]
    fn london_is_nearer_to_dublin_than_to_virginia() {
        let at =
            |latitude, longitude| Location { latitude_millideg: latitude, longitude_millideg: longitude };
        let (london, dublin, virginia) = (at(51_500, -100), at(53_300, -6_300), at(38_900, -77_400));
        assert!(london.order_distance(dublin) < london.order_distance(virginia));
    }
}
