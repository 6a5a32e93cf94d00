//! Master files (RFC 1035, section 5): the plain records of a hosted zone.
//!
//! 1. Text to records: `$ORIGIN` and `$TTL`, omitted owner, TTL and class, as RFC 1035 and RFC 2308 have them; class IN only.
//! 2. A zone as a whole: one SOA and some NS at the apex, all names inside, a CNAME alone at its name, one TTL for each
//!    name and type (RFC 2181, section 5.2), and nothing but addresses below a delegation.
//!
//! Not here: the grammar of each type's data (the `domain` crate), steered records.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use domain::base::rdata::ComposeRecordData;
use domain::rdata::ZoneRecordData;
use hf_model::DnsName;

use crate::estate::{PlainRecord, Soa};
use crate::read_estate::suffixes;
use crate::walk::{Report, clip};

mod entries;
mod scanner;

use entries::{Entries, Entry, Token};
use scanner::{ScanError, Tokens, wire_name};

/// Type numbers that the checks look at.
pub(crate) mod rtype {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const DS: u16 = 43;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const NSEC: u16 = 47;
}

/// The largest TTL (RFC 2181, section 8).
const TTL_MAX_S: u32 = 0x7fff_ffff;

/// A plain record and where it stands.
pub(crate) struct Placed {
    pub(crate) record: PlainRecord,
    pub(crate) line: u32,
    at: usize,
}

/// What a master file holds.
#[derive(Default)]
pub(crate) struct Master {
    pub(crate) soa: Option<Soa>,
    pub(crate) plain: Vec<Placed>,
    /// Positions in `plain`.
    by_name: BTreeMap<DnsName, Vec<usize>>,
    /// Names at and below which others answer: delegations, and (below only) DNAMEs.
    cuts: BTreeMap<DnsName, u16>,
}

impl Master {
    /// The plain records of a name.
    pub(crate) fn at(&self, name: &DnsName) -> impl Iterator<Item = &Placed> {
        self.by_name.get(name).into_iter().flatten().filter_map(|position| self.plain.get(*position))
    }

    /// The delegation or DNAME that hides `name`.
    pub(crate) fn cut_above(&self, name: &DnsName) -> Option<&DnsName> {
        if self.cuts.is_empty() {
            return None;
        }
        suffixes(name.as_str()).find_map(|suffix| {
            let suffix = DnsName::new(suffix).ok()?;
            let (cut, kind) = self.cuts.get_key_value(&suffix)?;
            (*kind == rtype::NS || cut != name).then_some(cut)
        })
    }

    /// All delegations and DNAMEs.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = &DnsName> {
        self.cuts.keys()
    }
}

/// Reads the master file of the hosted zone `apex`. With anything reported, the outcome is only good for further checks.
pub(crate) fn read_master_file(apex: &DnsName, text: &str, report: &mut Report<'_>) -> Master {
    let mut reader = Reader {
        apex,
        origin: wire_of(apex),
        owner: None,
        default_ttl: None,
        last_ttl: None,
        soa_seen: false,
        master: Master::default(),
    };
    let mut entries = Entries::new(text);
    while let Some(entry) = entries.next(report) {
        if let Err((at, what)) = reader.entry(&entry, text) {
            report.add(at, what);
        }
    }
    let mut master = reader.master;
    for (position, placed) in master.plain.iter().enumerate() {
        master.by_name.entry(placed.record.name.clone()).or_default().push(position);
        let kind = placed.record.rtype;
        if kind == rtype::NS && placed.record.name != *apex || kind == rtype::DNAME {
            master.cuts.insert(placed.record.name.clone(), kind);
        }
    }
    check_apex(apex, &master, reader.soa_seen, report);
    check_sets(&mut master, report);
    check_hidden(&master, report);
    master
}

type Mistake = (usize, String);

struct Reader<'a> {
    apex: &'a DnsName,
    origin: Vec<u8>,
    owner: Option<DnsName>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    soa_seen: bool,
    master: Master,
}

