//! `holdfast practice` and `holdfast autoshift`.

use hf_api::{
    Autoshift, AutoshiftSeen, AutoshiftsSeen, Practice, PracticeOutcome, PracticeRefused, PracticeRun,
    Practices, PutPractice, SetAutoshift, StartPractice,
};

use super::shift;
use crate::args::{AutoshiftArgs, AutoshiftCommand, Common, PracticeArgs, PracticeCommand};
use crate::failure::Failure;
use crate::output::{columns, rough, show};
use crate::session::client;

/// Runs one of the practice commands.
pub async fn run(args: &PracticeArgs, common: &Common) -> Result<(), Failure> {
    let client = client(common)?;
    match &args.command {
        PracticeCommand::Start { resource, zone, reason, no_wait } => {
            let start = StartPractice {
                zone: zone.clone(),
                reason: reason.clone(),
                request_id: Some(hf_api::client::request_id()),
            };
            let run = client.start_practice(resource, &start).await?;
            let what = format!("rehearses: {} leaves {}", run.resource, run.zone);
            shift::applied(&client, run, &what, shift::Wait::unless(*no_wait), common).await.map(|_| ())
        }
        PracticeCommand::List => show(common.output, &client.practices().await?, in_table),
        PracticeCommand::Show { resource } => {
            show(common.output, &client.practice(resource).await?, in_words)
        }
        PracticeCommand::History { resource } => {
            let practice = client.practice(resource).await?;
            show(common.output, &practice.history, |runs| told(runs, &practice.refused))
        }
        PracticeCommand::Gate { resource, within } => {
            let practice = client.practice(resource).await?;
            let now_ms = client.status().await?.now_ms;
            let open = gate(&practice, now_ms, within.as_millis() as u64).map_err(Failure::Refused)?;
            show(common.output, &practice, |_| open)
        }
        PracticeCommand::Configure {
            resource,
            outcome_alarm,
            blocking_alarm,
            blocked_window,
            allowed_window,
            blocked_date,
        } => {
            let put = PutPractice {
                outcome_alarms: outcome_alarm.clone(),
                blocking_alarms: blocking_alarm.clone(),
                blocked_windows: blocked_window.clone(),
                allowed_windows: allowed_window.clone(),
                blocked_dates: blocked_date.clone(),
                request_id: Some(hf_api::client::request_id()),
            };
            let done = client.put_practice(resource, &put).await?;
            show(common.output, &done, |done| {
                format!("{resource} is configured, at revision {}", done.revision)
            })?;
            // An alarm may come into the estate later, so it is taken; but a slip would be a run that nothing stops.
            let unknown = client.practice(resource).await.map(|told| told.unknown_alarms);
            for line in doubts(resource, unknown) {
                eprintln!("holdfast: {line}");
            }
            Ok(())
        }
        PracticeCommand::Delete { resource } => {
            let done = client.delete_practice(resource).await?;
            show(common.output, &done, |done| {
                format!("{resource} has no practice configuration any more, at revision {}", done.revision)
            })
        }
    }
}

/// Says whether automatic shifts may act.
pub async fn autoshift(args: &AutoshiftArgs, common: &Common) -> Result<(), Failure> {
    let (resource, to) = match &args.command {
        AutoshiftCommand::List => {
            return show(common.output, &client(common)?.autoshifts().await?, watched);
        }
        AutoshiftCommand::On { resource } => (resource, Autoshift::On),
        AutoshiftCommand::Advise { resource } => (resource, Autoshift::Advise),
        AutoshiftCommand::Off { resource } => (resource, Autoshift::Off),
    };
    let set = SetAutoshift { to, request_id: Some(hf_api::client::request_id()) };
    let done = client(common)?.set_autoshift(resource, &set).await?;
    show(common.output, &done, |done| {
        format!("autoshift of {resource} is {}, at revision {}", to.as_str(), done.revision)
    })
}

/// What is to be said of a configuration that was taken: alarms that nothing sets off, or that nobody could be asked for those.
fn doubts<E: std::fmt::Display>(resource: &str, unknown: Result<Vec<String>, E>) -> Vec<String> {
    match unknown {
        Ok(unknown) => unknown.iter().map(|alarm| unknown_alarm(alarm)).collect(),
        Err(why) => vec![format!(
            "whether all its alarms exist could not be asked ({why}); `holdfast practice show {resource}` tells"
        )],
    }
}

