//! How many ways through the services avoid a lost zone, with zonal and with regional calls.

use super::*;

fn services(text: &str) -> String {
    let service = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let call = |word: &str| {
            let (to, scope) = word.split_once('/').unwrap();
            let scope = if scope == "z" { "zonal" } else { "regional" };
            format!("{{ service = \"{to}\", scope = \"{scope}\" }}")
        };
        let calls: Vec<String> = words.map(call).collect();
        format!("[[service]]\nname = \"{name}\"\ncalls = [{}]\n", calls.join(", "))
    };
    text.split("; ").map(service).collect()
}

#[track_caller]
fn check(text: &str, lost: &str, expected: Expect) {
    let estate = estate(&services(text));
    let lost: Vec<_> = lost.split(' ').map(|id| zone(&estate, id)).collect();
    let region = estate.zone(lost[0]).region;
    let line = |of: &PathShare| {
        format!(
            "{}: {} of {} services, {} regional calls; regional {} {}, zonal {} {}\n",
            estate.services[of.entry.at()].name,
            format_args!("{} {}", of.avoids, of.avoids.share()),
            of.services,
            of.regional,
            of.if_regional,
            of.if_regional.share(),
            of.if_zonal,
            of.if_zonal.share()
        )
    };
    let found: String = path_shares(&estate, region, |zone| lost.contains(&zone)).iter().map(line).collect();
    expected.assert_eq(&found);
}

#[test]
fn zonal_calls_stay_with_their_caller() {
    check(
        "web cart/z; cart pay/z; pay",
        "eu-a",
        expect![[r#"
        web: 2/3 66.6% of 3 services, 0 regional calls; regional (2/3)^3 29.6%, zonal 2/3 66.6%
    "#]],
    );
    check(
        "web cart/r; cart pay/r; pay",
        "eu-a",
        expect![[r#"
        web: (2/3)^3 29.6% of 3 services, 2 regional calls; regional (2/3)^3 29.6%, zonal 2/3 66.6%
    "#]],
    );
    check(
        "web cart/z pay/r; cart pay/z; pay; batch pay/r",
        "eu-a",
        expect![[r#"
        web: (2/3)^2 44.4% of 4 services, 1 regional calls; regional (2/3)^4 19.7%, zonal 2/3 66.6%
        batch: (2/3)^2 44.4% of 2 services, 1 regional calls; regional (2/3)^2 44.4%, zonal 2/3 66.6%
    "#]],
    );
    check(
        "web cart/r; cart",
        "eu-a eu-b",
        expect![[r#"
        web: (1/3)^2 11.1% of 2 services, 1 regional calls; regional (1/3)^2 11.1%, zonal 1/3 33.3%
    "#]],
    );
    check(
        "web cart/r; cart",
        "us-a us-b",
        expect![[r#"
        web: (0/2)^2 0.0% of 2 services, 1 regional calls; regional (0/2)^2 0.0%, zonal 0/2 0.0%
    "#]],
    );
}

#[test]
fn ways_multiply_and_do_not_overflow() {
    // Each service calls the next two: more ways than a number of 64 bits counts.
    let line = |at: u32| match at {
        199 => "s199".to_owned(),
        198 => "s198 s199/r".to_owned(),
        at => format!("s{at} s{}/r s{}/r", at + 1, at + 2),
    };
    let text: Vec<String> = (0..200).map(line).collect();
    let estate = estate(&services(&text.join("; ")));
    let eu = zone(&estate, "eu-a");
    let found = path_shares(&estate, estate.zone(eu).region, |zone| zone == eu);
    assert_eq!((found.len(), found[0].services), (1, u64::MAX));
    assert_eq!(found[0].avoids.share(), hf_model::Share::ZERO);
}

#[test]
fn exact_fractions() {
    let third = Fraction { part: 2, of: 3, power: 4 };
    assert_eq!((third.exact(), third.share().ppm()), (Some((16, 81)), 197_530));
    let long = Fraction { part: 2, of: 3, power: 100 };
    assert_eq!(long.share().ppm(), 0);
    let whole = Fraction { part: 3, of: 3, power: u64::MAX };
    assert_eq!(whole.share(), hf_model::Share::ONE);
    let slow = Fraction { part: 255, of: 256, power: 200 };
    assert_eq!(slow.share().ppm(), 457_133);
}
