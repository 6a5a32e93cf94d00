//! The access file: TOML in, everybody who is known out, or all problems.
//!
//! 1. Two principals never share a name, a token, a certificate's name or an access key: a credential is somebody's.
//! 2. A list of scopes that is there and empty grants nothing of the kind; one that is not there grants all.
//! 3. Nobody is called as closing sources are: what they began is known by its name, and theirs to end.
//!
//! Not here: the file's mode and the sealed secrets (`hf-control-plane`), what a role allows (`hf-access`).

use std::collections::BTreeSet;

use base64::Engine as _;
use hf_access::{AccessKey, AccessKeyId, AccessList, Holder, Principal, Role, Scopes, TokenDigest, expiry};
use hf_model::{CheckName, ControlName, Digest, Operator, PoolName, Timestamp, ZoneId};

use crate::walk::{Fields, Names, Report, Value, clip, if_there, there, verdict};
use crate::{Problem, Problems};

/// Principals of one file.
const PRINCIPALS_MAX: usize = 1_000;
/// Tokens, certificate names, access keys, and scopes of a kind, of one principal each.
const LIST_MAX: usize = 100;
/// Why nobody may be called so.
pub(crate) const NAME_OF_A_SOURCE: &str =
    "names that begin with `closing-source/` are those of the estate's closing sources; choose another one";
/// Bytes of a sealed secret.
const SEALED_MAX: usize = 512;

/// Reads an access file. `file` is how it is called in problems.
///
/// # Errors
///
/// All problems, in the order of their places.
pub fn read_access(file: &str, text: &str) -> Result<AccessList, Problems> {
    let mut report = Report::new(file, text);
    let Some(document) = report.parse() else { return Err(Problems(report.into_problems())) };
    let mut root = Fields::new(&document, 0, "an access file");
    let mut reader = Reader {
        names: Names::new("principal"),
        tokens: BTreeSet::new(),
        certificates: BTreeSet::new(),
        keys: BTreeSet::new(),
        line_ends: text.match_indices('\n').map(|(at, _)| at).collect(),
    };
    let principals = root.list("principal", "a principal", PRINCIPALS_MAX, &mut report);
    if principals.is_empty() && !document.contains_key("principal") {
        report.add_whole("there is no [[principal]] in it, so nobody could do anything; add one, or delete the file and a new one is made at the next start");
    }
    let found: Vec<Option<Holder>> = (0..)
        .zip(principals)
        .map(|(position, fields)| reader.holder(position, fields, &mut report))
        .collect();
    root.finish(&[], &mut report);
    verdict(vec![report])?;
    let holders: Option<Vec<Holder>> = found.into_iter().collect();
    holders.map(|holders| AccessList { holders }).ok_or_else(|| {
        let what =
            "could not be read, and no problem was found: a defect of Holdfast; please report it".to_owned();
        Problems(vec![Problem { file: file.to_owned(), line: 0, column: 0, what }])
    })
}

/// What was seen so far.
struct Reader {
    names: Names,
    tokens: BTreeSet<[u8; 32]>,
    certificates: BTreeSet<String>,
    keys: BTreeSet<AccessKeyId>,
    line_ends: Vec<usize>,
}

impl Reader {
    fn holder(
        &mut self,
        position: u16,
        mut fields: Fields<'_, '_>,
        report: &mut Report<'_>,
    ) -> Option<Holder> {
        let name = fields.need("name", report).and_then(|value| {
            let name = value.read(report, principal_name)?;
            self.names.insert(name.as_str(), position, value.at(), report);
            Some(name)
        });
        let roles = fields.need("roles", report).and_then(|value| roles(value, report));
        let scopes = Scopes {
            panels: scope(fields.get("panels"), ControlName::new, report),
            pools: scope(fields.get("pools"), PoolName::new, report),
            zones: scope(fields.get("zones"), ZoneId::new, report),
            checks: scope(fields.get("checks"), CheckName::new, report),
        };
        let expires_at = ends(&mut fields, report);
        let certificates =
            fields.get("certificates").map(|value| self.certificates(value, report)).unwrap_or_default();
        let tokens = fields.list("token", "a token", LIST_MAX, report);
        let tokens = tokens.into_iter().filter_map(|token| self.token(token, report)).collect();
        let keys = fields.list("access_key", "an access key", LIST_MAX, report);
        let keys = keys.into_iter().filter_map(|key| self.key(key, report)).collect();
        fields.finish(&[], report);
        let principal = Principal { name: name?, roles: roles?, scopes };
        Some(Holder { principal, expires_at: expires_at.ok()?, tokens, certificates, keys })
    }

