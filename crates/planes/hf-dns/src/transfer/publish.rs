//! Which version of each hosted zone may be had: made from what is answered, a moment behind it.
//!
//! 1. Only zones that somebody may transfer or is told of: for all others this is no work.
//! 2. A steered name is offered as it answers now, to an asker in no zone and without chance. Zonal names are left out: there are as many
//!    as pools times zones, and whoever asks for one by name asks us.
//! 3. A new version is one whose records differ. Its serial is what the zone shows; where that is the time, it is given here, saved, and shown
//!    from then on.
//! 4. Each new version is kept as a step in the history, and told to those who want to know.
//! 5. At most five versions a second: a zone whose health flaps costs its secondaries no more than that.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use hf_answer::{Asked, Asker, Compiled, ExplainTxt, Frame, Message, Scratch};
use hf_clock::Clock;
use hf_config::estate::{AddressFamily, Estate, HostedZone, SerialPolicy};
use hf_hosted::history::{History, diff, is_newer};
use hf_hosted::{Changes, Contents, Rr};
use hf_model::{DnsName, WireName};
use hf_wire::tsig::Keys;
use tokio::sync::watch;
use tracing::{debug, warn};

use super::{HISTORY_BYTES_MAX, HISTORY_STEPS_MAX, Offer, Offers};
use crate::current::Current;
use crate::hosted::{Store, primary};
use crate::notify::Notifier;

/// Between two versions of one zone.
const PACE: Duration = Duration::from_millis(200);

/// For a new serial to be shown, before secondaries are told of it.
const SHOWN_MAX: Duration = Duration::from_secs(5);

const SOA: u16 = 6;
const A: u16 = 1;
const AAAA: u16 = 28;

/// Makes versions.
pub(crate) struct Publisher {
    pub(crate) offers: Arc<Offers>,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
}

/// A zone has a new version.
struct News {
    apex: WireName,
    soa: Rr,
    serial: u32,
    hosted: usize,
}

