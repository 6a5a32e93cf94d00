//! The calendar as far as signatures need it: `20260131T235959Z` to an instant and back.

use hf_model::Timestamp;

const DAY_S: u64 = 86_400;

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days of a month of 1 to 12; none in any other.
pub fn days_in_month(year: u64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

/// Days from 1970-01-01 to the first day of a year from 1970 on.
fn days_before(year: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

/// Reads an instant of 1970 or later.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let is_shaped = bytes.len() == 16
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !is_shaped {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let month = month as u8;
    let fits = year >= 1970
        && (1..=u64::from(days_in_month(year, month))).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !fits {
        return None;
    }
    let days =
        days_before(year) + (1..month).map(|m| u64::from(days_in_month(year, m))).sum::<u64>() + day - 1;
    Some(Timestamp((days * DAY_S + hour * 3_600 + minute * 60 + second) * 1_000))
}

/// Writes an instant as [`parse`] reads it; the last year is 9999.
pub fn format(at: Timestamp) -> String {
    let seconds = (at.0 / 1_000).min(days_before(10_000) * DAY_S - 1);
    let (mut days, seconds) = (seconds / DAY_S, seconds % DAY_S);
    // Close from below, then up by at most a few.
    let mut year = 1970 + days / 366;
    while days_before(year + 1) <= days {
        year += 1;
    }
    days -= days_before(year);
    let mut month = 1;
    while days >= u64::from(days_in_month(year, month)) {
        days -= u64::from(days_in_month(year, month));
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{:02}T{hour:02}{minute:02}{second:02}Z", days + 1)
}
