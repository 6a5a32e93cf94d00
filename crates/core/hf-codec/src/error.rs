//! Why something was not encoded or decoded.

/// Why something was not encoded or decoded.
///
/// Bytes of our own that fail are damaged or from another version; bytes of others are theirs to mend. Trying again does not help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Beyond the format's bound.
    #[error("{format} has at most {max} bytes, this one has {len}; {mend}")]
    TooLarge {
        /// Such as `an entry`.
        format: &'static str,
        /// The bound.
        max: usize,
        /// What there is.
        len: usize,
        /// What may help.
        mend: &'static str,
    },
    /// More of something than there may be.
    #[error("`{place}` of {format} has at most {max} {unit}, here {count}; {mend}")]
    TooMany {
        /// Such as `an entry`.
        format: &'static str,
        /// The field.
        place: &'static str,
        /// The bound.
        max: usize,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        count: usize,
        /// What may help.
        mend: &'static str,
    },
    /// Written by a newer program.
    #[error(
        "{format} was written by a newer Holdfast: format {found}, this one reads {known}; upgrade this node"
    )]
    Newer {
        /// Such as `an entry`.
        format: &'static str,
        /// Its version.
        found: u64,
        /// The one that we know.
        known: u64,
    },
    /// Written by an older program.
    #[error(
        "{format} was written by an older Holdfast: format {found}, this one reads {known}; run the version that wrote it, or begin anew"
    )]
    Older {
        /// Such as `an entry`.
        format: &'static str,
        /// Its version.
        found: u64,
        /// The one that we know.
        known: u64,
    },
    /// A list in it is too long to be written.
    #[error("{format} cannot be written: {what}; {mend}")]
    Unwritable {
        /// Such as `an entry`.
        format: &'static str,
        /// What is too long.
        what: String,
        /// What may help.
        mend: &'static str,
    },
    /// Another format.
    #[error("this is `{found}` where {format} is expected; look whether files or addresses are mixed up")]
    Other {
        /// What was expected, such as `an entry`.
        format: &'static str,
        /// What it says it is.
        found: String,
    },
    /// Not of the form.
    #[error(
        "{format} is not readable at line {line} column {column}: {what}; it is damaged or was not written by Holdfast"
    )]
    Malformed {
        /// Such as `an entry`.
        format: &'static str,
        /// From 1.
        line: usize,
        /// From 1, in bytes; 0 at the very beginning.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Of the form, and yet it cannot be.
    #[error(
        "{format} does not hold together: `{place}` {what}; it is damaged or was not written by Holdfast"
    )]
    Invalid {
        /// Such as `an entry`.
        format: &'static str,
        /// The field.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// The estate inside does not read.
    #[error(
        "the estate in {format} does not read; run the version of Holdfast that wrote it, or mend the estate there"
    )]
    Estate {
        /// Such as `a checkpoint`.
        format: &'static str,
        /// What is wrong with it.
        #[source]
        problems: hf_config::Problems,
    },
}
