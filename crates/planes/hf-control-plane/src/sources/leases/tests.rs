use hf_model::Weight;

use super::*;

const LEASE: Duration = Duration::from_secs(10);

fn pool() -> PoolName {
    "web".parse().unwrap()
}

fn one(number: u8) -> Told {
    Told {
        id: format!("web-{number}").parse().unwrap(),
        address: ([10, 0, 0, number], 80).into(),
        zone: Some("a".parse().unwrap()),
        name: None,
        weight: Weight::default(),
        priority: 0,
        lease: LEASE,
    }
}

fn set(numbers: &[u8]) -> EndpointSet {
    let endpoint = |number: &u8| {
        let Told { id, address, weight, priority, lease, .. } = one(*number);
        SourcedEndpoint { address, id, zone: "a".parse().unwrap(), weight, priority, lease }
    };
    EndpointSet {
        pool: pool(),
        source: "register".to_owned(),
        endpoints: numbers.iter().map(endpoint).collect(),
    }
}

fn keep(leases: &mut Leases, numbers: &[u8], had_gap: bool, now: Instant) {
    leases.keep(&[&set(numbers)], &BTreeSet::from([&pool()]), had_gap, now);
}

fn registered(leases: &mut Leases, now: Instant) -> (Vec<String>, bool) {
    let (told, problem) = leases.told(&pool(), now);
    (told.iter().map(|told| told.id.to_string()).collect(), problem.is_some())
}

fn with(numbers: &[u8], now: Instant) -> Leases {
    let mut leases = Leases::default();
    keep(&mut leases, &[], false, now);
    for number in numbers {
        assert_eq!(leases.register(&pool(), one(*number), 9, now), Ok(Registered::Changed));
    }
    leases
}

#[tokio::test]
async fn a_lease_that_is_over_takes_its_endpoint_out() {
    let now = Instant::now();
    let mut leases = with(&[1, 2], now);
    assert_eq!(leases.register(&pool(), one(2), 9, now + LEASE / 2), Ok(Registered::Renewed));
    assert_eq!(registered(&mut leases, now + LEASE - Duration::from_millis(1)).0.len(), 2);
    assert_eq!(registered(&mut leases, now + LEASE), (vec!["web-2".to_owned()], false));
}

#[tokio::test]
async fn many_at_once_are_held() {
    let now = Instant::now();
    let mut leases = with(&[1, 2, 3, 4], now);
    leases.register(&pool(), one(4), 9, now + LEASE / 2).unwrap();
    let (left, told) = registered(&mut leases, now + LEASE);
    assert_eq!((left.len(), told), (4, true));
    // Two of them come back: two are gone, and that is believed.
    leases.register(&pool(), one(3), 9, now + LEASE).unwrap();
    assert_eq!(registered(&mut leases, now + LEASE), (vec!["web-3".to_owned(), "web-4".to_owned()], false));
}

#[tokio::test]
async fn the_last_one_is_held_too() {
    let now = Instant::now();
    let mut leases = with(&[1], now);
    assert_eq!(registered(&mut leases, now + LEASE), (vec!["web-1".to_owned()], true));
}

#[tokio::test]
async fn whoever_begins_to_keep_leases_gives_all_a_new_one() {
    let now = Instant::now();
    let mut leases = Leases::default();
    keep(&mut leases, &[1, 2], false, now);
    assert_eq!(registered(&mut leases, now + LEASE / 2).0.len(), 2);
    // A gap: what would be over is not.
    keep(&mut leases, &[1, 2], true, now + LEASE / 2);
    leases.register(&pool(), one(1), 9, now + LEASE).unwrap();
    assert_eq!(registered(&mut leases, now + LEASE).0.len(), 2);
    assert_eq!(registered(&mut leases, now + LEASE * 3 / 2), (vec!["web-1".to_owned()], false));
}

#[tokio::test]
async fn names_addresses_and_counts_are_guarded() {
    let now = Instant::now();
    let mut leases = with(&[1, 2], now);
    let twin = Told { id: "twin".parse().unwrap(), ..one(1) };
    assert_eq!(
        leases.register(&pool(), twin.clone(), 9, now),
        Err(NotRegistered::AddressTaken("web-1".parse().unwrap()))
    );
    assert_eq!(leases.register(&pool(), one(3), 2, now), Err(NotRegistered::Full(2)));
    // Once the other's lease is over, the address is free.
    assert_eq!(leases.register(&pool(), twin, 9, now + LEASE), Ok(Registered::Changed));
    assert!(leases.deregister(&pool(), &"twin".parse().unwrap()));
    assert!(!leases.deregister(&pool(), &"twin".parse().unwrap()));
}
