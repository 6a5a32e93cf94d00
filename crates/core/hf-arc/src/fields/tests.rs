use serde_json::json;

use super::*;
use crate::texts::{integer, text};

#[test]
fn faults_carry_their_place() {
    let mut check = Check::default();
    let members = json!({"list": [{"n": 1}, {"n": "x"}, 7], "none": null});
    let members = members.as_object().unwrap();
    let list = check.list(members, "list", (Reason::MissingValue, 0, 9), |check, value| {
        check.item_object(value, |check, members| check.required(members, "n", integer(0, 5)))
    });
    assert_eq!(list, None);
    assert_eq!(check.optional(members, "none", integer(0, 5)), None);
    let none: Option<()> = check.required_object(members, "none", |_, _| Some(()));
    assert_eq!(none, None);
    let places: Vec<&str> = check.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(places, ["list[1].n", "list[2]", "none"]);
}

#[test]
fn a_thousand_faults_are_told_as_twenty() {
    let mut check = Check::default();
    let members = json!({"list": vec![7; 1_000]});
    let found =
        check.list(members.as_object().unwrap(), "list", (Reason::MissingValue, 0, 1_000), |check, value| {
            check.item(value, text(|text| Ok(text.to_owned())))
        });
    let ArcError::Validation { faults } = check.done(found).unwrap_err() else { panic!("not a validation") };
    assert_eq!(faults.len(), FAULTS_MAX);
}

#[test]
fn nothing_read_and_nothing_wrong_is_still_refused() {
    assert!(Check::default().done(None::<()>).is_err());
}
