//! Master files (RFC 1035, section 5), part of an estate.
//!
//! 1. Any text becomes records or problems with places.
//! 2. The records, written out as `holdfast` shows them, read as the same records.
//! 3. They are answered, and fit a message.

use std::fmt::Write as _;

use hf_config::estate::{EstateBundle, HostedZone};
use hf_config::{data_text, read_estate, type_text};

use crate::bundle::FILE;
use crate::estate::check_bundle;

const TOML: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[pool]]
name = "web"
endpoints = [{ address = "10.0.0.1:80", zone = "a" }]
[[hosted_zone]]
name = "example.test."
file = "z"
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
"#;

pub(crate) fn check(data: &[u8]) {
    let bundle = with(String::from_utf8_lossy(data).into_owned());
    check_bundle(bundle.clone());
    let Ok(estate) = read_estate(FILE, &bundle) else { return };
    let text = written(&estate.hosted_zones[0]);
    let again = read_estate(FILE, &with(text.clone()));
    let again = again
        .unwrap_or_else(|problems| panic!("what was read and written does not read:\n{text}\n{problems}"));
    assert_eq!(again.hosted_zones, estate.hosted_zones, "{text}");
}

fn with(zone: String) -> EstateBundle {
    EstateBundle { toml: TOML.to_owned(), files: [("z".to_owned(), zone)].into() }
}

/// A hosted zone as a master file, one record a line.
fn written(zone: &HostedZone) -> String {
    let mut text = String::new();
    if let Some(soa) = &zone.soa {
        let numbers = [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum];
        let numbers = numbers.map(|number| number.to_string()).join(" ");
        let _ = writeln!(text, "{} {} IN SOA {} {} {numbers}", zone.name, soa.ttl, soa.mname, soa.rname);
    }
    for record in &zone.plain {
        let (kind, data) = (type_text(record.rtype), data_text(record));
        let _ = writeln!(text, "{} {} IN {kind} {data}", record.name, record.ttl);
    }
    text
}
