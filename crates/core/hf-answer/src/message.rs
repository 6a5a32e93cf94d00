//! A reply in the making, over the caller's bytes: no allocation.
//!
//! 1. The caller has written header and question; sections are appended in their order and counted in the header.
//! 2. An owner name is a pointer wherever its bytes already stand in the message (RFC 1035 4.1.4): the asked name at
//!    [`ASKED_AT`], its suffixes, the target of an alias. What a pointer cannot reach (14 bits) is written out.
//! 3. What does not fit below the limit truncates: TC, empty sections (RFC 2181 9). Room for OPT is kept.
//!
//! Not here: what is written (`crate::walk`), the header's other bits and the OPT record (`hf-wire`).

/// Where the asked name begins.
pub const ASKED_AT: usize = 12;

/// Bytes of a header.
const HEADER_BYTES: usize = 12;
/// Type and class behind the asked name.
const QUESTION_TAIL_BYTES: usize = 4;
/// A pointer has 14 bits.
const POINTER_END: usize = 0x4000;
/// "Authoritative answer" and "truncated", in the third byte of a message.
const AA: u8 = 0b100;
const TC: u8 = 0b10;

/// The sections behind the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who says so: the SOA of a "no", the NS set of a referral.
    Authority,
    /// What helps.
    Additional,
}

/// A name, by its place in the message or by its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// It stands at this offset.
    At(usize),
    /// Its uncompressed wire form; written with a pointer to the longest suffix that it shares with the asked name.
    Name(&'a [u8]),
}

/// A reply in the making.
#[derive(Debug)]
pub struct Message<'b> {
    bytes: &'b mut [u8],
    /// Where the next record goes.
    at: usize,
    /// Records end here at the latest.
    limit: usize,
    question_end: usize,
    counts: [u16; 3],
    truncated: bool,
}

/// It does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The measures of a reply.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where header and question end.
    pub question_end: usize,
    /// The most bytes that the whole reply may have: what the transport and the asker take.
    pub limit: usize,
    /// How many of them are left for [`Message::append_behind`]: OPT, TSIG.
    pub room: usize,
}

impl<'b> Message<'b> {
    /// Goes on behind the header and the question that `bytes` begin with.
    ///
    /// # Panics
    ///
    /// When `bytes` do not hold a header and one question: the caller's own mistake.
    pub fn new(bytes: &'b mut [u8], frame: Frame) -> Self {
        let Frame { question_end, limit, room } = frame;
        assert!(
            (HEADER_BYTES + 1 + QUESTION_TAIL_BYTES..=bytes.len()).contains(&question_end),
            "a reply begins with a header and one question"
        );
        let limit = limit.min(bytes.len()).saturating_sub(room).max(question_end);
        Message { bytes, at: question_end, limit, question_end, counts: [0; 3], truncated: false }
    }

    /// The asked name, in the asker's case.
    pub fn asked(&self) -> &[u8] {
        &self.bytes[ASKED_AT..self.question_end - QUESTION_TAIL_BYTES]
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.at
    }

    /// Whether there is nothing behind the question.
    pub fn is_empty(&self) -> bool {
        self.at == self.question_end
    }

    /// Whether something did not fit.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// What is written so far.
    pub fn written(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    /// Records of a section so far.
    pub fn count(&self, section: Section) -> u16 {
        self.counts[section as usize]
    }

    /// From here on the reply is TC with empty sections.
    pub fn truncate(&mut self) {
        self.truncated = true;
        self.at = self.question_end;
        self.counts = [0; 3];
    }

    /// Takes back all records.
    pub fn clear(&mut self) {
        self.truncated = false;
        self.at = self.question_end;
        self.counts = [0; 3];
    }

    /// Gives all records from `start` on, each with a pointer for an owner, the lowest TTL of them.
    pub fn level_ttls(&mut self, start: usize) {
        let mut lowest = u32::MAX;
        for _ in 0..2 {
            let mut at = start;
            while let Some([_, _, _, _, _, _, t0, t1, t2, t3, l0, l1]) =
                self.bytes[..self.at].get_mut(at..at + 12)
            {
                lowest = lowest.min(u32::from_be_bytes([*t0, *t1, *t2, *t3]));
                [*t0, *t1, *t2, *t3] = lowest.to_be_bytes();
                at += 12 + usize::from(u16::from_be_bytes([*l0, *l1]));
            }
        }
    }

    /// Appends records in finished wire form, as they stand.
    #[inline]
    pub fn finished(&mut self, section: Section, count: u16, records: &[u8]) -> Result<(), Full> {
        if self.limit - self.at < records.len() || self.truncated {
            return Err(Full);
        }
        self.bytes[self.at..self.at + records.len()].copy_from_slice(records);
        self.at += records.len();
        self.counts[section as usize] += count;
        Ok(())
    }

    /// [`Message::finished`] for one record whose length is known beforehand: no more than a few moves.
    #[inline]
    pub fn finished_one<const N: usize>(&mut self, section: Section, record: &[u8; N]) -> Result<(), Full> {
        if self.limit - self.at < N || self.truncated {
            return Err(Full);
        }
        self.bytes[self.at..self.at + N].copy_from_slice(record);
        self.at += N;
        self.counts[section as usize] += 1;
        Ok(())
    }

    /// Appends records in finished wire form whose owner is a pointer of two bytes at the beginning of each; the owner becomes
    /// the name at `owner_at`.
    pub fn finished_at(
        &mut self,
        section: Section,
        count: u16,
        records: &[u8],
        owner_at: usize,
    ) -> Result<(), Full> {
        let Some(pointer) = pointer(owner_at) else { return Err(Full) };
        let start = self.at;
        self.finished(section, count, records)?;
        let mut at = start;
        for _ in 0..count {
            let Some(record) = self.bytes[..self.at].get_mut(at..) else { break };
            let [p0, p1, _, _, _, _, _, _, _, _, l0, l1, ..] = record else { break };
            [*p0, *p1] = pointer;
            at += 12 + usize::from(u16::from_be_bytes([*l0, *l1]));
        }
        Ok(())
    }

    /// Appends one record. Returns where its RDATA begins.
    pub fn record(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        rdata: &[u8],
    ) -> Result<usize, Full> {
        self.parts(section, owner, rtype, ttl, |message| message.put(rdata))
    }

    /// Appends one record whose RDATA `rdata` writes. Returns where its RDATA begins.
    pub fn parts(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        rdata: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<usize, Full> {
        let start = self.at;
        let written = self.owner(owner).and_then(|()| {
            let mut head = [0; 10];
            head[..2].copy_from_slice(&rtype.to_be_bytes());
            head[3] = 1;
            head[4..8].copy_from_slice(&ttl.to_be_bytes());
            self.put(&head)?;
            let rdata_at = self.at;
            rdata(self)?;
            let len = (self.at - rdata_at) as u16;
            self.bytes[rdata_at - 2..rdata_at].copy_from_slice(&len.to_be_bytes());
            Ok(rdata_at)
        });
        match written {
            Ok(_) => self.counts[section as usize] += 1,
            Err(Full) => self.at = start,
        }
        written
    }

    /// Bytes as they stand.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if self.limit - self.at < bytes.len() || self.truncated {
            return Err(Full);
        }
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        Ok(())
    }

