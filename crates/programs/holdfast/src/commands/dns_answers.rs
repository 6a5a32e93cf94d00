//! `holdfast hosted-zones --answers`: how the split of each steered name came out beside how it was wanted.

use hf_api::{DnsAnswers, DnsName, DnsShare};

use crate::args::{Common, HostedZonesArgs};
use crate::failure::Failure;
use crate::output::{columns, show};
use crate::session::client;

/// Tells what the node that answers has counted.
pub async fn run(args: &HostedZonesArgs, common: &Common) -> Result<(), Failure> {
    show(common.output, &client(common)?.dns_answers(args.name.as_deref()).await?, in_a_table)
}

fn in_a_table(all: &DnsAnswers) -> String {
    let mut text = format!("answered by {} since its start\n\n", all.node);
    if !all.answers_dns {
        text.push_str("this node does not answer DNS; ask one that does with --endpoint\n");
        return text;
    }
    if all.names.is_empty() {
        text.push_str("no such steered name; declare one with [[record]] in the estate file\n");
        return text;
    }
    let rows: Vec<_> = all.names.iter().flat_map(rows).collect();
    text.push_str(&columns(["NAME", "TYPE", "ANSWERS", "BY", "GAVE", "SHARE", "WEIGHT"], &rows));
    if all.left_out > 0 {
        text.push_str(&format!("{} more names; ask for one by its name\n", all.left_out));
    }
    text
}

fn rows(name: &DnsName) -> Vec<[String; 7]> {
    let head = [name.name.clone(), name.r#type.clone(), name.answers.to_string()];
    let zones = name.zones.iter().map(|share| (share.of.clone(), share));
    let branches = name.branches.iter().map(|share| (format!("branch {}", share.of), share));
    let row = |(at, (by, share)): (usize, (String, &DnsShare))| {
        // The name stands once, before the first of its lines.
        let [name, rtype, answers] = if at == 0 { head.clone() } else { Default::default() };
        let percent = |ppm: Option<u32>| {
            ppm.map_or_else(|| "-".to_owned(), |ppm| format!("{}.{}%", ppm / 10_000, ppm / 1_000 % 10))
        };
        let (achieved, configured) = (percent(share.achieved_ppm), percent(share.configured_ppm));
        [name, rtype, answers, by, share.answers.to_string(), achieved, configured]
    };
    let mut rows: Vec<_> = zones.chain(branches).enumerate().map(row).collect();
    if rows.is_empty() {
        let [name, rtype, answers] = head.clone();
        let none = || "-".to_owned();
        rows.push([name, rtype, answers, none(), none(), none(), none()]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn shares_stand_beside_what_was_wanted() {
        let share = |of: &str, answers, achieved_ppm, configured_ppm| DnsShare {
            of: of.to_owned(),
            answers,
            achieved_ppm,
            configured_ppm,
        };
        let name = |name: &str, zones, branches| DnsName {
            name: name.to_owned(),
            r#type: "A".to_owned(),
            answers: 8,
            zones,
            branches,
        };
        let zones =
            vec![share("a", 6, Some(750_000), Some(666_666)), share("b", 2, Some(250_000), Some(333_333))];
        let branches = vec![share("1", 8, Some(1_000_000), None), share("2", 0, Some(0), None)];
        let names = vec![
            name("www.example.test.", zones, vec![]),
            name("tree.example.test.", vec![], branches),
            name("many.example.test.", vec![], vec![]),
        ];
        let all = DnsAnswers { node: "n1".to_owned(), answers_dns: true, counts: vec![], names, left_out: 3 };
        expect![[r#"
            answered by n1 since its start

            NAME                TYPE  ANSWERS  BY        GAVE  SHARE   WEIGHT
            www.example.test.   A     8        a         6     75.0%   66.6%
                                               b         2     25.0%   33.3%
            tree.example.test.  A     8        branch 1  8     100.0%  -
                                               branch 2  0     0.0%    -
            many.example.test.  A     8        -         -     -       -
            3 more names; ask for one by its name
        "#]]
        .assert_eq(&in_a_table(&all));
        let other = DnsAnswers { answers_dns: false, names: vec![], ..all };
        assert!(in_a_table(&other).contains("--endpoint"));
    }
}
