//! The disk and the resolver of names, which may hang.
//!
//! 1. A call that hangs (a share whose server is gone) holds a thread that nobody can free. So one store has one call under way: while it hangs,
//!    later looks are silent soon and take no thread. The same goes for a name's address.
//! 2. All stores together have [`PLACES`] calls under way; who finds no place in [`WAIT`] is silent.
//! 3. Of a file [`BYTES_MAX`] are read; a longer one is an error, not cut.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::BYTES_MAX;

/// Calls of all stores that may hang at a time.
const PLACES: usize = 64;

/// How long a call waits for the one before it and for a place: where many look at once, each is over sooner than that.
const WAIT: Duration = Duration::from_millis(250);

static ROOM: Semaphore = Semaphore::const_new(PLACES);

/// One store's door to the disk and to the names of hosts.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    files: Arc<Semaphore>,
    names: Arc<Semaphore>,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { files: Arc::new(Semaphore::new(1)), names: Arc::new(Semaphore::new(1)) }
    }
}

impl Disk {
    /// Does what may hang with a file, on a thread of its own.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        path: &Path,
        act: impl FnOnce(PathBuf) -> T + Send + 'static,
    ) -> Result<T, String> {
        let stuck =
            "an earlier look still waits for the disk; see whether the share that it lies on is reached";
        let owned = path.to_owned();
        let done = blocking(&self.files, &ROOM, stuck, move || act(owned)).await;
        done.map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Where a host is.
    pub(crate) async fn lookup(&self, host: &str, port: u16) -> Result<io::Result<Vec<SocketAddr>>, String> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Ok(vec![SocketAddr::new(address, port)]));
        }
        let stuck =
            "an earlier look still waits for its address; see whether this node's resolver is reached";
        let owned = host.to_owned();
        let look = move || (owned.as_str(), port).to_socket_addrs().map(Iterator::collect);
        blocking(&self.names, &ROOM, stuck, look).await.map_err(|why| format!("{host}: {why}"))
    }

    /// A small file.
    pub(crate) async fn read(&self, path: &Path, mend: &str) -> Result<Vec<u8>, String> {
        let failed = |what: &dyn std::fmt::Display| format!("{}: {what}; {mend}", path.display());
        let read = self.call(path, |path| {
            let mut bytes = Vec::new();
            let file = std::fs::File::open(path)?;
            file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        });
        let bytes = read.await?.map_err(|error| failed(&error))?;
        if bytes.len() > BYTES_MAX {
            return Err(failed(&"it has more than 64 KiB"));
        }
        Ok(bytes)
    }
}

/// Acts on a thread of its own, as the only one of `own` and in a place of `room`. Both are held as long as the act lasts, which may be longer
/// than somebody waits for it.
async fn blocking<T: Send + 'static>(
    own: &Arc<Semaphore>,
    room: &'static Semaphore,
    stuck: &str,
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let Ok(Ok(permit)) = timeout(WAIT, Arc::clone(own).acquire_owned()).await else {
        return Err(stuck.to_owned());
    };
    let Ok(Ok(place)) = timeout(WAIT, room.acquire()).await else {
        return Err(format!(
            "{PLACES} looks of all stores still wait for disks or addresses; see which shares or resolvers hang"
        ));
    };
    let done = tokio::task::spawn_blocking(move || {
        let _held = (permit, place);
        act()
    });
    done.await.map_err(|_| "the program is about to end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_hangs_is_bounded_for_one_store_and_for_all() {
        static TWO: Semaphore = Semaphore::const_new(2);
        let (first, other, third) = (Disk::default().names, Disk::default().names, Disk::default().names);
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let gone = Arc::new(std::sync::Mutex::new(gone));
        for own in [&first, &other] {
            let gone = gone.clone();
            let hangs = move || {
                let _ = gone.lock().map(|gone| gone.recv());
            };
            let hung = timeout(Duration::from_millis(20), blocking(own, &TWO, "stuck", hangs)).await;
            assert!(hung.is_err());
        }
        assert_eq!(blocking(&first, &TWO, "stuck", || ()).await.unwrap_err(), "stuck");
        let told = blocking(&third, &TWO, "stuck", || ()).await.unwrap_err();
        assert!(told.contains("looks of all stores still wait"), "{told}");
        drop(go);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while blocking(&first, &TWO, "stuck", || ()).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline);
        }
    }
}
