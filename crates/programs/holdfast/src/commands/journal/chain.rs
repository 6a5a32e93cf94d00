//! Whether an exported journal is what was written: the chain of digests through its lines.
//!
//! A file may hold several exports one after another, as `export >> FILE` makes them; they follow one another without a gap.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use hf_api::ExportedLine;
use hf_ledger::{Broken, BrokenWhy, Journalled, verify};
use hf_model::{Digest, Revision};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::count;

/// Lines that are judged at a time.
const AT_ONCE: usize = 1_000;

/// A journal that holds.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many lines it has.
    pub lines: usize,
    /// The first one's position; null when there is none.
    pub first: Option<u64>,
    /// The last one's.
    pub last: Option<u64>,
    /// Whether the first line is the very first, or had to be believed.
    pub from_the_beginning: bool,
    /// The newest link, to be kept elsewhere; null without a line.
    pub link: Option<String>,
}

impl Verified {
    /// For people.
    pub fn in_words(&self) -> String {
        let (Some(first), Some(last), Some(link)) = (self.first, self.last, &self.link) else {
            return "there is no line, and so nothing was changed".to_owned();
        };
        let begin = if self.from_the_beginning {
            String::new()
        } else {
            format!("\nline {first} had to be believed: those before it are not here")
        };
        format!(
            "{}, {first} to {last}: none was changed, left out or put in{begin}\n\
             newest link {link}\n\
             Keep the link elsewhere: with `--link` the next check also shows that nothing was taken off the end.",
            count(self.lines, "line")
        )
    }
}

/// Why a journal does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The chain is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Not a link.
    #[error("its link is no digest: {0}")]
    Link(#[from] hf_model::DigestError),
    /// The link that was kept is not in it.
    #[error(
        "no line has the link that you gave: lines were taken off the end and written anew, or the link is of another journal"
    )]
    NotInChain,
}

/// A chain under examination.
pub struct Chain {
    wanted: Option<Digest>,
    waiting: Vec<Journalled>,
    /// The link of the last line that was judged.
    newest: Option<Digest>,
    /// The position of that line.
    reached: Option<u64>,
    verified: Verified,
    is_wanted_found: bool,
}

impl Chain {
    /// Nothing yet. `wanted` must turn up in it.
    pub fn new(wanted: Option<Digest>) -> Self {
        Chain {
            wanted,
            waiting: Vec::new(),
            newest: None,
            reached: None,
            verified: Verified { lines: 0, first: None, last: None, from_the_beginning: false, link: None },
            is_wanted_found: false,
        }
    }

    /// One more line.
    pub fn add(&mut self, line: &ExportedLine) -> Result<(), Fault> {
        let chain = line.chain.parse()?;
        self.verified.first.get_or_insert(line.position);
        self.verified.from_the_beginning = self.verified.first == Some(1);
        self.verified.last = Some(line.position);
        self.verified.lines += 1;
        self.is_wanted_found |= self.wanted == Some(chain);
        self.waiting.push(Journalled {
            position: line.position,
            revision: line.revision.map(Revision),
            bytes: line.line.clone().into_bytes(),
            chain,
        });
        if self.waiting.len() >= AT_ONCE { self.judge() } else { Ok(()) }
    }

    /// No more lines.
    pub fn end(mut self) -> Result<Verified, Fault> {
        self.judge()?;
        if self.wanted.is_some() && !self.is_wanted_found {
            return Err(Fault::NotInChain);
        }
        self.verified.link = self.newest.map(|link| link.to_string());
        Ok(self.verified)
    }

    fn judge(&mut self) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) else { return Ok(()) };
        if let Some(expected) =
            self.reached.and_then(|at| at.checked_add(1)).filter(|due| *due != first.position)
        {
            return Err(Broken { position: first.position, why: BrokenWhy::OutOfOrder { expected } }.into());
        }
        self.reached = Some(last.position);
        self.newest = Some(verify(self.newest, &self.waiting)?);
        self.waiting.clear();
        Ok(())
    }
}

