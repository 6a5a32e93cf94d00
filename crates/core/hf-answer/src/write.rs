//! The two doors: an answer in wire form, and the same answer read back with an account of how it came about.

use hf_model::WireName;

use crate::answer::{Answer, Asked, Asker, ExplainTxt, Outcome, Rcode, Why};
use crate::compiled::Compiled;
use crate::message::{ASKED_AT, Frame, Message};
use crate::name::Folded;
use crate::rtype;
use crate::walk::Walk;

/// The first label of a question for an account, with its length.
const EXPLAIN_LABEL: &[u8] = b"\x08_explain";

/// What writing an answer needs beside the message; each thread that answers makes its own once.
#[derive(Debug, Default)]
pub struct Scratch {
    name: Folded,
    other: Folded,
    choice: hf_select::Scratch,
}

impl Scratch {
    /// Makes it. It grows when a longer list of endpoints comes by than ever before, and allocates nothing otherwise.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// The name, folded; none if the bytes are not one whole name.
    #[inline]
    pub(crate) fn folded(&mut self, name: &[u8]) -> Option<&[u8]> {
        self.name.set(name).then(|| self.name.wire())
    }

    /// With room for pools of so many endpoints, so that it never grows.
    pub fn with_room(endpoints: usize) -> Scratch {
        Scratch { choice: hf_select::Scratch::with_room(endpoints), ..Scratch::default() }
    }
}

impl Compiled {
    /// Answers a question into a message and closes it: AA, TC, the response code and the counts are set. The message begins with
    /// this very question.
    ///
    /// Allocates nothing and takes no lock, save for `_explain` questions of those who may ask them.
    pub fn write(
        &self,
        asked: &Asked<'_>,
        asker: &Asker,
        scratch: &mut Scratch,
        out: &mut Message<'_>,
    ) -> Outcome {
        self.resolve(asked, asker, scratch, out, None)
    }

    /// Answers a question and says how the addresses were chosen ([`Answer::why`]): the same walk, written and read back.
    pub fn explain(&self, asked: &Asked<'_>, asker: &Asker) -> Answer {
        let mut why = Vec::new();
        self.read_back(asked, asker, Some(&mut why)).map_or_else(
            || Answer::empty(Rcode::FormErr),
            |answer| Answer { why: std::mem::take(&mut why), ..answer },
        )
    }

    /// Answers a question in structured form, without an account.
    pub fn answer(&self, asked: &Asked<'_>, asker: &Asker) -> Answer {
        self.read_back(asked, asker, None).unwrap_or_else(|| Answer::empty(Rcode::FormErr))
    }

    /// Writes an answer without a bound to speak of, and reads it; none if the asked name is none.
    fn read_back(&self, asked: &Asked<'_>, asker: &Asker, why: Option<&mut Vec<Why>>) -> Option<Answer> {
        WireName::from_wire(asked.name).ok()?;
        let question_end = ASKED_AT + asked.name.len() + 4;
        let mut bytes = vec![0; usize::from(u16::MAX)];
        bytes[ASKED_AT..ASKED_AT + asked.name.len()].copy_from_slice(asked.name);
        let mut out = Message::new(&mut bytes, Frame { question_end, limit: usize::from(u16::MAX), room: 0 });
        let outcome = self.resolve(asked, asker, &mut Scratch::new(), &mut out, why);
        Answer::read(out.written(), question_end, &outcome)
    }

    fn resolve(
        &self,
        asked: &Asked<'_>,
        asker: &Asker,
        scratch: &mut Scratch,
        out: &mut Message<'_>,
        account: Option<&mut Vec<Why>>,
    ) -> Outcome {
        let refused = |out: &mut Message<'_>, rcode: Rcode| {
            let outcome = Outcome::plain(rcode);
            out.close(rcode.number(), outcome.authority);
            outcome
        };
        if !scratch.name.set(asked.name) {
            return refused(out, Rcode::FormErr);
        }
        if asked.class != 1 {
            return refused(out, Rcode::Refused);
        }
        match asked.rtype {
            rtype::OPT | rtype::TKEY | rtype::TSIG => return refused(out, Rcode::FormErr),
            rtype::AXFR | rtype::IXFR => return refused(out, Rcode::Refused),
            rtype::TXT if scratch.name.wire().starts_with(EXPLAIN_LABEL) => {
                return match asker.explain {
                    ExplainTxt::Allowed => self.explain_txt(asked, asker, out),
                    ExplainTxt::Refused => refused(out, Rcode::Refused),
                };
            }
            _ => {}
        }
        let Some(zone) = self.zone_of(scratch.name.wire(), asked.rtype) else {
            return refused(out, Rcode::Refused);
        };
        let mut outcome = Outcome::plain(Rcode::NoError);
        outcome.scope_bits = asker.subnet.map(|_| 0);
        outcome.hosted_zone = Some(zone.at as u16);
        let mut walk = Walk {
            compiled: self,
            zone,
            rtype: asked.rtype,
            dnssec_ok: asked.dnssec_ok,
            compact_ok: asked.compact_ok,
            asker,
            out,
            outcome,
            name: &mut scratch.name,
            other: &mut scratch.other,
            owner_at: ASKED_AT,
            choice: &mut scratch.choice,
            wildcard: None,
            proofs: Vec::new(),
            covers: Vec::new(),
            unsigned: None,
            account,
        };
        walk.follow();
        let mut outcome = walk.outcome;
        outcome.truncated = out.is_truncated();
        out.close(outcome.rcode.number(), outcome.authority);
        outcome
    }
}
