use super::*;

#[test]
fn windows_are_written_as_they_are_read() {
    for text in ["Mon:00:00-Mon:00:01", "Sun:22:30-Sun:24:00", "Wed:09:05-Wed:17:59"] {
        assert_eq!(Window::parse(text).unwrap().to_string(), text);
    }
    for bad in [
        "",
        "Mon:09:00",
        "Mon:09:00-Mon:08:00",
        "Mon:9:00-Mon:10:00",
        "Mon:09:60-Mon:10:00",
        "Mon:23:00-Mon:24:01",
        "Mon:+9:00-Mon:10:00",
        "Xyz:09:00-Xyz:10:00",
    ] {
        assert_eq!(Window::parse(bad), None, "{bad}");
    }
}

#[test]
fn dates_are_days_of_the_calendar() {
    for text in ["2026-12-31", "2028-02-29", "2000-02-29", "0000-01-01"] {
        assert_eq!(Date::parse(text).unwrap().to_string(), text);
    }
    for bad in [
        "",
        "2026-02-29",
        "2100-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-1-01",
        "20260101--",
        "2026-01-0é",
    ] {
        assert_eq!(Date::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_change_leaves_the_rest_and_never_both_kinds_of_windows() {
    let window = |text: &str| vec![Window::parse(text).unwrap()];
    let old = PracticeConfig {
        outcome_alarms: vec![Alarm { identifier: "web-errors".to_owned() }],
        blocking_alarms: vec![],
        blocked_windows: window("Mon:09:00-Mon:17:30"),
        allowed_windows: vec![],
        blocked_dates: vec![],
    };
    assert_eq!(PracticeChange::default().applied_to(old.clone()), Ok(old.clone()));
    let allow =
        PracticeChange { allowed_windows: Some(window("Tue:09:00-Tue:10:00")), ..PracticeChange::default() };
    let error = allow.clone().applied_to(old.clone()).unwrap_err();
    assert!(error.to_string().contains("empty list"), "{error}");
    let swap = PracticeChange { blocked_windows: Some(vec![]), ..allow };
    let new = swap.applied_to(old.clone()).unwrap();
    assert_eq!(new.allowed_windows, window("Tue:09:00-Tue:10:00"));
    assert_eq!(new.outcome_alarms, old.outcome_alarms);
}
