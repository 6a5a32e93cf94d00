//! When practice runs may run: alarms, weekly windows, dates.

use std::fmt;

use hf_sigv4::date::days_in_month;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{ArcError, ValidationReason as Reason};
use crate::fields::{Check, Leaf};
use crate::texts::{shown, sized, text, wrong};

/// An alarm that watches practice runs. Its only type is `CLOUDWATCH`, its identifier any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Of 8 to 1,024 characters.
    pub identifier: String,
}

impl Serialize for Alarm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("type", "CLOUDWATCH"), ("alarmIdentifier", &self.identifier)])
    }
}

/// A day of the week, Monday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "days")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn of_name(name: &str) -> Option<Day> {
        let days = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        days.into_iter().find(|day| format!("{day:?}") == name)
    }
}

/// A weekly span of time within one day, UTC: `Mon:09:00-Mon:17:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The day.
    pub day: Day,
    /// Minutes after midnight: its first.
    pub from_min: u16,
    /// Minutes after midnight: the first that is not in it; later than the first.
    pub to_min: u16,
}

impl Window {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Window> {
        let (from, to) = text.split_once('-')?;
        let ((day, from_min), (last_day, to_min)) = (instant(from)?, instant(to)?);
        (day == last_day && from_min < to_min).then_some(Window { day, from_min, to_min })
    }
}

fn instant(text: &str) -> Option<(Day, u16)> {
    let (day, time) = text.split_once(':')?;
    let (hours, minutes) = time.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    // 24:00 is the end of a day.
    let fits = (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0);
    fits.then_some((Day::of_name(day)?, hours * 60 + minutes))
}

fn two_digits(text: &str) -> Option<u16> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { day, from_min, to_min } = self;
        let (from_h, to_h) = (from_min / 60, to_min / 60);
        write!(f, "{day:?}:{from_h:02}:{:02}-{day:?}:{to_h:02}:{:02}", from_min % 60, to_min % 60)
    }
}

impl Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A day of the calendar, UTC: `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Date> {
        let bytes = text.as_bytes();
        let is_shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_shaped {
            return None;
        }
        let (year, month, day) = (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
        let fits = (1..=12).contains(&month) && (1..=days_in_month(u64::from(year), month)).contains(&day);
        fits.then_some(Date { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// All of a resource's configuration, as it is shown and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PracticeConfig {
    /// They fail a run that they go off in; 1 to 10.
    pub outcome_alarms: Vec<Alarm>,
    /// They keep a run from beginning, and interrupt it; 0 to 10.
    pub blocking_alarms: Vec<Alarm>,
    /// No runs then; 0 to 15. Excludes allowed windows.
    pub blocked_windows: Vec<Window>,
    /// Runs only then; 0 to 15.
    pub allowed_windows: Vec<Window>,
    /// No runs on these days; 0 to 15.
    pub blocked_dates: Vec<Date>,
}

/// Changes to a configuration: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeChange {
    /// See [`PracticeConfig::outcome_alarms`].
    pub outcome_alarms: Option<Vec<Alarm>>,
    /// See [`PracticeConfig::blocking_alarms`].
    pub blocking_alarms: Option<Vec<Alarm>>,
    /// See [`PracticeConfig::blocked_windows`].
    pub blocked_windows: Option<Vec<Window>>,
    /// See [`PracticeConfig::allowed_windows`].
    pub allowed_windows: Option<Vec<Window>>,
    /// See [`PracticeConfig::blocked_dates`].
    pub blocked_dates: Option<Vec<Date>>,
}

impl PracticeChange {
    /// The configuration after the change.
    ///
    /// # Errors
    ///
    /// When it would have windows of both kinds: whoever changes from one kind to the other empties the first in the same call.
    pub fn applied_to(self, old: PracticeConfig) -> Result<PracticeConfig, ArcError> {
        let new = PracticeConfig {
            outcome_alarms: self.outcome_alarms.unwrap_or(old.outcome_alarms),
            blocking_alarms: self.blocking_alarms.unwrap_or(old.blocking_alarms),
            blocked_windows: self.blocked_windows.unwrap_or(old.blocked_windows),
            allowed_windows: self.allowed_windows.unwrap_or(old.allowed_windows),
            blocked_dates: self.blocked_dates.unwrap_or(old.blocked_dates),
        };
        if !new.blocked_windows.is_empty() && !new.allowed_windows.is_empty() {
            return Err(ArcError::invalid(
                "allowedWindows",
                Reason::InvalidPracticeWindows,
                "the configuration would have blockedWindows beside allowedWindows; send an empty list for the other",
            ));
        }
        Ok(new)
    }

    /// Reads the members that a new configuration and a change have in common.
    pub(crate) fn read(check: &mut Check, members: &Map<String, Value>) -> PracticeChange {
        let outcome_alarms =
            check.list(members, "outcomeAlarms", (Reason::InvalidAlarmCondition, 1, 10), alarm);
        let blocking_alarms =
            check.list(members, "blockingAlarms", (Reason::InvalidAlarmCondition, 0, 10), alarm);
        let blocked_windows =
            check.list(members, "blockedWindows", (Reason::InvalidPracticeBlocker, 0, 15), |check, value| {
                check.item(value, text(|text| window(Reason::InvalidPracticeBlocker, text)))
            });
        let allowed_windows = check.list(
            members,
            "allowedWindows",
            (Reason::InvalidPracticeAllowedWindow, 0, 15),
            |check, value| check.item(value, text(|text| window(Reason::InvalidPracticeAllowedWindow, text))),
        );
        let blocked_dates =
            check.list(members, "blockedDates", (Reason::InvalidPracticeBlocker, 0, 15), |check, value| {
                check.item(value, text(date))
            });
        let gives = |windows: &Option<Vec<Window>>| windows.as_ref().is_some_and(|list| !list.is_empty());
        if gives(&blocked_windows) && gives(&allowed_windows) {
            check.add(
                "allowedWindows",
                Reason::InvalidPracticeWindows,
                "cannot stand beside blockedWindows; give one of the two",
            );
        }
        PracticeChange { outcome_alarms, blocking_alarms, blocked_windows, allowed_windows, blocked_dates }
    }
}

fn window(reason: Reason, text: &str) -> Leaf<Window> {
    Window::parse(text).ok_or_else(|| {
        wrong(
            reason,
            format!(
                "{} is not a window; write Mon:09:00-Mon:17:30, in UTC, both ends on one day",
                shown(text)
            ),
        )
    })
}

fn date(text: &str) -> Leaf<Date> {
    Date::parse(text).ok_or_else(|| {
        wrong(
            Reason::InvalidPracticeBlocker,
            format!("{} is not a date; write it as 2026-12-24", shown(text)),
        )
    })
}

fn alarm(check: &mut Check, value: &Value) -> Option<Alarm> {
    check.item_object(value, |check, members| {
        let kind = check.required(
            members,
            "type",
            text(|text| match text {
                "CLOUDWATCH" => Ok(()),
                other => Err(wrong(
                    Reason::InvalidConditionType,
                    format!("{} is not a type of alarm; the only one is CLOUDWATCH", shown(other)),
                )),
            }),
        );
        let identifier = check.required(
            members,
            "alarmIdentifier",
            text(|text| sized(Reason::InvalidAlarmCondition, 8, 1024)(text).map(str::to_owned)),
        );
        kind.and(identifier).map(|identifier| Alarm { identifier })
    })
}

#[cfg(test)]
mod tests;
