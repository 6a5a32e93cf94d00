//! The sections `[[notify]]` of a node file: who is told what happened.
//!
//! Not here: the secrets, which are read when they are needed; delivery.

use std::path::PathBuf;
use std::time::Duration;

use super::read_path;
use super::render::command;
use crate::node::{NoticeKind, Notify, NotifyWay, Reload, Url};
use crate::walk::{Fields, Names, Report, Value, Wrong, clip, if_there, there};

/// Receivers of one node at most.
const RECEIVERS_MAX: usize = 64;
/// Addresses of a mail.
const ADDRESSES_MAX: usize = 100;
const TIMEOUT_MIN: Duration = Duration::from_secs(1);
const TIMEOUT_MAX: Duration = Duration::from_mins(1);
const WAYS: [&str; 3] = ["webhook", "nats", "mail"];

/// Reads the sections.
pub(super) fn notify(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Notify>> {
    let mut names = Names::new("receiver");
    let mut whole = true;
    let mut receivers = Vec::new();
    let sections = root.list("notify", "a receiver of notices", RECEIVERS_MAX, report);
    for (position, fields) in (0..).zip(sections) {
        let read = receiver(fields, position, &mut names, report);
        whole &= read.is_some();
        receivers.extend(read);
    }
    whole.then_some(receivers)
}

fn receiver(
    mut fields: Fields<'_, '_>,
    position: u16,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<Notify> {
    let name = fields.need("name", report).and_then(|value| {
        let name = value.read(report, read_name)?;
        names.insert(&name, position, value.at(), report);
        Some(name)
    });
    let kinds = match fields.get("kinds") {
        Some(value) => kinds(value, report),
        None => Some(NoticeKind::ALL.iter().copied().filter(|kind| kind.is_default()).collect()),
    };
    let given: Vec<&str> = WAYS.into_iter().filter(|way| fields.has(way)).collect();
    let way = match given.as_slice() {
        ["webhook"] => webhook(&mut fields, report),
        ["nats"] => nats(&mut fields, report),
        ["mail"] => mail(&mut fields, report),
        other => {
            let what = if other.is_empty() { "no way" } else { "more than one way" };
            report.add(
                fields.at(),
                format_args!("a receiver of notices has {what}; write one of `webhook`, `nats` and `mail`"),
            );
            return None; // which other keys fit nobody knows
        }
    };
    fields.finish(&[], report);
    Some(Notify { name: name?, way: way?, kinds: kinds? })
}

fn webhook(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<NotifyWay> {
    fields.call("a webhook");
    let url = fields.need("webhook", report).and_then(|value| {
        value.read(report, |text| {
            Url::parse(text, ("http", 80), ("https", 443)).ok_or_else(|| {
                format!("{:?} is no address of a webhook; write https://HOST[:PORT]/PATH, a token of its own in the path or a `secret_file`", clip(text))
            })
        })
    });
    let secret_file = path(fields, "secret_file", report);
    let ca = path(fields, "ca", report);
    Some(NotifyWay::Webhook { url: url?, secret_file: secret_file.ok()?, ca: ca.ok()? })
}

fn nats(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<NotifyWay> {
    fields.call("a server of NATS");
    let server = fields.need("nats", report).and_then(|value| {
        value.read(report, |text| {
            Url::parse(text, ("nats", 4222), ("tls", 4222)).filter(|url| url.path == "/").ok_or_else(|| {
                format!("{:?} is no server of NATS; write nats://HOST[:PORT], or tls:// for TLS; who logs in stands in `credentials_file`", clip(text))
            })
        })
    });
    let subject = match fields.get("subject") {
        Some(value) => value.read(report, read_subject),
        None => Some("holdfast".to_owned()),
    };
    let credentials_file = path(fields, "credentials_file", report);
    let ca = path(fields, "ca", report);
    Some(NotifyWay::Nats {
        server: server?,
        subject: subject?,
        credentials_file: credentials_file.ok()?,
        ca: ca.ok()?,
    })
}

fn mail(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<NotifyWay> {
    fields.call("a receiver of mail");
    let to = fields.need("mail", report).and_then(|value| addresses(value, report));
    let from = if_there(fields.get("from"), |value| value.read(report, read_address));
    let words = match fields.get("command") {
        Some(value) => command(value, report),
        None => Some(["/usr/sbin/sendmail", "-t", "-i"].map(str::to_owned).to_vec()),
    };
    let timeout = match fields.get("timeout") {
        Some(value) => value.duration(TIMEOUT_MIN, TIMEOUT_MAX, report),
        None => Some(NotifyWay::TIMEOUT),
    };
    let command = Reload { command: words?, timeout: timeout? };
    Some(NotifyWay::Mail { command, to: to?, from: from.ok()? })
}

fn addresses(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let items = value.items_up_to(ADDRESSES_MAX, report)?;
    if items.is_empty() {
        report.add(value.at(), "a mail goes to at least one address; add it");
        return None;
    }
    let read: Vec<_> = items.into_iter().map(|item| item.read(report, read_address)).collect();
    read.into_iter().collect()
}

fn kinds(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<NoticeKind>> {
    let items = value.items(report)?;
    if items.is_empty() {
        report.add(value.at(), "a receiver that is told of nothing; add kinds, or remove it");
        return None;
    }
    let read: Vec<_> = items
        .into_iter()
        .map(|item| {
            item.read(report, |text| {
                let found = NoticeKind::ALL.iter().copied().find(|kind| kind.as_str() == text);
                found.ok_or_else(|| {
                    let all = there(NoticeKind::ALL.iter().map(|kind| kind.as_str()));
                    format!("nothing is told of the kind {:?}; {all}", clip(text))
                })
            })
        })
        .collect();
    read.into_iter().collect()
}

fn path(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Result<Option<PathBuf>, Wrong> {
    if_there(fields.get(key), |value| value.read(report, read_path))
}

fn read_name(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&text.len()) && text.chars().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no name of a receiver; write 1 to 64 of A-Z a-z 0-9 - _", clip(text)))
    }
}

fn read_subject(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let whole = text.split('.').all(|token| !token.is_empty());
    if text.len() <= 128 && whole && text.chars().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{:?} is no subject; write words of A-Z a-z 0-9 - _ with dots between, at most 128 bytes",
            clip(text)
        ))
    }
}

/// What stands in a header, so nothing that ends a line; who is not meant to be reached is for the mail server to say.
fn read_address(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_graphic() && !"<>,;()\"".contains(c);
    let halves = text.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if text.len() <= 254 && text.chars().all(is_good) && halves.is_some() && !text.starts_with('-') {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no address of mail; write NAME@DOMAIN", clip(text)))
    }
}
