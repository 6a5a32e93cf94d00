//! Files that follow the snapshot, for programs that read files: Envoy, nginx, keepalived, BIRD, ExaBGP.
//!
//! 1. What is in a file follows from the snapshot alone ([`text`]): same snapshot, same bytes on every node.
//! 2. A file is written when its content differs, as a new one that takes its place by rename, with the mode that it had. What cannot be told
//!    (a pool or zone that the estate does not have, a pool without any endpoint) leaves the file as it is.
//! 3. A reload command runs when one of its files was written, and again until it ends well; only then is the revision told as applied.
//! 4. When this node dies its files stay: their readers go on with what they have.
//!
//! Not here: what is decided (`hf-decide`), HAProxy (`hf-agent`), Envoy over gRPC (`hf-xds`).

mod envoy;
mod file;
mod nginx;
mod reload;
mod run;
mod text;

pub use run::{Renderer, run};
pub use text::{Unrendered, text};
