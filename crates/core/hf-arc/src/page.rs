//! Lists in pages, with tokens that need no memory.
//!
//! 1. A token says: this list, behind this key. Any node makes the same of it, today and after a restart, as often as it is shown.
//! 2. It is bound to the list (operation and filters) by a digest: shown to another one, or changed, it is refused. Nothing about it is secret; whoever makes up
//!    a valid one skips items of a list that they may read anyway.
//! 3. It names a key and no index: what comes or goes meanwhile moves nothing else, and a deleted item's token still works.
//!
//! Not here: the lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The first byte of each token.
const VERSION: u8 = 1;
/// Bytes of the digest in a token: enough against accidents, which is all that it guards against.
const DIGEST_BYTES: usize = 8;
/// Characters of a token at most (AWS's limit is 8,096).
const TOKEN_CHARS_MAX: usize = 8_096;

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Operation and filters.
    list: String,
    /// The last key of the page before.
    after: Option<String>,
    /// Items at most.
    size: usize,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// For the next part, if there is one.
    pub next_token: Option<String>,
}

/// A token that is none, or another list's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a token of this list with these filters; begin again without one")]
pub struct BadToken;

impl Paging {
    /// Reads a token.
    ///
    /// `list` tells lists apart: the operation and its filters.
    pub fn new(list: &str, token: Option<&str>, size: usize) -> Result<Paging, BadToken> {
        let after = token.map(|token| read(list, token)).transpose()?;
        Ok(Paging { list: list.to_owned(), after, size: size.max(1) })
    }

    /// The page out of all items of the list, in whatever order they come.
    ///
    /// Keys are unique and stay the same for as long as the item is there; pages are in their order.
    pub fn page<T>(&self, items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> String) -> Page<T> {
        let mut rest: Vec<(String, T)> = items
            .into_iter()
            .map(|item| (key(&item), item))
            .filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after))
            .collect();
        rest.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = rest.len() > self.size;
        rest.truncate(self.size);
        let next_token = rest.last().filter(|_| more).map(|(key, _)| write(&self.list, key));
        Page { items: rest.into_iter().map(|(_, item)| item).collect(), next_token }
    }

    /// Items of the page at most.
    pub fn size(&self) -> usize {
        self.size
    }
}

/// The key of something numbered, for pages that begin with the highest number.
pub fn newest_first(number: u64) -> String {
    format!("{:020}", u64::MAX - number)
}

fn digest(list: &str, key: &str) -> [u8; DIGEST_BYTES] {
    let digest = Sha256::new()
        .chain_update("holdfast page\n")
        .chain_update((list.len() as u64).to_be_bytes())
        .chain_update(list)
        .chain_update(key)
        .finalize();
    std::array::from_fn(|at| digest[at])
}

fn write(list: &str, key: &str) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&digest(list, key));
    bytes.extend_from_slice(key.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(list: &str, token: &str) -> Result<String, BadToken> {
    if token.len() > TOKEN_CHARS_MAX {
        return Err(BadToken);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
    let (&version, rest) = bytes.split_first().ok_or(BadToken)?;
    let (found, key) = rest.split_first_chunk::<DIGEST_BYTES>().ok_or(BadToken)?;
    let key = std::str::from_utf8(key).map_err(|_| BadToken)?;
    if version != VERSION || *found != digest(list, key) {
        return Err(BadToken);
    }
    Ok(key.to_owned())
}

#[cfg(test)]
mod tests;
