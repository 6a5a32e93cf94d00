//! `holdfast practice` and `holdfast autoshift`.

use hf_api::{Autoshift, Practice, Practices, PutPractice, SetAutoshift, StartPractice};

use super::shift;
use crate::args::{AutoshiftArgs, AutoshiftCommand, Common, PracticeArgs, PracticeCommand};
use crate::failure::Failure;
use crate::output::{columns, show};
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
            shift::applied(&client, run, &what, *no_wait, common).await.map(|_| ())
        }
        PracticeCommand::List => show(common.output, &client.practices().await?, in_table),
        PracticeCommand::Show { resource } => {
            show(common.output, &client.practice(resource).await?, in_words)
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
            })
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

fn in_table(practices: &Practices) -> String {
    if practices.practices.is_empty() {
        return "no resource has a practice configuration; make one with `holdfast practice configure`"
            .to_owned();
    }
    let row = |practice: &Practice| {
        let last = practice.runs.last().map_or("never".to_owned(), |run| {
            format!("{} out of {}, {}", hf_api::instant(run.started_at_ms), run.zone, run.state.as_str())
        });
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
                revision: 1,
            })
        };
        assert_eq!(told(&[], &[], &[]), "always");
        assert_eq!(told(&["Tue:09:00-Tue:17:00"], &[], &[]), "in Tue:09:00-Tue:17:00");
        let blocked = told(&[], &["Mon:00:00-Mon:23:59"], &["2026-12-24"]);
        assert_eq!(blocked, "outside Mon:00:00-Mon:23:59, not on 2026-12-24");
    }
}
