//! Shifts for people: a table of all, one in full, and, loudly, where one is not applied.

use hf_api::{
    Acknowledgement, BalancerTimeToZero, BreakGlass, BreakGlassFate, Effect, Shift, ShiftKind, ShiftState,
    Shifts, TimeToZero,
};

use crate::commands::consumers;
use crate::output::{columns, relative, rough};

/// All shifts, and below the table where they are not applied.
pub fn in_table(list: &Shifts, now_ms: u64) -> String {
    // What the ledger goes on with is in the list as its shift.
    let is_apart = |shift: &&BreakGlass| shift.fate != Some(BreakGlassFate::Shift);
    if list.shifts.is_empty() && list.break_glass.is_empty() {
        return if list.ended_listed { "no shift is remembered" } else { "no shift is active" }.to_owned();
    }
    let row = |shift: &Shift| {
        [
            shift.id.clone(),
            shift.kind.as_str().to_owned(),
            shift.zone.clone(),
            shift.resource.clone(),
            state(shift, now_ms),
            if is_nothing(shift) { "none".to_owned() } else { to_zero(&shift.time_to_zero) },
            shift.by.clone(),
            shift.reason.clone(),
        ]
    };
    let glass = |shift: &BreakGlass| {
        [
            "-".to_owned(),
            ShiftKind::BreakGlass.as_str().to_owned(),
            shift.zone.clone(),
            hf_api::shift::everything(),
            format!("active, ends {}, {}", relative(shift.ends_at_ms, now_ms), shift.fate_text),
            to_zero(&shift.time_to_zero),
            shift.by.clone(),
            shift.reason.clone(),
        ]
    };
    let rows: Vec<[String; 8]> =
        list.shifts.iter().map(row).chain(list.break_glass.iter().filter(is_apart).map(glass)).collect();
    let mut text =
        columns(["SHIFT", "KIND", "ZONE", "RESOURCE", "STATE", "TIME TO ZERO", "BY", "REASON"], &rows);
    for shift in &list.shifts {
        for line in not_applied(shift.effect.as_ref()) {
            text.push_str(&format!("{}: {line}\n", shift.id));
        }
    }
    for shift in list.break_glass.iter().filter(is_apart) {
        for line in not_applied(shift.effect.as_ref()) {
            text.push_str(&format!("break-glass of {}: {line}\n", shift.zone));
        }
    }
    text
}

/// A break-glass shift: in full and loudly as long as the ledger does not go on with it.
pub fn break_glass(shift: &BreakGlass, now_ms: u64) -> String {
    let loud = match shift.fate {
        // The shift tells the rest.
        Some(BreakGlassFate::Shift) => {
            return format!("break-glass: {} by {}: {}\n", shift.zone, shift.by, shift.fate_text);
        }
        Some(BreakGlassFate::Conflicts) => "BREAK-GLASS IN CONFLICT",
        _ => "BREAK-GLASS",
    };
    let mut text = format!(
        "{loud}: {} by {}, ends {}: {}\n",
        shift.zone,
        shift.by,
        relative(shift.ends_at_ms, now_ms),
        shift.reason
    );
    text.push_str(&format!("ledger        {}\n", shift.fate_text));
    for line in not_applied(shift.effect.as_ref()) {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&progress(&shift.acknowledged, &shift.time_to_zero));
    text.push_str(&consumers::summary(&shift.consumers));
    text
}

/// The same, and every consumer that is known.
pub fn break_glass_page(shift: &BreakGlass, now_ms: u64) -> String {
    break_glass(shift, now_ms) + &consumers::of_shift(&shift.consumers)
}

/// One shift in full.
pub fn in_words(shift: &Shift, now_ms: u64) -> String {
    let leaves = if is_nothing(shift) { "does NOT leave" } else { "leaves" };
    let mut text =
        format!("{}: {} {leaves} {}, {}\n", shift.id, shift.resource, shift.zone, state(shift, now_ms));
    for line in not_applied(shift.effect.as_ref()) {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&format!(
        "reason        {}\nby            {}\nstarted       {}\nends          {}\n",
        shift.reason,
        shift.by,
        hf_api::instant(shift.started_at_ms),
        hf_api::instant(shift.ends_at_ms),
    ));
    if shift.kind != ShiftKind::Zonal {
        text.push_str(&format!("kind          {}\n", shift.kind.as_str()));
    }
    if let Some(by) = &shift.ended_by {
        text.push_str(&format!("ended by      {by}\n"));
    }
    if !shift.floor_overrides.is_empty() {
        text.push_str(&format!("may break     the floor of {}\n", shift.floor_overrides.join(", ")));
    }
    if is_nothing(shift) {
        // Whatever is measured is not what it did.
        let applied = applied_by(&shift.acknowledged);
        text.push_str(&format!("obeyed by     {applied}\ntime to zero  none: nothing leaves\n"));
    } else {
        text.push_str(&progress(&shift.acknowledged, &shift.time_to_zero));
        text.push_str(&consumers::summary(&shift.consumers));
    }
    text
}

/// The same, and every consumer that is known.
pub fn page(shift: &Shift, now_ms: u64) -> String {
    let consumers = if is_nothing(shift) { String::new() } else { consumers::of_shift(&shift.consumers) };
    in_words(shift, now_ms) + &consumers
}

