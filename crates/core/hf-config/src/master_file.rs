//! Master files (RFC 1035, section 5): the plain records of a hosted zone.
//!
//! 1. Text to records: `$ORIGIN`, `$TTL` and `$GENERATE` ([`crate::generate`], at most [`GENERATED_MAX`] records of one file), omitted owner, TTL and
//!    class, as RFC 1035 and RFC 2308 have them; class IN only. `$INCLUDE` is refused: one file travels through the ledger for each hosted zone.
//! 2. A zone as a whole: one SOA and some NS at the apex, all names inside, a CNAME alone at its name, one TTL for each
//!    name and type (RFC 2181, section 5.2), and nothing but addresses below a delegation.
//!
//! Not here: the grammar of each type's data (the `domain` crate), steered records.

use std::collections::BTreeMap;

use domain::base::iana::Rtype;
use hf_model::DnsName;

use crate::estate::{PlainRecord, Soa};
use crate::generate::{Generate, Word};
use crate::walk::{Report, clip};

mod checks;
mod entries;
mod fields;
mod scanner;

use checks::check_apex;
pub(crate) use checks::{check_hidden, check_sets};
use entries::{Entries, Entry, Token};
use fields::{dns_name, leading, rdata, read_ttl, wire_of};
use scanner::wire_name;

/// Records that the `$GENERATE` lines of one file make at most.
const GENERATED_MAX: u64 = 65_536;

/// Type numbers that the checks look at.
pub(crate) mod rtype {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const DS: u16 = 43;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const NSEC: u16 = 47;
}

/// A plain record and where it stands.
pub(crate) struct Placed {
    pub(crate) record: PlainRecord,
    pub(crate) line: u32,
    /// Place of its type.
    pub(crate) at: usize,
}

/// A delegation or a DNAME.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    rtype: u16,
    /// Place of its type.
    pub(crate) at: usize,
}

/// What a master file holds.
#[derive(Default)]
pub(crate) struct Master {
    pub(crate) soa: Option<Soa>,
    pub(crate) plain: Vec<Placed>,
    /// Positions in `plain`.
    by_name: BTreeMap<DnsName, Vec<usize>>,
    /// Names at and below which others answer: delegations, and (below only) DNAMEs.
    cuts: BTreeMap<String, Cut>,
}

impl Master {
    /// The plain records of a name.
    pub(crate) fn at(&self, name: &DnsName) -> impl Iterator<Item = &Placed> {
        self.by_name.get(name).into_iter().flatten().filter_map(|position| self.plain.get(*position))
    }

    /// The delegation or DNAME that hides `name`.
    pub(crate) fn cut_above<'n>(&self, name: &'n DnsName) -> Option<&'n str> {
        suffixes(name.as_str()).find(|suffix| self.is_cut(suffix, name.as_str()))
    }

    /// The place of the delegation or DNAME at this very name.
    pub(crate) fn cut_at(&self, name: &str) -> Option<usize> {
        self.cuts.get(name).map(|cut| cut.at)
    }

    /// Whether records of `kinds` may stand at `name` although `cut` hides it: glue, and what the parent says of a delegation.
    /// Only plain records may: what is chosen is never asked for there.
    pub(crate) fn may_stand_below(&self, cut: &str, name: &DnsName, plain: bool, kinds: &[u16]) -> bool {
        let delegated = self.cuts.get(cut).is_some_and(|cut| cut.rtype == rtype::NS);
        let glue = |kind: &u16| matches!(*kind, rtype::A | rtype::AAAA);
        let parents = |kind: &u16| {
            cut == name.as_str() && matches!(*kind, rtype::NS | rtype::DS | rtype::RRSIG | rtype::NSEC)
        };
        plain && delegated && kinds.iter().all(|kind| glue(kind) || parents(kind))
    }

    /// Finds names and cuts among the plain records.
    pub(crate) fn index(&mut self, apex: &DnsName) {
        for (position, placed) in self.plain.iter().enumerate() {
            self.by_name.entry(placed.record.name.clone()).or_default().push(position);
            let kind = placed.record.rtype;
            if kind == rtype::NS && placed.record.name != *apex || kind == rtype::DNAME {
                let cut = Cut { rtype: kind, at: placed.at };
                self.cuts.entry(placed.record.name.as_str().to_owned()).or_insert(cut);
            }
        }
    }

    /// Whether others answer for `name` because of what stands at `suffix`.
    fn is_cut(&self, suffix: &str, name: &str) -> bool {
        self.cuts.get(suffix).is_some_and(|cut| cut.rtype == rtype::NS || suffix != name)
    }

    /// All delegations and DNAMEs.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (&str, Cut)> {
        self.cuts.iter().map(|(name, cut)| (name.as_str(), *cut))
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
        generated: 0,
        master: Master::default(),
    };
    let mut entries = Entries::new(text);
    while let Some(entry) = entries.next(report) {
        if let Err((at, what)) = reader.entry(&entry) {
            report.add(at, what);
        }
    }
    let mut master = reader.master;
    master.index(apex);
    check_apex(apex, &master, reader.soa_seen, report);
    check_sets(apex, &mut master, report);
    check_hidden(&master, report);
    master
}