impl Publisher {
    /// Makes a version of everything that is answered, each time that it changes; never ends.
    pub(crate) async fn follow(self: Arc<Self>, current: &Current, mut swaps: watch::Receiver<u64>) {
        loop {
            swaps.borrow_and_update();
            let compiled = current.load().as_ref().map(|live| live.compiled.clone());
            if let Some(compiled) = compiled {
                self.take(compiled, current, swaps.clone()).await;
                tokio::time::sleep(PACE).await;
            }
            if swaps.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn take(self: &Arc<Self>, compiled: Compiled, current: &Current, mut swaps: watch::Receiver<u64>) {
        let estate = compiled.snapshot().estate.clone();
        let publisher = self.clone();
        // A large zone takes a while to compare, and serials wait for the disk.
        let news = tokio::task::spawn_blocking(move || publisher.versions(&compiled)).await;
        let news = news.unwrap_or_else(|why| {
            warn!(%why, "versions of hosted zones could not be made; those of before are offered");
            Vec::new()
        });
        for News { apex, soa, serial, hosted } in news {
            // Whoever is told asks for the SOA first; it must not see the serial of before.
            let shown = || {
                let live = current.load();
                let shown =
                    live.as_ref().and_then(|live| live.compiled.contents(&estate.hosted_zones[hosted].name));
                shown.is_some_and(|(_, shown)| !is_newer(serial, shown))
            };
            let waiting = swaps.wait_for(|_| shown());
            if tokio::time::timeout(SHOWN_MAX, waiting).await.is_err() {
                debug!(zone = %apex, serial, "secondaries are told of a serial that is not shown yet");
            }
            let notify = &estate.hosted_zones[hosted].transfers.notify;
            self.notifier.tell(&apex, &soa, notify.iter().filter_map(|remote| primary(&self.keys, remote)));
        }
    }

    fn versions(&self, compiled: &Compiled) -> Vec<News> {
        let estate = &compiled.snapshot().estate;
        let is_wanted =
            |hosted: &HostedZone| !hosted.transfers.allow.is_empty() || !hosted.transfers.notify.is_empty();
        self.offers.keep_only(|apex| {
            estate
                .hosted_zones
                .iter()
                .any(|hosted| is_wanted(hosted) && WireName::from(&hosted.name) == *apex)
        });
        let wanted = estate.hosted_zones.iter().enumerate().filter(|(_, hosted)| is_wanted(hosted));
        wanted.filter_map(|(at, hosted)| self.version(compiled, hosted, at)).collect()
    }

    fn version(&self, compiled: &Compiled, hosted: &HostedZone, at: usize) -> Option<News> {
        let (contents, shown) = compiled.contents(&hosted.name)?;
        let apex = contents.apex().clone();
        let steered = steered(compiled, at);
        let laid_over = if steered.is_empty() {
            contents.clone()
        } else {
            contents.changed(&Changes { removed: Vec::new(), added: steered }).ok()?
        };
        let before = self.offers.get(&apex);
        let serial = if hosted.serial == SerialPolicy::Time
            && let Some(store) = &self.store
        {
            if let Some(before) = &before
                && diff(&before.contents, &with_serial(&laid_over, before.serial())?).is_empty()
            {
                return None;
            }
            store.serials.next(&apex, (self.clock.now().0 / 1_000) as u32)
        } else {
            shown
        };
        let contents = with_serial(&laid_over, serial)?;
        let mut history = before.as_ref().map_or_else(
            || History::new(HISTORY_STEPS_MAX, HISTORY_BYTES_MAX),
            |before| before.history.clone(),
        );
        let mut is_news = before.is_none();
        if let Some(before) = &before {
            if diff(&before.contents, &contents).is_empty() {
                return None;
            }
            history.note(&before.contents, &contents);
            is_news = is_newer(serial, before.serial());
            if !is_news {
                debug!(
                    zone = %apex, serial,
                    "a hosted zone's answers changed and its serial did not; secondaries learn of it when `serial = \"time\"` is set"
                );
            }
        }
        let offer = Offer { contents, history };
        let soa = offer.soa()?;
        debug!(zone = %apex, serial, "a new version may be transferred");
        self.offers.put(offer);
        if let Some(store) = self.store.as_ref().filter(|_| hosted.serial == SerialPolicy::Time) {
            store.change(|set| set.set_serial(&apex, serial));
        }
        is_news.then_some(News { apex, soa, serial, hosted: at })
    }
}

/// The same with another serial.
fn with_serial(contents: &Contents, serial: u32) -> Option<Contents> {
    if contents.serial() == serial {
        return Some(contents.clone());
    }
    let (ttl, rdata) = contents.soa()?.rdata().next_with_ttl()?;
    let mut rdata = rdata.to_vec();
    hf_wire::soa::with_serial(&mut rdata, serial);
    let soa = Rr { owner: contents.apex().clone(), rtype: SOA, ttl, rdata: rdata.into() };
    contents.changed(&Changes { removed: Vec::new(), added: vec![soa] }).ok()
}

/// What the steered names of a hosted zone answer now.
fn steered(compiled: &Compiled, hosted_zone: usize) -> Vec<Rr> {
    let estate = &compiled.snapshot().estate;
    let mut scratch = Scratch::new();
    let mut records = Vec::new();
    for (name, rtype) in steered_names(estate, hosted_zone) {
        records.extend(answers(compiled, &WireName::from(name), rtype, &mut scratch));
    }
    records
}

fn steered_names(estate: &Estate, hosted_zone: usize) -> impl Iterator<Item = (&DnsName, u16)> {
    let here = move |of: u16| usize::from(of) == hosted_zone;
    let rtype = |family| if family == AddressFamily::V4 { A } else { AAAA };
    let records = estate.records.iter().filter(move |record| here(record.hosted_zone));
    let trees = estate.trees.iter().filter(move |tree| here(tree.hosted_zone));
    let aliases = estate.aliases.iter().filter(move |alias| here(alias.hosted_zone));
    records
        .map(move |record| (&record.name, rtype(record.family)))
        .chain(trees.map(move |tree| (&tree.name, rtype(tree.family))))
        .chain(aliases.flat_map(|alias| [(&alias.name, A), (&alias.name, AAAA)]))
}

/// The answer to somebody in no zone, and always with the same chance: it changes when what serves changes, and only then.
fn answers(compiled: &Compiled, name: &WireName, rtype: u16, scratch: &mut Scratch) -> Vec<Rr> {
    let mut bytes = [0; 4_096];
    let question_end = 12 + name.as_wire().len() + 4;
    bytes[2] = 0x80;
    bytes[5] = 1;
    bytes[12..question_end - 4].copy_from_slice(name.as_wire());
    bytes[question_end - 4..question_end - 2].copy_from_slice(&rtype.to_be_bytes());
    bytes[question_end - 1] = 1;
    let asked = Asked { name: name.as_wire(), rtype, class: 1, dnssec_ok: false, compact_ok: false };
    let asker = Asker {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        subnet: None,
        own_zone: None,
        seed: 0,
        explain: ExplainTxt::Refused,
    };
    let limit = bytes.len();
    let mut message = Message::new(&mut bytes, Frame { question_end, limit, room: 0 });
    compiled.write(&asked, &asker, scratch, &mut message);
    let len = message.len();
    let Ok(parsed) = hf_wire::records::parse(&bytes[..len], 1_000) else { return Vec::new() };
    let answered = parsed.answers.into_iter().filter(|record| record.rtype == rtype);
    answered
        .map(|record| Rr { owner: name.clone(), rtype, ttl: record.ttl, rdata: record.rdata.into() })
        .collect()
}
