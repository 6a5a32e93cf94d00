//! `[[closing_source.from]]`: one store each, as written, and what it is for one zone.
//!
//! Exactly one of `object`, `http`, `file` and `table` says what is looked at.
//!
//! Not here: how many of them must agree.

use std::path::PathBuf;

use hf_model::CredentialsName;

use crate::estate::{AwsService, ClosingSource, StorePlace, Zone};
use crate::node::Url;
use crate::walk::{Fields, Report, Value, clip, if_there};

const KINDS: [&str; 4] = ["object", "http", "file", "table"];
/// Bytes of a key of S3 at most.
const KEY_BYTES_MAX: usize = 1_024;
/// Bytes of a bucket's or table's name: AWS allows 63 and 255, others what they like.
const NAME_BYTES_MAX: usize = 255;

/// A store as written: its place still has `{zone}` in it.
pub(super) struct Draft<'t> {
    pub(super) at: usize,
    text: &'t str,
    kind: Kind,
}

enum Kind {
    Object { service: AwsService, path_style: bool },
    Http,
    File,
    Table { service: AwsService, table: String, key: String, attribute: String },
}

/// All stores of a source, 1 to [`ClosingSource::STORES`].
pub(super) fn drafts<'t>(fields: &mut Fields<'t, '_>, report: &mut Report<'_>) -> Option<Vec<Draft<'t>>> {
    let tables = fields.list("from", "a store", ClosingSource::STORES, report);
    if tables.is_empty() {
        report.add(
            fields.at(),
            "a closing source looks at 1 to 5 stores; add [[closing_source.from]] with `object`, `http`, `file` or `table`",
        );
        return None;
    }
    let read: Vec<_> = tables.into_iter().map(|fields| draft(fields, report)).collect();
    read.into_iter().collect()
}

fn draft<'t>(mut fields: Fields<'t, '_>, report: &mut Report<'_>) -> Option<Draft<'t>> {
    let given: Vec<&str> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
    let draft = match given.as_slice() {
        ["object"] => object(&mut fields, report),
        ["http"] => {
            fields.call("an HTTP server that is looked at");
            placed(fields.get("http"), Some(Kind::Http), report)
        }
        ["file"] => {
            fields.call("a file that is looked for");
            placed(fields.get("file"), Some(Kind::File), report)
        }
        ["table"] => table(&mut fields, report),
        other => {
            let what = if other.is_empty() { "none" } else { "several" };
            report.add(
                fields.at(),
                format_args!("a store is one of `object`, `http`, `file` and `table`, this is {what} of them; write one"),
            );
            return None; // which other keys fit nobody knows
        }
    };
    fields.finish(&[], report);
    draft
}

fn placed<'t>(
    value: Option<Value<'t, '_>>,
    kind: Option<Kind>,
    report: &mut Report<'_>,
) -> Option<Draft<'t>> {
    let value = value?;
    let text = value.text(report)?;
    Some(Draft { at: value.at(), text, kind: kind? })
}

fn object<'t>(fields: &mut Fields<'t, '_>, report: &mut Report<'_>) -> Option<Draft<'t>> {
    fields.call("an object that is looked for");
    let is_elsewhere = fields.has("endpoint");
    let service = service(fields, "s3", report);
    let path_style = fields.get("path_style").map_or(Some(is_elsewhere), |value| value.truth(report));
    let kind = || Some(Kind::Object { service: service?, path_style: path_style? });
    placed(fields.get("object"), kind(), report)
}

fn table<'t>(fields: &mut Fields<'t, '_>, report: &mut Report<'_>) -> Option<Draft<'t>> {
    fields.call("a table that is looked at");
    let table = fields.get("table").and_then(|value| {
        value.read(report, |text| {
            let name = text.strip_prefix("dynamodb://").filter(|name| is_name(name));
            name.map(str::to_owned)
                .ok_or_else(|| format!("{:?} is no table; write \"dynamodb://TABLE\"", clip(text)))
        })
    });
    let service = service(fields, "dynamodb", report);
    let key = fields.need("key", report).and_then(|value| value.read(report, attribute));
    let found = match fields.get("attribute") {
        Some(value) => value.read(report, attribute),
        None => Some("Healthy".to_owned()),
    };
    let kind = || Some(Kind::Table { service: service?, table: table?, key: key?, attribute: found? });
    let kind = kind();
    placed(fields.need("value", report), kind, report)
}