/// Reads the data of one record, its names absolute.
pub(crate) fn read_data(rtype: u16, text: &str) -> Option<Vec<u8>> {
    // Without an owner the line begins with white space.
    let line = format!(" {text}");
    let mut report = Report::new("", &line);
    let mut entries = Entries::new(&line);
    let entry = entries.next(&mut report)?;
    let whole = entries.next(&mut report).is_none() && report.is_clean();
    rdata(rtype.into(), &entry.tokens, &[0]).ok().filter(|_| whole)
}

/// Reads one value of a record in the estate file: the data as in a master file, its names absolute.
///
/// # Errors
///
/// What is wrong with it, and the mend.
pub(crate) fn read_value(rtype: u16, text: &str) -> Result<Vec<u8>, String> {
    let line = format!(" {text}");
    let mut report = Report::new("", &line);
    let mut entries = Entries::new(&line);
    let entry = entries.next(&mut report);
    let whole = entries.next(&mut report).is_none();
    if let Some(problem) = report.into_problems().into_iter().next() {
        return Err(problem.what);
    }
    let Some(entry) = entry.filter(|_| whole) else {
        return Err(
            "a value is the data of one record, on one line; write several as several values".to_owned()
        );
    };
    let kind = Rtype::from_int(rtype);
    let quoted = entry.tokens.iter().any(|token| token.quoted);
    if kind == Rtype::TXT && entry.tokens.len() > 1 && !quoted && !text.trim_start().starts_with("\\#") {
        return Err(
            "without quotes each word is a text of its own; write such as \"\\\"v=spf1 -all\\\"\" or '\"v=spf1 -all\"'"
                .to_owned(),
        );
    }
    let read = |origin: &[u8]| {
        rdata(kind, &entry.tokens, origin)
            .map_err(|(_, error)| format!("the data of this {kind} cannot be read: {error}; change it"))
    };
    // A name that is not absolute reads differently from another origin.
    let data = read(&[0])?;
    if read(b"\x01x\0").is_ok_and(|other| other == data) {
        Ok(data)
    } else {
        Err("names in values are absolute; end them with '.'".to_owned())
    }
}

/// Reads the data of one record as it stands behind its type in a master file, parentheses and comments included; `origin` in
/// wire form completes relative names.
///
/// # Errors
///
/// Where in `text`, and what is wrong.
pub fn read_record_data(rtype: u16, text: &str, origin: &[u8]) -> Result<Vec<u8>, (usize, String)> {
    let mut report = Report::new("", text);
    let mut entries = Entries::new(text);
    let entry = entries.next(&mut report);
    let more = entries.next(&mut report);
    if let Some(problem) = report.into_problems().into_iter().next() {
        return Err((0, problem.what));
    }
    if let Some(token) = more.as_ref().and_then(|entry| entry.tokens.first()) {
        return Err((token.at, "there is more than the data of one record; remove it".to_owned()));
    }
    let tokens = entry.map(|entry| entry.tokens).unwrap_or_default();
    let kind = Rtype::from_int(rtype);
    rdata(kind, &tokens, origin).map_err(|(at, error)| {
        (at.unwrap_or_default(), format!("the data of this {kind} cannot be read: {error}; change it"))
    })
}

