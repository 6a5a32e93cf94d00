//! An estate as it was written.

use hf_model::Digest;

/// An estate as it was written: the TOML text and the master files that it names. What the ledger keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EstateBundle {
    /// The text of `estate.toml`.
    pub toml: String,
    /// The master files: name as written in `file = …`, and content; sorted by name.
    pub files: std::collections::BTreeMap<String, String>,
}

impl EstateBundle {
    /// The name of this very version.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        let mut push = |part: &str| {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        };
        push(&self.toml);
        for (name, content) in &self.files {
            push(name);
            push(content);
        }
        Digest::of(&bytes)
    }
}
