//! DNS names as they travel: any bytes, any case (RFC 1035 3.1, RFC 2181 11, RFC 4343).
//!
//! [`DnsName`] is what people configure, with a narrow alphabet; [`WireName`] is what anybody may ask for. A name that we could
//! never serve still gets a proper answer that repeats it byte for byte.

use std::sync::Arc;

use crate::DnsName;

/// A DNS name in uncompressed wire form: labels with their lengths, ended by the root; 1 to 255 bytes.
///
/// Equality and order are of bytes, so case counts; compare [`WireName::folded`] forms to look something up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireName(Arc<[u8]>);

/// Why bytes are not one whole name in uncompressed wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireNameError {
    /// They end before the root label.
    #[error("the name ends before its root label")]
    Short,
    /// A length byte over 63: a compression pointer or a label type that does not exist.
    #[error("a label's length byte is over 63; decompress the name first")]
    LabelType,
    /// More than 255 bytes.
    #[error("a name has at most 255 bytes")]
    TooLong,
    /// Bytes behind the root label.
    #[error("there are bytes behind the name's root label")]
    Trailing,
}

impl WireName {
    /// The root, `.`
    pub fn root() -> Self {
        WireName([0].into())
    }

    /// Takes one whole name and nothing behind it.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, WireNameError> {
        let mut at = 0;
        loop {
            let len = usize::from(*bytes.get(at).ok_or(WireNameError::Short)?);
            at += 1 + len;
            match len {
                0 => break,
                1..=63 => {}
                _ => return Err(WireNameError::LabelType),
            }
        }
        if at > 255 {
            return Err(WireNameError::TooLong);
        }
        if at < bytes.len() { Err(WireNameError::Trailing) } else { Ok(WireName(bytes.into())) }
    }

    /// The bytes, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from left to right, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first()?;
            let (label, next) = behind.split_at_checked(usize::from(*len))?;
            rest = next;
            if label.is_empty() { None } else { Some(label) }
        })
    }

    /// With ASCII letters in lower case: the form to look up by (RFC 4343).
    ///
    /// Length bytes are below 64 and so never letters: folding all bytes is safe.
    #[must_use]
    pub fn folded(&self) -> WireName {
        WireName(self.0.to_ascii_lowercase().into())
    }
}

impl From<&DnsName> for WireName {
    fn from(name: &DnsName) -> Self {
        let mut wire = Vec::with_capacity(name.as_str().len() + 1);
        for label in name.labels() {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        WireName(wire.into())
    }
}

/// In the form of a master file: `\.` for a dot inside a label, `\DDD` for what cannot be printed.
impl std::fmt::Display for WireName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.len() == 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(*byte))?;
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(*byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for WireName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_uncompressed_names_are_names() {
        let check = |bytes: &[u8], want| assert_eq!(WireName::from_wire(bytes).map(|n| n.to_string()), want);
        check(b"\0", Ok(".".to_owned()));
        check(b"\x03wWw\x04test\0", Ok("wWw.test.".to_owned()));
        check(b"\x04a.\x01 \0", Ok("a\\.\\001\\032.".to_owned()));
        check(b"", Err(WireNameError::Short));
        check(b"\x03ww", Err(WireNameError::Short));
        check(b"\xc0\x0c", Err(WireNameError::LabelType));
        check(b"\x01a\0\0", Err(WireNameError::Trailing));
        check(&[&[1, b'a'].repeat(127)[..], &[0]].concat(), Ok("a.".repeat(127)));
        check(&[&[1, b'a'].repeat(128)[..], &[0]].concat(), Err(WireNameError::TooLong));
    }

    #[test]
    fn configured_names_travel() {
        let name = WireName::from(&DnsName::new("*.Example.test.").unwrap());
        assert_eq!(name.as_wire(), b"\x01*\x07example\x04test\0");
        assert_eq!(WireName::from(&DnsName::new(".").unwrap()), WireName::root());
        assert_eq!(WireName::from_wire(b"\x03WWW\0").unwrap().folded().as_wire(), b"\x03www\0");
    }
}
