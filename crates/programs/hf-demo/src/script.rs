//! What happens when: `kill:use1-az1@5s, heal:use1-az1@20s, shift:use1-az2@30s`.

use std::time::Duration;

use hf_model::{format_duration, parse_duration};

use crate::world::World;

/// Something done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Everything in the zone dies at once: node and application.
    Kill,
    /// A part of the application's answers are errors.
    Errors,
    /// The application's answers take too long.
    Slow,
    /// The zone's application answers well again, and its node runs.
    Heal,
    /// A zonal shift.
    Shift,
    /// The end of the zone's shift.
    Cancel,
    /// The control node dies.
    KillControl,
    /// The control node runs again.
    HealControl,
}

impl Action {
    const NAMES: [(&'static str, Action); 8] = [
        ("kill", Action::Kill),
        ("errors", Action::Errors),
        ("slow", Action::Slow),
        ("heal", Action::Heal),
        ("shift", Action::Shift),
        ("cancel", Action::Cancel),
        ("kill-control", Action::KillControl),
        ("heal-control", Action::HealControl),
    ];

    /// As written in scripts and reports.
    pub fn as_str(self) -> &'static str {
        Action::NAMES.iter().find(|(_, action)| *action == self).map_or("", |(name, _)| name)
    }

    /// Whether it makes its zone unhealthy.
    pub fn does_harm(self) -> bool {
        matches!(self, Action::Kill | Action::Errors | Action::Slow)
    }

    /// Whether it is done to a zone.
    pub fn has_zone(self) -> bool {
        !matches!(self, Action::KillControl | Action::HealControl)
    }
}

/// One line of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub action: Action,
    /// Where; none for the control node.
    pub zone: Option<&'static str>,
    /// When, after the world is ready.
    pub at: Duration,
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{part}`: {what}; write ACTION:ZONE@TIME, such as kill:use1-az1@5s, or kill-control@5s, separated by commas"
)]
pub struct ScriptError {
    part: String,
    what: String,
}

/// Reads a script; lines come out in order of time.
pub fn parse(text: &str, world: &World, length: Option<Duration>) -> Result<Vec<Line>, ScriptError> {
    let mut lines = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let error = |what: String| ScriptError { part: part.to_owned(), what };
            parse_line(part, world, length).map_err(error)
        })
        .collect::<Result<Vec<Line>, ScriptError>>()?;
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

fn parse_line(part: &str, world: &World, length: Option<Duration>) -> Result<Line, String> {
    let (what, at) = part.split_once('@').ok_or("no time")?;
    let at = parse_duration(at.trim()).map_err(|error| error.to_string())?;
    if length.is_some_and(|length| at >= length) {
        return Err(format!("after the end of the run ({})", format_duration(length.unwrap_or_default())));
    }
    let (name, zone) = match what.split_once(':') {
        Some((name, zone)) => (name.trim(), Some(zone.trim())),
        None => (what.trim(), None),
    };
    let action =
        Action::NAMES.iter().find(|(known, _)| *known == name).map(|(_, action)| *action).ok_or_else(
            || {
                let names: Vec<&str> = Action::NAMES.iter().map(|(name, _)| *name).collect();
                format!("no action `{name}`: there are {}", names.join(", "))
            },
        )?;
    let zone = match (action.has_zone(), zone) {
        (true, Some(zone)) => Some(world.place(zone).map(|place| place.zone).ok_or_else(|| {
            let zones: Vec<&str> = world.places().iter().map(|place| place.zone).collect();
            format!("no zone `{zone}`: there are {}", zones.join(", "))
        })?),
        (true, None) => return Err("no zone".to_owned()),
        (false, Some(_)) => return Err(format!("{name} has no zone")),
        (false, None) => None,
    };
    Ok(Line { action, zone, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<String>, String> {
        let lines =
            parse(text, &World::new(0), Some(Duration::from_mins(1))).map_err(|error| error.to_string())?;
        Ok(lines.iter().map(|l| format!("{} {:?} {:?}", l.action.as_str(), l.zone, l.at)).collect())
    }

    #[test]
    fn lines_come_in_order_of_time() {
        assert_eq!(
            check("heal:use1-az1@20s, kill:use1-az1@5s ,kill-control@7s").unwrap(),
            ["kill Some(\"use1-az1\") 5s", "kill-control None 7s", "heal Some(\"use1-az1\") 20s"]
        );
        assert_eq!(check("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_bad_part_is_named_with_its_mend() {
        for (text, want) in [
            ("kill:use1-az1", "no time"),
            ("kill:mars@5s", "no zone `mars`: there are use1-az1"),
            ("explode:use1-az1@5s", "no action `explode`: there are kill"),
            ("kill@5s", "no zone"),
            ("kill-control:use1-az1@5s", "kill-control has no zone"),
            ("kill:use1-az1@90s", "after the end of the run (1m)"),
            ("kill:use1-az1@soon", "is not a length of time"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(want) && error.contains("write ACTION:ZONE@TIME"), "{text}: {error}");
        }
    }
}
