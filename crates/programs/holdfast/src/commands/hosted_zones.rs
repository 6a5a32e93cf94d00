//! `holdfast hosted-zones`: what DNS zones there are, and how they do.

use hf_api::{HostedZone, HostedZones};

use crate::args::Common;
use crate::failure::Failure;
use crate::output::{columns, rough, show};
use crate::session::client;

/// Lists them as the node that answers has them.
pub async fn run(common: &Common) -> Result<(), Failure> {
    show(common.output, &client(common)?.hosted_zones().await?, in_a_table)
}

fn in_a_table(all: &HostedZones) -> String {
    let mut text = format!("revision {} as {} has it\n\n", all.revision, all.node);
    if all.hosted_zones.is_empty() {
        text.push_str("no hosted zones; declare one with [[hosted_zone]] in the estate file\n");
        return text;
    }
    let rows: Vec<_> = all.hosted_zones.iter().map(row).collect();
    let header = ["NAME", "SOURCE", "SERIAL", "RECORDS", "STEERED", "DYNAMIC", "DNSSEC", "AGE", "PROBLEM"];
    text.push_str(&columns(header, &rows));
    text
}

fn row(zone: &HostedZone) -> [String; 9] {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let dnssec = match (&zone.dnssec, zone.keys.len()) {
        (None, _) => "no",
        (Some(_), 0) => "no keys",
        (Some(_), _) => "yes",
    };
    [
        zone.name.clone(),
        zone.source.as_str().to_owned(),
        or_none(zone.serial.map(|serial| serial.to_string())),
        or_none(zone.records.map(|records| records.to_string())),
        zone.steered.to_string(),
        zone.dynamic_records.to_string(),
        dnssec.to_owned(),
        or_none(zone.age_ms.map(rough)),
        // A table has one line for each; all of it is in the JSON form.
        or_none(zone.problem.as_ref().and_then(|problem| problem.lines().next()).map(str::to_owned)),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use hf_api::HostedZoneSource;

    use super::*;

    fn zone(name: &str, source: HostedZoneSource) -> HostedZone {
        HostedZone {
            name: name.to_owned(),
            source,
            serial: None,
            age_ms: None,
            records: None,
            steered: 0,
            dynamic_records: 0,
            transfers: vec![],
            notify: vec![],
            update_keys: vec![],
            dnssec: None,
            keys: vec![],
            problem: None,
        }
    }

    #[test]
    fn hosted_zones_are_told_a_line_each() {
        let estate = HostedZone {
            serial: Some(7),
            records: Some(12),
            steered: 2,
            ..zone("example.test.", HostedZoneSource::Estate)
        };
        let late = HostedZone {
            serial: Some(2_026_010_100),
            records: Some(1_000_000),
            age_ms: Some(7_260_000),
            problem: Some("192.0.2.1:53 does not answer; see to it\nsince two hours".to_owned()),
            ..zone("example.net.", HostedZoneSource::Secondary)
        };
        let none = zone("example.org.", HostedZoneSource::Node);
        let all = HostedZones { node: "n1".to_owned(), revision: 9, hosted_zones: vec![estate, late, none] };
        expect![[r#"
            revision 9 as n1 has it

            NAME           SOURCE     SERIAL      RECORDS  STEERED  DYNAMIC  DNSSEC  AGE   PROBLEM
            example.test.  estate     7           12       2        0        no      -     -
            example.net.   secondary  2026010100  1000000  0        0        no      2h1m  192.0.2.1:53 does not answer; see to it
            example.org.   node       -           -        0        0        no      -     -
        "#]]
        .assert_eq(&in_a_table(&all));
        let nothing = in_a_table(&HostedZones { hosted_zones: vec![], ..all });
        assert!(nothing.contains("declare one with [[hosted_zone]]"), "{nothing}");
    }
}
