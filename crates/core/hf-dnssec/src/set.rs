//! What a signature covers: a whole set of records in canonical form (RFC 4034 3.1.8.1 and 6.3).

use hf_config::estate::DnssecAlgorithm;

use crate::canonical::{fold_rdata, label_count};
use crate::window::Window;
use crate::{rdata, rtype};

/// Bytes of a signature of either algorithm.
pub const SIGNATURE_BYTES: usize = 64;

/// A set as an answer has it, in any order and case.
#[derive(Clone, Copy, Debug)]
pub struct SetToSign<'a> {
    /// The owner in wire form; a wildcard's own name where one answers.
    pub owner: &'a [u8],
    /// Type number.
    pub rtype: u16,
    /// The set's own TTL; an answer may have less.
    pub ttl_s: u32,
    /// Its data.
    pub records: Records<'a>,
}

/// The data of a set.
#[derive(Clone, Copy, Debug)]
pub enum Records<'a> {
    /// One after the other.
    List(&'a [&'a [u8]]),
    /// Records in wire form, each with an owner of two bytes (a pointer).
    Finished(&'a [u8]),
}

/// Bytes of a finished record before its data: owner, type, class, TTL, length.
const FINISHED_HEAD: usize = 12;

impl<'a> Records<'a> {
    /// The data of each record, as it stands.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let (list, mut finished): (&'a [&'a [u8]], &'a [u8]) = match self {
            Records::List(list) => (list, &[]),
            Records::Finished(bytes) => (&[], bytes),
        };
        list.iter().copied().chain(std::iter::from_fn(move || {
            let len = usize::from(u16::from_be_bytes([
                *finished.get(FINISHED_HEAD - 2)?,
                *finished.get(FINISHED_HEAD - 1)?,
            ]));
            let rdata = finished.get(FINISHED_HEAD..FINISHED_HEAD + len)?;
            finished = &finished[FINISHED_HEAD + len..];
            Some(rdata)
        }))
    }
}

/// A set that owns its bytes, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedSet {
    /// The owner, folded.
    pub owner: Box<[u8]>,
    /// Type number.
    pub rtype: u16,
    /// Seconds.
    pub ttl_s: u32,
    /// Folded, in order, each once.
    pub rdata: Vec<Box<[u8]>>,
}

impl OwnedSet {
    /// Brings a set into canonical form.
    pub fn new<'a>(
        owner: &[u8],
        rtype: u16,
        ttl_s: u32,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> OwnedSet {
        let fold = |record: &[u8]| {
            let mut record: Box<[u8]> = record.into();
            fold_rdata(rtype, &mut record);
            record
        };
        let mut rdata: Vec<Box<[u8]>> = records.into_iter().map(fold).collect();
        rdata.sort();
        rdata.dedup();
        OwnedSet { owner: owner.to_ascii_lowercase().into(), rtype, ttl_s, rdata }
    }

    /// The same for a set as an answer has it.
    pub fn of(set: &SetToSign<'_>) -> OwnedSet {
        OwnedSet::new(set.owner, set.rtype, set.ttl_s, set.records.iter())
    }

    /// Signs it: the data of an RRSIG record. `apex` is folded.
    pub fn sign(&self, apex: &[u8], window: Window, signer: &dyn Signer) -> Result<Box<[u8]>, SignFailed> {
        let mut rrsig = Vec::with_capacity(18 + apex.len() + SIGNATURE_BYTES);
        rrsig.extend_from_slice(&self.rtype.to_be_bytes());
        rrsig.extend_from_slice(&[signer.algorithm() as u8, label_count(&self.owner)]);
        rrsig.extend_from_slice(&self.ttl_s.to_be_bytes());
        // Serial arithmetic: the low 32 bits are what travels (RFC 4034 3.1.5).
        rrsig.extend_from_slice(&(window.expiration_s as u32).to_be_bytes());
        rrsig.extend_from_slice(&(window.inception_s as u32).to_be_bytes());
        rrsig.extend_from_slice(&signer.key_tag().to_be_bytes());
        rrsig.extend_from_slice(apex);
        let mut covered = rrsig.clone();
        for record in &self.rdata {
            covered.extend_from_slice(&self.owner);
            covered.extend_from_slice(&self.rtype.to_be_bytes());
            covered.extend_from_slice(&1_u16.to_be_bytes());
            covered.extend_from_slice(&self.ttl_s.to_be_bytes());
            covered.extend_from_slice(&(record.len() as u16).to_be_bytes());
            covered.extend_from_slice(record);
        }
        rrsig.extend_from_slice(&signer.sign(&covered)?);
        Ok(rrsig.into())
    }

