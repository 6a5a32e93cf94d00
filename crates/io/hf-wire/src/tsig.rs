//! TSIG: messages that only the holder of a key can have sent (RFC 8945).
//!
//! 1. [`check`] takes the signature off a request, or makes the answer that RFC 8945 5.2 asks for: BADKEY and BADSIG unsigned,
//!    BADTIME signed and with our time, FORMERR for a signature in the wrong place.
//! 2. A [`Signer`] signs the answer to a request, or each message of a transfer, over the signature before it.
//! 3. A [`Verifier`] does so for what we asked others: every message of a transfer may be signed, the first and the last must,
//!    and at most 99 unsigned ones stand in between.
//! 4. A signature is compared whole and in constant time; shortened ones are not taken. A signature is good for 300 s around
//!    its time, or what it says itself if that is less.
//!
//! The `domain` crate's own TSIG was refused: it answers a wrong signature with FORMERR instead of BADSIG, and signs eight bytes
//! of time where a BADTIME answer carries six, so that no client believes it.
//!
//! Not here: which key may do what (`hf-config` has the rules, `hf-dns` obeys them).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_model::WireName;
use ring::hmac;

use crate::records::{Place, places};
use crate::{Rcode, query};

/// The type of a signature.
const TSIG: u16 = 250;

/// How far apart the two clocks may be, in seconds.
const FUDGE_S: u16 = 300;

/// Messages without a signature in a row, inside a transfer (RFC 8945 5.3.1).
const UNSIGNED_MAX: u32 = 99;

/// The longest signature record: two names, fixed parts, a MAC of 64 bytes and a time.
pub const ROOM: usize = 255 + 10 + 26 + 16 + 64 + 6;

/// Error numbers that stand in a signature.
mod error {
    pub const BADSIG: u16 = 16;
    pub const BADKEY: u16 = 17;
    pub const BADTIME: u16 = 18;
    pub const BADTRUNC: u16 = 22;
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// For old peers only.
    HmacSha1,
    /// What everybody has.
    HmacSha256,
    /// Longer.
    HmacSha384,
    /// Longest.
    HmacSha512,
}

impl Algorithm {
    const ALL: [Algorithm; 4] =
        [Algorithm::HmacSha1, Algorithm::HmacSha256, Algorithm::HmacSha384, Algorithm::HmacSha512];

    /// Its name on the wire.
    fn wire(self) -> &'static [u8] {
        match self {
            Algorithm::HmacSha1 => b"\x09hmac-sha1\0",
            Algorithm::HmacSha256 => b"\x0bhmac-sha256\0",
            Algorithm::HmacSha384 => b"\x0bhmac-sha384\0",
            Algorithm::HmacSha512 => b"\x0bhmac-sha512\0",
        }
    }

    fn ring(self) -> hmac::Algorithm {
        match self {
            Algorithm::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::HmacSha256 => hmac::HMAC_SHA256,
            Algorithm::HmacSha384 => hmac::HMAC_SHA384,
            Algorithm::HmacSha512 => hmac::HMAC_SHA512,
        }
    }
}

/// A shared secret and its name.
pub struct Key {
    name: WireName,
    algorithm: Algorithm,
    secret: hmac::Key,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, {:?})", self.name, self.algorithm)
    }
}

impl Key {
    /// A key of this name; names are compared without case.
    pub fn new(name: &WireName, algorithm: Algorithm, secret: &[u8]) -> Key {
        Key { name: name.folded(), algorithm, secret: hmac::Key::new(algorithm.ring(), secret) }
    }

    /// Its name, in lower case.
    pub fn name(&self) -> &WireName {
        &self.name
    }
}

/// All keys of a node, by name.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeMap<WireName, Arc<Key>>);

impl Keys {
    /// Of two keys with one name the later stays.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Keys {
        Keys(keys.into_iter().map(|key| (key.name.clone(), Arc::new(key))).collect())
    }

    /// The key of this name.
    pub fn get(&self, name: &WireName) -> Option<&Arc<Key>> {
        self.0.get(&name.folded())
    }
}

