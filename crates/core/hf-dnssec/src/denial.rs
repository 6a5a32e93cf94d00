//! How "no" is proved: compact denial (RFC 9824), and what stands around a name for which a wildcard answers (RFC 4470).
//!
//! 1. No records of the type: an NSEC at the asked name; next is the very first name behind it, `\000.<name>`; its types are those
//!    there are. The same for an empty non-terminal, which has none.
//! 2. No such name: the same with NXNAME. The response code is NOERROR then (RFC 9824 3.1).
//! 3. A wildcard's answer: an NSEC from just before the closest name that does not exist to just behind all below it. Nothing that exists
//!    lies between.
//! 4. Names at the limit of 255 bytes have no room for one more label: there, the next name is the next one of its label's parent.
//!
//! Not here: signatures over them; they are made when somebody asks, within a budget (`hf-keys`).

use crate::canonical::labels;
use crate::{rdata, rtype};

const NAME_BYTES: usize = 255;
const LABEL_BYTES: usize = 63;

/// An NSEC record to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Its owner, folded, in wire form.
    pub owner: Vec<u8>,
    /// Its data.
    pub rdata: Vec<u8>,
}

/// The name has these types (besides RRSIG and NSEC), and no others. Folded names in wire form.
pub fn no_data(name: &[u8], types: &[u16]) -> Denial {
    let mut types = types.to_vec();
    types.extend([rtype::RRSIG, rtype::NSEC]);
    Denial { owner: name.to_vec(), rdata: rdata::nsec(&first_behind(name), &types) }
}

/// There is no such name.
pub fn no_name(name: &[u8]) -> Denial {
    no_data(name, &[rtype::NXNAME])
}

/// There is no such name, nor anything below it: the name is the one under the closest encloser on the way to the asked one.
/// None for a label of one zero byte alone, before which there is nothing to name but the encloser itself.
pub fn no_closer_name(next_closer: &[u8]) -> Option<Denial> {
    let owner = just_before(next_closer)?;
    let next = behind_all_below(next_closer);
    Some(Denial { owner, rdata: rdata::nsec(&next, &[rtype::RRSIG, rtype::NSEC]) })
}

/// The first name behind a name.
fn first_behind(name: &[u8]) -> Vec<u8> {
    if name.len() + 2 <= NAME_BYTES {
        return [b"\x01\0", name].concat();
    }
    behind_all_below(name)
}

/// The first name behind a name and all below it.
fn behind_all_below(name: &[u8]) -> Vec<u8> {
    let mut rest = name;
    while let Some(label) = labels(rest).next() {
        let parent = &rest[1 + label.len()..];
        if label.len() < LABEL_BYTES && rest.len() < NAME_BYTES {
            return join(&[label, &[0]].concat(), parent);
        }
        let kept = label.iter().rposition(|byte| *byte != 0xff);
        if let Some(kept) = kept {
            let mut label = label[..=kept].to_vec();
            // Upper-case letters are not there in canonical form.
            label[kept] = match label[kept] + 1 {
                b'A'..=b'Z' => b'[',
                byte => byte,
            };
            return join(&label, parent);
        }
        rest = parent;
    }
    // Every label is full to the brim: the last name of all.
    rest.to_vec()
}

/// The last name before a name that can be named.
fn just_before(name: &[u8]) -> Option<Vec<u8>> {
    let label = labels(name).next()?;
    let parent = &name[1 + label.len()..];
    let (last, kept) = label.split_last()?;
    if *last == 0 {
        // Everything below the shorter label lies between it and this one.
        let below = (!kept.is_empty()).then(|| join(kept, parent))?;
        let room = NAME_BYTES.saturating_sub(below.len() + 1).min(LABEL_BYTES);
        return (room > 0).then(|| join(&vec![0xff; room], &below));
    }
    let lower = match *last - 1 {
        b'A'..=b'Z' => b'@',
        byte => byte,
    };
    let mut before = [kept, &[lower]].concat();
    let room = NAME_BYTES.saturating_sub(parent.len() + 1).min(LABEL_BYTES);
    before.resize(room.max(before.len()), 0xff);
    Some(join(&before, parent))
}

fn join(label: &[u8], parent: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(1 + label.len() + parent.len());
    name.push(label.len() as u8);
    name.extend_from_slice(label);
    name.extend_from_slice(parent);
    name
}

#[cfg(test)]
mod tests;
