//! Our DNS role in this process, over an estate with one hosted zone.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_config::node::{DnsConfig, DnsTls};
use hf_control::Intent;
use hf_dns::{ColdInputs, DotTls, Inputs, Settings, Updates};
use hf_dns::{HostedConfig, HostedStore};
use hf_e2e::address::own_address;
use hf_health::Verdicts;
use hf_model::{DnsName, Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use hf_wire::tsig::{Algorithm, Key, Keys};
use tokio::sync::watch;

pub const DEADLINE: Duration = Duration::from_mins(1);

/// Where all servers listen, each at an address of its own.
pub const PORT: u16 = 5300;

/// The base64 of the secret below.
pub const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
pub const SECRET_BYTES: &[u8] = b"one secret of thirty-two bytes!!";

pub const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
[[health_check]]
name = "web"
kind = "tcp"
[[pool]]
name = "web"
health_check = "web"
endpoints = [{ address = "10.0.1.1:80", zone = "eu-az1" }]
"#;

pub const STEERED: &str = r#"
[[record]]
name = "www.example.test."
type = "A"
ttl = "5s"
answer = { pool = "web" }
choose = ["open"]
"#;

pub fn keys() -> Keys {
    let name = WireName::from(&DnsName::new("xfer.").expect("a name"));
    Keys::new([Key::new(&name, Algorithm::HmacSha256, SECRET_BYTES)])
}

pub fn snapshot(rest: &str, zone_file: Option<String>, number: u64) -> Arc<Snapshot> {
    let files = zone_file.map(|text| ("example.test.zone".to_owned(), text)).into_iter().collect();
    let bundle = EstateBundle { toml: format!("{ESTATE}{rest}"), files };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|why| panic!("{why}"));
    let revision = Revision(number);
    let intent = Intent { revision, estate_revision: revision, estate: bundle, ..Intent::default() };
    let (intent, estate) = (Arc::new(intent), Arc::new(estate));
    Arc::new(Snapshot::build(number, Timestamp(number), intent, estate, Vec::new(), Verdicts::unknown(1)))
}

/// Our role in this process.
pub struct Ours {
    pub address: SocketAddr,
    pub tls: Option<SocketAddr>,
    pub snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub store: HostedStore,
    pub runtime: tokio::runtime::Runtime,
    _stop: watch::Sender<bool>,
}

impl Ours {
    pub fn start(
        folder: &Path,
        first: Arc<Snapshot>,
        updates: Option<Arc<dyn Updates>>,
        tls: Option<DnsTls>,
    ) -> Ours {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let store = HostedStore::open(HostedConfig {
            data_dir: folder.to_path_buf(),
            zone_dir: None,
            keys: keys(),
            clock: Clock::system(),
        });
        let mut config = DnsConfig::on(vec![SocketAddr::new(IpAddr::V4(own_address()), PORT)]);
        let dot = tls.as_ref().map(|tls| DotTls::load(tls).expect("a certificate"));
        config.tls = tls;
        let bound = runtime.block_on(hf_dns::bind(&config)).expect("an address of our own");
        let (snapshots, receiver) = watch::channel(Some(first));
        let (stop, stopped) = watch::channel(false);
        let (address, tls) = (bound.local_addresses()[0], bound.tls_addresses().first().copied());
        let inputs = Inputs {
            snapshots: receiver,
            clock: Clock::system(),
            activity: Arc::new(Activity::default()),
            own_zone: None,
            settings: Settings::default(),
            geography: hf_geo::Geography::default(),
            cold: ColdInputs { keys: keys(), hosted: Some(store.clone()), updates, tls: dot },
        };
        runtime.spawn(bound.run(inputs, stopped));
        Ours { address, tls, snapshots, store, runtime, _stop: stop }
    }

    pub fn serial(&self) -> Option<u32> {
        self.store.report().first().and_then(|report| report.serial)
    }
}