/// Where, and what is wrong.
type Mistake = (usize, String);

struct Reader<'a> {
    apex: &'a DnsName,
    origin: Vec<u8>,
    owner: Option<DnsName>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    soa_seen: bool,
    generated: u64,
    master: Master,
}

impl Reader<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), Mistake> {
        let Some((first, rest)) = entry.tokens.split_first() else { return Ok(()) };
        // Without an owner the line begins with white space.
        if first.spaced {
            return self.record(&entry.tokens, entry.line);
        }
        if first.text.starts_with('$') && !first.quoted {
            return self.directive(*first, rest, entry.line);
        }
        // An owner that cannot be read is not put upon the lines below it either.
        self.owner = None;
        self.owner = Some(self.owner_name(*first)?);
        if rest.is_empty() {
            return Err((first.at, "this record has no type; add it and its data".to_owned()));
        }
        self.record(rest, entry.line)
    }

    fn directive(&mut self, name: Token<'_>, rest: &[Token<'_>], line: u32) -> Result<(), Mistake> {
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
            "$GENERATE" => return self.generate(name, rest, line),
            "$INCLUDE" => {
                let what = "a file of the estate is one file, which the ledger keeps; put the lines of the other file here, or give the hosted \
                            zone source = \"node\"";
                return Err((name.at, what.to_owned()));
            }
            _ => {
                let what = format!(
                    "no directive is called {:?}; there are $ORIGIN, $TTL and $GENERATE",
                    clip(name.text)
                );
                return Err((name.at, what));
            }
        }
        Ok(())
    }

    /// The records that one line stands for, as if each stood on a line of its own.
    fn generate(&mut self, name: Token<'_>, rest: &[Token<'_>], line: u32) -> Result<(), Mistake> {
        let words: Vec<Word<'_>> =
            rest.iter().map(|token| Word { text: token.text, quoted: token.quoted }).collect();
        let place =
            |word: Option<usize>| word.and_then(|word| rest.get(word)).map_or(name.at, |token| token.at);
        let generate = Generate::read(&words).map_err(|(word, what)| (place(word), what))?;
        self.generated += generate.count();
        if self.generated > GENERATED_MAX {
            let what = format!(
                "the $GENERATE lines of this file make more than {GENERATED_MAX} records; give the hosted zone source = \"node\""
            );
            return Err((name.at, what));
        }
        let (owner, first) = (self.owner.clone(), self.master.plain.len());
        for (number, text) in generate.lines() {
            let made = text.and_then(|text| self.generated(&text).map(|()| text));
            made.map_err(|what| (name.at, format!("the record for {number}: {what}")))?;
        }
        for placed in &mut self.master.plain[first..] {
            (placed.line, placed.at) = (line, name.at);
        }
        self.owner = owner;
        Ok(())
    }

    fn generated(&mut self, text: &str) -> Result<(), String> {
        let mut report = Report::new("", text);
        let mut entries = Entries::new(text);
        let entry = entries.next(&mut report);
        if let Some(problem) = report.into_problems().into_iter().next() {
            return Err(problem.what);
        }
        let Some(entry) = entry else { return Ok(()) };
        if entry.tokens.first().is_some_and(|first| first.text.starts_with('$')) {
            return Err("a $GENERATE line makes records, not directives; change its owner".to_owned());
        }
        if entry.tokens.iter().any(|token| !token.quoted && token.text.eq_ignore_ascii_case("SOA")) {
            return Err("a SOA is written, not made; write it on a line of its own".to_owned());
        }
        self.entry(&entry).map_err(|(_, what)| what)
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
        // With a SOA that could not be read, its own problem is enough.
        let minimum = self.master.soa.as_ref().map(|soa| soa.minimum).or(self.soa_seen.then_some(0));
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

/// A name and the names around it, from itself to the root.
pub(crate) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    std::iter::from_fn(move || {
        let current = rest?;
        rest = match current.split_once('.') {
            _ if current == "." => None,
            Some((_, "")) => Some("."),
            Some((_, behind)) => Some(behind),
            None => None,
        };
        Some(current)
    })
}

#[cfg(test)]
mod tests;
