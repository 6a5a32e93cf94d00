use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

#[test]
fn a_reason_is_the_same_whatever_its_figures() {
    let of = |zones: &[&str], why: &str| {
        let zones = zones.iter().map(|id| ZoneId::new(id).unwrap()).collect();
        NotBegun::Capacity { zones, why: why.to_owned() }.key()
    };
    assert_eq!(of(&["a"], "a would get 301 and carries 100"), of(&["a"], "a would get 299 and carries 100"));
    assert_ne!(of(&["a"], "too full"), of(&["b"], "too full"));
    assert_ne!(of(&["a"], "too full"), NotBegun::Alarm("a".to_owned()).key());
}

#[test]
fn what_was_told_in_one_place_is_still_to_be_told_in_the_other_and_after_a_week_in_both() {
    let (held, resource) = (Held::default(), "pool/web".parse().unwrap());
    let is_told = |told, key, now| held.is_told(&resource, told, key, now);
    held.take(&resource, NOW, "why");
    held.told(&resource, ToldIn::Journal, "key", NOW);
    assert!(is_told(ToldIn::Journal, "key", NOW));
    assert!(!is_told(ToldIn::History, "key", NOW));
    assert!(!is_told(ToldIn::Journal, "another", NOW));
    // Another try changes what is shown, and not what was told.
    let later = Timestamp(NOW.plus(PracticeRefusal::SAME).0 - 1);
    held.take(&resource, later, "why, with other figures");
    assert_eq!(held.of(&resource), Some((later, "why, with other figures".to_owned())));
    assert!(is_told(ToldIn::Journal, "key", later));
    assert!(!is_told(ToldIn::Journal, "key", NOW.plus(PracticeRefusal::SAME)));
}
