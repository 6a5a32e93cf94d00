//! Server cookies that every node with the same secret makes and takes alike (RFC 7873, RFC 9018).
//!
//! 1. A cookie is version 1, three reserved bytes, the time of its making and SipHash-2-4 over client cookie, those and the
//!    client's address.
//! 2. It is good for an hour and may come from five minutes ahead; past half an hour the caller gives a new one.
//!
//! Not here: what an asker without a good cookie may have (`hf-dns`).

use std::net::IpAddr;

/// A client's cookie.
pub const CLIENT_BYTES: usize = 8;

/// Older than this, in seconds, a cookie is not good.
const AGE_MAX: i32 = 3_600;

/// Older than this, in seconds, it is replaced.
const AGE_RENEW: i32 = 1_800;

/// From a clock that far ahead, in seconds, it is still good.
const AHEAD_MAX: i32 = 300;

/// What a cookie option is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Neither 8 nor 16 to 40 bytes: FORMERR.
    Malformed,
    /// A client cookie alone, or with a server cookie that is not ours: answer with a new one.
    New,
    /// Ours and young: send it back as it came.
    Good,
    /// Ours and good, and to be replaced.
    Renew,
}

/// The secret of all nodes.
#[derive(Clone)]
pub struct Secret([u64; 2]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// From the 16 bytes of the secret file.
    pub fn new(bytes: [u8; 16]) -> Secret {
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Secret([half(0), half(8)])
    }

    /// The whole option data for this client: its cookie and ours.
    pub fn make(&self, client: [u8; CLIENT_BYTES], address: IpAddr, now_s: u32) -> [u8; 24] {
        let mut cookie = [0; 24];
        cookie[..8].copy_from_slice(&client);
        cookie[8] = 1;
        cookie[12..16].copy_from_slice(&now_s.to_be_bytes());
        let hash = self.hash(&cookie, address);
        cookie[16..].copy_from_slice(&hash);
        cookie
    }

    /// What the data of a cookie option is worth.
    pub fn judge(&self, option: &[u8], address: IpAddr, now_s: u32) -> Worth {
        match option.len() {
            CLIENT_BYTES | 16..24 | 25..=40 => Worth::New,
            24 => {
                let cookie: &[u8; 24] = option.try_into().expect("it has 24 bytes");
                if cookie[8] != 1 || self.hash(cookie, address) != cookie[16..] {
                    return Worth::New;
                }
                let made = u32::from_be_bytes(std::array::from_fn(|i| cookie[12 + i]));
                // Serial number arithmetic: the 32 bits of time come round (RFC 9018 4.3).
                match now_s.wrapping_sub(made).cast_signed() {
                    age if !(-AHEAD_MAX..=AGE_MAX).contains(&age) => Worth::New,
                    age if age > AGE_RENEW => Worth::Renew,
                    _ => Worth::Good,
                }
            }
            _ => Worth::Malformed,
        }
    }

    fn hash(&self, cookie: &[u8; 24], address: IpAddr) -> [u8; 8] {
        let mut input = [0; 32];
        input[..16].copy_from_slice(&cookie[..16]);
        let len = match address.to_canonical() {
            IpAddr::V4(address) => {
                input[16..20].copy_from_slice(&address.octets());
                20
            }
            IpAddr::V6(address) => {
                input[16..].copy_from_slice(&address.octets());
                32
            }
        };
        sip_hash(self.0, &input[..len]).to_le_bytes()
    }
}

/// SipHash-2-4 of at most 255 bytes.
fn sip_hash(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = bytes.len() as u8;
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        v[3] ^= word;
        sip_round(&mut v);
        sip_round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        sip_round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// The examples of RFC 9018, appendix A.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        let secret = Secret::new(hex("e5e973e5a6b2a43f48e7dc849e37bfcf").try_into().unwrap());
        let client = hex("2464c4abcf10c957").try_into().unwrap();
        let address = "198.51.100.100".parse().unwrap();
        let made = secret.make(client, address, 1_559_731_985);
        assert_eq!(made[..], hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
        let secret = Secret::new(hex("445536bcd2513298075a5d379663c962").try_into().unwrap());
        let client = hex("22681ab97d52c298").try_into().unwrap();
        let address = "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap();
        let made = secret.make(client, address, 1_559_741_961);
        assert_eq!(made[..], hex("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
    }

    #[test]
    fn a_cookie_ages() {
        let secret = Secret::new([7; 16]);
        let address = "192.0.2.1".parse().unwrap();
        let cookie = secret.make([1; 8], address, 10_000);
        let check = |now, want| assert_eq!(secret.judge(&cookie, address, now), want, "{now}");
        check(10_000, Worth::Good);
        check(9_700, Worth::Good);
        check(9_699, Worth::New);
        check(11_800, Worth::Good);
        check(11_801, Worth::Renew);
        check(13_600, Worth::Renew);
        check(13_601, Worth::New);
        assert_eq!(secret.judge(&cookie, "192.0.2.2".parse().unwrap(), 10_000), Worth::New);
        assert_eq!(secret.judge(&[0; 8], address, 10_000), Worth::New);
        for len in [0, 7, 9, 15, 41] {
            assert_eq!(secret.judge(&vec![0; len], address, 10_000), Worth::Malformed, "{len}");
        }
    }
}