/// What the signature of a request is worth.
#[derive(Debug)]
pub enum Checked {
    /// There is none.
    Unsigned,
    /// It is right, and now taken off. The signer is for the answer.
    Signed(Signer),
    /// It is not; this answer says so.
    Wrong {
        /// The whole message.
        reply: Vec<u8>,
        /// For counts and logs.
        why: TsigError,
    },
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TsigError {
    /// Not last, twice, or not readable.
    #[error("the signature is malformed or not the last record")]
    Malformed,
    /// There is none where one must be.
    #[error("the answer is not signed; give the primary the same key")]
    Missing,
    /// A key or algorithm that we do not have.
    #[error("the key or its algorithm is not known; give both sides the same key")]
    BadKey,
    /// The signature is not that of the message.
    #[error("the signature is wrong; give both sides the same secret")]
    BadSignature,
    /// Shortened.
    #[error("the signature is shortened, which is not taken")]
    BadTruncation,
    /// Signed too long ago, or ahead of us.
    #[error("the signature's time is more than 300 s from ours; set the clocks")]
    BadTime,
    /// The other side refused ours, with this error number.
    #[error("the other side refused our signature with TSIG error {0}")]
    Refused(u16),
}

/// One signature as it stands in a message.
struct Signature {
    place: Place,
    name: WireName,
    algorithm: Option<Algorithm>,
    time_s: u64,
    fudge_s: u16,
    mac: Vec<u8>,
    original_id: u16,
    error: u16,
    other: Vec<u8>,
}

/// Finds the signature; an error when there is one that must not be there.
fn find(message: &[u8]) -> Result<Option<Signature>, TsigError> {
    let mut found = None;
    for place in places(message) {
        let place = place.ok_or(TsigError::Malformed)?;
        if found.is_some() || (place.rtype == TSIG && !place.additional) {
            return Err(TsigError::Malformed);
        }
        if place.rtype == TSIG {
            found = Some(place);
        }
    }
    found.map(|place| read(message, place).ok_or(TsigError::Malformed)).transpose()
}

fn read(message: &[u8], place: Place) -> Option<Signature> {
    let name = query::name_at(message, place.at)?;
    let rdata = message.get(place.fixed + 10..place.end)?;
    if place.end != message.len() || message[place.fixed + 2..place.fixed + 8] != [0, 255, 0, 0, 0, 0] {
        return None;
    }
    // The algorithm's name is not compressed (RFC 3597 4).
    let named = crate::records::skip_name(rdata, 0).filter(|end| rdata[end - 1] == 0)?;
    let folded = rdata[..named].to_ascii_lowercase();
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.wire() == folded);
    let (fixed, rest) = rdata[named..].split_at_checked(10)?;
    let mut time = [0; 8];
    time[2..].copy_from_slice(&fixed[..6]);
    let (mac, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([fixed[8], fixed[9]])))?;
    let (behind, other) = rest.split_at_checked(6)?;
    if other.len() != usize::from(u16::from_be_bytes([behind[4], behind[5]])) {
        return None;
    }
    Some(Signature {
        place,
        name: name.folded(),
        algorithm,
        time_s: u64::from_be_bytes(time),
        fudge_s: u16::from_be_bytes([fixed[6], fixed[7]]),
        mac: mac.to_vec(),
        original_id: u16::from_be_bytes([behind[0], behind[1]]),
        error: u16::from_be_bytes([behind[2], behind[3]]),
        other: other.to_vec(),
    })
}

impl Signature {
    /// Takes the record off and puts the id back that was signed.
    fn strip(&self, message: &mut Vec<u8>) {
        message.truncate(self.place.at);
        message[..2].copy_from_slice(&self.original_id.to_be_bytes());
        let count = u16::from_be_bytes([message[10], message[11]]).wrapping_sub(1);
        message[10..12].copy_from_slice(&count.to_be_bytes());
    }

    /// Whether the times are near enough.
    fn in_time(&self, now_s: u64) -> bool {
        self.time_s.abs_diff(now_s) <= u64::from(self.fudge_s.min(FUDGE_S))
    }
}

/// The fields that are signed beside the message.
#[derive(Clone, Copy)]
struct Variables<'a> {
    time_s: u64,
    fudge_s: u16,
    error: u16,
    other: &'a [u8],
}

impl Variables<'_> {
    fn all(&self, key: &Key, context: &mut hmac::Context) {
        context.update(key.name.as_wire());
        context.update(&[0, 255, 0, 0, 0, 0]);
        context.update(key.algorithm.wire());
        self.timers(context);
        context.update(&self.error.to_be_bytes());
        context.update(&(self.other.len() as u16).to_be_bytes());
        context.update(self.other);
    }

    fn timers(&self, context: &mut hmac::Context) {
        context.update(&self.time_s.to_be_bytes()[2..]);
        context.update(&self.fudge_s.to_be_bytes());
    }
}

fn prior(context: &mut hmac::Context, mac: &[u8]) {
    context.update(&(mac.len() as u16).to_be_bytes());
    context.update(mac);
}

