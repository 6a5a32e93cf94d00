//! Windows and days are read strictly, written back, and hold the right instants.

use super::*;

#[track_caller]
fn check<T: FromStr + std::fmt::Display>(good: &[&str], wrong: &[&str])
where
    T::Err: std::fmt::Debug,
{
    for text in good {
        assert_eq!(text.parse::<T>().unwrap().to_string(), **text);
    }
    for text in wrong {
        assert!(text.parse::<T>().is_err(), "{text:?}");
    }
}

#[test]
fn a_window_is_within_one_day() {
    check::<Window>(
        &["Mon:09:00-Mon:17:30", "Sun:00:00-Sun:23:59"],
        &[
            "",
            "Mon:09:00-Tue:17:30",
            "Mon:09:00-Mon:09:00",
            "Mon:10:00-Mon:09:00",
            "mon:09:00-mon:10:00",
            "Mon:9:00-Mon:10:00",
            "Mon:09:60-Mon:10:00",
            "Mon:09:00-Mon:24:00",
            "Mon:09:00-Mon:+9:30",
            "Mon:09:00-Mon:10:00-",
            "Mon:09:00:00-Mon:10:00:00",
        ],
    );
}

#[test]
fn a_date_is_in_the_calendar() {
    check::<Date>(
        &["1970-01-01", "2024-02-29", "2000-02-29", "2026-12-24", "2026-12-31", "2027-01-01", "9999-12-31"],
        &[
            "",
            "1969-12-31",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-04-31",
            "2026-01-00",
            "26-01-01",
            "2026-1-1",
            "2026-01-01-",
            "+026-01-01",
        ],
    );
}

#[test]
fn every_day_is_written_as_it_is_read() {
    let mut last = None;
    for days in 0..200_000 {
        let date = Date { days };
        assert_eq!(Date::parse(&date.to_string()), Ok(date));
        assert!(last < Some(date.to_string()), "{date}");
        last = Some(date.to_string());
    }
}

#[test]
fn they_hold_their_instants() {
    // 2026-12-24 is a Thursday.
    let midnight = Timestamp(1_798_070_400_000);
    let at = |hour: u64, minute: u64| Timestamp(midnight.0 + (hour * 60 + minute) * MS_OF_A_MINUTE);
    let (date, window) = (Date::parse("2026-12-24").unwrap(), Window::parse("Thu:09:00-Thu:17:30").unwrap());
    assert!(date.contains(midnight) && date.contains(at(23, 59)));
    assert!(!date.contains(Timestamp(midnight.0 - 1)) && !date.contains(at(24, 0)));
    assert!(window.contains(at(9, 0)) && window.contains(Timestamp(at(17, 30).0 - 1)));
    assert!(!window.contains(at(8, 59)) && !window.contains(at(17, 30)) && !window.contains(at(33, 0)));
    assert!(window.contains(at(9 + 7 * 24, 0)), "every week");
    assert!(!window.contains(Timestamp(u64::MAX)) || !date.contains(Timestamp(u64::MAX)));
}
