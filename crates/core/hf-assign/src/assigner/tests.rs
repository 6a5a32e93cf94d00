use std::collections::BTreeMap;
use std::sync::Arc;

use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::{Verdict, Verdicts};
use hf_model::Revision;
use hf_select::{LatencyTable, NoGeo};

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "eu"
location = { latitude = 51.5, longitude = 0.0 }
[[region]]
id = "us"
location = { latitude = 38.9, longitude = -77.4 }
[[zone]]
id = "eu1"
region = "eu"
networks = ["10.1.0.0/16"]
[[zone]]
id = "us1"
region = "us"
networks = ["10.2.0.0/16"]
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web-eu"
health_check = "up"
all_down = "closed"
endpoints = [{ address = "10.1.0.1:80", zone = "eu1" }]
[[pool]]
name = "web-us"
health_check = "up"
all_down = "closed"
endpoints = [{ address = "10.2.0.1:80", zone = "us1" }]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "chat.example.test."
type = "A"
choose = ["open", "near", "take 1"]
answers = [{ pool = "web-eu", region = "eu" }, { pool = "web-us", region = "us" }]
"#;

const EU: &str = "https://eu.example.test";
const US: &str = "https://us.example.test";

struct World {
    snapshot: Snapshot,
    around: Around,
}

impl World {
    fn new() -> World {
        let bundle = EstateBundle { toml: ESTATE.to_owned(), files: BTreeMap::new() };
        let mut estate =
            hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|problems| panic!("{problems}"));
        estate.assignments = vec![Assignment {
            service: "chat".to_owned(),
            tree: 0,
            urls: vec![EU.to_owned(), US.to_owned()],
            ask_at: "https://assign.example.test".to_owned(),
            hosts: Vec::new(),
            ticket_lifetime: Duration::from_hours(1),
        }];
        let verdicts = Verdicts { of: vec![Verdict::Healthy; estate.endpoint_refs().count()] };
        let intent = Intent { revision: Revision(1), ..Intent::default() };
        let around = Around::new(&estate, &LatencyTable::default());
        let snapshot =
            Snapshot::build(1, Timestamp(5), Arc::new(intent), Arc::new(estate), Vec::new(), verdicts);
        World { snapshot, around }
    }

    /// With the endpoints at these positions sick.
    fn sick(positions: &[usize]) -> World {
        let World { snapshot, around } = World::new();
        let mut verdicts = snapshot.verdicts.clone();
        for at in positions {
            verdicts.of[*at] = Verdict::Unhealthy;
        }
        let snapshot =
            Snapshot::build(2, Timestamp(5), snapshot.intent, snapshot.estate, Vec::new(), verdicts);
        World { snapshot, around }
    }

    fn assigned(&self, client: &str, held: Option<&Ticket>) -> Option<String> {
        let assigners = Assigners::new(&self.snapshot);
        let assigner = assigners.of_service("chat").unwrap();
        let client = (client.parse().unwrap(), None);
        let place = assigner.assign(held, client, (&self.around, &NoGeo), 1, &mut Scratch::default());
        place.map(|place| place.url.clone())
    }

    fn judged(&self, pool: &str, ticket: &str, now: Timestamp) -> Result<(), TicketError> {
        let pool = self.snapshot.estate.pool_named(&pool.parse().unwrap()).unwrap();
        let assigners = Assigners::new(&self.snapshot);
        assigners.of_service("chat").unwrap().check(ticket, pool, &key(), now).map(drop)
    }
}

fn key() -> TicketKey {
    TicketKey::new(&[7; 32])
}

fn ticket(url: &str) -> Ticket {
    Ticket {
        service: "chat".to_owned(),
        place: name_of(url),
        ends_at: Timestamp(3_600_000),
        is_last_resort: false,
    }
}

fn check(world: &World, client: &str, held: Option<&str>, want: Option<&str>) {
    let held = held.map(ticket);
    assert_eq!(world.assigned(client, held.as_ref()).as_deref(), want, "{client} with {held:?}");
}

#[test]
fn the_trees_chain_decides() {
    let world = World::new();
    check(&world, "10.1.2.3", None, Some(EU));
    check(&world, "10.2.2.3", None, Some(US));
}

#[test]
fn a_good_ticket_keeps_its_place_while_that_is_open() {
    check(&World::new(), "10.1.2.3", Some(US), Some(US));
    check(&World::sick(&[1]), "10.1.2.3", Some(US), Some(EU));
    check(&World::new(), "10.1.2.3", Some("https://gone.example.test"), Some(EU));
    let other = Ticket { service: "shop".to_owned(), ..ticket(US) };
    assert_eq!(World::new().assigned("10.1.2.3", Some(&other)).as_deref(), Some(EU));
}

#[test]
fn a_place_that_is_down_gets_no_session() {
    check(&World::sick(&[0]), "10.1.2.3", None, Some(US));
}

