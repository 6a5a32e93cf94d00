//! `[checker]`: how the checker role runs.

use crate::estate::{CheckKind, Estate};
use crate::node::CheckerConfig;
use crate::walk::{Fields, Report, clip};

/// Programs at most.
const COMMANDS_MAX: usize = 100;

pub(super) fn checker(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<CheckerConfig> {
    let Some(value) = root.get("checker") else { return Some(CheckerConfig::default()) };
    let mut fields = value.fields("this section", report)?;
    let mut allow_commands = Some(Vec::new());
    let items = fields.get("allow_commands").and_then(|value| value.items_up_to(COMMANDS_MAX, report));
    for item in items.unwrap_or_default() {
        let read = item.read(report, |text| {
            if text.starts_with('/') && !text.contains('\0') {
                Ok(text.to_owned())
            } else {
                Err(format!("{:?} is not the absolute path of a program; write it whole", clip(text)))
            }
        });
        match (read, &mut allow_commands) {
            (Some(path), Some(known)) => known.push(path),
            (None, _) => allow_commands = None,
            (Some(_), None) => {}
        }
    }
    fields.finish(&[], report);
    Some(CheckerConfig { allow_commands: allow_commands? })
}

/// Checks whose program may not run here. `at` is where the section stands.
pub(super) fn advise(checker: &CheckerConfig, at: usize, estate: &Estate, report: &mut Report<'_>) {
    for check in estate.health_checks.iter().filter(|check| !check.disabled) {
        let CheckKind::Command(command) = &check.kind else { continue };
        let Some(program) = command.command.first() else { continue };
        if checker.allow_commands.contains(program) {
            continue;
        }
        report.add(
            at,
            format_args!(
                "health check `{}` runs {}, and this node does not allow it: its checker says nothing of that check; add the program to \
                 `allow_commands` in [checker], or leave the check to other checkers",
                check.name,
                clip(program)
            ),
        );
    }
}