fn service(fields: &mut Fields<'_, '_>, name: &str, report: &mut Report<'_>) -> Option<AwsService> {
    let region = match fields.get("region") {
        Some(value) => value.read(report, region),
        None => Some("us-east-1".to_owned()),
    };
    let endpoint = match fields.get("endpoint") {
        Some(value) => value.read(report, |text| {
            Url::parse(text, ("http", 80), ("https", 443)).filter(|url| url.path == "/").ok_or_else(|| {
                format!("{:?} is no address of a store; write https://HOST[:PORT]", clip(text))
            })
        }),
        None => region.as_deref().map(|region| {
            let host = format!("{name}.{region}.amazonaws.com");
            Url { secure: true, host, port: 443, path: "/".to_owned() }
        }),
    };
    let credentials = if_there(fields.get("credentials"), |value| value.read(report, CredentialsName::new));
    Some(AwsService { endpoint: endpoint?, region: region?, credentials: credentials.ok()? })
}

fn region(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no region of a store; write one such as \"eu-west-2\"", clip(text)))
    }
}

fn is_name(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.starts_with('.') && text.chars().all(is_good)
}

fn attribute(text: &str) -> Result<String, &'static str> {
    if (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("the name of a key or attribute has 1 to 255 bytes and no control characters; change it")
    }
}

impl Draft<'_> {
    pub(super) fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table { .. })
    }

    /// Whether its place differs from zone to zone.
    pub(super) fn tells_zones_apart(&self) -> bool {
        self.text.contains("{zone}") || self.text.contains("{alias}")
    }

    /// The store of one zone.
    pub(super) fn place(&self, zone: &Zone) -> Result<StorePlace, String> {
        let mut text = self.text.replace("{zone}", zone.id.as_str());
        if text.contains("{alias}") {
            let alias = zone.aliases.first();
            let alias = alias.ok_or_else(|| {
                format!(
                    "zone `{}` has no alias to put in place of {{alias}}; give it one, or write {{zone}}",
                    zone.id
                )
            })?;
            text = text.replace("{alias}", alias.as_str());
        }
        match &self.kind {
            Kind::Object { service, path_style } => object_place(&text, service, *path_style),
            Kind::Http => {
                let url = Url::parse(&text, ("http", 80), ("https", 443));
                let url = url.ok_or_else(|| {
                    format!("{:?} is no address; write https://HOST[:PORT]/PATH, without a user", clip(&text))
                });
                Ok(StorePlace::Http { url: url? })
            }
            Kind::File if text.starts_with('/') && !text.contains(char::is_control) => {
                Ok(StorePlace::File { path: PathBuf::from(text) })
            }
            Kind::File => Err(format!("{:?} is no absolute path; begin it with '/'", clip(&text))),
            Kind::Table { service, table, key, attribute } => {
                if !(1..=NAME_BYTES_MAX).contains(&text.len()) || text.contains(char::is_control) {
                    return Err("the value of a key has 1 to 255 bytes and no control characters; change it"
                        .to_owned());
                }
                Ok(StorePlace::Table {
                    service: service.clone(),
                    table: table.clone(),
                    key: key.clone(),
                    value: text,
                    attribute: attribute.clone(),
                })
            }
        }
    }
}

fn object_place(text: &str, service: &AwsService, path_style: bool) -> Result<StorePlace, String> {
    let wrong = || format!("{:?} is no place of an object; write \"s3://BUCKET/KEY\"", clip(text));
    let (bucket, key) = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    if !is_name(bucket) {
        return Err(wrong());
    }
    if key.is_empty() {
        return Err(format!(
            "any object in bucket {bucket} would close the zone; write its key, or the folder that it lies in, behind the '/'"
        ));
    }
    if key.len() > KEY_BYTES_MAX || key.contains(char::is_control) {
        return Err("a key has at most 1024 bytes and no control characters; change it".to_owned());
    }
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_in_a_host_name = bucket.len() <= 63 && bucket.chars().all(is_label);
    if !path_style && !is_in_a_host_name {
        return Err(format!("bucket {bucket} cannot stand in the name of a server; set path_style = true"));
    }
    Ok(StorePlace::Object {
        service: service.clone(),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        path_style,
    })
}
