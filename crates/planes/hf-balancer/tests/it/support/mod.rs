//! Worlds to balance in.

mod client;
mod client2;
mod origin;
mod origin2;
mod secure;
mod world;

pub use client::{Answer, Kept, get, get_with, post, raw};
pub use client2::Http2;
pub use origin::{Origin, RawOrigin};
pub use origin2::Origin2;
pub use secure::{Authority, shown};
pub use world::{World, WorldBuilder};

use std::future::Future;
use std::time::Duration;

/// Long enough for a loaded machine, short enough to notice.
pub const DEADLINE: Duration = Duration::from_secs(100);

/// Waits until `condition` holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// Runs `future` with a deadline.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