/// Takes the signature off a request and judges it.
pub fn check(keys: &Keys, message: &mut Vec<u8>, now_s: u64) -> Checked {
    let signature = match find(message) {
        Ok(None) => return Checked::Unsigned,
        Ok(Some(signature)) => signature,
        Err(why) => return Checked::Wrong { reply: bare_reply(message, Rcode::FORM_ERR), why },
    };
    let wrong = |message: &[u8], number, why| {
        let mut reply = bare_reply(message, Rcode::NOT_AUTH);
        let algorithm = signature.algorithm.map_or(&b"\0"[..], Algorithm::wire);
        let variables =
            Variables { time_s: signature.time_s, fudge_s: signature.fudge_s, error: number, other: &[] };
        append(&mut reply, signature.name.as_wire(), algorithm, variables, &[]);
        Checked::Wrong { reply, why }
    };
    let key = keys.get(&signature.name).filter(|key| Some(key.algorithm) == signature.algorithm).cloned();
    let Some(key) = key else { return wrong(message, error::BADKEY, TsigError::BadKey) };
    let received = message.clone();
    signature.strip(message);
    let mut context = hmac::Context::with_key(&key.secret);
    context.update(message);
    variables_of(&signature).all(&key, &mut context);
    match compare(context, &signature) {
        Ok(()) => {}
        Err(TsigError::BadTruncation) => return wrong(&received, error::BADTRUNC, TsigError::BadTruncation),
        Err(why) => return wrong(&received, error::BADSIG, why),
    }
    let in_time = signature.in_time(now_s);
    let mut signer = Signer { key, prior: signature.mac, first: true };
    if !in_time {
        let mut reply = bare_reply(message, Rcode::NOT_AUTH);
        reply[..2].copy_from_slice(&received[..2]);
        let variables = Variables {
            time_s: signature.time_s,
            fudge_s: signature.fudge_s,
            error: error::BADTIME,
            other: &now_s.to_be_bytes()[2..],
        };
        signer.sign_with(&mut reply, variables);
        return Checked::Wrong { reply, why: TsigError::BadTime };
    }
    Checked::Signed(signer)
}

fn variables_of(signature: &Signature) -> Variables<'_> {
    Variables {
        time_s: signature.time_s,
        fudge_s: signature.fudge_s,
        error: signature.error,
        other: &signature.other,
    }
}

fn compare(context: hmac::Context, signature: &Signature) -> Result<(), TsigError> {
    let ours = context.sign();
    // Every byte is looked at, whatever came before: the time that it takes tells nothing.
    if signature.mac.len() != ours.as_ref().len() {
        let shorter = signature.mac.len() < ours.as_ref().len();
        return Err(if shorter && !signature.mac.is_empty() {
            TsigError::BadTruncation
        } else {
            TsigError::BadSignature
        });
    }
    let differ = ours.as_ref().iter().zip(&signature.mac).fold(0, |all, (a, b)| all | (a ^ b));
    if std::hint::black_box(differ) == 0 { Ok(()) } else { Err(TsigError::BadSignature) }
}

/// An answer with nothing but header and question.
fn bare_reply(message: &[u8], rcode: Rcode) -> Vec<u8> {
    let mut reply = vec![0; 12];
    reply[..2].copy_from_slice(&message[..2]);
    reply[2] = 0x80 | (message[2] & 0b0111_1001);
    reply[3] = (message[3] & 0x10) | (rcode.0 as u8 & 15);
    if message[4..6] == [0, 1]
        && let Some(end) = crate::records::skip_name(message, 12)
        && let Some(question) = message.get(12..end + 4)
    {
        reply[5] = 1;
        reply.extend_from_slice(question);
    }
    reply
}

/// Appends a signature record; the id of the message is the original one.
fn append(message: &mut Vec<u8>, name: &[u8], algorithm: &[u8], variables: Variables<'_>, mac: &[u8]) {
    let rdlen = algorithm.len() + 16 + mac.len() + variables.other.len();
    let id = [message[0], message[1]];
    message.extend_from_slice(name);
    message.extend_from_slice(&[0, 250, 0, 255, 0, 0, 0, 0]);
    message.extend_from_slice(&(rdlen as u16).to_be_bytes());
    message.extend_from_slice(algorithm);
    message.extend_from_slice(&variables.time_s.to_be_bytes()[2..]);
    message.extend_from_slice(&variables.fudge_s.to_be_bytes());
    message.extend_from_slice(&(mac.len() as u16).to_be_bytes());
    message.extend_from_slice(mac);
    message.extend_from_slice(&id);
    message.extend_from_slice(&variables.error.to_be_bytes());
    message.extend_from_slice(&(variables.other.len() as u16).to_be_bytes());
    message.extend_from_slice(variables.other);
    let count = u16::from_be_bytes([message[10], message[11]]) + 1;
    message[10..12].copy_from_slice(&count.to_be_bytes());
}

