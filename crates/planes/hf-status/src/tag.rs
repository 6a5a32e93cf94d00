//! Tags: what is told, in 16 hexadecimal digits.
//!
//! A tag is a digest of what is told of zones, and of nothing else: not of revisions, numbers of snapshots or ages. So nodes that say the same
//! have the same tag, and whoever comes back to another node with it hears only what it does not know.
//!
//! Not here: what goes into it (`table`).

use std::fmt;

use hf_model::Digest;

/// The name of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u64);

impl Tag {
    /// The tag of these bytes.
    pub fn of(content: &[u8]) -> Tag {
        let Digest(bytes) = Digest::of(content);
        let first = bytes.first_chunk().expect("a digest has 32 bytes");
        Tag(u64::from_be_bytes(*first))
    }

    /// The tag of this text; none if it is not one of ours.
    pub fn read(text: &str) -> Option<Tag> {
        let is_ours = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_ours.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Tag)
    }

    /// Whether an `If-None-Match` (RFC 9110, section 13.1.2) names it, whose lines make one list (section 5.3). Tags that are not ours match
    /// nothing; a star means all only where it stands alone.
    pub fn is_in(self, if_none_match: &[impl AsRef<str>]) -> bool {
        if let [only] = if_none_match
            && only.as_ref().trim() == "*"
        {
            return true;
        }
        if_none_match.iter().flat_map(|line| line.as_ref().split(',')).map(str::trim).any(|one| {
            let one = one.strip_prefix("W/").unwrap_or(one);
            let quoted = one.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            quoted.and_then(Tag::read) == Some(self)
        })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_is_written() {
        for content in ["", "a", "b"] {
            let tag = Tag::of(content.as_bytes());
            assert_eq!(Tag::read(&tag.to_string()), Some(tag));
        }
        assert_ne!(Tag::of(b"a"), Tag::of(b"b"));
        for other in
            ["", "0", "000000000000000G", "000000000000000A", "00000000000000000", "+00000000000000f"]
        {
            assert_eq!(Tag::read(other), None, "{other}");
        }
    }

    #[test]
    fn if_none_match_has_a_list_of_strong_and_weak_tags_or_a_star() {
        let tag = Tag::of(b"a");
        for good in
            [format!("\"{tag}\""), format!("W/\"{tag}\""), format!("\"x\", \"{tag}\""), "*".to_owned()]
        {
            assert!(tag.is_in(&[&good]), "{good}");
        }
        for bad in [
            tag.to_string(),
            "\"x\"".to_owned(),
            String::new(),
            format!("\"{tag}"),
            "\"".to_owned(),
            "\"a,*,b\"".to_owned(),
        ] {
            assert!(!tag.is_in(&[&bad]), "{bad}");
        }
        assert!(tag.is_in(&["\"x\"", &format!("\"y\", \"{tag}\"")]), "several lines are one list");
        assert!(!tag.is_in(&["\"x\"", "*"]) && !tag.is_in(&[""; 0]));
    }
}
