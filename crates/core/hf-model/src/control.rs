//! Names and numbers of what routing controls are made of, and of the estate that they belong to.
//!
//! Names may be changed, numbers stay: what refers to a routing control for long (a health check elsewhere, a script's ARN) uses
//! its number.

use std::sync::Arc;

use crate::Digest;

/// The name of a control panel, a routing control, a safety rule or a cluster, such as `eu-west-2`.
///
/// 1 to 64 characters, no white space, no control characters (the ARC APIs' rule), and no `/`, which parts a panel's name from a
/// control's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlName(Arc<str>);

/// Why a text is not such a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlNameError {
    /// Nothing there.
    #[error("the name is empty; give 1 to 64 characters")]
    Empty,
    /// Too long.
    #[error("a name has at most 64 characters, this one has {0}; shorten it")]
    TooLong(usize),
    /// White space, a control character or `/`.
    #[error("a name has no white space, no control characters and no '/', this one has {0:?}; replace it")]
    BadCharacter(char),
}

impl ControlName {
    /// Checks `text` and makes the name.
    ///
    /// # Errors
    ///
    /// [`ControlNameError`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, ControlNameError> {
        if text.is_empty() {
            return Err(ControlNameError::Empty);
        }
        let len = text.chars().count();
        if len > 64 {
            return Err(ControlNameError::TooLong(len));
        }
        match text.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '/') {
            Some(bad) => Err(ControlNameError::BadCharacter(bad)),
            None => Ok(ControlName(text.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ControlName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::fmt::Debug for ControlName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ControlName {
    type Err = ControlNameError;
    fn from_str(text: &str) -> Result<Self, ControlNameError> {
        Self::new(text)
    }
}

/// A routing control or safety rule by the names of its panel and itself: `regions/eu-west-2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlPath {
    /// The panel.
    pub panel: ControlName,
    /// The routing control or safety rule.
    pub control: ControlName,
}

/// Why a text is not such a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlPathError {
    /// No slash in it.
    #[error("write it as PANEL/NAME")]
    NoPanel,
    /// One of the names is wrong.
    #[error(transparent)]
    Name(#[from] ControlNameError),
}

impl std::fmt::Display for ControlPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.panel, self.control)
    }
}

impl std::str::FromStr for ControlPath {
    type Err = ControlPathError;
    fn from_str(text: &str) -> Result<Self, ControlPathError> {
        let (panel, control) = text.split_once('/').ok_or(ControlPathError::NoPanel)?;
        Ok(ControlPath { panel: ControlName::new(panel)?, control: ControlName::new(control)? })
    }
}

/// Where a routing control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// Traffic may go there.
    On,
    /// It may not.
    Off,
}

impl std::fmt::Display for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Switch::On => "on",
            Switch::Off => "off",
        })
    }
}

/// Why a text is not an object's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of ours: it has {digits} hexadecimal digits in lower case")]
pub struct ObjectNumberError {
    /// How many digits it has.
    pub digits: usize,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $int:ty, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("{:0", $digits, "x}"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ObjectNumberError;
            fn from_str(text: &str) -> Result<Self, ObjectNumberError> {
                let error = ObjectNumberError { digits: $digits };
                let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
                if text.len() != $digits || !text.chars().all(is_hex) {
                    return Err(error);
                }
                <$int>::from_str_radix(text, 16).map($name).map_err(|_| error)
            }
        }
    };
}

number!(
    /// A control panel: 32 hexadecimal digits.
    PanelId, u128, 32
);
number!(
    /// A routing control: 16 hexadecimal digits.
    ControlId, u64, 16
);
number!(
    /// A safety rule: 16 hexadecimal digits.
    RuleId, u64, 16
);

/// A cluster of control nodes as the ARC APIs see it: written as a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

impl std::fmt::Display for ClusterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl std::str::FromStr for ClusterId {
    type Err = ObjectNumberError;
    fn from_str(text: &str) -> Result<Self, ObjectNumberError> {
        let error = ObjectNumberError { digits: 32 };
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let found = u128::from_str_radix(&digits, 16).map(ClusterId).map_err(|_| error)?;
        // Hyphens elsewhere, capitals and signs are not ours.
        if found.to_string() == text { Ok(found) } else { Err(error) }
    }
}

/// Tells one estate from every other: born with the first entry of its ledger, kept for as long as anybody remembers the estate.
///
/// A break-glass act names it, so that an act for the test estate does nothing to the real one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EstateId(pub [u8; 16]);

impl EstateId {
    /// Before the ledger's first entry.
    pub const NONE: EstateId = EstateId([0; 16]);

    /// The estate that begins with these bytes.
    pub fn born_of(first_entry: &[u8]) -> Self {
        let Digest(digest) = Digest::of(first_entry);
        let (id, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
        EstateId(*id)
    }
}

impl std::fmt::Display for EstateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for EstateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for EstateId {
    type Err = ObjectNumberError;
    fn from_str(text: &str) -> Result<Self, ObjectNumberError> {
        let PanelId(number) = text.parse()?;
        Ok(EstateId(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_arc_apis_allow_but_for_the_slash() {
        for good in ["a", "eu-west-2", "Prod:cell_1", "küste"] {
            assert_eq!(ControlName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(ControlName::new(""), Err(ControlNameError::Empty));
        assert_eq!(ControlName::new(&"x".repeat(65)), Err(ControlNameError::TooLong(65)));
        for bad in ["a b", "a/b", "a\u{7}", "a\u{a0}b"] {
            assert!(matches!(ControlName::new(bad), Err(ControlNameError::BadCharacter(_))), "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written_and_no_other_way() {
        let (panel, control, cluster) = (PanelId(0xab), ControlId(7), ClusterId(0x12_3456_789a));
        assert_eq!(panel.to_string().parse(), Ok(panel));
        assert_eq!(control.to_string(), "0000000000000007");
        assert_eq!(control.to_string().parse(), Ok(control));
        assert_eq!(cluster.to_string(), "00000000-0000-0000-0000-00123456789a");
        assert_eq!(cluster.to_string().parse(), Ok(cluster));
        for wrong in ["", "7", "+000000000000007", "000000000000000G", "00000000000000AB"] {
            assert!(wrong.parse::<ControlId>().is_err(), "{wrong:?}");
        }
        for wrong in ["", "0000000000000000000000123456789a", "00000000-0000-0000-0000-00123456789A"] {
            assert!(wrong.parse::<ClusterId>().is_err(), "{wrong:?}");
        }
        let id = EstateId::born_of(b"entry");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_path_is_a_panel_and_a_name() {
        let path: ControlPath = "regions/eu-west-2".parse().unwrap();
        assert_eq!(path.to_string(), "regions/eu-west-2");
        assert_eq!("regions".parse::<ControlPath>(), Err(ControlPathError::NoPanel));
        assert!("a/b/c".parse::<ControlPath>().is_err());
    }
}
