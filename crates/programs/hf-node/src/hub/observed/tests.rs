use std::time::Duration;

use hf_config::node::NodeConfig;
use hf_model::Cidr;

use super::*;
use crate::hub::FromDisk;
use crate::testing::config;

const T: Timestamp = Timestamp(1_000_000_000);

fn hub(role: Role) -> Hub {
    Hub::new(&NodeConfig { roles: vec![role], ..config("n1") }, FromDisk::default(), T)
}

fn peer(name: &str, zone: Option<&str>) -> Peer {
    Peer {
        node: NodeId::new(name).unwrap(),
        zone: zone.map(|zone| ZoneId::new(zone).unwrap()),
        roles: vec![Role::Balancer],
        version: String::new(),
    }
}

fn line(network: &str, micros: u32, at: Timestamp) -> MeasuredLatency {
    MeasuredLatency { network: Cidr::new(network).unwrap(), micros, samples: 1, at }
}

fn show(hub: &Hub, now: Timestamp) -> String {
    let from = |from: &FromZone| {
        let lines: Vec<_> =
            from.measured.iter().map(|line| format!("{} {}", line.network, line.micros)).collect();
        format!("{}: {}", from.zone, lines.join(" "))
    };
    hub.measured(now).iter().map(from).collect::<Vec<_>>().join(", ")
}

#[test]
fn each_balancers_newest_word_counts_and_noise_does_not() {
    let mut hub = hub(Role::Dns);
    hub.take_latencies(&peer("b1", Some("a")), &[line("192.0.2.0/24", 8_000, T)]);
    hub.take_latencies(&peer("b2", Some("b")), &[line("192.0.2.0/24", 90_000, T)]);
    hub.take_latencies(&peer("b3", None), &[line("192.0.2.0/24", 1, T)]);
    assert_eq!(show(&hub, T), "a: 192.0.2.0/24 8000, b: 192.0.2.0/24 90000");
    hub.take_latencies(&peer("b1", Some("a")), &[line("192.0.2.0/24", 8_900, T)]);
    assert_eq!(show(&hub, T), "a: 192.0.2.0/24 8000, b: 192.0.2.0/24 90000");
    let (far, new) = (line("192.0.2.0/24", 9_100, T), line("198.51.100.0/24", 5, T.plus(AGE_MAX)));
    hub.take_latencies(&peer("b1", Some("a")), &[far, new]);
    assert_eq!(show(&hub, T), "a: 192.0.2.0/24 9100 198.51.100.0/24 5, b: 192.0.2.0/24 90000");
    let next_day = T.plus(AGE_MAX + Duration::from_millis(1));
    assert_eq!(show(&hub, next_day), "a: 198.51.100.0/24 5", "what is a day old is told no more");
}

#[test]
fn balancers_are_bounded_and_those_not_heard_for_longest_go() {
    let mut hub = hub(Role::Dns);
    for at in 0..=BALANCERS_MAX {
        hub.take_latencies(&peer(&format!("b{at}"), Some("a")), &[line("192.0.2.0/24", 1, T)]);
        hub.beat();
    }
    assert_eq!(hub.observed.latencies.len(), BALANCERS_MAX);
    assert!(!hub.observed.latencies.contains_key(&NodeId::new("b0").unwrap()));
}

#[test]
fn control_nodes_lay_seconds_together_and_others_pass_theirs_on_only() {
    let second = |number| Second { number, ..Second::default() };
    let number = T.0 / 1_000;
    for (role, observers) in [(Role::Control, vec!["b1", "n1"]), (Role::Balancer, vec![])] {
        let mut hub = hub(role);
        hub.take_own_second(Arc::new(second(number)), T.plus(Duration::from_secs(1)));
        hub.take_second(&peer("b1", Some("a")), &second(number), T.plus(Duration::from_secs(2)));
        let settled = hub.settle_seconds(T.plus(Duration::from_secs(3)));
        let seen: Vec<_> = settled.iter().flat_map(|second| &second.observers).map(NodeId::as_str).collect();
        assert_eq!(seen, observers);
        assert_eq!(hub.seconds().count(), settled.len());
        assert!(hub.outgoing(Vec::new(), T).second.is_some());
        for beat in 4..60 {
            hub.settle_seconds(T.plus(Duration::from_secs(beat)));
        }
        assert!(hub.seconds().count() <= SECONDS_KEPT);
    }
}
