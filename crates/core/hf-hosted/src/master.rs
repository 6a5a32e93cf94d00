//! Large master files (RFC 1035 5) to [`Contents`].
//!
//! 1. The file comes in pieces of any size and is read entry by entry: in memory are the piece, one entry and the outcome in the
//!    making.
//! 2. Entries of the plain form (a name, TTL, class, an address or a name) take the short way; for all others the data are read
//!    as in the estate's master files. Both have one reading: a property holds them together.
//! 3. Class IN only. A record without a TTL gets `$TTL`, else the TTL before it, else the SOA's minimum (RFC 2308 4).
//! 4. A mistake costs its own line. Up to [`ALL_LINES_MAX`] lines all problems are told, of larger files the first.
//! 5. `$GENERATE` as in the estate's master files ([`hf_config::generate`]), at most [`GENERATED_MAX`] records in all.
//! 6. `$INCLUDE` where whoever reads can open files ([`Reader::with_files`]): at most [`INCLUDE_DEPTH_MAX`] files inside one another and [`INCLUDES_MAX`] in
//!    all. Origin and owner are afterwards what they were before (RFC 1035 5.1); a `$TTL` stays.
//!
//! Not here: files; what may stand beside what (`builder`).

use hf_config::generate::{Generate, Word};
use hf_config::read_record_data;
use hf_model::WireName;

use crate::builder::{Builder, ContentProblem};
use crate::contents::Contents;
use crate::{rdata, rtype};

mod fields;
mod plain;

use fields::{Kind, Token, Tokens, read_ttl, type_of, write_name};

/// Lines up to which all problems are told.
pub const ALL_LINES_MAX: usize = 100_000;
/// Problems that are told at most.
pub const PROBLEMS_MAX: usize = 100;
/// Bytes of one entry at most: a record's 64 KiB in words, with room.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Records that `$GENERATE` makes at most, of all files of a zone.
pub const GENERATED_MAX: u64 = 1 << 24;
/// Files inside one another at most.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// Files of one zone at most.
pub const INCLUDES_MAX: usize = 1_000;

/// What is wrong with a file, and where. Line 0 is the zone as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{line}:{column}: {what}", self.before())]
pub struct Problem {
    /// The included file, as whoever opened it calls it; empty for the one that was begun with.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// What, and how to mend it.
    pub what: String,
}

impl Problem {
    fn before(&self) -> String {
        if self.file.is_empty() { String::new() } else { format!("{}:", self.file) }
    }
}

/// Opens what `$INCLUDE` names: the including file, as its opener called it (empty for the first), and the name as it is written. Gives what it
/// is called and its text, or what is wrong.
pub type OpenFile = Box<dyn FnMut(&str, &str) -> Result<(String, Vec<u8>), String>>;

/// Reads the master file of the zone `apex`.
pub fn read_zone_file(apex: &WireName, text: &[u8]) -> Result<Contents, Vec<Problem>> {
    let mut reader = Reader::new(apex);
    reader.feed(text);
    reader.finish()
}

/// Reads a master file in pieces.
pub struct Reader {
    builder: Builder,
    fields: Fields,
    /// What was fed and is no whole entry yet.
    rest: Vec<u8>,
    line: usize,
    problems: Vec<Problem>,
    open_file: Option<OpenFile>,
    /// The files that are being read, one inside another, but for the first.
    files: Vec<String>,
    includes: usize,
    generated: u64,
}

/// What entries take from those before them.
struct Fields {
    origin: Vec<u8>,
    /// Empty before the first one.
    owner: Vec<u8>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    minimum: Option<u32>,
    /// Room for the data of an entry.
    data: Vec<u8>,
}

impl Fields {
    fn ttl(&mut self, written: Option<u32>) -> Option<u32> {
        if written.is_some() {
            self.last_ttl = written;
        }
        written.or(self.default_ttl).or(self.last_ttl).or(self.minimum)
    }
}

