//! Names of things: checked when made, cheap to clone, ordered as text.
//!
//! All but [`DnsName`] and [`Operator`] share one alphabet: lower-case letters, digits and hyphens, no
//! hyphen at either end. A zone's name also becomes a DNS label, an ARN part and a metric label, and this
//! alphabet is safe in all of them.

use std::sync::Arc;

/// Why a text is not a name of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("{kind} is empty; give 1 to {max} of a-z, 0-9 and '-'")]
    Empty {
        /// What the text should name.
        kind: &'static str,
        /// Characters at most.
        max: usize,
    },
    /// Longer than the kind allows.
    #[error("{kind} has at most {max} characters, this one has {len}; shorten it")]
    TooLong {
        /// What the text should name.
        kind: &'static str,
        /// Characters at most.
        max: usize,
        /// Characters found.
        len: usize,
    },
    /// A character outside the alphabet.
    #[error("{kind} has only a-z, 0-9 and '-', this one has {found:?}; replace it")]
    BadCharacter {
        /// What the text should name.
        kind: &'static str,
        /// The first bad one.
        found: char,
    },
    /// A hyphen at an end.
    #[error("{kind} neither begins nor ends with '-'; remove it")]
    EdgeHyphen {
        /// What the text should name.
        kind: &'static str,
    },
}

fn check(kind: &'static str, max: usize, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { kind, max });
    }
    if text.len() > max {
        return Err(NameError::TooLong { kind, max, len: text.chars().count() });
    }
    if let Some(found) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(NameError::BadCharacter { kind, found });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::EdgeHyphen { kind });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes the name.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check($kind, $max, text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
}

name!(
    /// An availability zone, such as `use1-az1`: what we evacuate. 1 to 20 characters (the ARC APIs' limit).
    ZoneId, "a zone id", 20
);
name!(
    /// A region, such as `eu-west-2`: zones near one another. 1 to 63 characters (a DNS label, RFC 1035 2.3.4).
    RegionId, "a region id", 63
);
name!(
    /// A pool: endpoints under one policy. 1 to 63 characters (it is a label of the pool's zonal names).
    PoolName, "a pool name", 63
);
name!(
    /// A health check. 1 to 63 characters.
    CheckName, "a health check's name", 63
);
name!(
    /// A service of which the estate tells whom it calls. 1 to 63 characters.
    ServiceName, "a service's name", 63
);
name!(
    /// A closing source: stores outside whose word takes a zone away. 1 to 63 characters.
    SourceName, "a closing source's name", 63
);
name!(
    /// Credentials of a node for a store outside. 1 to 63 characters.
    CredentialsName, "a name of credentials", 63
);
name!(
    /// A collection of networks under labels. 1 to 63 characters.
    CollectionName, "a CIDR collection's name", 63
);
name!(
    /// One process of Holdfast. 1 to 63 characters, unique in the estate.
    NodeId, "a node id", 63
);
name!(
    /// A zonal shift, such as `shift-42`; made from the log position that began it. 1 to 63 characters.
    ShiftId, "a shift id", 63
);
name!(
    /// A client's token for one request: repeated, it has its first effect and no other. 1 to 63 characters.
    RequestId, "a request id", 63
);

/// Who asked for something: the name of the token that was shown, or `holdfast` itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator(Arc<str>);

impl Operator {
    /// What the name of a closing source begins with, in which it acts: `closing-source/runbook`. Nobody else may have such a name.
    pub const CLOSING_SOURCE: &str = "closing-source/";

    /// Takes any text; control characters become spaces and it is cut at 128 characters, since it is only shown.
    pub fn new(text: &str) -> Self {
        let clean: String = text.chars().take(128).map(|c| if c.is_control() { ' ' } else { c }).collect();
        Operator(clean.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A DNS name in lower case, absolute, ending with a dot: `www.example.test.`.
///
/// Labels of 1 to 63 bytes out of `a-z 0-9 - _ *`, at most 253 bytes without the last dot
/// (RFC 1035 2.3.4). The root is `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Arc<str>);

/// Why a text is not a DNS name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsNameError {
    /// No last dot.
    #[error("a DNS name here is absolute: end it with '.'")]
    NotAbsolute,
    /// An empty label.
    #[error("an empty label in a DNS name; remove one of the two dots")]
    EmptyLabel,
    /// A label over 63 bytes, or a name over 253.
    #[error("a DNS label has at most 63 bytes and a name at most 253; shorten it")]
    TooLong,
    /// A character outside the alphabet.
    #[error("a DNS name has only letters, digits, '-', '_' and '*', this one has {0:?}; replace it")]
    BadCharacter(char),
}

impl DnsName {
    /// Checks and lower-cases `text`.
    pub fn new(text: &str) -> Result<Self, DnsNameError> {
        if text == "." {
            return Ok(DnsName(".".into()));
        }
        let body = text.strip_suffix('.').ok_or(DnsNameError::NotAbsolute)?;
        if body.len() > 253 {
            return Err(DnsNameError::TooLong);
        }
        for label in body.split('.') {
            if label.is_empty() {
                return Err(DnsNameError::EmptyLabel);
            }
            if label.len() > 63 {
                return Err(DnsNameError::TooLong);
            }
            if let Some(bad) =
                label.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '*'))
            {
                return Err(DnsNameError::BadCharacter(bad));
            }
        }
        Ok(DnsName(text.to_ascii_lowercase().into()))
    }

    /// The name as text, with its last dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right; none for the root.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.trim_end_matches('.').split('.').filter(|label| !label.is_empty())
    }

    /// Whether this name is `other` or below it.
    pub fn is_at_or_below(&self, other: &DnsName) -> bool {
        if &*other.0 == "." || self == other {
            return true;
        }
        self.0.len() > other.0.len()
            && self.0.ends_with(&*other.0)
            && self.0.as_bytes()[self.0.len() - other.0.len() - 1] == b'.'
    }

    /// The name without its first label; none for the root.
    pub fn parent(&self) -> Option<DnsName> {
        if &*self.0 == "." {
            return None;
        }
        let rest = &self.0[self.0.find('.').map_or(0, |dot| dot + 1)..];
        Some(DnsName(if rest.is_empty() { ".".into() } else { rest.into() }))
    }

    /// The name with `label` put before it.
    pub fn child(&self, label: &str) -> Result<DnsName, DnsNameError> {
        if &*self.0 == "." {
            DnsName::new(&format!("{label}."))
        } else {
            DnsName::new(&format!("{label}.{}", self.0))
        }
    }
}

impl std::fmt::Display for DnsName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::fmt::Debug for DnsName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
