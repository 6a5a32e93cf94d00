//! The estate that the tests ask: three zones, two pools, three hosted zones.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use expect_test::Expect;
use hf_config::estate::{
    AddressFamily, AllDown, CheckIx, CheckKind, CrossZone, Endpoint, Estate, Filter, HealthCheck, HostedZone,
    PlainRecord, Pool, PoolIx, Protocol, Record, Region, RegionIx, SerialPolicy, Soa, Zone, ZoneIx,
};
use hf_control::Intent;
use hf_decide::{Decision, EndpointDecision, Mode, PoolDecision, Reason};
use hf_health::{Verdict, Verdicts};
use hf_model::{
    CheckName, Digest, DnsName, PoolName, RegionId, Revision, Share, Timestamp, Ttl, Weight, WireName, ZoneId,
};
use hf_snapshot::Snapshot;

use crate::{Answer, AnswerRecord, Asked, Asker, Compiled, ExplainTxt, rtype};

pub const ASKER: Asker = Asker {
    address: std::net::IpAddr::V4(Ipv4Addr::LOCALHOST),
    subnet: None,
    own_zone: None,
    seed: 1,
    explain: ExplainTxt::Refused,
};

/// An estate, what was decided, and who is healthy.
pub struct World {
    pub estate: Estate,
    intent: Intent,
    decision: Decision,
    verdicts: Verdicts,
}

pub fn name(text: &str) -> DnsName {
    DnsName::new(text).unwrap()
}

pub fn wire(text: &str) -> WireName {
    WireName::from(&name(text))
}

fn zone(id: &str, alias: Option<&str>) -> Zone {
    Zone {
        id: ZoneId::new(id).unwrap(),
        region: RegionIx(0),
        aliases: alias.iter().map(|alias| ZoneId::new(alias).unwrap()).collect(),
        capacity: None,
        networks: Vec::new(),
        control: None,
    }
}

fn tcp_check() -> HealthCheck {
    HealthCheck::new(CheckName::new("tcp").unwrap(), CheckKind::tcp())
}

fn pool(pool: &str, endpoints: &[(&str, u16)]) -> Pool {
    let endpoints = endpoints.iter().map(|(address, zone)| Endpoint {
        address: address.parse().unwrap(),
        zone: ZoneIx(*zone),
        weight: Weight::default(),
        priority: 0,
    });
    Pool {
        protocol: Protocol::Http,
        listen: None,
        health_check: Some(CheckIx(0)),
        cross_zone: CrossZone::Off,
        min_zones: 1,
        min_capacity: Share::ZERO,
        all_down: AllDown::Open,
        return_over: std::time::Duration::ZERO,
        dns_minimum: hf_config::estate::Minimum::default(),
        routing_minimum: hf_config::estate::Minimum::default(),
        control: None,
        ..Pool::new(PoolName::new(pool).unwrap(), endpoints.collect())
    }
}

fn steered(owner: &str, family: AddressFamily, hosted_zone: u16) -> Record {
    Record {
        name: name(owner),
        family,
        ttl: Ttl::new(std::time::Duration::from_secs(7)).unwrap(),
        pool: PoolIx(0),
        choose: vec![Filter::Open, Filter::Priority],
        sticky: None,
        hosted_zone,
        control: None,
    }
}

fn plain(owner: &str, rtype: u16, rdata: &[u8]) -> PlainRecord {
    PlainRecord { name: name(owner), rtype, ttl: 300, rdata: rdata.to_vec() }
}

fn to(owner: &str, rtype: u16, target: &str) -> PlainRecord {
    plain(owner, rtype, wire(target).as_wire())
}