    /// Whether it is signed by every key of the DNSKEY set and not only by those that sign what people ask for.
    pub fn is_of_keys(&self) -> bool {
        matches!(self.rtype, rtype::DNSKEY | rtype::CDS | rtype::CDNSKEY)
    }
}

/// A private key at work. Implemented where keys are (`hf-keys`).
pub trait Signer: Send + Sync {
    /// What it signs with.
    fn algorithm(&self) -> DnssecAlgorithm;
    /// The public key as in its DNSKEY record.
    fn public_key(&self) -> &[u8];
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed>;
    /// The tag of its DNSKEY record.
    fn key_tag(&self) -> u16 {
        rdata::key_tag(&rdata::dnskey(self.algorithm(), self.public_key()))
    }
}

/// The library that signs refused to: it had no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignFailed;

impl std::fmt::Display for SignFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was signed: the system gave no randomness")
    }
}

impl std::error::Error for SignFailed {}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it is given to sign.
    #[derive(Default)]
    struct Listener(Mutex<RefCell<Vec<u8>>>);

    impl Signer for Listener {
        fn algorithm(&self) -> DnssecAlgorithm {
            DnssecAlgorithm::Ed25519
        }
        fn public_key(&self) -> &[u8] {
            &[0; 32]
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignFailed> {
            self.0.lock().unwrap().replace(message.to_vec());
            Ok([7; SIGNATURE_BYTES])
        }
        fn key_tag(&self) -> u16 {
            0x0e1d
        }
    }

    const WINDOW: Window = Window { inception_s: 1_438_207_200, expiration_s: 1_440_021_600 };

    #[test]
    fn order_case_and_repetition_do_not_count() {
        let one = OwnedSet::new(b"\x01A\0", 2, 5, [&b"\x01C\0"[..], b"\x01b\0", b"\x01B\0"]);
        assert_eq!(one, OwnedSet::new(b"\x01a\0", 2, 5, [&b"\x01b\0"[..], b"\x01c\0"]));
        assert_eq!(one.rdata.len(), 2);
    }

    #[test]
    fn finished_records_are_the_same_set() {
        let finished = b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x02\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01";
        let set = |records| SetToSign { owner: b"\x01a\0", rtype: 1, ttl_s: 5, records };
        let list: [&[u8]; 2] = [&[10, 0, 0, 1], &[10, 0, 0, 2]];
        assert_eq!(OwnedSet::of(&set(Records::Finished(finished))), OwnedSet::of(&set(Records::List(&list))));
        // Cut short: what is whole.
        assert_eq!(Records::Finished(&finished[..20]).iter().count(), 1);
    }

    #[test]
    fn what_is_covered_is_laid_out_as_in_rfc_4034() {
        let set = OwnedSet::new(b"\x01*\x07Example\0", 15, 3600, [&b"\0\x0a\x01M\0"[..]]);
        let listener = Listener::default();
        let rrsig = set.sign(b"\x07example\0", WINDOW, &listener).unwrap();
        let head = b"\0\x0f\x0f\x01\0\0\x0e\x10\x55\xd4\xfc\x60\x55\xb9\x4c\xe0\x0e\x1d\x07example\0";
        assert_eq!(rrsig[..], [&head[..], &[7; 64]].concat());
        let record = b"\x01*\x07example\0\0\x0f\0\x01\0\0\x0e\x10\0\x05\0\x0a\x01m\0";
        assert_eq!(*listener.0.lock().unwrap().borrow(), [&head[..], record].concat());
    }
}
