//! NOTIFY to those who hold copies (RFC 1996): "the zone has changed".
//!
//! 1. Each remote of a hosted zone's `notify` is told of each new version, until it answers: [`TRIES`] times, with longer and longer waits.
//!    One that answers SERVFAIL is asked again too: a server says so while it starts, and a secondary without a copy would else wait a minute or more.
//! 2. A newer version takes the place of an older one that is still being told: there is one task for each zone and remote, and so a bound.
//! 3. At most [`AT_ONCE`] datagrams are waited for at a time.
//! 4. A lost NOTIFY costs time and nothing else: secondaries look by themselves every `refresh`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_clock::Clock;
use hf_hosted::Rr;
use hf_model::WireName;
use hf_wire::{Rcode, notify};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::transfer::fetch::{Primary, exchange, sign, verify};

/// How often a remote is told of one version.
const TRIES: u32 = 6;

/// From the first try to the second; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// For one answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Datagrams waited for at a time.
const AT_ONCE: usize = 32;

/// Tells remotes of new versions.
#[derive(Debug)]
pub(crate) struct Notifier {
    clock: Clock,
    turns: Arc<Semaphore>,
    telling: Mutex<BTreeMap<(WireName, SocketAddr), Telling>>,
}

/// Stops when it is dropped.
#[derive(Debug)]
struct Telling(JoinHandle<()>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Notifier {
    pub(crate) fn new(clock: Clock) -> Notifier {
        Notifier { clock, turns: Arc::new(Semaphore::new(AT_ONCE)), telling: Mutex::default() }
    }

    /// Tells all remotes of a zone of its new SOA.
    pub(crate) fn tell(&self, zone: &WireName, soa: &Rr, remotes: impl IntoIterator<Item = Primary>) {
        let mut telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        telling.retain(|_, told| !told.0.is_finished());
        for remote in remotes {
            let key = (zone.clone(), remote.address);
            let task = tell(zone.clone(), soa.clone(), remote, self.clock.clone(), self.turns.clone());
            telling.insert(key, Telling(tokio::spawn(task)));
        }
    }
}

async fn tell(zone: WireName, soa: Rr, remote: Primary, clock: Clock, turns: Arc<Semaphore>) {
    let (mut wait, mut last) = (FIRST_WAIT, String::new());
    for attempt in 1..=TRIES {
        match once(&zone, &soa, &remote, &clock, &turns).await {
            Ok(Rcode::NO_ERROR) => {
                debug!(%zone, remote = %remote.address, attempt, "a secondary knows of the new version");
                return;
            }
            Ok(Rcode::SERV_FAIL) => {
                debug!(%zone, remote = %remote.address, attempt, "a secondary cannot take NOTIFY at the moment");
                "it answers SERVFAIL".clone_into(&mut last);
            }
            Ok(rcode) => {
                // It heard us and does not care; telling it again would change nothing.
                warn!(%zone, remote = %remote.address, rcode = rcode.0, "a secondary refused NOTIFY; is it one for this zone?");
                return;
            }
            Err(why) => {
                debug!(%zone, remote = %remote.address, attempt, why, "NOTIFY was not answered");
                last = why;
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    warn!(%zone, remote = %remote.address, tries = TRIES, why = last, "a secondary did not take NOTIFY; it will look by itself");
}

async fn once(
    zone: &WireName,
    soa: &Rr,
    remote: &Primary,
    clock: &Clock,
    turns: &Semaphore,
) -> Result<Rcode, String> {
    let _turn = turns.acquire().await.map_err(|why| why.to_string())?;
    let id = hf_clock::random_seed() as u16;
    let mut request = notify::write(id, zone, soa.ttl, &soa.rdata);
    let mut verifier = sign(remote, &mut request, clock);
    let exchanged = tokio::time::timeout(ANSWER_MAX, exchange(remote.address, &request, id)).await;
    let mut reply = exchanged.map_err(|_| "no answer in time".to_owned())?.map_err(|why| why.to_string())?;
    verify(verifier.as_mut(), &mut reply, clock).map_err(|why| why.to_string())?;
    notify::read_reply(&reply, id, zone).ok_or_else(|| "not an answer to NOTIFY".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;
    use tokio::time::timeout;

    use super::*;

    /// For what must come.
    const DEADLINE: Duration = Duration::from_mins(1);

    /// Checks that a secondary that answers with these codes, one after the other, is told so often and no more.
    async fn check(rcodes: &[u8]) {
        let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let remote = Primary { address: secondary.local_addr().unwrap(), key: None };
        let zone = WireName::from_wire(b"\x07example\x04test\0").unwrap();
        let rdata = [&b"\0\0"[..], &[0; 20]].concat();
        let soa = Rr { owner: zone.clone(), rtype: 6, ttl: 60, rdata: rdata.into() };
        let notifier = Notifier::new(Clock::system());
        notifier.tell(&zone, &soa, [remote]);
        let mut bytes = [0; 512];
        for rcode in rcodes {
            let told = timeout(DEADLINE, secondary.recv_from(&mut bytes)).await;
            let (len, from) = told.expect("it is told").unwrap();
            bytes[2] |= 0x80;
            bytes[3] |= rcode;
            secondary.send_to(&bytes[..len], from).await.unwrap();
        }
        let telling = std::mem::take(&mut *notifier.telling.lock().unwrap());
        for mut telling in telling.into_values() {
            timeout(DEADLINE, &mut telling.0).await.expect("it has no more to tell").unwrap();
        }
        // Of the kernel: what it has for us the runtime may not know yet.
        let more = secondary.into_std().unwrap().recv_from(&mut bytes);
        assert_eq!(more.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn a_secondary_that_is_not_ready_is_told_again() {
        check(&[2, 0]).await;
    }

    #[tokio::test]
    async fn a_secondary_that_does_not_care_is_left_alone() {
        check(&[9]).await;
    }
}