/// Signs the answer to a signed request; for a transfer, each message in turn.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Arc<Key>,
    /// The signature before this one: first the request's.
    prior: Vec<u8>,
    first: bool,
}

impl Signer {
    /// Who signed the request, in lower case.
    pub fn key_name(&self) -> &WireName {
        &self.key.name
    }

    /// The signature before the next one; at first the request's, which no other request has.
    pub fn prior(&self) -> &[u8] {
        &self.prior
    }

    /// By how many bytes a message grows when it is signed; at most [`ROOM`].
    pub fn bytes(&self) -> usize {
        let mac = self.key.algorithm.ring().digest_algorithm().output_len();
        self.key.name.as_wire().len() + 10 + self.key.algorithm.wire().len() + 16 + mac
    }

    /// Signs a finished message.
    pub fn sign(&mut self, message: &mut Vec<u8>, now_s: u64) {
        self.sign_with(message, Variables { time_s: now_s, fudge_s: FUDGE_S, error: 0, other: &[] });
    }

    fn sign_with(&mut self, message: &mut Vec<u8>, variables: Variables<'_>) {
        let mut context = hmac::Context::with_key(&self.key.secret);
        prior(&mut context, &self.prior);
        context.update(message);
        if std::mem::take(&mut self.first) {
            variables.all(&self.key, &mut context);
        } else {
            variables.timers(&mut context);
        }
        let tag = context.sign();
        append(message, self.key.name.as_wire(), self.key.algorithm.wire(), variables, tag.as_ref());
        self.prior = tag.as_ref().to_vec();
    }
}

/// Checks the answer to a request of ours, or each message of a transfer in turn.
pub struct Verifier {
    key: Arc<Key>,
    context: hmac::Context,
    first: bool,
    unsigned: u32,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({:?})", self.key)
    }
}

/// Signs a request of ours.
pub fn sign_request(key: &Arc<Key>, message: &mut Vec<u8>, now_s: u64) -> Verifier {
    let variables = Variables { time_s: now_s, fudge_s: FUDGE_S, error: 0, other: &[] };
    let mut context = hmac::Context::with_key(&key.secret);
    context.update(message);
    variables.all(key, &mut context);
    let tag = context.sign();
    append(message, key.name.as_wire(), key.algorithm.wire(), variables, tag.as_ref());
    let mut context = hmac::Context::with_key(&key.secret);
    prior(&mut context, tag.as_ref());
    Verifier { key: key.clone(), context, first: true, unsigned: 0 }
}

impl Verifier {
    /// Checks the next message and takes its signature off.
    ///
    /// # Errors
    ///
    /// [`TsigError`]; what was received is then to be thrown away.
    pub fn verify(&mut self, message: &mut Vec<u8>, now_s: u64) -> Result<(), TsigError> {
        let Some(signature) = find(message)? else {
            self.unsigned += 1;
            if self.first || self.unsigned > UNSIGNED_MAX {
                return Err(TsigError::Missing);
            }
            self.context.update(message);
            return Ok(());
        };
        if signature.mac.is_empty() && signature.error != 0 {
            return Err(TsigError::Refused(signature.error));
        }
        if signature.name != self.key.name || signature.algorithm != Some(self.key.algorithm) {
            return Err(TsigError::BadKey);
        }
        signature.strip(message);
        let mut context = self.context.clone();
        context.update(message);
        let variables = variables_of(&signature);
        if self.first {
            variables.all(&self.key, &mut context);
        } else {
            variables.timers(&mut context);
        }
        compare(context, &signature)?;
        if signature.error != 0 {
            return Err(TsigError::Refused(signature.error));
        }
        if !signature.in_time(now_s) {
            return Err(TsigError::BadTime);
        }
        self.context = hmac::Context::with_key(&self.key.secret);
        prior(&mut self.context, &signature.mac);
        self.first = false;
        self.unsigned = 0;
        Ok(())
    }

    /// Whether the message before was signed: the last one of a transfer must be.
    pub fn is_complete(&self) -> bool {
        !self.first && self.unsigned == 0
    }
}

#[cfg(test)]
mod tests;