#[test]
fn a_place_takes_its_own_tickets_only() {
    let world = World::new();
    let now = Timestamp(1_000);
    let text = ticket(EU).signed(&key());
    assert_eq!(world.judged("web-eu", &text, now), Ok(()));
    assert_eq!(world.judged("web-us", &text, now), Err(TicketError::OtherPlace));
    assert_eq!(world.judged("web-eu", &text, Timestamp(3_600_000)), Err(TicketError::Ended));
    let other = Ticket { service: "shop".to_owned(), ..ticket(EU) };
    assert_eq!(world.judged("web-eu", &other.signed(&key()), now), Err(TicketError::OtherService));
    assert_eq!(world.judged("web-eu", "none", now), Err(TicketError::Forged));
}

#[test]
fn a_closed_place_refuses_its_tickets() {
    let now = Timestamp(1_000);
    let text = ticket(EU).signed(&key());
    assert_eq!(World::sick(&[0]).judged("web-eu", &text, now), Err(TicketError::PlaceClosed));
    assert_eq!(World::sick(&[1]).judged("web-eu", &text, now), Ok(()));
}

#[test]
fn a_ticket_lasts_as_long_as_the_assignment_says() {
    let world = World::new();
    let assigners = Assigners::new(&world.snapshot);
    let assigner = assigners.get(AssignmentIx(0)).unwrap();
    let made = assigner.ticket(&assigner.places()[0], Timestamp(0));
    assert_eq!(made, ticket(EU));
}

#[test]
fn who_is_told_the_last_resort_is_served_there_for_a_moment() {
    let World { snapshot, .. } = World::new();
    let pool = snapshot.estate.pool_named(&"web-eu".parse().unwrap()).unwrap();
    let assigners = Assigners::new(&snapshot);
    let mut assigner = assigners.of_service("chat").unwrap().clone();
    // As when the tree asks it no more, and it could still answer.
    assigner.places[0].is_open = false;
    let made = assigner.ticket(&assigner.places[0], Timestamp(0));
    assert!(made.is_last_resort && made.ends_at == Timestamp(60_000), "{made:?}");
    let judged = |assigner: &Assigner, ticket: &Ticket| {
        assigner.check(&ticket.signed(&key()), pool, &key(), Timestamp(1)).map(drop)
    };
    assert_eq!(judged(&assigner, &made), Ok(()));
    assert_eq!(judged(&assigner, &ticket(EU)), Err(TicketError::PlaceClosed));
    // As when an operator closed it.
    assigner.last_resort = State::new([false, true]);
    assert_eq!(judged(&assigner, &made), Err(TicketError::PlaceClosed));
}

#[test]
fn one_good_ticket_is_enough_and_a_foreign_one_is_asked_with() {
    let world = World::new();
    let assigners = Assigners::new(&world.snapshot);
    let assigner = assigners.of_service("chat").unwrap();
    let pool = world.snapshot.estate.pool_named(&"web-eu".parse().unwrap()).unwrap();
    let (good, other) = (ticket(EU).signed(&key()), ticket(US).signed(&key()));
    let admit = |shown: &[(By, &'static str)]| {
        let shown: Vec<(By, &str)> = shown
            .iter()
            .map(|(by, text)| {
                (
                    *by,
                    if *text == "good" {
                        &*good
                    } else if *text == "other" {
                        &*other
                    } else {
                        *text
                    },
                )
            })
            .collect();
        match assigner.admit(shown.into_iter(), pool, &key(), Timestamp(1)) {
            Ok(admitted) => format!("{:?}", admitted.by),
            Err(TurnedAway { why, held }) => format!("{} {}", why.word(), held.is_some()),
        }
    };
    assert_eq!(admit(&[(By::Query, "old"), (By::Cookie, "good")]), "Cookie");
    assert_eq!(admit(&[(By::Query, "old"), (By::Cookie, "other")]), "forged true");
    assert_eq!(admit(&[(By::Header, "other")]), "other-place true");
    assert_eq!(admit(&[]), "missing false");
}

#[test]
fn asking_again_is_by_path_where_assigners_answer_paths() {
    let mut world = World::new();
    let url = |world: &World, path: &str, held| {
        let assigners = Assigners::new(&world.snapshot);
        assigners.of_service("chat").unwrap().ask_url(path, Some("a=1&holdfast-ticket=x"), held)
    };
    let ask = "https://assign.example.test";
    assert_eq!(url(&world, "/room", None), format!("{ask}/assign?service=chat"));
    assert_eq!(url(&world, "/room", Some("y")), format!("{ask}/assign?service=chat&holdfast-ticket=y"));
    let mut estate = Estate::clone(&world.snapshot.estate);
    estate.assignments[0].hosts = vec![HostPattern::Below("example.test".to_owned())];
    world.snapshot.estate = Arc::new(estate);
    assert_eq!(url(&world, "/room", None), format!("{ask}/room?a=1"));
    assert_eq!(url(&world, "/room", Some("y")), format!("{ask}/room?a=1&holdfast-ticket=y"));
    assert_eq!(url(&world, "*", None), format!("{ask}/assign?service=chat"));
    let by_path = |ask_at| asks_by_path(ask_at, &[HostPattern::Exactly("a.test".to_owned())]);
    assert!(by_path("https://A.test:8443") && by_path("http://a.test."));
    assert!(!by_path("https://a.test/under") && !by_path("https://b.test"));
}