/// Where in the entry, and what is wrong.
type Mistake = (usize, String);

/// What became of an entry.
enum Taken {
    /// It has so many bytes, its line's end included.
    Whole(usize),
    /// It goes on behind what is there.
    Partly,
    /// It is no entry of the plain form.
    NotPlain,
}

impl Reader {
    /// Of a file of the zone `apex`, which is the first origin too.
    pub fn new(apex: &WireName) -> Reader {
        let fields = Fields {
            origin: apex.as_wire().to_vec(),
            owner: Vec::new(),
            default_ttl: None,
            last_ttl: None,
            minimum: None,
            data: Vec::new(),
        };
        Reader {
            builder: Builder::new(apex),
            fields,
            rest: Vec::new(),
            line: 1,
            problems: Vec::new(),
            open_file: None,
            files: Vec::new(),
            includes: 0,
            generated: 0,
        }
    }

    /// With a way to open the files that `$INCLUDE` names.
    #[must_use]
    pub fn with_files(mut self, open_file: OpenFile) -> Reader {
        self.open_file = Some(open_file);
        self
    }

    /// Whether reading on is of no use: enough problems are known.
    pub fn is_spent(&self) -> bool {
        let most = if self.line > ALL_LINES_MAX { 1 } else { PROBLEMS_MAX };
        self.problems.len() >= most
    }

    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        if self.is_spent() {
            return;
        }
        if self.rest.is_empty() {
            let used = self.entries(piece);
            self.rest.extend_from_slice(&piece[used..]);
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(piece);
            let used = self.entries(&rest);
            rest.drain(..used);
            self.rest = rest;
        }
        if self.rest.len() > ENTRY_BYTES_MAX && !self.is_spent() {
            let what =
                format!("this entry has more than {ENTRY_BYTES_MAX} bytes; close its parenthesis or quotes");
            self.problem(0, what);
            self.rest.clear();
        }
    }

    /// The zone.
    pub fn finish(mut self) -> Result<Contents, Vec<Problem>> {
        if !self.is_spent() {
            let mut rest = std::mem::take(&mut self.rest);
            self.last(&mut rest);
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let whole = |problem: ContentProblem| Problem {
            file: String::new(),
            line: 0,
            column: 0,
            what: problem.to_string(),
        };
        self.builder.finish().map_err(|problems| problems.into_iter().map(whole).collect())
    }

    /// Reads what a file ends with.
    fn last(&mut self, rest: &mut Vec<u8>) {
        rest.push(b'\n');
        let used = self.entries(rest);
        if used < rest.len() {
            self.problem(0, "a parenthesis of this entry is never closed; close it".to_owned());
        }
    }

    /// Reads whole entries; says how many bytes they are.
    fn entries(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        while at < text.len() && !self.is_spent() {
            let entry = &text[at..];
            let mut lines = 1;
            let taken = match plain::read(entry, &mut self.fields, &mut self.builder) {
                Ok(Taken::NotPlain) => self.any(entry, &mut lines),
                other => other,
            };
            let len = match taken {
                Ok(Taken::Whole(len)) => len,
                Ok(Taken::Partly | Taken::NotPlain) => break,
                Err((place, what)) => {
                    // An entry of several lines begins anew with the next one.
                    lines = 1;
                    let Some(len) = entry.iter().position(|byte| *byte == b'\n') else { break };
                    self.problem_in(entry, place, what);
                    len + 1
                }
            };
            self.line += lines;
            at += len;
        }
        if self.is_spent() { text.len() } else { at }
    }

    fn problem(&mut self, column: usize, what: String) {
        let file = self.files.last().cloned().unwrap_or_default();
        self.problems.push(Problem { file, line: self.line, column: column + 1, what });
    }

    fn problem_in(&mut self, entry: &[u8], place: usize, what: String) {
        let before = &entry[..place.min(entry.len())];
        let lines = fields::lines(before);
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        let file = self.files.last().cloned().unwrap_or_default();
        self.problems.push(Problem { file, line: self.line + lines, column: column + 1, what });
    }

    /// Reads any entry.
    fn any(&mut self, entry: &[u8], lines: &mut usize) -> Result<Taken, Mistake> {
        let Some(len) = fields::entry_len(entry)? else { return Ok(Taken::Partly) };
        let text = &entry[..len];
        *lines = fields::lines(text);
        let mut tokens = Tokens::new(text);
        let Some(first) = tokens.next()? else { return Ok(Taken::Whole(len)) };
        if !first.spaced && !first.quoted && first.text.starts_with(b"$") {
            self.directive(first, &mut tokens)?;
            return Ok(Taken::Whole(len));
        }
        let mut field = Some(first);
        if !first.spaced {
            let mut owner = std::mem::take(&mut self.fields.owner);
            owner.clear();
            write_name(first, &self.fields.origin, &mut owner).map_err(|what| (first.at, what.to_owned()))?;
            self.fields.owner = owner;
            field = tokens.next()?;
        }
        if self.fields.owner.is_empty() {
            return Err((first.at, "no owner comes before this line; write one at its beginning".to_owned()));
        }
        let (mut ttl, mut class) = (None, false);
        let (at, kind) = loop {
            let Some(token) = field else {
                return Err((first.at, "this record has no type; add it and its data".to_owned()));
            };
            match type_of(token)? {
                Kind::Ttl(read) if ttl.is_none() => ttl = Some(read),
                Kind::In if !class => class = true,
                Kind::Type(kind) => break (token.at, kind),
                Kind::Ttl(_) | Kind::In => {
                    return Err((token.at, "a record has one TTL and one class; remove this one".to_owned()));
                }
            }
            field = tokens.next()?;
        };
        let data = std::str::from_utf8(tokens.rest())
            .map_err(|_| (at, "the data is not UTF-8; write other bytes as \\DDD".to_owned()))?;
        let data_at = len - data.len();
        // A parenthesis that was opened before the type.
        let open = if tokens.is_open() { "(" } else { "" };
        let read = match open {
            "" => read_record_data(kind, data, &self.fields.origin),
            _ => read_record_data(kind, &format!("{open}{data}"), &self.fields.origin),
        };
        let read = read.map_err(|(place, what)| (data_at + place.saturating_sub(open.len()), what))?;
        let ttl = self.fields.ttl(ttl);
        if kind == rtype::SOA {
            self.fields.minimum = rdata::soa_minimum(&read);
        }
        let Some(ttl) = ttl.or(self.fields.minimum) else {
            return Err((at, fields::NO_TTL.to_owned()));
        };
        self.builder
            .push(&self.fields.owner, kind, ttl, &read)
            .map_err(|error| (first.at, error.to_string()))?;
        Ok(Taken::Whole(len))
    }

    fn directive(&mut self, name: Token<'_>, tokens: &mut Tokens<'_>) -> Result<(), Mistake> {
        let written = String::from_utf8_lossy(&name.text[..name.text.len().min(20)]).into_owned();
        let upper = written.to_ascii_uppercase();
        match upper.as_str() {
            "$INCLUDE" => return self.include(name, tokens),
            "$GENERATE" => return self.generate(name, tokens),
            "$ORIGIN" | "$TTL" => {}
            _ => {
                let what = format!(
                    "no directive is called {written:?}; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE"
                );
                return Err((name.at, what));
            }
        }
        let (Some(value), None) = (tokens.next()?, tokens.next()?) else {
            return Err((name.at, format!("{written} has one value; write it behind")));
        };
        if upper == "$TTL" {
            self.fields.default_ttl = Some(read_ttl(value)?);
        } else {
            let mut origin = Vec::new();
            write_name(value, &self.fields.origin, &mut origin)
                .map_err(|what| (value.at, what.to_owned()))?;
            self.fields.origin = origin;
        }
        Ok(())
    }
}

