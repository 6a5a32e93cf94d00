//! What a consumer and one of its processes are called: what pod names, unit names and machine names are made of.

use std::sync::Arc;

/// Bytes of a name at most.
const LEN_MAX: usize = 64;

/// Why a text is no name of a consumer or of an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerNameError {
    /// Nothing there.
    #[error("{kind} is empty; give 1 to {LEN_MAX} of A-Z, a-z, 0-9, '.', '_' and '-'")]
    Empty {
        /// What the text should name.
        kind: &'static str,
    },
    /// Too long.
    #[error("{kind} has at most {LEN_MAX} bytes, this one has {len}; shorten it")]
    TooLong {
        /// What the text should name.
        kind: &'static str,
        /// Bytes found.
        len: usize,
    },
    /// A character outside the alphabet.
    #[error("{kind} has only A-Z, a-z, 0-9, '.', '_' and '-', this one has {found:?}; replace it")]
    BadCharacter {
        /// What the text should name.
        kind: &'static str,
        /// The first bad one.
        found: char,
    },
}

fn check(kind: &'static str, text: &str) -> Result<(), ConsumerNameError> {
    if text.is_empty() {
        return Err(ConsumerNameError::Empty { kind });
    }
    if text.len() > LEN_MAX {
        return Err(ConsumerNameError::TooLong { kind, len: text.len() });
    }
    match text.chars().find(|c| !matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
        Some(found) => Err(ConsumerNameError::BadCharacter { kind, found }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes the name.
            pub fn new(text: &str) -> Result<Self, ConsumerNameError> {
                check($kind, text)?;
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
    };
}

name!(
    /// A service that obeys zone status, such as `orders-worker`. 1 to 64 bytes of `A-Za-z0-9._-`.
    ConsumerName, "a consumer's name"
);
name!(
    /// One process of a consumer, such as a pod's name. 1 to 64 bytes of `A-Za-z0-9._-`.
    InstanceId, "an instance's id"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        ConsumerName::new(text).err().map_or_else(|| "fine".to_owned(), |error| error.to_string())
    }

    #[test]
    fn names_are_what_pods_and_units_are_called() {
        assert_eq!(problem("orders-worker_7.eu"), "fine");
        assert_eq!(problem(&"a".repeat(64)), "fine");
        assert!(problem("").contains("is empty"));
        assert!(problem(&"a".repeat(65)).contains("this one has 65"));
        assert!(problem("a b").contains("this one has ' '"));
        assert!(problem("a\u{e9}").contains("replace it"));
        assert!(InstanceId::new("a/b").is_err());
    }
}
