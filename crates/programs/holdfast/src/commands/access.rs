//! `holdfast access`: who may do what on a node, in its access file.

use std::path::{Path, PathBuf};

use hf_access::{AccessList, Holder};
use hf_control_plane::AccessError;
use hf_control_plane::access::{self, AccessEdit, EditError, NewPrincipal};
use serde::Serialize;

use super::read_file;
use crate::args::Output;
use crate::args::access::{AccessArgs, AccessCommand, AddArgs};
use crate::failure::Failure;
use crate::output::{columns, count, show};

/// Reads or edits an access file.
pub fn run(args: &AccessArgs, output: Output) -> Result<(), Failure> {
    let path = place(args)?;
    match &args.command {
        AccessCommand::List => {
            let list = access::check(&path).map_err(|error| unreadable(&error))?;
            show(output, &shown(&list), |shown| in_table(shown))
        }
        AccessCommand::Check => {
            let list = access::check(&path).map_err(|error| unreadable(&error))?;
            let principals = list.holders.len();
            show(output, &Checked { file: path.display().to_string(), principals }, |checked| {
                format!("{} is good: {}", checked.file, count(checked.principals, "principal"))
            })
        }
        AccessCommand::Add(new) => {
            edit(&path, |file| file.add(&principal(new)))?;
            let given = if new.certificates.is_empty() {
                format!(
                    "; it has no credential yet: `holdfast access token {0}` or `holdfast access key {0}` makes one",
                    new.name
                )
            } else {
                String::new()
            };
            eprintln!("added `{}` to {}{given}", new.name, path.display());
            Ok(())
        }
        AccessCommand::Token { name, expires } => {
            let token = edit(&path, |file| file.token(name, expires.as_deref()))?;
            eprintln!(
                "a token for `{name}`; it is shown this once, {} keeps a digest of it:",
                path.display()
            );
            show(output, &Token { principal: name, token: token.expose() }, |made| made.token.to_owned())
        }
        AccessCommand::Key { name, expires } => {
            let (id, secret) = edit(&path, |file| file.key(name, expires.as_deref()))?;
            eprintln!(
                "an access key for `{name}`; its secret is shown this once, {} keeps it sealed under {}:",
                path.display(),
                path.with_file_name(access::SEAL).display()
            );
            show(
                output,
                &Key { principal: name, access_key_id: &id, secret_access_key: secret.expose() },
                |made| {
                    format!(
                        "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}",
                        made.access_key_id, made.secret_access_key
                    )
                },
            )
        }
        AccessCommand::Remove { name } => {
            edit(&path, |file| file.remove(name))?;
            eprintln!("removed `{name}` from {}; what it shows is not known any more", path.display());
            Ok(())
        }
    }
}

#[derive(Serialize)]
struct Checked {
    file: String,
    principals: usize,
}

#[derive(Serialize)]
struct Token<'a> {
    principal: &'a str,
    token: &'a str,
}

#[derive(Serialize)]
struct Key<'a> {
    principal: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
}

/// One principal, without secrets.
#[derive(Serialize)]
struct Shown {
    name: String,
    roles: Vec<&'static str>,
    panels: Option<Vec<String>>,
    pools: Option<Vec<String>>,
    zones: Option<Vec<String>>,
    checks: Option<Vec<String>>,
    certificates: Vec<String>,
    tokens: usize,
    access_keys: Vec<String>,
    /// When its last credential ends; null: one never does, or there is none.
    expires_at_ms: Option<u64>,
}

/// The access file that is meant.
fn place(args: &AccessArgs) -> Result<PathBuf, Failure> {
    if let Some(file) = &args.file {
        return Ok(file.clone());
    }
    let Some(config) = &args.config else {
        return Err(Failure::Usage(
            "holdfast: whose access file? Give --config NODE.toml or --file ACCESS.toml".to_owned(),
        ));
    };
    let text = read_file(config)?;
    let node = hf_config::read_node(&config.display().to_string(), &text)
        .map_err(|problems| Failure::Usage(problems.to_string()))?;
    let folder = config.parent().unwrap_or(Path::new(""));
    Ok(folder.join(node.api.access.unwrap_or_else(|| node.data_dir.join(access::ACCESS))))
}

fn edit<T>(path: &Path, change: impl FnOnce(&mut AccessEdit) -> Result<T, EditError>) -> Result<T, Failure> {
    let changed = AccessEdit::open(path).and_then(|mut file| {
        let done = change(&mut file)?;
        file.save()?;
        Ok(done)
    });
    changed.map_err(|error| match error {
        EditError::Unreadable(error) => unreadable(&error),
        EditError::NotToml { .. } | EditError::Problems(_) => Failure::Usage(format!("holdfast: {error}")),
        error => Failure::Refused(error.to_string()),
    })
}

fn unreadable(error: &AccessError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default();
    Failure::Usage(format!("{error}{cause}"))
}

fn principal(new: &AddArgs) -> NewPrincipal {
    let some = |names: &Vec<String>| (!names.is_empty()).then(|| names.clone());
    NewPrincipal {
        name: new.name.clone(),
        roles: new.roles.iter().map(|role| (*role).into()).collect(),
        panels: some(&new.panels),
        pools: some(&new.pools),
        zones: some(&new.zones),
        checks: some(&new.checks),
        certificates: new.certificates.clone(),
        expires: new.expires.clone(),
    }
}