    fn certificates(&mut self, value: Value<'_, '_>, report: &mut Report<'_>) -> Vec<String> {
        let mut names = Vec::new();
        for item in value.items_up_to(LIST_MAX, report).unwrap_or_default() {
            let Some(name) = item.read(report, certificate_name) else { continue };
            if !self.certificates.insert(name.clone()) {
                report.add(
                    item.at(),
                    format_args!(
                        "the certificate name `{}` is listed twice; one certificate is one principal's",
                        clip(&name)
                    ),
                );
            }
            names.push(name);
        }
        names
    }

    fn token(&mut self, mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<TokenDigest> {
        let digest = fields.need("sha256", report).and_then(|value| {
            let digest = value.read(report, digest)?;
            if !self.tokens.insert(digest.0) {
                report.add(value.at(), "this token is listed twice; one token is one principal's");
            }
            Some(digest)
        });
        let expires_at = ends(&mut fields, report);
        fields.finish(&[], report);
        Some(TokenDigest { digest: digest?, expires_at: expires_at.ok()? })
    }

    fn key(&mut self, mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<AccessKey> {
        let at = fields.at();
        let id = fields.need("id", report).and_then(|value| {
            let id = value.read(report, AccessKeyId::new)?;
            if !self.keys.insert(id.clone()) {
                report.add(
                    value.at(),
                    format_args!("access key `{id}` is listed twice; remove one of the two"),
                );
            }
            Some((id, value.at()))
        });
        let sealed = fields.need("sealed", report).and_then(|value| {
            value.read(report, |text| {
                let engine = base64::engine::general_purpose::STANDARD;
                engine.decode(text).ok().filter(|bytes| (29..=SEALED_MAX).contains(&bytes.len())).ok_or(
                    "not a sealed secret in base64; `holdfast access key NAME` makes access keys, a secret in the clear does not belong here",
                )
            })
        });
        let expires_at = ends(&mut fields, report);
        fields.finish(&[], report);
        let (id, at) = id.map_or((None, at), |(id, at)| (Some(id), at));
        let line = self.line_ends.partition_point(|end| *end < at) + 1;
        Some(AccessKey {
            id: id?,
            sealed: sealed?,
            expires_at: expires_at.ok()?,
            line: u32::try_from(line).unwrap_or(u32::MAX),
        })
    }
}

fn ends(
    fields: &mut Fields<'_, '_>,
    report: &mut Report<'_>,
) -> Result<Option<Timestamp>, crate::walk::Wrong> {
    if_there(fields.get("expires"), |value| value.read(report, expiry))
}

fn principal_name(text: &str) -> Result<Operator, &'static str> {
    if text.starts_with(Operator::CLOSING_SOURCE) {
        return Err(NAME_OF_A_SOURCE);
    }
    if (1..=128).contains(&text.chars().count()) && !text.contains(char::is_control) && text.trim() == text {
        Ok(Operator::new(text))
    } else {
        Err(
            "a principal's name has 1 to 128 characters, no control characters, and no space at its ends; write one",
        )
    }
}

fn certificate_name(text: &str) -> Result<String, &'static str> {
    if (1..=253).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(
            "a name in a certificate (its common name or a DNS name) has 1 to 253 bytes and no control characters; write one",
        )
    }
}

fn roles(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<BTreeSet<Role>> {
    let mut roles = BTreeSet::new();
    for item in value.items_up_to(LIST_MAX, report)? {
        let read = item.read(report, |text| {
            Role::named(text).ok_or_else(|| {
                format!(
                    "no role is called {:?}; {}",
                    clip(text),
                    there(Role::ALL.into_iter().map(Role::as_str))
                )
            })
        });
        let Some(role) = read else { continue };
        if !roles.insert(role) {
            report.add(item.at(), format_args!("role {role} is listed twice; remove one of the two"));
        }
    }
    Some(roles)
}

/// None: not narrowed.
fn scope<T: Ord, E: std::fmt::Display>(
    value: Option<Value<'_, '_>>,
    read: impl Fn(&str) -> Result<T, E>,
    report: &mut Report<'_>,
) -> Option<BTreeSet<T>> {
    // A list that cannot be read is a problem of the whole file; until then it grants nothing.
    let items = value?.items_up_to(LIST_MAX, report).unwrap_or_default();
    Some(items.into_iter().filter_map(|item| item.read(report, &read)).collect())
}

fn digest(text: &str) -> Result<Digest, &'static str> {
    let wrong =
        "a token stands here as its SHA-256, 64 hexadecimal digits; `holdfast access token NAME` makes both";
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong);
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong)?;
    }
    Ok(Digest(bytes))
}

#[cfg(test)]
mod tests;