fn unknown_alarm(alarm: &str) -> String {
    format!("{alarm}: no health check of the estate has this name; it never goes off")
}

fn watched(seen: &AutoshiftsSeen) -> String {
    if seen.autoshifts.is_empty() {
        return "nothing is watched; `holdfast autoshift on RESOURCE` or `advise RESOURCE` begins it"
            .to_owned();
    }
    let row = |one: &AutoshiftSeen| {
        let shift = one.shift.clone().unwrap_or_else(|| "-".to_owned());
        [one.resource.clone(), one.setting.as_str().to_owned(), shift, one.text.clone()]
    };
    let rows: Vec<[String; 4]> = seen.autoshifts.iter().map(row).collect();
    columns(["RESOURCE", "AUTOSHIFT", "SHIFT", "EVIDENCE"], &rows)
}

fn in_table(practices: &Practices) -> String {
    if practices.practices.is_empty() {
        return "no resource has a practice configuration; make one with `holdfast practice configure`"
            .to_owned();
    }
    let row = |practice: &Practice| {
        let run = practice.history.last();
        let mut last = run.map_or("never".to_owned(), |run| {
            format!("{} out of {}, {}", hf_api::instant(run.started_at_ms), run.zone, run.outcome.as_str())
        });
        let began_at = run.map_or(0, |run| run.started_at_ms);
        if let Some(of) = practice.refused.last().filter(|of| of.last_at_ms >= began_at) {
            let (at, zone, why) = (hf_api::instant(of.last_at_ms), &of.zone, &of.why);
            last.push_str(&format!("; none began {at} out of {zone}: {why}"));
        }
        [practice.resource.clone(), practice.autoshift.as_str().to_owned(), when(practice), last]
    };
    let rows: Vec<[String; 4]> = practices.practices.iter().map(row).collect();
    columns(["RESOURCE", "AUTOSHIFT", "RUNS MAY RUN", "LAST RUN"], &rows)
}

fn when(practice: &Practice) -> String {
    let config = &practice.config;
    let mut text = match (&config.allowed_windows[..], &config.blocked_windows[..]) {
        ([], []) => "always".to_owned(),
        (allowed @ [_, ..], _) => format!("in {}", allowed.join(", ")),
        ([], blocked) => format!("outside {}", blocked.join(", ")),
    };
    if !config.blocked_dates.is_empty() {
        text.push_str(&format!(", not on {}", config.blocked_dates.join(", ")));
    }
    text
}

fn history(runs: &[PracticeRun]) -> String {
    if runs.is_empty() {
        return "it has never run".to_owned();
    }
    let percent = |ppm: Option<u32>| ppm.map_or("-".to_owned(), |ppm| format!("{}%", ppm / 10_000));
    let row = |run: &PracticeRun| {
        let headroom =
            [run.headroom_before_ppm, run.headroom_during_ppm, run.headroom_after_ppm].map(percent);
        [
            run.id.clone(),
            hf_api::instant(run.started_at_ms),
            run.zone.clone(),
            run.outcome.as_str().to_owned(),
            run.time_to_zero_ms.map_or("-".to_owned(), rough),
            headroom.join(" "),
            run.why.clone(),
        ]
    };
    let rows: Vec<[String; 7]> = runs.iter().map(row).collect();
    columns(["RUN", "STARTED", "ZONE", "OUTCOME", "TO ZERO", "HEADROOM", "WHY"], &rows)
}

/// Runs that did not begin, behind those that did; nothing when there are none.
fn refused(refused: &[PracticeRefused]) -> String {
    if refused.is_empty() {
        return String::new();
    }
    let row = |of: &PracticeRefused| {
        let times = if of.times > 1 { format!("{} times", of.times) } else { "once".to_owned() };
        let at = [of.first_at_ms, of.last_at_ms].map(hf_api::instant);
        let at = if of.times > 1 { at.join(" to ") } else { at[1].clone() };
        [at, of.zone.clone(), times, of.by.clone(), of.why.clone()]
    };
    let rows: Vec<[String; 5]> = refused.iter().map(row).collect();
    columns(["DID NOT BEGIN", "ZONE", "TOLD", "BY", "WHY"], &rows)
}

