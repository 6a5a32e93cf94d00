//! A name to look up: folded, in a buffer that is used again.

/// The longest name in wire form.
const NAME_BYTES: usize = 255;

/// A folded name (RFC 4343) in uncompressed wire form.
#[derive(Debug)]
pub struct Folded {
    bytes: [u8; NAME_BYTES],
    len: u8,
}

impl Default for Folded {
    fn default() -> Self {
        Folded { bytes: [0; NAME_BYTES], len: 1 }
    }
}

impl Folded {
    /// Takes a name; false, and the root, if the bytes are not one whole name.
    #[inline]
    pub fn set(&mut self, name: &[u8]) -> bool {
        let whole = is_whole(name);
        let name = if whole { name } else { &[0] };
        self.bytes[..name.len()].copy_from_slice(name);
        // Length bytes are below 64 and so never letters.
        self.bytes[..name.len()].make_ascii_lowercase();
        self.len = name.len() as u8;
        whole
    }

    /// The bytes.
    #[inline]
    pub fn wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Whether the bytes are one whole name in uncompressed wire form.
#[inline]
fn is_whole(name: &[u8]) -> bool {
    let mut at = 0;
    while let Some(len @ 1..=63) = name.get(at) {
        at += 1 + usize::from(*len);
    }
    name.len() <= NAME_BYTES && at + 1 == name.len() && name[at] == 0
}

/// Where each label of a whole name begins, from left to right, the root's included.
pub fn starts(name: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let at = next?;
        let len = usize::from(*name.get(at)?);
        next = (len > 0).then_some(at + 1 + len);
        Some(at)
    })
}

/// Whether a whole name is `suffix` or lies below it; both folded.
pub fn is_at_or_below(name: &[u8], suffix: &[u8]) -> bool {
    name.len() >= suffix.len() && starts(name).any(|at| name[at..] == *suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_taken() {
        let mut folded = Folded::default();
        assert!(folded.set(b"\x03wWw\x04TEST\0"));
        assert_eq!(folded.wire(), b"\x03www\x04test\0");
        for broken in [&b""[..], b"\x03ww", b"\x03www", b"\x03www\0\0", b"\xc0\x0c", b"\0\0", &[1; 300]] {
            assert!(!folded.set(broken), "{broken:?}");
            assert_eq!(folded.wire(), b"\0");
        }
        let longest = [&[1, b'a'].repeat(127)[..], &[0]].concat();
        assert!(folded.set(&longest));
        assert!(!folded.set(&[&[1, b'a'][..], &longest].concat()));
    }

    #[test]
    fn labels_begin_where_the_one_before_ends() {
        assert_eq!(starts(b"\x03www\x04test\0").collect::<Vec<_>>(), [0, 4, 9]);
        assert_eq!(starts(b"\0").collect::<Vec<_>>(), [0]);
        assert!(is_at_or_below(b"\x03www\x04test\0", b"\x04test\0"));
        assert!(!is_at_or_below(b"\x05\x04test\0", b"\x04test\0"));
    }
}
