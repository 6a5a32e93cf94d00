use hf_api::DnssecWanted;

use super::*;

const HOUR_MS: u64 = 3_600_000;

fn known(keys: &[(u8, ZoneKeyState, u64)]) -> Known {
    let keys: Vec<ZoneKey> = keys
        .iter()
        .enumerate()
        .map(|(at, (algorithm, state, hours))| ZoneKey {
            tag: 0,
            algorithm: *algorithm,
            public: STANDARD.encode(vec![at as u8 + 1; if *algorithm == 13 { 64 } else { 32 }]),
            state: *state,
            since_at_ms: hours * HOUR_MS,
            next_at_ms: 0,
            revision: 1,
        })
        .collect();
    let dnssec = Some(DnssecWanted { algorithm: 13, validity_ms: 14 * 24 * HOUR_MS });
    let zone = ZoneKeys { hosted_zone: "example.test.".to_owned(), revision: 1, dnssec, keys };
    let keys = zone.keys.iter().map(|told| key(told).unwrap()).collect();
    Known { name: name("example.test").unwrap(), zone, keys }
}

#[track_caller]
fn check(keys: &[(u8, ZoneKeyState, u64)], heading: &str, next: &str) {
    let known = known(keys);
    let text = words::status(&known, Timestamp(48 * HOUR_MS));
    let tags: Vec<String> = known.keys.iter().map(|key| key.tag().to_string()).collect();
    let next =
        tags.iter().enumerate().fold(next.to_owned(), |text, (at, tag)| text.replace(&format!("%{at}"), tag));
    assert!(text.starts_with(heading), "{text}");
    assert!(
        text.lines().last().is_some_and(|line| line.starts_with(&format!("next: {next}"))),
        "{next}: {text}"
    );
    assert!(tags.iter().all(|tag| text.contains(tag)), "{text}");
}

#[test]
fn status_draws_each_key_and_says_what_is_next() {
    use ZoneKeyState::{Active, Published, Retired};
    let signed = "example.test. is signed\n";
    check(
        &[],
        "example.test. is not signed: no key is active",
        "`holdfast dnssec enable example.test. --seal-file",
    );
    check(&[(13, Active, 40)], signed, "nothing; ");
    check(
        &[(13, Active, 1), (13, Published, 48)],
        signed,
        "`holdfast dnssec roll example.test.` activates key %1, from 1970-01-03T01:00:00Z on",
    );
    check(
        &[(13, Active, 1), (13, Published, 47)],
        signed,
        "`holdfast dnssec roll example.test.` activates key %1, now",
    );
    check(&[(13, Active, 1), (15, Active, 47)], signed, "give the DS record of key %1 to the parent");
    check(&[(13, Retired, 1), (15, Active, 1)], signed, "take the DS record of key %0 from the parent");
}

#[test]
fn ds_records_are_of_active_keys() {
    let known = known(&[(13, ZoneKeyState::Active, 1), (13, ZoneKeyState::Published, 1)]);
    let records = known.ds_records();
    assert_eq!(records.len(), 1);
    let words: Vec<&str> = records[0].split(' ').collect();
    assert_eq!((words[..3].join(" "), words[4], words[5]), ("example.test. IN DS".to_owned(), "13", "2"));
    assert_eq!((words[3].parse(), words[6].len()), (Ok(known.keys[0].tag()), 64));
}

#[test]
fn a_wait_says_until_when() {
    let wait = |force| wait_is_over(Timestamp(7_200_000), Timestamp(3_600_000), force, "key 1 signs");
    assert!(wait(true).is_ok());
    let Err(Failure::Refused(text)) = wait(false) else { panic!("it is not over") };
    assert!(text.starts_with("key 1 signs from 1970-01-01T02:00:00Z on, in 1h"), "{text}");
}