/// Both tables, an empty line between them.
fn told(runs: &[PracticeRun], of: &[PracticeRefused]) -> String {
    let runs = history(runs);
    if of.is_empty() { runs } else { format!("{}\n\n{}", runs.trim_end(), refused(of)) }
}

/// Whether a release may pass: the newest run that was judged succeeded, and ended lately enough. An interrupted one says nothing about the
/// service, so the one before it counts.
fn gate(practice: &Practice, now_ms: u64, within_ms: u64) -> Result<String, String> {
    let judged =
        |run: &&PracticeRun| !matches!(run.outcome, PracticeOutcome::Pending | PracticeOutcome::Interrupted);
    let resource = &practice.resource;
    let Some(run) = practice.history.iter().rev().find(judged) else {
        return Err(format!(
            "{resource} has had no practice run that was judged; start one with `holdfast practice start`"
        ));
    };
    let at = run.ended_at_ms.unwrap_or(run.started_at_ms);
    let told = format!("run {} of {resource} out of {} ended {}", run.id, run.zone, hf_api::instant(at));
    if run.outcome != PracticeOutcome::Succeeded {
        return Err(format!("{told}: {}, {}", run.outcome.as_str(), run.why));
    }
    if now_ms.saturating_sub(at) > within_ms {
        return Err(format!("{told}: that is longer ago than {}", rough(within_ms)));
    }
    Ok(format!("{told}: succeeded"))
}

fn in_words(practice: &Practice) -> String {
    let alarms = |alarms: &[String]| if alarms.is_empty() { "none".to_owned() } else { alarms.join(", ") };
    let mut text = format!(
        "{}\nautoshift        {}\nruns may run     {}\noutcome alarms   {}\nblocking alarms  {}\n",
        practice.resource,
        practice.autoshift.as_str(),
        when(practice),
        alarms(&practice.config.outcome_alarms),
        alarms(&practice.config.blocking_alarms),
    );
    if let Some(at) = practice.next_at_ms {
        text.push_str(&format!("next run due     {}\n", hf_api::instant(at)));
    }
    for alarm in &practice.unknown_alarms {
        text.push_str(&format!("UNKNOWN ALARM    {}\n", unknown_alarm(alarm)));
    }
    if let Some(why) = &practice.not_begun {
        text.push_str(&format!("did not begin    {why}\n"));
    }
    if !practice.history.is_empty() {
        text.push_str(&format!("\n{}", history(&practice.history)));
    }
    if !practice.refused.is_empty() {
        text.push_str(&format!("\n{}", refused(&practice.refused)));
    }
    if !practice.runs.is_empty() {
        let rows: Vec<[String; 5]> = practice
            .runs
            .iter()
            .map(|run| {
                [
                    run.id.clone(),
                    hf_api::instant(run.started_at_ms),
                    run.zone.clone(),
                    run.state.as_str().to_owned(),
                    run.reason.clone(),
                ]
            })
            .collect();
        text.push_str(&format!("\n{}", columns(["RUN", "STARTED", "ZONE", "STATE", "REASON"], &rows)));
    }
    text
}

#[cfg(test)]
mod tests {
    use hf_api::PracticeConfig;

    use super::*;

    #[test]
    fn a_slip_in_an_alarm_is_told_and_so_is_that_nobody_could_be_asked() {
        let known: Result<Vec<String>, String> = Ok(Vec::new());
        assert!(doubts("pool/web", known).is_empty());
        let slip: Result<Vec<String>, String> = Ok(vec!["gone-check".to_owned()]);
        assert_eq!(
            doubts("pool/web", slip),
            ["gone-check: no health check of the estate has this name; it never goes off"]
        );
        assert_eq!(
            doubts("pool/web", Err("no node answers")),
            [
                "whether all its alarms exist could not be asked (no node answers); `holdfast practice show pool/web` tells"
            ]
        );
    }

