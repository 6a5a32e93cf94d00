use hf_api::{Reason, ReasonKind};
use ratatui::backend::TestBackend;

use super::*;

fn zone(state: ZoneState, healthy: u32) -> Zone {
    let reason = Reason {
        kind: ReasonKind::Healthy,
        text: "healthy".to_owned(),
        until_ms: None,
        shift: None,
        by: None,
        held: false,
    };
    Zone {
        id: "use1-az1".to_owned(),
        region: "us-east-1".to_owned(),
        aliases: Vec::new(),
        state,
        reason,
        healthy,
        of: 4,
        share_ppm: None,
        requests_per_1000_s: None,
        failures_per_1000_s: None,
        headroom_ppm: None,
        scale_in_held: None,
        open_connections: None,
    }
}

#[test]
fn a_zone_is_named_by_acts_first_and_then_by_health() {
    let check = |state, healthy| {
        let (word, _, why) = state_of(&zone(state, healthy));
        format!("{word}: {why}")
    };
    assert_eq!(check(ZoneState::Open, 4), "open: healthy");
    assert_eq!(check(ZoneState::Open, 1), "part: 3 of 4 endpoints unhealthy");
    assert_eq!(check(ZoneState::Open, 0), "sick: all 4 endpoints unhealthy");
    assert_eq!(check(ZoneState::Away, 0), "AWAY: healthy");
}

fn drawn(panel: &mut Panel) -> Vec<String> {
    let cells = ["1 use1-az1", "dead", "1/4", "part", "100% ████", "  0%", "1500.0 ms", "12"];
    let plain = Style::default();
    let row = |name: &str| {
        let mut row: [(String, Style); 9] = std::array::from_fn(|at| {
            (cells.get(at).copied().unwrap_or("3 of 4 endpoints unhealthy").to_owned(), plain)
        });
        name.clone_into(&mut row[0].0);
        row
    };
    let scene = Scene {
        rows: (1..=6).map(|number| row(&format!("{number} use1-az{number}"))).collect(),
        chosen: 1,
        crowds: vec![Line::from("through Holdfast"), Line::from("plain round robin")],
        words: vec!["    1.0 s  something happened".to_owned()],
        control_runs: true,
        revision: 7,
    };
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| scene.draw(frame, panel)).unwrap();
    let buffer = terminal.backend().buffer();
    (0..24).map(|y| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>()).collect()
}

#[test]
fn everything_is_legible_on_eighty_columns_and_twenty_four_lines() {
    let lines = drawn(&mut Panel::new(""));
    let all = lines.join("\n");
    let wanted = ["12", "1500.0 ms", "2 use1-az2: 3 of 4 endpoints unhealthy", "something happened"];
    for want in wanted.into_iter().chain(KEYS).chain(NOTES) {
        assert!(all.contains(want), "{want}\n{all}");
    }
}

#[test]
fn the_panel_covers_the_zones_and_says_how_to_leave_it() {
    let mut panel = Panel::new("source /tmp/x/env");
    panel.open();
    let all = drawn(&mut panel).join("\n");
    assert!(all.contains("\nsource /tmp/x/env ") && all.contains("Esc back"), "{all}");
    assert!(!all.contains("use1-az1") && !all.contains("k kill"), "{all}");
}