/// Judges what `journal export` wrote.
pub fn of_file(path: &Path, wanted: Option<Digest>) -> Result<Verified, Failure> {
    let place = path.display();
    let file = std::fs::File::open(path).map_err(|error| Failure::Usage(format!("{place}: {error}")))?;
    let mut chain = Chain::new(wanted);
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let number = number + 1;
        let text = text.map_err(|error| Failure::Usage(format!("{place}:{number}: {error}")))?;
        let line: ExportedLine = serde_json::from_str(&text).map_err(|error| {
            Failure::Refused(format!(
                "{place}:{number}: not a line of `journal export`, or it was changed: {error}"
            ))
        })?;
        chain.add(&line).map_err(|fault| Failure::Refused(format!("{place}: {fault}")))?;
    }
    chain.end().map_err(|fault| Failure::Refused(format!("{place}: {fault}")))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use hf_ledger::{GENESIS, link};

    use super::*;

    fn lines(positions: std::ops::RangeInclusive<u64>) -> Vec<ExportedLine> {
        let mut chain = GENESIS;
        let make = |position: u64| {
            let (revision, line) =
                (position.is_multiple_of(3).then_some(position), format!("{{\"n\":{position}}}"));
            chain = link(chain, position, revision.map(Revision), line.as_bytes());
            ExportedLine { position, revision, chain: chain.to_string(), line }
        };
        let all: Vec<ExportedLine> = (1..=*positions.end()).map(make).collect();
        all.into_iter().filter(|line| positions.contains(&line.position)).collect()
    }

    fn judged(lines: &[ExportedLine], wanted: Option<Digest>) -> Result<Verified, Fault> {
        let mut chain = Chain::new(wanted);
        lines.iter().try_for_each(|line| chain.add(line))?;
        chain.end()
    }

    #[test]
    fn a_journal_that_was_not_touched_holds_however_long_it_is() {
        let whole = lines(1..=2_345);
        let found = judged(&whole, None).unwrap();
        assert_eq!(
            (found.lines, found.first, found.last, found.from_the_beginning),
            (2_345, Some(1), Some(2_345), true)
        );
        assert_eq!(found.link, Some(whole[2_344].chain.clone()));
        let part = judged(&whole[1_100..], None).unwrap();
        assert!(!part.from_the_beginning && part.in_words().contains("line 1101 had to be believed"));
        assert_eq!(judged(&[], None).unwrap().in_words(), "there is no line, and so nothing was changed");
    }

    #[test]
    fn what_was_changed_left_out_or_taken_off_the_end_is_found() {
        let whole = lines(1..=2_100);
        for at in [0, 998, 999, 1_000, 2_099] {
            let mut changed = whole.clone();
            changed[at].line.push(' ');
            assert!(
                matches!(judged(&changed, None), Err(Fault::Broken(broken)) if broken.position == at as u64 + 1)
            );
        }
        for at in [5, 999, 1_000] {
            let mut missing = whole.clone();
            missing.remove(at);
            assert!(matches!(judged(&missing, None), Err(Fault::Broken(_))), "{at}");
        }
        let kept = whole[1_500].chain.parse().unwrap();
        assert!(judged(&whole, Some(kept)).is_ok());
        assert_eq!(judged(&whole[..1_500], Some(kept)), Err(Fault::NotInChain));
        let mut other = whole;
        other[3].chain = "no".to_owned();
        assert!(matches!(judged(&other, None), Err(Fault::Link(_))));
    }

    #[test]
    fn a_file_names_the_place() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines(1..=3) {
            writeln!(file, "{}", serde_json::to_string(&line).unwrap()).unwrap();
        }
        assert_eq!(of_file(file.path(), None).unwrap().lines, 3);
        writeln!(file, "{{}}").unwrap();
        let Err(Failure::Refused(told)) = of_file(file.path(), None) else { panic!("it was taken") };
        assert!(told.contains(":4: not a line of `journal export`"), "{told}");
        assert!(matches!(of_file(Path::new("/nowhere"), None), Err(Failure::Usage(_))));
    }
}