fn shown(list: &AccessList) -> Vec<Shown> {
    fn names<T: ToString>(some: Option<&std::collections::BTreeSet<T>>) -> Option<Vec<String>> {
        some.map(|names| names.iter().map(ToString::to_string).collect())
    }
    let one = |holder: &Holder| {
        let scopes = &holder.principal.scopes;
        Shown {
            name: holder.principal.name.to_string(),
            roles: holder.principal.roles.iter().map(|role| role.as_str()).collect(),
            panels: names(scopes.panels.as_ref()),
            pools: names(scopes.pools.as_ref()),
            zones: names(scopes.zones.as_ref()),
            checks: names(scopes.checks.as_ref()),
            certificates: holder.certificates.clone(),
            tokens: holder.tokens.len(),
            access_keys: holder.keys.iter().map(|key| key.id.to_string()).collect(),
            expires_at_ms: last_end(holder),
        }
    };
    list.holders.iter().map(one).collect()
}

/// When the last credential ends; none when one never does or there is none.
fn last_end(holder: &Holder) -> Option<u64> {
    let tokens = holder.tokens.iter().map(|token| token.expires_at);
    let keys = holder.keys.iter().map(|key| key.expires_at);
    let ends: Option<Vec<_>> = tokens.chain(keys).chain(holder.certificates.iter().map(|_| None)).collect();
    let last = ends.and_then(|ends| ends.into_iter().max());
    [last, holder.expires_at].into_iter().flatten().min().map(|at| at.0)
}

fn in_table(shown: &[Shown]) -> String {
    let row = |one: &Shown| {
        let kinds =
            [("panels", &one.panels), ("pools", &one.pools), ("zones", &one.zones), ("checks", &one.checks)];
        let scopes: Vec<String> = kinds
            .into_iter()
            .filter_map(|(kind, names)| {
                let names = names.as_ref()?;
                let names = if names.is_empty() { "none".to_owned() } else { names.join(",") };
                Some(format!("{kind}={names}"))
            })
            .collect();
        let mut credentials = Vec::new();
        if one.tokens > 0 {
            credentials.push(count(one.tokens, "token"));
        }
        credentials.extend(one.access_keys.iter().map(|id| format!("key {id}")));
        credentials.extend(one.certificates.iter().map(|name| format!("certificate {name}")));
        let or_none = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        [
            one.name.clone(),
            if one.roles.is_empty() { "none".to_owned() } else { one.roles.join(",") },
            if scopes.is_empty() { "everything".to_owned() } else { scopes.join(" ") },
            or_none(&credentials),
            one.expires_at_ms.map_or_else(|| "never".to_owned(), hf_api::instant),
        ]
    };
    let rows: Vec<[String; 5]> = shown.iter().map(row).collect();
    columns(["PRINCIPAL", "ROLES", "ON", "SHOWS", "ENDS"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::access::RoleName;

    fn args(file: &Path, command: AccessCommand) -> AccessArgs {
        AccessArgs { file: Some(file.to_owned()), config: None, command }
    }

    fn add(name: &str, zones: &[&str]) -> AccessCommand {
        AccessCommand::Add(AddArgs {
            name: name.to_owned(),
            roles: vec![RoleName::Operate, RoleName::Read],
            panels: Vec::new(),
            pools: vec!["web".to_owned()],
            zones: zones.iter().map(ToString::to_string).collect(),
            checks: Vec::new(),
            certificates: Vec::new(),
            expires: Some("2030-01-01".to_owned()),
        })
    }

    #[test]
    fn a_principal_from_its_addition_to_its_removal() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("access.toml");
        let run = |command| run(&args(&file, command), Output::Json);
        run(add("ann", &["a"])).unwrap();
        run(add("bob", &[])).unwrap();
        run(AccessCommand::Token { name: "ann".to_owned(), expires: None }).unwrap();
        run(AccessCommand::Key { name: "ann".to_owned(), expires: Some("2029-01-01".to_owned()) }).unwrap();
        run(AccessCommand::Check).unwrap();
        let table = in_table(&shown(&access::check(&file).unwrap()));
        let ann = table.lines().find(|line| line.starts_with("ann")).unwrap();
        assert!(
            ann.contains("read,operate")
                && ann.contains("pools=web zones=a")
                && ann.contains("1 token, key HFAK"),
            "{table}"
        );
        assert!(ann.ends_with("2030-01-01T00:00:00Z"), "{table}");
        run(AccessCommand::Remove { name: "ann".to_owned() }).unwrap();
        assert_eq!(access::check(&file).unwrap().holders.len(), 1);
        let refused = run(AccessCommand::Token { name: "ann".to_owned(), expires: None }).unwrap_err();
        assert!(
            matches!(&refused, Failure::Refused(text) if text.contains("there is no principal `ann`")),
            "{refused:?}"
        );
    }

    #[test]
    fn mistakes_are_bad_usage_and_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("access.toml");
        let bad = run(&args(&file, add("ann", &["Zone A"])), Output::Table).unwrap_err();
        assert!(matches!(&bad, Failure::Usage(text) if text.contains("a zone id")), "{bad:?}");
        assert!(!file.exists());
        let absent = run(&args(&file, AccessCommand::List), Output::Table).unwrap_err();
        assert!(matches!(&absent, Failure::Usage(text) if text.contains("No such file")), "{absent:?}");
        let nothing = AccessArgs { file: None, config: None, command: AccessCommand::List };
        assert!(matches!(run(&nothing, Output::Table), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_node_file_says_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("node.toml");
        let place_of = |api: &str| {
            let node = format!("[node]\nid = \"n\"\ndata_dir = \"data\"\nroles = [\"dns\"]\n{api}");
            std::fs::write(&config, node).unwrap();
            place(&AccessArgs { file: None, config: Some(config.clone()), command: AccessCommand::List })
                .unwrap()
        };
        assert_eq!(place_of(""), folder.path().join("data/access.toml"));
        assert_eq!(place_of("[api]\naccess = \"/etc/a.toml\""), PathBuf::from("/etc/a.toml"));
    }
}
