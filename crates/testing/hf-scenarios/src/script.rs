//! The text of a scenario: its lines, and the words of its statements.
//!
//! | before the first `at` | |
//! |---|---|
//! | `region NAME ZONE…` | a region and its zones |
//! | `pool NAME ENDPOINT… [keep N] [share P%] [closed] [fallback:POOL] [return D] [unchecked] [check:NAME]` | an endpoint is its zone, `a` or `a*WEIGHT` |
//! | `status NAME of N` | so many checks of kind zone-status, `NAME-1` and on, and `NAME`, which goes by their majority |
//! | `record NAME POOL` | a steered name in `example.test.` |
//! | `panel NAME CONTROL…` | a control panel and its routing controls |
//! | `rule PANEL/NAME keeps N of CONTROL…` | a safety rule |
//! | `behind PANEL/CONTROL region\|zone\|pool\|record NAME` | the control behind a thing |
//! | `closing NAME of SCOPE stores N` | a closing source for all zones, with so many stores |
//! | `shares told` | how much of its share a returning zone has |
//! | `checks N [rise N] [fall N]` | how many checkers there are, default 3; results in a row, default 2 and 3 |
//!
//! | at any instant | |
//! |---|---|
//! | `impaired WHAT`, `healthy WHAT` | how it is with a zone, `POOL/ZONE` or `POOL/ZONE/N` |
//! | `flapping WHAT ++-` | good and bad seconds, repeated |
//! | `checker N loses WHAT`, `checker N finds WHAT` | what one checker cannot reach |
//! | `checker N silent`, `checker N back`, also `checkers` | no tables from it |
//! | `shift ZONE for D [of SCOPE] [floor POOL]`, `extend ID for D`, `cancel ID` | zonal shifts; whatever the floor of a pool |
//! | `pin in\|out ZONE for D [of SCOPE] [floor POOL]`, `unpin ZONE [of SCOPE]` | pins |
//! | `control on\|off PANEL/CONTROL… [without PANEL/RULE] [floor POOL]` | turns routing controls, all or none |
//! | `rehearse RESOURCE`, `practice ZONE of RESOURCE` | a practice configuration; a practice run |
//! | `autoshift on\|advise\|off RESOURCE` | what evidence may do there; after `rehearse` |
//! | `gray POOL ZONE`, `gray POOL several`, `gray POOL nothing` | the finding of the detector of gray failures |
//! | `status NAME-N says open\|away`, `status NAME-N silent` | what an endpoint of zone status says |
//! | `store NAME/N says ZONE`, `store NAME/N lacks ZONE` | what a store of a closing source has |
//! | `store NAME/N broken`, `store NAME/N well` | whether it answers |
//! | `region …`, `pool …`, `drop pool\|closing NAME` | a new estate |
//! | `ledger down`, `ledger up` | nobody can write, nothing expires |
//! | `node cut off`, `node back` | the node does not hear the ledger |
//! | `node restarts` | from the bytes of its last snapshot |
//! | `break-glass ZONE for D`, `break-glass cancel ZONE` | straight to the node |
//! | `ledger hears break-glass ZONE` | of the newest one |

use hf_model::parse_duration;

use crate::world::World;

/// Why a text is not a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong and how to mend it.
    pub what: String,
}

/// Plays a scenario; the same text with the `>` lines as they are now.
pub fn rerun(text: &str) -> Result<String, ScriptError> {
    let mut run = Run { world: World::default(), out: String::new(), is_block_open: false };
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('>') {
            continue;
        }
        run.line(line).map_err(|what| ScriptError { line: number + 1, what })?;
    }
    run.close_block();
    Ok(run.out)
}

struct Run {
    world: World,
    out: String,
    is_block_open: bool,
}

impl Run {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let statement = line.trim();
        if statement.is_empty() || statement.starts_with('#') {
            self.close_block();
            self.put(line);
            return Ok(());
        }
        let mut words: Vec<&str> = statement.split_whitespace().collect();
        if words[0] == "at" {
            self.close_block();
            let at = words.get(1).ok_or("`at` has a time, such as 30s")?;
            self.world.advance_to(parse_duration(at).map_err(|error| error.to_string())?)?;
            self.is_block_open = true;
            words.drain(..2);
        }
        self.put(line);
        if words.is_empty() { Ok(()) } else { self.world.say(&words) }
    }

    fn put(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// What has changed since the last block.
    fn close_block(&mut self) {
        if !std::mem::take(&mut self.is_block_open) {
            return;
        }
        let news = self.world.take_news();
        if news.is_empty() {
            self.put("> nothing changes");
        }
        for line in news {
            self.put(&format!("> {line}"));
        }
    }
}

#[cfg(test)]
mod tests;
