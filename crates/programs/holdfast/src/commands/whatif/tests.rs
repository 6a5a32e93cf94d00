use hf_api::{KnownCapacity, RefusedThere, WhatIfPool};

use super::*;

fn zone(id: &str, lost: bool, before: u64, after: u64) -> WhatIfZone {
    let capacity = 100_000;
    let load = |before: u64, after: u64, hour_ms| ProjectedLoad {
        before_per_1000_s: before * 1_000,
        after_per_1000_s: after * 1_000,
        hour_ms,
        headroom_ppm: Some((100 - after.min(100)) as u32 * 10_000),
        fit: if after * 1_000 > capacity { LoadFit::Beyond } else { LoadFit::Fits },
    };
    WhatIfZone {
        id: id.to_owned(),
        lost,
        capacity: Some(KnownCapacity {
            per_1000_s: capacity,
            basis: CapacityBasis::Declared,
            failed_at_per_1000_s: None,
        }),
        now: Some(load(before, after, None)),
        peak: Some(load(before * 2, after * 2, Some(0))),
    }
}

#[test]
fn a_table_tells_who_carries_what() {
    let found = WhatIf {
        node: "n1".to_owned(),
        revision: 7,
        week: true,
        lost: vec!["a".to_owned()],
        ok: false,
        verdict: WhatIfVerdict::Refused,
        refused: vec![RefusedThere {
            resource: "pool/web".to_owned(),
            zone: "a".to_owned(),
            why: "at least 3 zones must stay, this would leave 2".to_owned(),
        }],
        shift_refused: None,
        load_known: true,
        hours_known: 30,
        zones: vec![zone("a", true, 40, 0), zone("b", false, 40, 60), zone("c", false, 20, 40)],
        pools: vec![WhatIfPool {
            name: "db".to_owned(),
            out: true,
            nowhere_per_1000_s: 1_500,
            zones: Vec::new(),
        }],
        paths: vec![WhatIfPath {
            service: "shop".to_owned(),
            region: "r".to_owned(),
            services: 3,
            regional_calls: 2,
            avoids: "(2/3)^3".to_owned(),
            avoids_ppm: 296_296,
            if_regional: "(2/3)^3".to_owned(),
            if_regional_ppm: 296_296,
            if_zonal: "2/3".to_owned(),
            if_zonal_ppm: 666_666,
        }],
    };
    let text = in_words(&found, Style { bars: true, colour: false });
    assert!(text.starts_with("if a went, as n1 sees it at revision 7\n\n"), "{text}");
    for told in [
        "40/s -> 60/s",
        "80/s -> 120/s",
        "40.0%",
        "BEYOND",
        "GONE",
        "[############++++++++]!",
        "[########++++++++    ]",
        "\nthe peak is that of 30 hours in the last week\n",
        "\npool/db WOULD SERVE NOBODY: 1.5/s go nowhere\n",
        "\nrefused:\n  pool/web stays in a: at least 3 zones must stay, this would leave 2\n",
        "(2/3)^3 = 29.6%",
        "2/3 = 66.6%",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert!(text.ends_with("an evacuation would be refused; see above what holds it\n"), "{text}");
}
