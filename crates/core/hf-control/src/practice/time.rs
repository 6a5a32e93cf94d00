//! Weekly windows and days of the calendar, in UTC, by whole numbers on the ledger's stamps.
//!
//! Not here: what they allow or forbid (`apply/practice.rs`).

use std::str::FromStr;

use hf_model::Timestamp;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_OF_A_DAY: u16 = 24 * 60;
const MS_OF_A_MINUTE: u64 = 60_000;
const MS_OF_A_DAY: u64 = 86_400_000;

/// A weekly window in UTC, within one day: `Mon:09:00-Mon:17:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// 0 = Monday to 6 = Sunday.
    day: u8,
    /// Minutes since midnight; before `to`.
    from: u16,
    /// Minutes since midnight; the minute itself is outside.
    to: u16,
}

/// Why a text is not a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a window; write it as `Mon:09:00-Mon:17:30`, in UTC, within one day, the end after the beginning"
)]
pub struct WindowError(pub String);

impl Window {
    /// Reads `Mon:09:00-Mon:17:30`.
    ///
    /// # Errors
    ///
    /// [`WindowError`] for another form, two days, or an end that is not after the beginning.
    pub fn parse(text: &str) -> Result<Self, WindowError> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            let ((day, from), (day_to, to)) = (instant(from)?, instant(to)?);
            (day == day_to && from < to).then_some(Window { day, from, to })
        };
        read().ok_or_else(|| WindowError(text.chars().take(40).collect()))
    }

    /// Whether `at` lies in it: the first minute does, the last does not.
    pub fn contains(self, at: Timestamp) -> bool {
        // 1970-01-01 was a Thursday, the fourth day of its week.
        let day = (at.0 / MS_OF_A_DAY + 3) % 7;
        let minute = at.0 % MS_OF_A_DAY / MS_OF_A_MINUTE;
        day == u64::from(self.day) && (u64::from(self.from)..u64::from(self.to)).contains(&minute)
    }
}

/// `Mon:09:00` as a day and minutes.
fn instant(text: &str) -> Option<(u8, u16)> {
    let (day, time) = text.split_once(':')?;
    let (hour, minute) = time.split_once(':')?;
    let day = DAYS.iter().position(|known| *known == day)?;
    let (hour, minute) = (digits::<2>(hour)?, digits::<2>(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes < u32::from(MINUTES_OF_A_DAY)).then_some((day as u8, minutes as u16))
}

/// A number of exactly `N` digits.
fn digits<const N: usize>(text: &str) -> Option<u32> {
    (text.len() == N && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

impl FromStr for Window {
    type Err = WindowError;
    fn from_str(text: &str) -> Result<Self, WindowError> {
        Self::parse(text)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = DAYS[usize::from(self.day)];
        let (from, to) = (self.from, self.to);
        write!(f, "{day}:{:02}:{:02}-{day}:{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// A day of the calendar, 1970 to 9999: `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: u32,
}

/// Why a text is not a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day of the calendar; write it as `2026-12-24`, 1970 or later")]
pub struct DateError(pub String);

impl Date {
    /// Reads `2026-12-24`.
    ///
    /// # Errors
    ///
    /// [`DateError`] for another form and for a day that no calendar has.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let read = || {
            let mut parts = text.split('-');
            let (year, month, day) =
                (digits::<4>(parts.next()?)?, digits::<2>(parts.next()?)?, digits::<2>(parts.next()?)?);
            let is_real = parts.next().is_none()
                && year >= 1970
                && (1..=12).contains(&month)
                && (1..=days_of_month(year, month)).contains(&day);
            is_real.then(|| Date { days: days_before_year(year) + days_before_month(year, month) + day - 1 })
        };
        read().ok_or_else(|| DateError(text.chars().take(40).collect()))
    }

    /// Whether `at` lies in this day.
    pub fn contains(self, at: Timestamp) -> bool {
        at.0 / MS_OF_A_DAY == u64::from(self.days)
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap(year)),
        _ => 31,
    }
}

fn days_before_month(year: u32, month: u32) -> u32 {
    (1..month).map(|earlier| days_of_month(year, earlier)).sum()
}

/// From 1970-01-01 to the first of January of `year`.
fn days_before_year(year: u32) -> u32 {
    let leap_days = |year: u32| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

impl FromStr for Date {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        Self::parse(text)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A year has 365 days or more: the estimate is never too early, and at most a few years late.
        let mut year = 1970 + self.days / 365;
        while days_before_year(year) > self.days {
            year -= 1;
        }
        let of_year = self.days - days_before_year(year);
        let month = (1..=12).rev().find(|month| days_before_month(year, *month) <= of_year).unwrap_or(1);
        write!(f, "{year:04}-{month:02}-{:02}", of_year - days_before_month(year, month) + 1)
    }
}

#[cfg(test)]
mod tests;