fn master_file() -> HostedZone {
    let soa = Soa {
        mname: name("ns1.example.test."),
        rname: name("hostmaster.example.test."),
        serial: 2024,
        refresh: 1,
        retry: 2,
        expire: 3,
        minimum: 30,
        ttl: 300,
    };
    let mut records = vec![
        to("example.test.", rtype::NS, "ns1.example.test."),
        plain("ns1.example.test.", rtype::A, &[10, 0, 0, 53]),
        to("alias.example.test.", rtype::CNAME, "www.example.test."),
        to("alias2.example.test.", rtype::CNAME, "alias.example.test."),
        to("out.example.test.", rtype::CNAME, "www.bare.test."),
        to("dangling.example.test.", rtype::CNAME, "nope.example.test."),
        to("loop1.example.test.", rtype::CNAME, "loop2.example.test."),
        to("loop2.example.test.", rtype::CNAME, "loop1.example.test."),
        to("tochild.example.test.", rtype::CNAME, "x.child.example.test."),
        plain("deep.ent.example.test.", 16, b"\x02hi"),
        plain("*.wild.example.test.", rtype::A, &[10, 0, 0, 42]),
        plain("there.wild.example.test.", 16, b"\x02hi"),
        to("child.example.test.", rtype::NS, "ns.child.example.test."),
        to("child.example.test.", rtype::NS, "ns1.example.test."),
        to("child.example.test.", rtype::NS, "ns.elsewhere.test."),
        plain("ns.child.example.test.", rtype::A, &[10, 0, 0, 54]),
        plain("ns.child.example.test.", rtype::AAAA, &[0xfd; 16]),
        to("old.example.test.", rtype::DNAME, "example.test."),
        to("grow.example.test.", rtype::DNAME, &format!("{}.example.test.", "y".repeat(63))),
        plain("az1.spare.pool.example.test.", rtype::A, &[10, 0, 0, 99]),
    ];
    records.extend((0..12).map(|at| {
        let next = format!("long{}.example.test.", at + 1);
        to(&format!("long{at}.example.test."), rtype::CNAME, &next)
    }));
    HostedZone {
        soa: Some(soa),
        plain: records,
        serial: SerialPolicy::Written,
        ..HostedZone::new(name("example.test."))
    }
}

impl World {
    pub fn new() -> World {
        let web = pool(
            "web",
            &[
                ("10.0.1.1:80", 0),
                ("[fd00::1]:80", 0),
                ("10.0.1.2:80", 0),
                ("10.0.2.1:80", 1),
                ("10.0.2.1:81", 1),
            ],
        );
        let spare = pool("spare", &[("10.9.1.1:80", 0), ("10.9.2.1:80", 1), ("10.9.3.1:80", 2)]);
        let bare = |text| HostedZone::new(name(text));
        let estate = Estate {
            digest: Digest::of(b"world"),
            regions: vec![Region { id: RegionId::new("eu").unwrap(), location: None, control: None }],
            zones: vec![zone("az1", Some("eu-a")), zone("az2", None), zone("az3", None)],
            health_checks: vec![tcp_check()],
            pools: vec![web, spare],
            hosted_zones: vec![master_file(), bare("bare.test."), bare("sub.bare.test."), bare("wild.test.")],
            records: vec![
                steered("www.example.test.", AddressFamily::V4, 0),
                steered("www.example.test.", AddressFamily::V6, 0),
                steered("only4.example.test.", AddressFamily::V4, 0),
                steered("*.wild.test.", AddressFamily::V4, 3),
            ],
            trees: Vec::new(),
            aliases: Vec::new(),
            cidr_collections: Vec::new(),
            control_panels: Vec::new(),
            routing_controls: Vec::new(),
            safety_rules: Vec::new(),
            assignments: Vec::new(),
            services: Vec::new(),
            consumers: Vec::new(),
            closing_sources: Vec::new(),
            checking: hf_config::estate::Checking::default(),
        };
        let serving = |pool: PoolIx| PoolDecision {
            pool,
            mode: Mode::Normal,
            zones: Vec::new(),
            endpoints: vec![
                EndpointDecision { serves: true, reason: Reason::Healthy };
                estate.pool(pool).endpoints.len()
            ],
            not_applied: Vec::new(),
        };
        let decision = Decision {
            pools: estate.pool_indexes().map(serving).collect(),
            records: vec![None; estate.records.len()],
            trees: Vec::new(),
            zones: Vec::new(),
        };
        let intent = Intent { revision: Revision(7), ..Intent::default() };
        let verdicts = Verdicts::unknown(estate.subject_count());
        World { estate, intent, decision, verdicts }
    }

    /// Takes the zone out of every pool.
    pub fn away(&mut self, zone: ZoneIx) {
        for decision in &mut self.decision.pools {
            close(&self.estate, decision, zone);
        }
    }

    /// Takes the zone out of one record.
    pub fn record_away(&mut self, record: usize, zone: ZoneIx) {
        let mut own = self.decision.pools[self.estate.records[record].pool.at()].clone();
        close(&self.estate, &mut own, zone);
        self.decision.records[record] = Some(own);
    }

    pub fn mode(&mut self, pool: PoolIx, mode: Mode) {
        if let Mode::Fallback(other) = mode {
            self.estate.pools[pool.at()].all_down = AllDown::Fallback(other);
        }
        self.decision.pools[pool.at()].mode = mode;
    }

    /// Takes one endpoint out for its health.
    pub fn impaired(&mut self, pool: PoolIx, at: u16) {
        let decided = &mut self.decision.pools[pool.at()].endpoints[usize::from(at)];
        *decided = EndpointDecision { serves: false, reason: Reason::Impaired };
    }