impl Reader<'_> {
    fn entry(&mut self, entry: &Entry<'_>, text: &str) -> Result<(), Mistake> {
        let Some((first, rest)) = entry.tokens.split_first() else { return Ok(()) };
        // Without an owner the line begins with white space.
        if first.spaced && text.as_bytes().get(first.at.wrapping_sub(1)).is_some_and(|byte| *byte != b'\n') {
            return self.record(&entry.tokens, entry.line);
        }
        if first.text.starts_with('$') && !first.quoted {
            return self.directive(*first, rest);
        }
        // An owner that cannot be read is not put upon the lines below it either.
        self.owner = None;
        self.owner = Some(self.owner_name(*first)?);
        self.record(rest, entry.line)
    }

    fn directive(&mut self, name: Token<'_>, rest: &[Token<'_>]) -> Result<(), Mistake> {
        let one = || match rest {
            [only] => Ok(*only),
            _ => Err((name.at, format!("{} has one value; write it behind", clip(name.text)))),
        };
        match name.text.to_ascii_uppercase().as_str() {
            "$ORIGIN" => {
                let value = one()?;
                self.origin = wire_name(value, &self.origin)
                    .map_err(|error| (value.at, format!("{error}; change it")))?;
            }
            "$TTL" => self.default_ttl = Some(read_ttl(one()?)?),
            "$INCLUDE" | "$GENERATE" => {
                let what = format!("{} is not in this version; write the records out here", name.text);
                return Err((name.at, what));
            }
            _ => {
                let what =
                    format!("no directive is called {:?}; there are $ORIGIN and $TTL", clip(name.text));
                return Err((name.at, what));
            }
        }
        Ok(())
    }

    fn owner_name(&self, token: Token<'_>) -> Result<DnsName, Mistake> {
        let name = dns_name(token, &self.origin)?;
        if !name.is_at_or_below(self.apex) {
            let what = format!(
                "{name} lies outside the hosted zone {}; remove it, or end relative names without '.'",
                self.apex
            );
            return Err((token.at, what));
        }
        Ok(name)
    }

    fn record(&mut self, tokens: &[Token<'_>], line: u32) -> Result<(), Mistake> {
        let Some(first) = tokens.first() else {
            return Ok(());
        };
        let Some(owner) = self.owner.clone() else {
            return Err((first.at, "no owner comes before this line; write one at its beginning".to_owned()));
        };
        let (ttl, kind, data) = leading(tokens)?;
        if ttl.is_some() {
            self.last_ttl = ttl;
        }
        let number = kind.0.to_int();
        if number == rtype::SOA {
            return self.soa(&owner, ttl, first.at, data);
        }
        let minimum = self.master.soa.as_ref().map(|soa| soa.minimum);
        let Some(ttl) = ttl.or(self.default_ttl).or(self.last_ttl).or(minimum) else {
            return Err((
                first.at,
                "this record has no TTL and none came before; begin the file with such as $TTL 300"
                    .to_owned(),
            ));
        };
        if matches!(number, 0 | 41 | 128..=255 | u16::MAX) {
            return Err((
                kind.1.at,
                format!("type {} stands only in questions, never in a zone; remove it", kind.0),
            ));
        }
        let rdata = rdata(kind.0, data, &self.origin).map_err(|(at, error)| {
            (
                at.unwrap_or(kind.1.at),
                format!("the data of this {} cannot be read: {error}; change it", kind.0),
            )
        })?;
        let record = PlainRecord { name: owner, rtype: number, ttl, rdata };
        self.master.plain.push(Placed { record, line, at: kind.1.at });
        Ok(())
    }

    fn soa(
        &mut self,
        owner: &DnsName,
        ttl: Option<u32>,
        at: usize,
        data: &[Token<'_>],
    ) -> Result<(), Mistake> {
        let again = std::mem::replace(&mut self.soa_seen, true);
        if owner != self.apex {
            return Err((
                at,
                format!("the SOA belongs to {owner}, not to the hosted zone {}; move it there", self.apex),
            ));
        }
        if again {
            return Err((at, "a zone has one SOA, this is another; remove one".to_owned()));
        }
        let &[mname, rname, serial, refresh, retry, expire, minimum] = data else {
            return Err((
                at,
                "a SOA has seven values: primary server, mailbox, serial, refresh, retry, expire, minimum"
                    .to_owned(),
            ));
        };
        let minimum = read_ttl(minimum)?;
        self.master.soa = Some(Soa {
            mname: dns_name(mname, &self.origin)?,
            rname: dns_name(rname, &self.origin)?,
            serial: serial.text.parse().map_err(|_| {
                (
                    serial.at,
                    format!("{:?} is not a serial; write a number of at most 32 bits", clip(serial.text)),
                )
            })?,
            refresh: read_ttl(refresh)?,
            retry: read_ttl(retry)?,
            expire: read_ttl(expire)?,
            minimum,
            ttl: ttl.or(self.default_ttl).or(self.last_ttl).unwrap_or(minimum),
        });
        Ok(())
    }
}

type Leading<'t, 'a> = (Option<u32>, (Rtype, Token<'a>), &'t [Token<'a>]);

/// The TTL, class and type of a record, the first two in any order and optional.
fn leading<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<Leading<'t, 'a>, Mistake> {
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
fn read_ttl(token: Token<'_>) -> Result<u32, Mistake> {
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
fn dns_name(token: Token<'_>, origin: &[u8]) -> Result<DnsName, Mistake> {
    let wire = wire_name(token, origin).map_err(|error| (token.at, format!("{error}; change it")))?;
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire.as_slice();
    while let Some((len, behind)) = rest.split_first().filter(|(len, _)| **len > 0) {
        let (label, behind) = behind.split_at_checked(usize::from(*len)).unwrap_or((behind, &[]));
        for byte in label {
            // A dot inside a label must not become one between labels.
            text.push(if *byte == b'.' { '\u{fffd}' } else { char::from(*byte) });
        }
        text.push('.');
        rest = behind;
    }
    if text.is_empty() {
        text.push('.');
    }
    DnsName::new(&text).map_err(|error| (token.at, error.to_string()))
}

/// A checked name in wire form.
fn wire_of(name: &DnsName) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.as_str().len() + 1);
    for label in name.labels() {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// Record data in uncompressed wire form; a mistake with its place where that is known.
fn rdata(kind: Rtype, data: &[Token<'_>], origin: &[u8]) -> Result<Vec<u8>, (Option<usize>, ScanError)> {
    let mut tokens = Tokens::new(data, origin);
    let read = ZoneRecordData::scan(kind, &mut tokens);
    // The grammar takes tokens one by one: the last one taken is where it stopped.
    let stopped = || data.get((data.len() - tokens.rest().len()).saturating_sub(1)).map(|token| token.at);
    let read: ZoneRecordData<Vec<u8>, domain::base::name::Name<Vec<u8>>> =
        read.map_err(|error| (stopped(), error))?;
    if let Some(token) = tokens.rest().first() {
        return Err((Some(token.at), ScanError("there is too much at its end")));
    }
    let mut wire = Vec::new();
    read.compose_rdata(&mut wire).map_err(|_| (None, ScanError("it is too long")))?;
    let fixed = match kind.to_int() {
        rtype::A => Some(4),
        rtype::AAAA => Some(16),
        _ => None,
    };
    if wire.len() > usize::from(u16::MAX) || fixed.is_some_and(|len| wire.len() != len) {
        return Err((None, ScanError("it has a wrong length")));
    }
    Ok(wire)
}

fn check_apex(apex: &DnsName, master: &Master, soa_seen: bool, report: &mut Report<'_>) {
    if !soa_seen {
        report.add_whole(format_args!("the zone has no SOA; add one at {apex}"));
    }
    if report.is_clean() && !master.at(apex).any(|placed| placed.record.rtype == rtype::NS) {
        report.add_whole(format_args!("the zone has no NS at {apex}; add at least one"));
    }
}

/// One TTL for each name and type, a CNAME alone at its name; a record written twice counts once.
fn check_sets(master: &mut Master, report: &mut Report<'_>) {
    let mut twice = BTreeSet::new();
    for (name, positions) in &master.by_name {
        let mut ttl_of: BTreeMap<u16, u32> = BTreeMap::new();
        let mut data = BTreeSet::new();
        for position in positions {
            let Placed { record, at, .. } = &master.plain[*position];
            let ttl = *ttl_of.entry(record.rtype).or_insert(record.ttl);
            if ttl != record.ttl {
                let kind = Rtype::from_int(record.rtype);
                report.add(
                    *at,
                    format_args!(
                        "the {kind} records of {name} have TTLs {ttl} and {}; write the same for all",
                        record.ttl
                    ),
                );
            }
            if !data.insert((record.rtype, record.rdata.as_slice())) {
                twice.insert(*position);
            }
        }
        let may_stand_beside = |kind: u16| matches!(kind, rtype::CNAME | rtype::RRSIG | rtype::NSEC);
        let cnames = data.iter().filter(|(kind, _)| *kind == rtype::CNAME).count();
        let others = data.iter().any(|(kind, _)| !may_stand_beside(*kind));
        if cnames > 1 || cnames == 1 && others {
            let cname = positions
                .iter()
                .map(|position| &master.plain[*position])
                .find(|placed| placed.record.rtype == rtype::CNAME);
            let at = cname.map_or(0, |placed| placed.at);
            report.add(
                at,
                format_args!("{name} has a CNAME and other records; a CNAME stands alone, remove it or them"),
            );
        }
    }
    if !twice.is_empty() {
        let mut position = 0..;
        master.plain.retain(|_| position.next().is_none_or(|position| !twice.contains(&position)));
        master.by_name.clear();
        for (position, placed) in master.plain.iter().enumerate() {
            master.by_name.entry(placed.record.name.clone()).or_default().push(position);
        }
    }
}

/// Below a delegation only addresses (glue) may stand, at it only what the parent says of it.
fn check_hidden(master: &Master, report: &mut Report<'_>) {
    for placed in &master.plain {
        let Placed { record, at, .. } = placed;
        let Some(cut) = master.cut_above(&record.name) else { continue };
        let delegated = master.cuts.get(cut) == Some(&rtype::NS);
        let glue = matches!(record.rtype, rtype::A | rtype::AAAA);
        let parents =
            *cut == record.name && matches!(record.rtype, rtype::NS | rtype::DS | rtype::RRSIG | rtype::NSEC);
        if !(delegated && (glue || parents)) {
            report.add(
                *at,
                format_args!(
                    "{} is hidden by {cut}, which others answer for; remove one of the two",
                    record.name
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests;