/// `$INCLUDE` and `$GENERATE`: lines that stand elsewhere, or for many.
impl Reader {
    fn include(&mut self, name: Token<'_>, tokens: &mut Tokens<'_>) -> Result<(), Mistake> {
        let wrong = |what: String| (name.at, what);
        let Some(file) = tokens.next()? else {
            return Err(wrong(
                "$INCLUDE is followed by a file's name, and by an origin if that is another one".to_owned(),
            ));
        };
        let mut origin = self.fields.origin.clone();
        if let Some(value) = tokens.next()? {
            origin.clear();
            write_name(value, &self.fields.origin, &mut origin)
                .map_err(|what| (value.at, what.to_owned()))?;
        }
        if let Some(more) = tokens.next()? {
            return Err((more.at, "$INCLUDE has a file's name and an origin; remove this".to_owned()));
        }
        let written = std::str::from_utf8(file.text)
            .map_err(|_| (file.at, "the name of a file is UTF-8; rename it".to_owned()))?;
        let Some(open_file) = &mut self.open_file else {
            return Err(wrong("no other file can be read from here; put its lines here".to_owned()));
        };
        if self.files.len() >= INCLUDE_DEPTH_MAX {
            return Err(wrong(format!(
                "files are inside one another {INCLUDE_DEPTH_MAX} deep, no deeper; see whether one includes itself"
            )));
        }
        self.includes += 1;
        if self.includes > INCLUDES_MAX {
            return Err(wrong(format!("a zone has at most {INCLUDES_MAX} files; put some together")));
        }
        let within = self.files.last().map_or("", String::as_str);
        let (called, mut text) = open_file(within, written).map_err(|what| (file.at, what))?;
        let outer = (
            std::mem::replace(&mut self.fields.origin, origin),
            self.fields.owner.clone(),
            std::mem::replace(&mut self.line, 1),
        );
        self.files.push(called);
        self.last(&mut text);
        self.files.pop();
        (self.fields.origin, self.fields.owner, self.line) = outer;
        Ok(())
    }

