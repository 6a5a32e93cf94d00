//! The sections `[[render]]` of a node file: files for programs that read files.
//!
//! Not here: the files themselves, whether the estate has their pools and zones ([`check`] says).

use std::time::Duration;

use hf_model::{PoolName, ZoneId};

use super::haproxy::read_consumer;
use super::read_path;
use crate::estate::Estate;
use crate::node::{Exists, Reload, RenderFile, Rendered};
use crate::walk::{Fields, Names, Report, Value, Wrong, clip, if_there, there};

/// Files of one node at most.
const FILES_MAX: usize = 256;
/// A reload command's words at most.
const WORDS_MAX: usize = 32;
/// Bytes of a text in a zone's file.
const TEXT_MAX: usize = 1_024;
const TIMEOUT_MIN: Duration = Duration::from_millis(100);
const TIMEOUT_MAX: Duration = Duration::from_mins(5);
const KINDS: [&str; 3] = ["envoy-eds", "nginx-upstream", "zone-state"];

/// Reads the sections.
pub(super) fn render(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Vec<RenderFile>> {
    let (mut names, mut paths) = (Names::new("consumer"), Names::new("file"));
    let mut whole = true;
    let mut files = Vec::new();
    for (position, fields) in (0..).zip(root.list("render", "a rendered file", FILES_MAX, report)) {
        let read = file(fields, position, (&mut names, &mut paths), report);
        whole &= read.is_some();
        files.extend(read);
    }
    whole.then_some(files)
}

fn file(
    mut fields: Fields<'_, '_>,
    position: u16,
    (names, paths): (&mut Names, &mut Names),
    report: &mut Report<'_>,
) -> Option<RenderFile> {
    let at = fields.at();
    let path = fields.need("path", report).and_then(|value| {
        let path = value.read(report, read_path)?;
        paths.insert(&path.to_string_lossy(), position, value.at(), report);
        Some(path)
    });
    let named = if_there(fields.get("name"), |value| {
        value.read(report, read_consumer).map(|name| (name, value.at()))
    });
    let mode = match fields.get("mode") {
        Some(value) => value.read(report, read_mode),
        None => Some(0o644),
    };
    let reload = reload(&mut fields, report);
    let kind = fields.need("kind", report).and_then(|value| {
        value.read(report, |text| {
            KINDS.into_iter().find(|kind| *kind == text).ok_or_else(|| {
                format!("no file is of the kind {:?}; {}", clip(text), there(KINDS.into_iter()))
            })
        })
    })?;
    let what = match kind {
        "envoy-eds" => envoy(&mut fields, report),
        "nginx-upstream" => nginx(&mut fields, report),
        _ => zone_state(&mut fields, report),
    };
    fields.finish(&[], report);
    let (what, named) = (what?, named.ok()?);
    let (name, named_at) = named.unwrap_or_else(|| (default_name(&what), at));
    names.insert(&name, position, named_at, report);
    Some(RenderFile { name, path: path?, what, mode: mode?, reload: reload.ok()? })
}

/// Its kind, then what it is about; a name has at most 64 bytes.
fn default_name(what: &Rendered) -> String {
    let of = match what {
        Rendered::EnvoyEds { pool, .. } | Rendered::NginxUpstream { pool, .. } => pool.to_string(),
        Rendered::ZoneState { zone, resource, .. } if resource == "everything" => zone.to_string(),
        Rendered::ZoneState { zone, resource, .. } => {
            format!("{zone}-{}", resource.rsplit('/').next().unwrap_or_default())
        }
    };
    let mut name = format!("{}-{of}", what.kind());
    name.retain(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    name.truncate(64);
    name
}

fn pool(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<PoolName> {
    fields.need("pool", report).and_then(|value| value.read(report, PoolName::new))
}

fn envoy(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Rendered> {
    fields.call("a file of kind envoy-eds");
    let pool = pool(fields, report);
    let cluster = if_there(fields.get("cluster"), |value| {
        value.read(report, |text| {
            let good = (1..=255).contains(&text.len()) && !text.contains(char::is_control);
            good.then(|| text.to_owned()).ok_or("a cluster's name has 1 to 255 bytes; write Envoy's own")
        })
    });
    let pool = pool?;
    let cluster = cluster.ok()?.unwrap_or_else(|| pool.to_string());
    Some(Rendered::EnvoyEds { pool, cluster })
}

fn nginx(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Rendered> {
    fields.call("a file of kind nginx-upstream");
    let pool = pool(fields, report);
    let parameters = match fields.get("parameters") {
        Some(value) => value.read(report, |text| {
            let good = text.len() <= 256 && !text.contains(|c: char| c.is_control() || ";{}#'\"".contains(c));
            good.then(|| text.to_owned()).ok_or(
                "`parameters` is what follows a server's address in nginx, such as \"max_fails=0\", at most 256 bytes without ; { } # and quotes; change it",
            )
        }),
        None => Some(String::new()),
    };
    Some(Rendered::NginxUpstream { pool: pool?, parameters: parameters? })
}

fn zone_state(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Rendered> {
    fields.call("a file of kind zone-state");
    let zone = fields.need("zone", report).and_then(|value| value.read(report, ZoneId::new));
    let resource = match fields.get("resource") {
        Some(value) => value.read(report, read_resource),
        None => Some("everything".to_owned()),
    };
    let exists = match fields.get("exists") {
        Some(value) => value.read(report, |text| {
            Exists::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
                let all = there(Exists::ALL.into_iter().map(Exists::as_str));
                format!("a zone's file does not exist {:?}; {all}", clip(text))
            })
        }),
        None => Some(Exists::default()),
    };
    let mut text = |key, default: &str| match fields.get(key) {
        Some(value) => value.read(report, |text| {
            let good = text.len() <= TEXT_MAX && !text.contains('\0');
            good.then(|| text.to_owned()).ok_or("a zone's file has at most 1024 bytes; shorten it")
        }),
        None => Some(default.to_owned()),
    };
    let (text_open, text_away) = (text("text_open", "0"), text("text_away", "1"));
    let same = text_open.is_some() && text_open == text_away;
    if same && exists == Some(Exists::Always) {
        report.add(
            fields.at(),
            "the file is always there and has the same text for both; change `text_open`, `text_away` or `exists`",
        );
    }
    Some(Rendered::ZoneState {
        zone: zone?,
        resource: resource?,
        exists: exists?,
        text_open: text_open?,
        text_away: text_away?,
    })
}

fn read_resource(text: &str) -> Result<String, String> {
    let named = text.strip_prefix("pool/").or_else(|| text.strip_prefix("record/"));
    if text == "everything" || named.is_some_and(|name| !name.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no resource; write everything, pool/NAME or record/NAME.", clip(text)))
    }
}

/// An octal mode: read and write alone, and its owner may do both.
fn read_mode(text: &str) -> Result<u32, String> {
    let read = u32::from_str_radix(text, 8).ok().filter(|_| (3..=4).contains(&text.len()));
    match read {
        Some(mode) if mode & !0o666 == 0 && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err(format!(
            "{:?} is no mode of a file that is written and read; write such as \"0644\" or \"0640\"",
            clip(text)
        )),
    }
}

/// What makes its reader read it again, if anything does.
fn reload(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Result<Option<Reload>, Wrong> {
    let timeout_value = fields.get("reload_timeout");
    let timeout = match timeout_value {
        Some(value) => value.duration(TIMEOUT_MIN, TIMEOUT_MAX, report),
        None => Some(Reload::TIMEOUT),
    };
    let Some(value) = fields.get("reload") else {
        if let Some(value) = timeout_value {
            report.add(
                value.at(),
                "`reload_timeout` is for `reload`, which is not there; add it or remove this",
            );
        }
        return timeout.map(|_| None).ok_or(Wrong);
    };
    let command = command(value, report);
    match (command, timeout) {
        (Some(command), Some(timeout)) => Ok(Some(Reload { command, timeout })),
        _ => Err(Wrong),
    }
}

/// A program and its arguments.
pub(super) fn command(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let items = value.items_up_to(WORDS_MAX, report)?;
    if items.is_empty() {
        report.add(value.at(), "a command has at least its program; add it, or remove `reload`");
        return None;
    }
    let mut words = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        words.push(item.read(report, |text| {
            if text.contains('\0') || text.len() > 4_096 {
                Err("a word of a command has at most 4096 bytes and no NUL; change it".to_owned())
            } else if at == 0 && !text.starts_with('/') {
                Err(format!(
                    "{:?} is not the absolute path of a program; write it whole, and its arguments as items of their own",
                    clip(text)
                ))
            } else {
                Ok(text.to_owned())
            }
        }));
    }
    words.into_iter().collect()
}

/// Pools and zones that the estate does not have; told at the first section.
pub(super) fn check(files: &[RenderFile], at: usize, estate: &Estate, report: &mut Report<'_>) {
    for file in files {
        let missing = match &file.what {
            Rendered::EnvoyEds { pool, .. } | Rendered::NginxUpstream { pool, .. } => {
                estate.pool_named(pool).is_none().then(|| format!("pool `{pool}`"))
            }
            Rendered::ZoneState { zone, .. } => {
                estate.zone_named(zone).is_none().then(|| format!("zone `{zone}`"))
            }
        };
        if let Some(missing) = missing {
            report.add(
                at,
                format_args!("the rendered file `{}` is about the {missing}, which the estate does not have; change it", file.name),
            );
        }
    }
}
