//! The fields of a record: owner, TTL, type and data.
//!
//! Not here: what is left out and comes from the lines before (`master_file`).

use domain::base::iana::Rtype;
use domain::base::name::{Name, ParsedName};
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use hf_model::DnsName;

use super::Mistake;
use super::entries::Token;
use super::scanner::{ScanError, Tokens, wire_name};
use crate::walk::clip;

/// The largest TTL (RFC 2181, section 8).
const TTL_MAX_S: u32 = 0x7fff_ffff;

/// What stands before a record's data, and the data.
pub(super) type Leading<'t, 'a> = (Option<u32>, (Rtype, Token<'a>), &'t [Token<'a>]);

/// The TTL, class and type of a record, the first two in any order and optional.
pub(super) fn leading<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<Leading<'t, 'a>, Mistake> {
    let mut ttl = None;
    let mut class = false;
    let mut rest = tokens;
    while let Some((token, behind)) = rest.split_first() {
        rest = behind;
        let upper = token.text.get(..16).unwrap_or(token.text).to_ascii_uppercase();
        if token.text.starts_with(|c: char| c.is_ascii_digit()) && ttl.is_none() {
            ttl = Some(read_ttl(*token)?);
        } else if upper == "IN" && !class {
            class = true;
        } else if matches!(upper.as_str(), "CH" | "HS" | "CS" | "CLASS3" | "CLASS4") {
            return Err((token.at, format!("class {upper} is not served; use IN")));
        } else if let Ok(kind) = token.text.parse::<Rtype>() {
            return Ok((ttl, (kind, *token), rest));
        } else {
            return Err((token.at, format!("no record type is called {:?}; change it", clip(token.text))));
        }
    }
    let at = tokens.last().map_or(0, |token| token.at);
    Err((at, "this record has no type; add it and its data".to_owned()))
}

/// Seconds, or numbers with the units s, m, h, d, w as other servers read them.
pub(super) fn read_ttl(token: Token<'_>) -> Result<u32, Mistake> {
    let error = || {
        let text = clip(token.text);
        (
            token.at,
            format!("{text:?} is not a number of seconds up to {TTL_MAX_S}; write one such as 300 or 5m"),
        )
    };
    let mut total: u32 = 0;
    let mut number: Option<u32> = None;
    for c in token.text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(
                number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or_else(error)?,
            );
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(error()),
        };
        total = number
            .take()
            .and_then(|n| n.checked_mul(unit))
            .and_then(|n| total.checked_add(n))
            .ok_or_else(error)?;
    }
    if token.text.is_empty() {
        return Err(error());
    }
    total.checked_add(number.unwrap_or(0)).filter(|ttl| *ttl <= TTL_MAX_S).ok_or_else(error)
}

/// A name that we can keep: see [`DnsName`] for its letters.
pub(super) fn dns_name(token: Token<'_>, origin: &[u8]) -> Result<DnsName, Mistake> {
    let wire = wire_name(token, origin).map_err(|error| (token.at, format!("{error}; change it")))?;
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire.as_slice();
    while let Some((len, behind)) = rest.split_first().filter(|(len, _)| **len > 0) {
        let (label, behind) = behind.split_at_checked(usize::from(*len)).unwrap_or((behind, &[]));
        if label.contains(&b'.') {
            return Err((token.at, "a label with a '.' inside is not in this version; rename it".to_owned()));
        }
        text.extend(label.iter().copied().map(char::from));
        text.push('.');
        rest = behind;
    }
    if text.is_empty() {
        text.push('.');
    }
    DnsName::new(&text).map_err(|error| (token.at, error.to_string()))
}

/// A checked name in wire form.
pub(super) fn wire_of(name: &DnsName) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.as_str().len() + 1);
    for label in name.labels() {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// Record data in uncompressed wire form; a mistake with its place where that is known.
pub(super) fn rdata(
    kind: Rtype,
    data: &[Token<'_>],
    origin: &[u8],
) -> Result<Vec<u8>, (Option<usize>, ScanError)> {
    let mut tokens = Tokens::new(data, origin);
    let read = ZoneRecordData::scan(kind, &mut tokens);
    // The grammar takes tokens one by one: the last one taken is where it stopped.
    let stopped = || data.get((data.len() - tokens.rest().len()).saturating_sub(1)).map(|token| token.at);
    let read: ZoneRecordData<Vec<u8>, Name<Vec<u8>>> = read.map_err(|error| match error {
        // Nobody told the grammar how this type is written.
        ScanError(text) if text.starts_with("unknown record type") => {
            (stopped(), ScanError("we know no words for this type; write \\# LENGTH HEX (RFC 3597)"))
        }
        error => (stopped(), error),
    })?;
    if let Some(token) = tokens.rest().first() {
        return Err((Some(token.at), ScanError("there is too much at its end")));
    }
    let mut wire = Vec::new();
    read.compose_rdata(&mut wire).map_err(|_| (None, ScanError("it is too long")))?;
    if matches!(read, ZoneRecordData::Unknown(_)) && !is_data_of(kind, &wire) {
        return Err((None, ScanError("it is not data of this type")));
    }
    if wire.len() > usize::from(u16::MAX) {
        return Err((None, ScanError("it is too long")));
    }
    Ok(wire)
}

/// Whether a record of this type may have data that was written as bytes; types that nobody knows may have any.
fn is_data_of(kind: Rtype, wire: &[u8]) -> bool {
    let mut parser = Parser::from_ref(wire);
    match ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(kind, &mut parser) {
        Ok(Some(data)) => {
            // A compressed name would point anywhere in an answer; composed anew, it shows.
            let mut again = Vec::new();
            parser.remaining() == 0 && data.compose_rdata(&mut again).is_ok() && again == wire
        }
        Ok(None) => true,
        Err(_) => false,
    }
}
