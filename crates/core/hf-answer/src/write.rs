//! An answer in wire form.

use hf_model::WireName;

use crate::answer::{Answer, AnswerRecord, Asked, Asker, Outcome, Question, Rcode};
use crate::compiled::Compiled;
use crate::message::{Authority, Full, Message, Owner, Section};

/// What writing an answer needs beside the message; made once for each worker.
#[derive(Debug, Default)]
pub struct Scratch {}

impl Scratch {
    /// Makes it.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

impl Compiled {
    /// Answers a question into a message and closes it: AA, TC, the response code and the counts are set.
    pub fn write(
        &self,
        asked: &Asked<'_>,
        asker: &Asker,
        _scratch: &mut Scratch,
        out: &mut Message<'_>,
    ) -> Outcome {
        let Ok(name) = WireName::from_wire(asked.name) else {
            out.close(Rcode::FormErr.number(), Authority::NotOurs);
            return Outcome::plain(Rcode::FormErr);
        };
        let question = Question { name: &name, rtype: asked.rtype, class: asked.class };
        let answer = self.answer(question, asker);
        if push(&answer, out).is_err() {
            out.truncate();
        }
        let mut outcome = Outcome::plain(answer.rcode);
        outcome.authority = if answer.aa { Authority::Ours } else { Authority::NotOurs };
        outcome.truncated = out.is_truncated();
        outcome.scope_bits = asker.subnet.map(|_| 0);
        answer.named.iter().for_each(|(pool, zone)| outcome.named.add(*pool, *zone));
        out.close(answer.rcode.number(), outcome.authority);
        outcome
    }
}

fn push(answer: &Answer, out: &mut Message<'_>) -> Result<(), Full> {
    let sections = [
        (Section::Answer, &answer.answers),
        (Section::Authority, &answer.authority),
        (Section::Additional, &answer.additional),
    ];
    for (section, records) in sections {
        for AnswerRecord { name, rtype, ttl, rdata } in records {
            out.record(section, Owner::Name(name.as_wire()), *rtype, *ttl, rdata)?;
        }
    }
    Ok(())
}
