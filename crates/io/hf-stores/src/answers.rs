//! What stores answer, read: untrusted bytes of at most [`crate::BYTES_MAX`] to what they say, or why they say nothing.
//!
//! 1. A listing counts only if it is of the bucket and the prefix that were asked for: else a cache, a proxy or another server has spoken.
//! 2. An item counts only if its attribute is plainly true or false.
//! 3. Any bytes are read or refused.
//!
//! Not here: what is asked.

mod item;
mod listing;
mod refusal;

pub use item::{Health, health};
pub use listing::{Asked, first_key};
pub use refusal::{json_refusal, xml_refusal};
