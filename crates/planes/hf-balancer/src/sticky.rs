//! The cookie that keeps a client at its endpoint.
//!
//! 1. The cookie's value is a digest of pool, zone and address in hexadecimal: the same on every balancer, and it names nothing to strangers. It is
//!    not signed: whoever forges it chooses an endpoint of the pool, which reloading the page does as well.
//! 2. It is obeyed while its endpoint serves, may take requests and was not tried; else another endpoint is chosen, and its cookie set.
//! 3. It is set only when it changes.

use std::net::IpAddr;

use hf_config::estate::StickyCookie;
use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::endpoint::EndpointKey;

/// A digest that is the same in every process (FNV-1a, finished as SplitMix64 does).
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// With these bytes, too.
    pub fn with(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    /// The digest.
    pub fn end(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What an endpoint is called in cookies.
pub fn token(key: &EndpointKey) -> u64 {
    let digest = Digest::default().with(key.pool.as_str().as_bytes()).with(b"\0");
    let digest = digest.with(key.zone.as_str().as_bytes()).with(b"\0");
    let digest = match key.address.ip() {
        IpAddr::V4(v4) => digest.with(&v4.octets()),
        IpAddr::V6(v6) => digest.with(&v6.octets()),
    };
    digest.with(&key.address.port().to_be_bytes()).end()
}

/// The endpoint that the client's cookie names.
pub fn read(cookie: &StickyCookie, fields: &HeaderMap) -> Option<u64> {
    let value = find(fields, &cookie.name)?;
    if value.len() != 16 || !value.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()
}

/// The field that sets it.
pub fn field(cookie: &StickyCookie, token: u64, over_tls: bool) -> HeaderValue {
    let mut text = format!("{}={token:016x}; Path=/; HttpOnly; SameSite=Lax", cookie.name);
    if !cookie.lifetime.is_zero() {
        text += &format!("; Max-Age={}", cookie.lifetime.as_secs());
    }
    if over_tls {
        text += "; Secure";
    }
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The value of a cookie.
pub fn find<'f>(fields: &'f HeaderMap, name: &str) -> Option<&'f [u8]> {
    let pairs = fields.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .map(|value| value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fields(cookie: &'static str) -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields.insert(COOKIE, HeaderValue::from_static(cookie));
        fields
    }

    #[test]
    fn the_cookie_is_found_among_others_and_read_strictly() {
        let cookie = StickyCookie::default();
        let check = |text, want| assert_eq!(read(&cookie, &fields(text)), want, "{text}");
        check("holdfast=00000000000000ff", Some(255));
        check("a=b; holdfast=\"00000000000000ff\"; c", Some(255));
        check("xholdfast=00000000000000ff", None);
        check("holdfast=ff", None);
        check("holdfast=00000000000000fg", None);
        check("", None);
    }

    #[test]
    fn the_field_says_how_long_and_whether_only_over_tls() {
        let mut cookie = StickyCookie::default();
        assert_eq!(field(&cookie, 255, false), "holdfast=00000000000000ff; Path=/; HttpOnly; SameSite=Lax");
        cookie.lifetime = Duration::from_mins(1);
        let text = field(&cookie, 255, true);
        assert!(text.to_str().unwrap().ends_with("SameSite=Lax; Max-Age=60; Secure"), "{text:?}");
    }
}