/// Who has applied it, and when the last traffic left.
pub fn progress(acknowledged: &[Acknowledgement], zero: &TimeToZero) -> String {
    let mut text = format!("applied by    {}\n", applied_by(acknowledged));
    text.push_str(&format!("time to zero  {}\n", measured(zero)));
    if !zero.measurable {
        return text;
    }
    let ms = |value: Option<u64>| match value {
        None => "nobody has told".to_owned(),
        Some(0) => "none since the start".to_owned(),
        Some(ms) => rough(ms),
    };
    text.push_str(&format!(
        "  last new request      {}\n  last open connection  {}\n  last byte             {}\n  last DNS answer       {}\n",
        ms(zero.last_new_request_ms),
        match zero.open_connections {
            Some(open) if open > 0 => format!("{open} still open"),
            _ => ms(zero.last_open_connection_ms),
        },
        ms(zero.last_byte_ms),
        ms(zero.last_dns_answer_ms),
    ));
    for balancer in &zero.balancers {
        text.push_str(&format!("  {:<20}  {}\n", balancer.node, of_balancer(balancer)));
    }
    if !zero.waiting_for.is_empty() {
        text.push_str(&format!("  waiting for           {}\n", zero.waiting_for.join(", ")));
    }
    text
}

/// `request 80ms, connection 3 still open, byte 1.2s` of one balancer.
fn of_balancer(balancer: &BalancerTimeToZero) -> String {
    let ms = |ms: u64| if ms == 0 { "none".to_owned() } else { rough(ms) };
    let connection = match balancer.last_open_connection_ms {
        Some(at) => ms(at),
        None => format!("{} still open", balancer.open_connections),
    };
    let silent = if balancer.silent { "; not heard any more" } else { "" };
    format!(
        "request {}, connection {connection}, byte {}{silent}",
        ms(balancer.last_new_request_ms),
        ms(balancer.last_byte_ms)
    )
}

/// `6 of 7 nodes, not by b; not heard: a (last heard 12s ago)`.
fn applied_by(acknowledged: &[Acknowledgement]) -> String {
    let silent = not_heard(acknowledged).map_or(String::new(), |silent| format!("; {silent}"));
    format!("{}{silent}", applied_by_heard(acknowledged))
}

/// `6 of 7 nodes, not by b`: of the nodes that are heard.
pub fn applied_by_heard(acknowledged: &[Acknowledgement]) -> String {
    let heard = || acknowledged.iter().filter(|node| !node.silent);
    let missing: Vec<&str> = heard().filter(|node| !node.applied).map(|node| node.node.as_str()).collect();
    let applied = heard().count() - missing.len();
    let mut text = format!("{applied} of {} nodes", heard().count());
    if !missing.is_empty() {
        text.push_str(&format!(", not by {}", missing.join(", ")));
    }
    text
}

/// `not heard: a (last heard 12s ago)`.
pub fn not_heard(acknowledged: &[Acknowledgement]) -> Option<String> {
    let silent = acknowledged.iter().filter(|node| node.silent);
    let silent: Vec<String> =
        silent.map(|node| format!("{} (last heard {} ago)", node.node, rough(node.last_heard_ms))).collect();
    (!silent.is_empty()).then(|| format!("not heard: {}", silent.join(", ")))
}

/// A line for each pool or record on which a shift or pin does nothing.
pub fn not_applied(effect: Option<&Effect>) -> Vec<String> {
    let lines = effect.iter().flat_map(|effect| &effect.not_applied).map(|yielded| {
        let word = if yielded.so_anyway { "yields" } else { "NOT APPLIED" };
        format!("{word} on {}: {}", yielded.resource, yielded.why)
    });
    lines.collect()
}

fn is_nothing(shift: &Shift) -> bool {
    shift.effect.as_ref().is_some_and(Effect::is_nothing)
}

fn state(shift: &Shift, now_ms: u64) -> String {
    let ended = |word: &str| {
        let at = shift.ended_at_ms.map_or(String::new(), |at| format!(" {}", relative(at, now_ms)));
        format!("{word}{at}")
    };
    let in_force = |word: String| {
        let is_partly = shift
            .effect
            .as_ref()
            .is_some_and(|effect| effect.not_applied.iter().any(|yielded| !yielded.so_anyway));
        match (is_nothing(shift), is_partly) {
            (true, _) => format!("NOT APPLIED, {word}"),
            (false, true) => format!("applied IN PART, {word}"),
            (false, false) => word,
        }
    };
    match shift.state {
        ShiftState::Active if shift.held => in_force("HELD past its end".to_owned()),
        ShiftState::Active if shift.expiring => {
            in_force(format!("EXPIRING, ends {}", relative(shift.ends_at_ms, now_ms)))
        }
        ShiftState::Active => in_force(format!("active, ends {}", relative(shift.ends_at_ms, now_ms))),
        ShiftState::Canceled => ended("canceled"),
        ShiftState::Expired => ended("expired"),
        ShiftState::Interrupted => ended("interrupted"),
        ShiftState::Completed => ended("completed"),
    }
}

fn measured(zero: &TimeToZero) -> &'static str {
    match (zero.measurable, zero.measured, zero.silent.is_empty()) {
        (false, _, _) => "not measured for a single record",
        (true, true, true) => "measured",
        (true, true, false) => "measured over the nodes that are heard",
        (true, false, _) => "not yet measured",
    }
}

fn to_zero(zero: &TimeToZero) -> String {
    match (zero.measurable, zero.measured, zero.last_new_request_ms) {
        (false, _, _) => "not measured for a record".to_owned(),
        (true, true, Some(0) | None) => "no traffic since".to_owned(),
        (true, true, Some(ms)) => rough(ms),
        (true, false, _) if !zero.waiting_for.is_empty() => {
            format!("waiting for {}", zero.waiting_for.join(", "))
        }
        (true, false, _) => "not yet".to_owned(),
    }
}

#[cfg(test)]
mod tests;