    #[test]
    fn a_gate_opens_for_a_success_that_is_not_too_old() {
        let run = |id: &str, outcome, ended_at_ms| PracticeRun {
            id: id.to_owned(),
            zone: "a".to_owned(),
            started_at_ms: 0,
            ended_at_ms,
            outcome,
            why: "because".to_owned(),
            time_to_zero_ms: Some(812),
            headroom_before_ppm: Some(500_000),
            headroom_during_ppm: None,
            headroom_after_ppm: None,
        };
        let told = |history: Vec<PracticeRun>, now_ms| {
            let practice = Practice {
                resource: "pool/web".to_owned(),
                autoshift: Autoshift::Off,
                config: PracticeConfig::default(),
                runs: Vec::new(),
                history,
                refused: Vec::new(),
                next_at_ms: None,
                unknown_alarms: Vec::new(),
                not_begun: None,
                revision: 1,
            };
            gate(&practice, now_ms, 1_000)
        };
        let (good, bad) = (PracticeOutcome::Succeeded, PracticeOutcome::Failed);
        assert!(told(Vec::new(), 0).is_err());
        assert!(told(vec![run("s-1", good, Some(500))], 1_500).is_ok());
        assert!(told(vec![run("s-1", good, Some(500))], 1_501).unwrap_err().contains("longer ago"));
        let failed = told(vec![run("s-1", good, Some(500)), run("s-2", bad, Some(600))], 700);
        assert!(failed.unwrap_err().ends_with("failed, because"));
        let mut interrupted =
            vec![run("s-1", good, Some(500)), run("s-2", PracticeOutcome::Interrupted, Some(600))];
        interrupted.push(run("s-3", PracticeOutcome::Pending, None));
        assert!(told(interrupted, 700).is_ok());
        let table = history(&[run("s-1", good, Some(500))]);
        assert!(table.contains("succeeded  812ms    50% - -"), "{table}");
    }

    #[test]
    fn runs_that_did_not_begin_stand_in_the_history() {
        let of = |why: &str, last_at_ms, times| PracticeRefused {
            zone: "a".to_owned(),
            why: why.to_owned(),
            by: "practice of n1".to_owned(),
            first_at_ms: 1_700_000_000_000,
            last_at_ms,
            times,
        };
        let table = refused(&[of("alarm", 1_700_000_600_000, 2), of("too full", 1_700_000_000_000, 1)]);
        let lines: Vec<&str> = table.trim().lines().collect();
        assert!(lines[1].contains("2023-11-14T22:13:20Z to 2023-11-14T22:23:20Z  a     2 times"), "{table}");
        assert!(lines[2].contains("once") && lines[2].ends_with("too full"), "{table}");
        assert_eq!(refused(&[]), "");
        let both = self::told(&[], &[of("alarm", 1_700_000_600_000, 1)]);
        assert!(both.starts_with("it has never run\n\nDID NOT BEGIN"), "{both}");
        let run = PracticeRun {
            id: "s-1".to_owned(),
            zone: "a".to_owned(),
            started_at_ms: 0,
            ended_at_ms: None,
            outcome: PracticeOutcome::Pending,
            why: "because".to_owned(),
            time_to_zero_ms: None,
            headroom_before_ppm: None,
            headroom_during_ppm: None,
            headroom_after_ppm: None,
        };
        let both = self::told(&[run], &[of("alarm", 1_700_000_600_000, 1)]);
        assert!(both.contains("because\n\nDID NOT BEGIN"), "{both}");
    }

    #[test]
    fn when_runs_may_run_is_said_in_one_clause() {
        let told = |allowed: &[&str], blocked: &[&str], dates: &[&str]| {
            let texts = |of: &[&str]| of.iter().map(ToString::to_string).collect();
            when(&Practice {
                resource: "pool/web".to_owned(),
                autoshift: Autoshift::Off,
                config: PracticeConfig {
                    outcome_alarms: vec!["checkout-errors".to_owned()],
                    blocking_alarms: Vec::new(),
                    blocked_windows: texts(blocked),
                    allowed_windows: texts(allowed),
                    blocked_dates: texts(dates),
                },
                runs: Vec::new(),
                history: Vec::new(),
                refused: Vec::new(),
                next_at_ms: None,
                unknown_alarms: Vec::new(),
                not_begun: None,
                revision: 1,
            })
        };
        assert_eq!(told(&[], &[], &[]), "always");
        assert_eq!(told(&["Tue:09:00-Tue:17:00"], &[], &[]), "in Tue:09:00-Tue:17:00");
        let blocked = told(&[], &["Mon:00:00-Mon:23:59"], &["2026-12-24"]);
        assert_eq!(blocked, "outside Mon:00:00-Mon:23:59, not on 2026-12-24");
    }
}
