//! The short way for entries of the plain form: words of harmless characters on one line; A, AAAA, NS, CNAME or PTR.
//!
//! Whatever is otherwise, and whatever is wrong, is left to the long way, which says what is wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::fields::{Token, write_name};
use super::{Fields, Mistake, Taken};
use crate::builder::Builder;
use crate::rtype;

/// Owner, TTL, class, type, one value.
const WORDS_MAX: usize = 5;

/// Reads the entry at the beginning of `text`.
pub(super) fn read(text: &[u8], fields: &mut Fields, builder: &mut Builder) -> Result<Taken, Mistake> {
    let mut words: [&[u8]; WORDS_MAX] = [&[]; WORDS_MAX];
    let Some((count, len)) = split(text, &mut words) else { return Ok(Taken::NotPlain) };
    let spaced = text[0] == b' ' || text[0] == b'\t';
    let words = &words[..count];
    let (owner, words) =
        if spaced { (None, words) } else { (words.first(), words.get(1..).unwrap_or_default()) };
    let Some((ttl, kind, value)) = rest(words) else { return Ok(Taken::NotPlain) };
    fields.data.clear();
    let read = match kind {
        rtype::A => address::<Ipv4Addr>(value).map(|a| fields.data.extend_from_slice(&a.octets())),
        rtype::AAAA => address::<Ipv6Addr>(value).map(|a| fields.data.extend_from_slice(&a.octets())),
        _ => name(value, &fields.origin, &mut fields.data),
    };
    if read.is_none() {
        return Ok(Taken::NotPlain);
    }
    if let Some(owner) = owner {
        let mut room = std::mem::take(&mut fields.owner);
        let before = room.len();
        // The old owner stays until the new one is known to be good.
        if name(owner, &fields.origin, &mut room).is_none() {
            room.truncate(before);
            fields.owner = room;
            return Ok(Taken::NotPlain);
        }
        room.drain(..before);
        fields.owner = room;
    }
    if fields.owner.is_empty() {
        return Ok(Taken::NotPlain);
    }
    let Some(ttl) = fields.ttl(ttl) else { return Ok(Taken::NotPlain) };
    builder.push(&fields.owner, kind, ttl, &fields.data).map_err(|error| (0, error.to_string()))?;
    Ok(Taken::Whole(len))
}

fn name(word: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Option<()> {
    write_name(Token { text: word, at: 0, quoted: false, spaced: false }, origin, out).ok()
}

fn address<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Splits the line into words; none for what is not plain. Says how many words, and how many bytes with the line's end.
fn split<'a>(text: &'a [u8], words: &mut [&'a [u8]; WORDS_MAX]) -> Option<(usize, usize)> {
    let (mut count, mut at) = (0, 0);
    loop {
        match text.get(at)? {
            b'\n' => return Some((count, at + 1)),
            b' ' | b'\t' => at += 1,
            _ => {
                let start = at;
                while is_harmless(*text.get(at)?) {
                    at += 1;
                }
                if at == start {
                    return None;
                }
                *words.get_mut(count)? = &text[start..at];
                count += 1;
            }
        }
    }
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_' | b'*' | b'@')
}

/// TTL, type and value.
fn rest<'a>(mut words: &[&'a [u8]]) -> Option<(Option<u32>, u16, &'a [u8])> {
    let (mut ttl, mut class) = (None, false);
    loop {
        let (first, behind) = words.split_first()?;
        words = behind;
        let kind = match *first {
            b"A" => rtype::A,
            b"AAAA" => rtype::AAAA,
            b"NS" => rtype::NS,
            b"CNAME" => rtype::CNAME,
            b"PTR" => rtype::PTR,
            b"IN" if !class => {
                class = true;
                continue;
            }
            digits if ttl.is_none() => {
                ttl = Some(seconds(digits)?);
                continue;
            }
            _ => return None,
        };
        return if let [value] = words { Some((ttl, kind, value)) } else { None };
    }
}

/// A number without units, below the bound of TTLs.
fn seconds(word: &[u8]) -> Option<u32> {
    if word.len() > 9 || word.is_empty() {
        return None;
    }
    word.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}
