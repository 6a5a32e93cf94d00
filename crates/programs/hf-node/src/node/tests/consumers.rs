//! Consumers of zone status: what they acknowledge is on every node's API, and who falls silent is shown as silent.

use hf_api::{ConsumerStanding, Consumers, Shift};

use super::*;

const NOW: hf_model::Timestamp = hf_model::Timestamp(1_800_000_000_000);

/// A process that watches zone status and says what it has applied, with nothing but a socket.
struct Watcher {
    instance: &'static str,
    status: SocketAddr,
    /// Its stream of events; dropped, it is deaf.
    events: TcpStream,
}

impl Watcher {
    async fn start(status: SocketAddr, instance: &'static str) -> Watcher {
        let mut events = TcpStream::connect(status).await.unwrap();
        let head = format!(
            "GET /watch?consumer=orders&instance={instance}&kind=worker&zone=b HTTP/1.1\r\nhost: status\r\naccept: text/event-stream\r\n\r\n"
        );
        events.write_all(head.as_bytes()).await.unwrap();
        Watcher { instance, status, events }
    }

    /// The tag and revision of the first table that satisfies `is_it`.
    async fn until_told(&mut self, is_it: impl Fn(&str) -> bool) -> (String, u64) {
        let mut text = String::new();
        within(async {
            loop {
                let mut piece = [0; 4_096];
                let read = self.events.read(&mut piece).await.unwrap();
                assert!(read > 0, "the stream ended: {text}");
                text.push_str(&String::from_utf8_lossy(&piece[..read]));
                let found = text.lines().rev().find(|line| line.contains("\"zones\"") && is_it(line));
                if let Some(line) = found.filter(|_| text.ends_with('\n')) {
                    return (field(line, "tag").to_owned(), field(line, "revision").parse().unwrap());
                }
            }
        })
        .await
    }

    /// Says that it has applied a revision, and what it still runs in zone a.
    async fn acknowledge(&self, (tag, revision): &(String, u64), running: u64) {
        let body = format!(
            r#"{{"consumer":"orders","instance":"{}","kind":"worker","zone":"b","tag":"{tag}","revision":{revision},"running":{{"a":{running}}}}}"#,
            self.instance
        );
        let head = format!(
            "POST /acknowledge HTTP/1.1\r\nhost: status\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.status).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
}

/// The value of a member of a JSON object, the first of that name.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {json}"));
    rest.trim_start_matches('"').split(['"', ',', '}']).next().unwrap()
}

async fn until_known(client: &Client, is_so: impl Fn(&Consumers) -> bool) -> Consumers {
    within(async {
        loop {
            let known = client.consumers().await.unwrap();
            if is_so(&known) {
                return known;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

async fn until_page(client: &Client, id: &str, is_so: impl Fn(&Shift) -> bool) -> Shift {
    within(async {
        loop {
            let shift = client.shift(id).await.unwrap();
            if is_so(&shift) {
                return shift;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn silent(known: &Consumers) -> u32 {
    known.groups.iter().map(|group| group.silent).sum()
}

/// Two watchers of a node's zone status, and the page of a shift on another node: one lags, one goes silent, a declared one was never there.
#[tokio::test(flavor = "multi_thread")]
async fn a_shifts_page_shows_who_lags_who_is_silent_and_what_still_runs() {
    let world = World::new().await;
    world.write_estate("[[consumer]]\nname = \"mailer\"\nkind = \"scheduler\"\nzones = [\"b\"]\n");
    let clock = Clock::manual(NOW);
    let start = async |config: &NodeConfig| {
        start(config.clone(), world.dir.path(), clock.clone(), LostLedger::Refuse).await.unwrap()
    };
    let control = start(&in_world("control", &[Role::Control], &[])).await;
    let data_config = in_world("data", &[Role::Status], &[control.addresses().feed]);
    let data = start(&data_config).await;
    until_report(&control, "data", |report| report.revision >= Revision(1)).await;
    let client = world.client(&control, "control");

    // The declared one is silent before anybody was heard.
    let known = until_known(&client, |known| !known.groups.is_empty()).await;
    let mailer = &known.groups[0];
    assert_eq!((mailer.name.as_str(), mailer.instances, mailer.last_heard_ms), ("mailer", 0, None));
    assert_eq!((mailer.standing, mailer.declared), (ConsumerStanding::Silent, true));

    let status = data.addresses().status.unwrap();
    let mut quick = Watcher::start(status, "quick").await;
    let mut slow = Watcher::start(status, "slow").await;
    let told = quick.until_told(|_| true).await;
    quick.acknowledge(&told, 2).await;
    let told = slow.until_told(|_| true).await;
    slow.acknowledge(&told, 5).await;
    until_known(&client, |known| known.groups.iter().any(|group| group.instances == 2)).await;

    // A shift: the quick one obeys at once, the slow one is seen to lag, with what it runs there.
    let shift = client.start_shift(&shift("a")).await.unwrap();
    let told = quick.until_told(|table| table.contains("\"away\"")).await;
    assert!(told.1 >= shift.revision, "{told:?} tells of {}", shift.revision);
    quick.acknowledge(&told, 0).await;
    let page = until_page(&client, &shift.id, |page| page.consumers.applied == 1).await.consumers;
    assert_eq!((page.lagging, page.running, page.applied_ms, page.last_work_ms), (1, 5, None, None));
    let laggards = &page.groups.iter().find(|group| group.name == "orders").unwrap().laggards;
    assert_eq!(laggards, &["slow"]);
    assert_eq!(page.groups[0].name, "orders", "laggards come first");

    // It obeys; its work leaves.
    let told = slow.until_told(|table| table.contains("\"away\"")).await;
    slow.acknowledge(&told, 5).await;
    until_page(&client, &shift.id, |page| page.consumers.applied == 2).await;
    slow.acknowledge(&told, 0).await;
    let page = until_page(&client, &shift.id, |page| page.consumers.running == 0).await.consumers;
    assert!(page.applied_ms.is_some() && page.last_work_ms.is_some(), "{page:?}");
    assert_eq!(page.silent, 1, "the one that was never heard of");

    // One falls silent, the other speaks on. The node's own API says the same.
    drop(slow);
    clock.set(NOW.plus(Duration::from_secs(31)));
    quick.acknowledge(&told, 0).await;
    let page = until_page(&client, &shift.id, |page| page.consumers.silent == 2).await.consumers;
    assert_eq!((page.applied, page.lagging), (1, 0));
    let own = world.client(&data, "data");
    let known = until_known(&own, |known| silent(known) == 1).await;
    let orders = known.groups.iter().find(|group| group.name == "orders").unwrap();
    assert_eq!((orders.standing, &*orders.laggards), (ConsumerStanding::Silent, &["slow".to_owned()][..]));
    data.stop().await.unwrap();
    control.stop().await.unwrap();
}