    /// A name, by a pointer where that is possible.
    pub fn owner(&mut self, owner: Owner<'_>) -> Result<(), Full> {
        match owner {
            Owner::At(at) => match pointer(at) {
                Some(pointer) => self.put(&pointer),
                // Uncompressed wherever it came to stand: see `crate::walk`.
                None => self.copy_name(at),
            },
            Owner::Name(name) => self.name(name),
        }
    }

    /// A name in uncompressed wire form, with a pointer in place of the longest suffix that the asked name has too.
    pub fn name(&mut self, name: &[u8]) -> Result<(), Full> {
        let asked_len = self.question_end - QUESTION_TAIL_BYTES - ASKED_AT;
        let mut at = 0;
        // A root label is as short as a pointer is long: not worth one.
        while at + 1 < name.len() {
            let suffix = &name[at..];
            if suffix.len() <= asked_len {
                let place = ASKED_AT + asked_len - suffix.len();
                if self.bytes[place..place + suffix.len()].eq_ignore_ascii_case(suffix)
                    && let Some(pointer) = pointer(place)
                {
                    self.put(&name[..at])?;
                    return self.put(&pointer);
                }
            }
            at += 1 + usize::from(name[at]);
        }
        self.put(name)
    }

    fn copy_name(&mut self, from: usize) -> Result<(), Full> {
        let mut end = from;
        while let Some(len) = self.bytes[..self.at].get(end).filter(|len| **len > 0 && **len < 64) {
            end += 1 + usize::from(*len);
        }
        let len = end + 1 - from;
        if self.limit - self.at < len || self.truncated {
            return Err(Full);
        }
        self.bytes.copy_within(from..from + len, self.at);
        self.at += len;
        Ok(())
    }

    /// Sets AA, TC, the response code and the counts of the sections. The other bits of the header are the caller's.
    #[inline]
    pub fn close(&mut self, rcode: u8, aa: Authority) {
        let tc = if self.truncated { TC } else { 0 };
        let aa = if aa == Authority::Ours { AA } else { 0 };
        self.bytes[2] = self.bytes[2] & !(AA | TC) | aa | tc;
        self.bytes[3] = self.bytes[3] & 0xf0 | rcode & 0x0f;
        for (at, count) in self.counts.iter().enumerate() {
            self.bytes[6 + 2 * at..8 + 2 * at].copy_from_slice(&count.to_be_bytes());
        }
    }

    /// Appends one record (OPT) to the additional section, also into the room that was kept; after [`Message::close`].
    pub fn append_behind(&mut self, record: &[u8]) -> Result<(), Full> {
        let place = self.bytes.get_mut(self.at..self.at + record.len()).ok_or(Full)?;
        place.copy_from_slice(record);
        self.at += record.len();
        self.counts[Section::Additional as usize] += 1;
        self.bytes[10..12].copy_from_slice(&self.counts[Section::Additional as usize].to_be_bytes());
        Ok(())
    }
}

/// Whether we answer for the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// We do.
    Ours,
    /// A referral, a refusal, or a zone whose contents we do not have.
    NotOurs,
}

fn pointer(at: usize) -> Option<[u8; 2]> {
    (at < POINTER_END).then(|| (0xc000 | at as u16).to_be_bytes())
}

#[cfg(test)]
mod tests;
