use super::*;

#[test]
fn what_clients_send_is_shown_short_and_on_one_line() {
    assert_eq!(shown("a\nb\"c"), r#""a\nb\"c""#);
    let long = shown(&"ü".repeat(1_000));
    assert_eq!(long.chars().count(), 163);
    assert!(long.ends_with("…\""));
}

#[test]
fn request_ids_of_tokens_fit_the_ledger() {
    for text in ["x", "0f8fad5b-d9cb-469f-a165-70867728950e", &"ü".repeat(64)] {
        let id = client_token(text).ok().unwrap().request_id(Operation::CreateCluster);
        assert!(id.as_str().starts_with("arc-"));
    }
    for bad in ["", "a b", &"x".repeat(65)] {
        assert!(client_token(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn numbers_are_whole_and_in_range() {
    let read = |text: &str| integer(1, 10)(&serde_json::from_str(text).unwrap()).ok();
    assert_eq!(read("1"), Some(1));
    assert_eq!(read("10"), Some(10));
    for bad in ["0", "11", "-1", "1.0", "1e1", "1e999999", "99999999999999999999", "\"1\"", "true", "null"] {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(bad) else { continue };
        assert!(integer(1, 10)(&value).is_err(), "{bad}");
    }
}
