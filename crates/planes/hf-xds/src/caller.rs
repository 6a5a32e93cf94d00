//! Who is behind a stream: the little of Envoy's `node` that is kept.
//!
//! 1. The consumer is `node.cluster` (`xds` without one), the instance `node.id` (its address without one), the zone `node.locality.zone`.
//! 2. What such a name may not have becomes a hyphen, and one that is too long is cut. Two instances are never one for that: where `node.id` had to
//!    be changed, a digest of it stands at the end.
//! 3. All else of the message is let go: a client may send two MiB of it, on each of its streams.
//!
//! Not here: what the board is told (`clients`).

use std::net::SocketAddr;

use hf_consumers::{ConsumerName, InstanceId};
use hf_model::{Digest, ZoneId};

use crate::messages::Node;

/// What a consumer is called that has no name.
const NAMELESS: &str = "xds";
/// Bytes of a consumer's name at most.
const NAME_BYTES: usize = 64;

/// Who is behind a stream.
#[derive(Debug)]
pub struct Caller {
    name: ConsumerName,
    instance: InstanceId,
    zone: Option<ZoneId>,
}

impl Caller {
    /// Who it says that it is.
    pub fn of(node: &Node, peer: SocketAddr) -> Caller {
        let name = if node.cluster.is_empty() { NAMELESS.to_owned() } else { cut(&fit(&node.cluster)) };
        let instance = if node.id.is_empty() { fit(&peer.to_string()) } else { distinct(&node.id) };
        Caller {
            name: ConsumerName::new(&name).expect("made to fit"),
            instance: InstanceId::new(&instance).expect("made to fit"),
            zone: node.locality.as_ref().and_then(|locality| ZoneId::new(&locality.zone).ok()),
        }
    }

    /// Its consumer's name.
    pub fn name(&self) -> &ConsumerName {
        &self.name
    }

    /// Which one it is.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// Where it says that it stands: a zone's id or alias.
    pub fn zone(&self) -> Option<&ZoneId> {
        self.zone.as_ref()
    }
}

/// A text with only what a consumer's name may have.
fn fit(text: &str) -> String {
    let fits =
        |c: char| if matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-') { c } else { '-' };
    text.chars().map(fits).collect()
}

/// All of it, or as much as a consumer's name may have, with a digest of it all.
fn cut(fitting: &str) -> String {
    if fitting.len() <= NAME_BYTES { fitting.to_owned() } else { with_digest(fitting, fitting) }
}

/// A text as it is, or what of it fits, with a digest.
fn distinct(text: &str) -> String {
    let fitting = fit(text);
    if fitting == text && text.len() <= NAME_BYTES { fitting } else { with_digest(&fitting, text) }
}

fn with_digest(fitting: &str, of: &str) -> String {
    let digest = Digest::of(of.as_bytes()).short();
    let start = &fitting[..fitting.len().min(NAME_BYTES - 1 - digest.len())];
    format!("{start}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(cluster: &str, id: &str) -> (String, String) {
        let node = Node { id: id.to_owned(), cluster: cluster.to_owned(), ..Node::default() };
        let caller = Caller::of(&node, "[::1]:80".parse().unwrap());
        (caller.name().to_string(), caller.instance().to_string())
    }

    #[test]
    fn names_are_made_to_fit() {
        assert_eq!(called("edge", "envoy-1.example_2"), ("edge".to_owned(), "envoy-1.example_2".to_owned()));
        assert_eq!(called("", ""), ("xds".to_owned(), "---1--80".to_owned()));
        assert_eq!(called("a/b", "x").0, "a-b");
        let long = "x".repeat(65);
        assert_eq!(called(&"a".repeat(64), "x").0, "a".repeat(64));
        assert_eq!(called(&long, "x").0.len(), 64);
        assert_eq!(called("edge", "\u{e9}").1, "--4a99557e4033");
    }

    #[test]
    fn no_two_ids_are_one() {
        let long = "x".repeat(64);
        let ids = ["a/b", "a~b", "a-b", &format!("{long}1"), &format!("{long}2"), &long, "\u{e9}", "\u{e8}"];
        let mut called: Vec<String> = ids.iter().map(|id| called("edge", id).1).collect();
        assert!(called.iter().all(|id| id.len() <= 64 && InstanceId::new(id).is_ok()), "{called:?}");
        assert!(called[0].starts_with("a-b-") && called[2] == "a-b", "{called:?}");
        called.sort();
        called.dedup();
        assert_eq!(called.len(), ids.len());
    }
}