    fn generate(&mut self, name: Token<'_>, tokens: &mut Tokens<'_>) -> Result<(), Mistake> {
        let mut all = Vec::new();
        while let Some(token) = tokens.next()? {
            let text = std::str::from_utf8(token.text)
                .map_err(|_| (token.at, "this is not UTF-8; write other bytes as \\DDD".to_owned()))?;
            all.push((token.at, Word { text, quoted: token.quoted }));
        }
        let words: Vec<Word<'_>> = all.iter().map(|(_, word)| *word).collect();
        let place = |word: Option<usize>| word.and_then(|word| all.get(word)).map_or(name.at, |(at, _)| *at);
        let generate = Generate::read(&words).map_err(|(word, what)| (place(word), what))?;
        self.generated += generate.count();
        if self.generated > GENERATED_MAX {
            let what =
                format!("the $GENERATE lines of a zone make at most {GENERATED_MAX} records; write fewer");
            return Err((name.at, what));
        }
        let owner = self.fields.owner.clone();
        for (number, line) in generate.lines() {
            let made = line.and_then(|line| self.generated(&line));
            made.map_err(|what| (name.at, format!("the record for {number}: {what}")))?;
        }
        self.fields.owner = owner;
        Ok(())
    }

    fn generated(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with('$') {
            return Err("a $GENERATE line makes records, not directives; change its owner".to_owned());
        }
        let line = format!("{line}\n");
        match self.any(line.as_bytes(), &mut 1) {
            Ok(Taken::Whole(_)) => Ok(()),
            Ok(Taken::Partly | Taken::NotPlain) => {
                Err("a parenthesis of it is never closed; close it".to_owned())
            }
            Err((_, what)) => Err(what),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader at line {} with {} problems", self.line, self.problems.len())
    }
}

#[cfg(test)]
mod tests;
