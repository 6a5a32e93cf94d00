//! The operations that are left, and which of them may come next.
//!
//! Those with answers are in a list by call from which they are taken and into which they are put back in the reverse order, so that
//! neither costs more than a few writes.

/// Times: calls of all, returns of those whose answer is known.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) called_us: u64,
    /// After all calls when there is no answer.
    pub(super) returned_us: u64,
    /// As the answer tells it; those that tell none come first.
    pub(super) position: Option<u64>,
}

/// The operations that are left: those with answers in a list by call, the others beside it.
pub(super) struct Left {
    /// Operations with answers, by call; `next` and `previous` lead through those that are left. One more at the end is the end.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Those without, by call, and which of them are used up: one bit for each.
    unknown: Vec<usize>,
    pub(super) used: Vec<u64>,
    used_count: usize,
    /// A hash of the operations with answers that are in the order.
    pub(super) hash: u128,
    pub(super) answers: usize,
}

/// One operation that may come next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// With its answer.
    Known(usize),
    /// Of unknown outcome: which, and which of the unknown ones.
    Unknown(usize, usize),
}

impl Choice {
    pub(super) fn operation(self) -> usize {
        match self {
            Choice::Known(at) | Choice::Unknown(at, _) => at,
        }
    }
}

impl Left {
    pub(super) fn new(spans: &[Span], known: &[usize], unknown: Vec<usize>) -> Left {
        let end = spans.len();
        let mut left = Left {
            next: vec![end; end + 1],
            previous: vec![end; end + 1],
            used: vec![0; unknown.len().div_ceil(64)],
            used_count: 0,
            unknown,
            hash: 0,
            answers: known.len(),
        };
        let mut last = end;
        for at in known {
            (left.next[last], left.previous[*at]) = (*at, last);
            last = *at;
        }
        (left.next[last], left.previous[end]) = (end, last);
        left
    }

    pub(super) fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Known(at) => {
                let (previous, next) = (self.previous[at], self.next[at]);
                (self.next[previous], self.previous[next]) = (next, previous);
                self.answers -= 1;
                self.hash ^= mark(at);
            }
            Choice::Unknown(_, bit) => {
                self.used[bit / 64] |= 1 << (bit % 64);
                self.used_count += 1;
            }
        }
    }

    pub(super) fn put_back(&mut self, choice: Choice) {
        match choice {
            Choice::Known(at) => {
                let (previous, next) = (self.previous[at], self.next[at]);
                (self.next[previous], self.previous[next]) = (at, at);
                self.answers += 1;
                self.hash ^= mark(at);
            }
            Choice::Unknown(_, bit) => {
                self.used[bit / 64] &= !(1 << (bit % 64));
                self.used_count -= 1;
            }
        }
    }

    /// What may come next: see the rules above.
    pub(super) fn choices(&self, spans: &[Span], may_use: usize) -> Vec<Choice> {
        let end = spans.len();
        let (mut known, mut first_return) = (Vec::new(), u64::MAX);
        let mut at = self.next[end];
        while at != end && spans[at].called_us <= first_return {
            first_return = first_return.min(spans[at].returned_us);
            known.push(at);
            at = self.next[at];
        }
        known.sort_by_key(|at| (spans[*at].position, spans[*at].returned_us, *at));
        let mut choices: Vec<Choice> = known.into_iter().map(Choice::Known).collect();
        if self.used_count < may_use {
            let open = self.unknown.iter().copied().zip(0..);
            let open = open.take_while(|(at, _)| spans[*at].called_us <= first_return);
            let is_left = |(_, bit): &(usize, usize)| self.used[bit / 64] >> (bit % 64) & 1 == 0;
            choices.extend(open.filter(is_left).map(|(at, bit)| Choice::Unknown(at, bit)));
        }
        choices
    }
}

/// 128 bits that stand for an operation (splitmix64, twice).
fn mark(at: usize) -> u128 {
    let mix = |seed: u64| {
        let mut mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (u128::from(mix(0x1234_5678_9abc_def1)) << 64) | u128::from(mix(0x0fed_cba9_8765_4321))
}
