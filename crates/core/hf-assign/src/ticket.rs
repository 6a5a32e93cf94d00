//! Tickets: `KIND.SERVICE.PLACE.END.MAC`, ASCII without a character that a cookie, a header or a query would have to quote.
//!
//! KIND is `1`, or `1r` for a place that is told as the last resort; SERVICE is the assignment's name, PLACE the place's, END seconds since 1970 in hexadecimal, MAC the first 16 bytes of an HMAC-SHA-256 over
//! all before it, in base64url.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hf_model::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The longest ticket: what is longer is none.
pub const TICKET_BYTES: usize = 160;

const PLAIN: &str = "1";
const LAST_RESORT: &str = "1r";

/// Bytes of the signature. 16 are 2^128 guesses, each of which is a request.
const MAC_BYTES: usize = 16;

/// Keys that one node may have at once.
pub const TICKET_KEYS: usize = 8;

/// What signs tickets: the same on every node that assigns or is assigned to. Of several keys the first one signs, and each is good for a ticket that it
/// signed: so a new key comes without a session that has to ask again.
#[derive(Clone)]
pub struct TicketKey {
    signs: Hmac<Sha256>,
    /// Good besides.
    others: Box<[Hmac<Sha256>]>,
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

impl TicketKey {
    /// Of 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> TicketKey {
        TicketKey::with_others(secret, &[])
    }

    /// Of 32 secret bytes that sign, and others that signed before or will: the first [`TICKET_KEYS`] less one of them.
    pub fn with_others(secret: &[u8; 32], others: &[[u8; 32]]) -> TicketKey {
        let of = |secret: &[u8; 32]| Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        TicketKey { signs: of(secret), others: others.iter().take(TICKET_KEYS - 1).map(of).collect() }
    }

    fn sign(&self, signed: &str) -> [u8; 32] {
        let mut mac = self.signs.clone();
        mac.update(signed.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn is_signature(&self, signed: &str, signature: &[u8]) -> bool {
        let is_of = |key: &Hmac<Sha256>| {
            let mut mac = key.clone();
            mac.update(signed.as_bytes());
            // In constant time.
            mac.verify_truncated_left(signature).is_ok()
        };
        signature.len() == MAC_BYTES && (is_of(&self.signs) || self.others.iter().any(is_of))
    }
}

/// A session's place, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The assignment's service.
    pub service: String,
    /// The place's name: see [`Place`](crate::Place).
    pub place: String,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Whether its place was closed by health when it was told, and only nothing better was left.
    pub is_last_resort: bool,
}

/// Why a ticket is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// There is none.
    #[error("no ticket was shown")]
    Missing,
    /// It is no ticket at all, or somebody changed it, or another key signed it.
    #[error("the ticket is not one of ours")]
    Forged,
    /// Its time is over.
    #[error("the ticket has ended")]
    Ended,
    /// It is for another service.
    #[error("the ticket is for another service")]
    OtherService,
    /// It is for another place.
    #[error("the ticket is for another place")]
    OtherPlace,
    /// Its place is closed.
    #[error("the ticket's place is closed")]
    PlaceClosed,
}

impl TicketError {
    /// A word for counters and headers.
    pub fn word(self) -> &'static str {
        match self {
            TicketError::Missing => "missing",
            TicketError::Forged => "forged",
            TicketError::Ended => "ended",
            TicketError::OtherService => "other-service",
            TicketError::OtherPlace => "other-place",
            TicketError::PlaceClosed => "place-closed",
        }
    }
}

impl Ticket {
    /// As clients carry it.
    pub fn signed(&self, key: &TicketKey) -> String {
        let kind = if self.is_last_resort { LAST_RESORT } else { PLAIN };
        let mut text = format!("{kind}.{}.{}.{:x}", self.service, self.place, self.ends_at.0 / 1_000);
        let mac = key.sign(&text);
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&mac[..MAC_BYTES], &mut text);
        text
    }

    /// Reads a ticket that a client showed, at `now`.
    ///
    /// # Errors
    ///
    /// [`TicketError::Forged`] and [`TicketError::Ended`]; the rest is judged by who knows the service.
    pub fn read(text: &str, key: &TicketKey, now: Timestamp) -> Result<Ticket, TicketError> {
        if text.len() > TICKET_BYTES {
            return Err(TicketError::Forged);
        }
        let (signed, mac) = text.rsplit_once('.').ok_or(TicketError::Forged)?;
        let mut bytes = [0; MAC_BYTES + 2];
        let read = BASE64_URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes).map_err(|_| TicketError::Forged)?;
        if !key.is_signature(signed, &bytes[..read]) {
            return Err(TicketError::Forged);
        }
        let mut fields = signed.split('.');
        let (Some(kind @ (PLAIN | LAST_RESORT)), Some(service), Some(place), Some(end), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(TicketError::Forged);
        };
        let end = u64::from_str_radix(end, 16).map_err(|_| TicketError::Forged)?;
        let end = end.checked_mul(1_000).ok_or(TicketError::Forged)?;
        let ends_at = Timestamp(end);
        if ends_at <= now {
            return Err(TicketError::Ended);
        }
        let is_last_resort = kind == LAST_RESORT;
        Ok(Ticket { service: service.to_owned(), place: place.to_owned(), ends_at, is_last_resort })
    }
}

#[cfg(test)]
mod tests;
