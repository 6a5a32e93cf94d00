use super::*;

#[test]
fn a_zone_id_says_what_is_wrong_with_it() {
    let check = |text: &str| ZoneId::new(text).map_err(|e| e.to_string());
    assert_eq!(check("use1-az1").unwrap().as_str(), "use1-az1");
    assert_eq!(
        check("Use1").unwrap_err(),
        "a zone id has only a-z, 0-9 and '-', this one has 'U'; replace it"
    );
    assert!(check("").unwrap_err().contains("empty"));
    assert!(check("-a").unwrap_err().contains("begins"));
    assert!(check("a23456789012345678901").unwrap_err().contains("at most 20"));
}

#[test]
fn dns_names_nest() {
    let name = |text: &str| DnsName::new(text).unwrap();
    assert!(name("www.Example.test.").is_at_or_below(&name("example.TEST.")));
    assert!(!name("notexample.test.").is_at_or_below(&name("example.test.")));
    assert!(name("a.").is_at_or_below(&name(".")));
    assert_eq!(name("a.b.").parent().unwrap(), name("b."));
    assert_eq!(name("b.").parent().unwrap(), name("."));
    assert_eq!(name(".").parent(), None);
    assert_eq!(name("b.").child("a").unwrap(), name("a.b."));
    assert_eq!(name(".").child("a").unwrap(), name("a."));
    assert_eq!(DnsName::new("a..b."), Err(DnsNameError::EmptyLabel));
    assert_eq!(DnsName::new("a.b"), Err(DnsNameError::NotAbsolute));
}