    pub fn revision(&mut self, revision: Revision) {
        self.intent.revision = revision;
    }

    pub fn verdict(&mut self, pool: PoolIx, at: u16, verdict: Verdict) {
        let position =
            self.estate.endpoint_refs().position(|endpoint| endpoint.pool == pool && endpoint.at == at);
        self.verdicts.of[position.unwrap()] = verdict;
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            number: 1,
            made_at: Timestamp(0),
            intent: Arc::new(self.intent.clone()),
            estate: Arc::new(self.estate.clone()),
            break_glass: Vec::new(),
            verdicts: self.verdicts.clone(),
            decision: self.decision.clone(),
        })
    }

    pub fn compiled(&self) -> Compiled {
        Compiled::new(self.snapshot(), Arc::default())
    }
}

fn close(estate: &Estate, decision: &mut PoolDecision, zone: ZoneIx) {
    for (endpoint, decided) in estate.pool(decision.pool).endpoints.iter().zip(&mut decision.endpoints) {
        decided.serves &= endpoint.zone != zone;
    }
}

pub fn asked(name: &WireName, rtype: u16, class: u16) -> Asked<'_> {
    Asked { name: name.as_wire(), rtype, class, dnssec_ok: false, compact_ok: false }
}

/// Asks `NAME [CH] TYPE` and compares everything that comes back.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect!` at the call reads better than `&expect!`")]
pub fn check(world: &World, question: &str, want: Expect) {
    want.assert_eq(&show(&world.compiled(), question));
}

pub fn show(compiled: &Compiled, question: &str) -> String {
    let mut words = question.split(' ');
    let owner = words.next().unwrap();
    let rtype = words.next_back().unwrap();
    let class = if words.next().is_some() { 3 } else { 1 };
    let owner_wire = mixed_case(owner);
    let answer = compiled.answer(&asked(&owner_wire, type_number(rtype), class), &ASKER);
    render(compiled, &answer)
}

/// In the case that was written, which `DnsName` would fold.
fn mixed_case(text: &str) -> WireName {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    WireName::from_wire(&bytes).unwrap()
}

const TYPES: [(&str, u16); 11] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("HINFO", 13),
    ("TXT", 16),
    ("AAAA", 28),
    ("DNAME", 39),
    ("DS", 43),
    ("AXFR", 252),
    ("ANY", 255),
];

fn type_number(text: &str) -> u16 {
    match TYPES.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => *number,
        None => text.strip_prefix("TYPE").unwrap().parse().unwrap(),
    }
}

pub fn render(compiled: &Compiled, answer: &Answer) -> String {
    let mut lines = vec![format!("{:?}{}", answer.rcode, if answer.aa { " aa" } else { "" })];
    let sections = [("", &answer.answers), ("auth ", &answer.authority), ("more ", &answer.additional)];
    for (section, records) in sections {
        lines.extend(records.iter().map(|record| format!("{section}{}", render_record(record))));
    }
    let estate = &compiled.snapshot().estate;
    let named = answer
        .named
        .iter()
        .map(|(pool, zone)| format!(" {}/{}", estate.pool(*pool).name, estate.zone(*zone).id));
    let named: String = named.collect();
    if !named.is_empty() {
        lines.push(format!("named{named}"));
    }
    lines.join("\n") + "\n"
}

fn render_record(record: &AnswerRecord) -> String {
    let rdata = &record.rdata[..];
    let shown = match record.rtype {
        rtype::A => Ipv4Addr::from(<[u8; 4]>::try_from(rdata).unwrap()).to_string(),
        rtype::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(rdata).unwrap()).to_string(),
        rtype::NS | rtype::CNAME | rtype::DNAME => WireName::from_wire(rdata).unwrap().to_string(),
        rtype::SOA => {
            let (names, numbers) = rdata.split_at(rdata.len() - 20);
            let end = names.windows(1).position(|byte| byte == [0]).unwrap() + 1;
            let numbers =
                numbers.chunks(4).map(|four| u32::from_be_bytes(four.try_into().unwrap()).to_string());
            let (mname, rname) = names.split_at(end);
            let names = [mname, rname].map(|name| WireName::from_wire(name).unwrap().to_string());
            names.into_iter().chain(numbers).collect::<Vec<_>>().join(" ")
        }
        _ => rdata.escape_ascii().to_string(),
    };
    let name = TYPES.iter().find(|(_, number)| *number == record.rtype).unwrap().0;
    format!("{} {} {name} {shown}", record.name, record.ttl)
}
