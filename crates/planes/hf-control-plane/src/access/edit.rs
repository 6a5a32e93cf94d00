//! Edits of an access file that keep everything else in it as people wrote it.
//!
//! 1. What comes out is read as a node reads it; a file that would not be good is not written.
//! 2. A file that somebody else changed meanwhile is not overwritten.
//! 3. Secrets are handed out once and kept as digests or sealed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hf_access::Role;
use hf_config::Problems;
use hf_model::Digest;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::{
    AccessError, SealError, SealKey, Secret, new_token, read_private, seal, seal_path, write_private,
};

/// The beginning of a new file.
pub(super) const HEADER: &str = "\
# Who may do what over the API of a node; `holdfast access` edits it, a change counts within a second.
# Roles: read, operate, administer, update, register, push, break-glass. Scopes (panels, pools, zones, checks): without the list everything, an empty list nothing.
# Tokens stand here as their SHA-256, secrets of access keys sealed under `seal.key` beside this file: copy both to every node.
";

/// Characters of an access key's id: base32 (RFC 4648), 5 bits each.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] AccessError),
    /// The sealing key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is not TOML.
    #[error("{path}: {problem}", path = path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// There is one already.
    #[error("there is a principal `{0}` already; remove it first, or give it another token or key")]
    Taken(String),
    /// There is none.
    #[error("there is no principal `{0}`; `holdfast access list` shows all, `holdfast access add` makes one")]
    Absent(String),
    /// It would not be good.
    #[error("nothing was changed: {0}")]
    Problems(Problems),
    /// Somebody else was faster.
    #[error("{path}: somebody else has changed it meanwhile, nothing was changed; try again", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("{path}: cannot write it ({source}); check who may write there", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// A principal to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPrincipal {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Its panels; none: all.
    pub panels: Option<Vec<String>>,
    /// Its pools; none: all.
    pub pools: Option<Vec<String>>,
    /// Its zones; none: all.
    pub zones: Option<Vec<String>>,
    /// Health checks that it pushes results of; none: all.
    pub checks: Option<Vec<String>>,
    /// Names in its client certificates.
    pub certificates: Vec<String>,
    /// When all of its credentials end, as people write it.
    pub expires: Option<String>,
}

/// An access file being edited; nothing is written before [`AccessEdit::save`].
#[derive(Debug)]
pub struct AccessEdit {
    path: PathBuf,
    /// As it was read; none when there is no file yet.
    before: Option<String>,
    document: DocumentMut,
}

impl AccessEdit {
    /// Reads a file; one that is not there begins empty.
    pub fn open(path: &Path) -> Result<AccessEdit, EditError> {
        let before = match read_private(path) {
            Ok(text) => Some(text),
            Err(AccessError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let text = before.as_deref().unwrap_or(HEADER);
        let document = text.parse().map_err(|error: toml_edit::TomlError| EditError::NotToml {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(AccessEdit { path: path.to_owned(), before, document })
    }

    /// Adds a principal, without credentials but its certificates.
    pub fn add(&mut self, new: &NewPrincipal) -> Result<(), EditError> {
        if self.principal(&new.name).is_ok() {
            return Err(EditError::Taken(new.name.clone()));
        }
        let mut table = Table::new();
        table["name"] = value(&new.name);
        table["roles"] = list(new.roles.iter().map(|role| role.as_str()));
        let scopes =
            [("panels", &new.panels), ("pools", &new.pools), ("zones", &new.zones), ("checks", &new.checks)];
        for (key, names) in scopes {
            if let Some(names) = names {
                table[key] = list(names.iter().map(String::as_str));
            }
        }
        if !new.certificates.is_empty() {
            table["certificates"] = list(new.certificates.iter().map(String::as_str));
        }
        if let Some(expires) = &new.expires {
            table["expires"] = value(expires);
        }
        let root = self.document.as_table_mut().entry("principal");
        let tables =
            root.or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())).as_array_of_tables_mut();
        tables.ok_or_else(|| self_made(&self.path))?.push(table);
        Ok(())
    }

    /// Gives a principal a new token, which is handed out here and never again.
    pub fn token(&mut self, name: &str, expires: Option<&str>) -> Result<Secret, EditError> {
        let secret = new_token();
        let mut table = Table::new();
        table["sha256"] = value(Digest::of(secret.as_bytes()).to_string());
        self.credential(name, "token", table, expires)?;
        Ok(Secret::new(secret))
    }

    /// Gives a principal a new access key: its id, and its secret, which is handed out here and never again.
    pub fn key(&mut self, name: &str, expires: Option<&str>) -> Result<(String, Secret), EditError> {
        self.principal(name)?;
        let chance = hf_clock::random_bytes::<16>();
        let id: String = chance.iter().map(|byte| char::from(BASE32[usize::from(byte & 31)])).collect();
        let (id, secret) = (format!("HFAK{id}"), URL_SAFE_NO_PAD.encode(hf_clock::random_bytes::<30>()));
        let sealed = seal::seal(&SealKey::open_or_make(&seal_path(&self.path))?, &id, &secret);
        let mut table = Table::new();
        table["id"] = value(&id);
        table["sealed"] = value(STANDARD.encode(sealed));
        self.credential(name, "access_key", table, expires)?;
        Ok((id, Secret::new(secret)))
    }

    /// Removes a principal with everything that it shows.
    pub fn remove(&mut self, name: &str) -> Result<(), EditError> {
        let at = self.principal(name)?;
        let tables = self.document.get_mut("principal").and_then(Item::as_array_of_tables_mut);
        tables.ok_or_else(|| self_made(&self.path))?.remove(at);
        Ok(())
    }

    /// Writes the file, if it is good and nobody else has changed it meanwhile.
    pub fn save(self) -> Result<(), EditError> {
        let text = self.document.to_string();
        hf_config::read_access(&self.path.display().to_string(), &text).map_err(EditError::Problems)?;
        let now = match fs::read_to_string(&self.path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(EditError::Unwritable { path: self.path, source }),
        };
        if now != self.before {
            return Err(EditError::Changed { path: self.path });
        }
        write_private(&self.path, &text)
            .map_err(|source| EditError::Unwritable { path: self.path.clone(), source })
    }

    fn principal(&self, name: &str) -> Result<usize, EditError> {
        let tables = self.document.get("principal").and_then(Item::as_array_of_tables);
        let found = tables.and_then(|tables| {
            tables.iter().position(|table| table.get("name").and_then(Item::as_str) == Some(name))
        });
        found.ok_or_else(|| EditError::Absent(name.to_owned()))
    }

    fn credential(
        &mut self,
        name: &str,
        kind: &str,
        mut table: Table,
        expires: Option<&str>,
    ) -> Result<(), EditError> {
        let at = self.principal(name)?;
        if let Some(expires) = expires {
            table["expires"] = value(expires);
        }
        let tables = self.document.get_mut("principal").and_then(Item::as_array_of_tables_mut);
        let principal = tables.and_then(|tables| tables.get_mut(at)).ok_or_else(|| self_made(&self.path))?;
        let all = principal.entry(kind).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        all.as_array_of_tables_mut().ok_or_else(|| self_made(&self.path))?.push(table);
        Ok(())
    }
}

/// Lists written in another form than ours are good to read, not to edit.
fn self_made(path: &Path) -> EditError {
    EditError::NotToml {
        path: path.to_owned(),
        problem: "to be edited by this command, principals, tokens and access keys are written as [[principal]], [[principal.token]] and [[principal.access_key]]; write them so".to_owned(),
    }
}

fn list<'t>(names: impl Iterator<Item = &'t str>) -> Item {
    value(names.collect::<Array>())
}
