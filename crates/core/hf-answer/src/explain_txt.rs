//! `_explain.<name>` as TXT: why a name answers as it does, in a few lines, for those who may ask.
//!
//! The name's A and AAAA answers for this asker, each with its steps; the lines are bounded to what fits into one reply.

use crate::answer::{Answer, Asked, Asker, Chooser, ExplainTxt, Outcome, Rcode, Why};
use crate::compiled::Compiled;
use crate::message::{ASKED_AT, Message, Owner, Section};
use crate::name;
use crate::rtype;

/// Lines of one reply.
const LINES_MAX: usize = 24;
/// Bytes of one line: a string of a TXT record.
const LINE_BYTES_MAX: usize = 255;

impl Compiled {
    /// Writes the account. What does not fit is left out from the end.
    pub(crate) fn explain_txt(&self, asked: &Asked<'_>, asker: &Asker, out: &mut Message<'_>) -> Outcome {
        let behind = name::starts(asked.name).nth(1).unwrap_or(0);
        let name = &asked.name[behind..];
        let asker = Asker { explain: ExplainTxt::Refused, ..*asker };
        let mut lines = Vec::new();
        let mut rcode = Rcode::NoError;
        for (rtype, text) in [(rtype::A, "A"), (rtype::AAAA, "AAAA")] {
            let answer = self.explain(&Asked { name, rtype, ..*asked }, &asker);
            if matches!(answer.rcode, Rcode::Refused | Rcode::FormErr) {
                rcode = answer.rcode;
            }
            lines.push(format!("{text}: {}", self.outcome_text(&answer)));
            lines.extend(answer.why.iter().map(|why| format!("{text}: {}", self.why_text(why))));
        }
        let mut outcome = Outcome::plain(rcode);
        if rcode == Rcode::NoError {
            for line in lines.iter().take(LINES_MAX) {
                let line = &line.as_bytes()[..line.len().min(LINE_BYTES_MAX)];
                let rdata = [&[line.len() as u8], line].concat();
                if out.record(Section::Answer, Owner::At(ASKED_AT), rtype::TXT, 0, &rdata).is_err() {
                    break;
                }
            }
        }
        outcome.scope_bits = asker.subnet.map(|(_, bits)| bits);
        out.close(rcode.number(), outcome.authority);
        outcome
    }

    fn outcome_text(&self, answer: &Answer) -> String {
        let snapshot = self.snapshot();
        format!(
            "{:?}, {} records, snapshot {}, revision {}",
            answer.rcode,
            answer.answers.len(),
            snapshot.number,
            snapshot.intent.revision.0
        )
    }

    fn why_text(&self, why: &Why) -> String {
        let estate = &self.snapshot().estate;
        let steps = |steps: &[hf_select::Step]| {
            let step = |step: &hf_select::Step| format!("{} keeps {}", step.filter, step.kept.len());
            steps.iter().map(step).collect::<Vec<_>>().join(", ")
        };
        let pool_name = |pool: &hf_config::estate::PoolIx| &estate.pool(*pool).name;
        let chooser = |of: &Chooser| match of {
            Chooser::Record(at) => format!("record {}", estate.records[*at].name),
            Chooser::Branch { tree, branch } => format!("tree {} branch {branch}", estate.trees[*tree].name),
        };
        match why {
            Why::Steered { of, pool, in_place_of, family_fails_open, steps: taken, .. } => {
                let instead = if in_place_of.is_some() { " as fallback" } else { "" };
                let open = if *family_fails_open { ", health ignored" } else { "" };
                format!("{}: pool/{}{instead}{open}: {}", chooser(of), pool_name(pool), steps(taken))
            }
            Why::Closed { of, pool } => format!("{}: pool/{} is closed", chooser(of), pool_name(pool)),
            Why::Tree { tree, is_down, steps: taken, .. } => {
                let down = if *is_down { ", no branch is open" } else { "" };
                format!("tree {}{down}: {}", estate.trees[*tree].name, steps(taken))
            }
            Why::Alias { alias } => format!("as {}", estate.aliases[*alias].to),
            Why::Zonal { pool, zone, by_health, steps: taken } => {
                let health = if *by_health { "" } else { ", nobody is healthy" };
                let zone = &estate.zone(*zone).id;
                format!("pool/{} in {zone}{health}: {}", pool_name(pool), steps(taken))
            }
            Why::Plain => "plain records".to_owned(),
        }
    }
}
