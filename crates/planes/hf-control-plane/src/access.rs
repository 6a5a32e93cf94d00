//! Who may do what: the access file of a node, and who shows which credential.
//!
//! 1. At the first start [`ACCESS`] is made in the data_dir, with one principal `operator` that may do everything; its token
//!    stands beside it in the clear, in [`OPERATOR`]. A file that the node file names is not made: it is missing by mistake.
//! 2. The file and the key of its sealed secrets ([`SEAL`], beside it) belong to their owner only (mode 0600). The same two
//!    files may be given to every node.
//! 3. A change counts within [`LOOK_EVERY`]; one that is not good keeps what was before, and says so ([`Access::problem`]).
//! 4. Tokens are kept as digests, and compared in constant time (`hf-access`); secrets of access keys are sealed, since a signed
//!    request can only be verified by who knows the secret too.
//!
//! Not here: what a role allows (`hf-access`), the file's grammar (`hf-config`), what a request needs (`api`).

mod edit;
mod seal;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hf_access::{AccessList, Principal, Unknown};
use hf_clock::Clock;
use hf_config::Problems;
use hf_keys::private_file::{self, FILE_BYTES, write as write_private};
use hf_model::Digest;
use tokio::time::Instant;
use tracing::{info, warn};

pub use edit::{AccessEdit, EditError, NewPrincipal};
pub use seal::{SealError, SealKey, Secret};

/// The access file's name in a data_dir.
pub const ACCESS: &str = "access.toml";
/// The token made at the first start, in the clear.
pub const OPERATOR: &str = "operator.token";
/// The key of sealed secrets, beside the access file.
pub const SEAL: &str = "seal.key";
/// Digests of tokens as an earlier version kept them: a name and a digest a line.
const TOKENS: &str = "tokens";
/// Bytes of a token at most; a longer one is not even looked at.
const TOKEN_BYTES: usize = 256;

/// How often the file is looked at, when somebody shows a credential.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the access file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessPlace {
    /// In this data_dir; made when missing.
    DataDir(PathBuf),
    /// This file, which is there.
    File(PathBuf),
}

/// What a request shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// A bearer token.
    Token(&'a str),
    /// The names in a verified client certificate.
    Certificate(&'a [String]),
    /// The id of an access key with whose secret the request was found to be signed.
    AccessKey(&'a str),
}

/// Who may do what on one node; all clones are one.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    path: PathBuf,
    clock: Clock,
    known: Mutex<Known>,
}

struct Known {
    loaded: Arc<Loaded>,
    looks: Looks,
    looked_at: Option<Instant>,
    problem: Option<String>,
}

#[derive(Default)]
struct Loaded {
    list: AccessList,
    secrets: BTreeMap<String, Secret>,
}

/// How the two files look from outside: what tells changed ones.
type Looks = [Option<(SystemTime, u64, u64, u32)>; 2];

/// Why nobody is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The system refused.
    #[error("{path}: cannot {what} it; check that it is there and belongs to this user, or make it with `holdfast access add`", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Read or write.
        what: &'static str,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// Others may read or write it.
    #[error("{path}: others may use this file (mode {mode:03o}); run `chmod 600 {path}`", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// More than a file may have.
    #[error("{path}: an access file has at most {FILE_BYTES} bytes; remove some of it", path = path.display())]
    Large {
        /// The file.
        path: PathBuf,
    },
    /// What it says is wrong.
    #[error("{0}")]
    Problems(Problems),
    /// The sealing key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A secret does not open.
    #[error("{path}:{line}: the secret of access key {id} does not open with {seal}; copy both files from one node, or make the key anew", path = path.display(), seal = seal.display())]
    Sealed {
        /// The access file.
        path: PathBuf,
        /// The key's line.
        line: u32,
        /// The access key.
        id: String,
        /// The file of the sealing key.
        seal: PathBuf,
    },
}

impl Access {
    /// Reads the access file; blocks.
    pub fn open(place: &AccessPlace, clock: Clock) -> Result<Access, AccessError> {
        let path = match place {
            AccessPlace::File(path) => path.clone(),
            AccessPlace::DataDir(data_dir) => {
                let path = data_dir.join(ACCESS);
                let there = path.try_exists();
                if !there.map_err(|source| AccessError::Io { path: path.clone(), what: "read", source })? {
                    first(data_dir, &path)?;
                }
                path
            }
        };
        let looks = looks(&path);
        let loaded = Arc::new(load(&path)?);
        let known = Mutex::new(Known { loaded, looks, looked_at: None, problem: None });
        Ok(Access(Arc::new(Inner { path, clock, known })))
    }

    /// Reads the files again when they have changed, at most every [`LOOK_EVERY`]. Off the runtime's threads: a disk may be slow.
    pub async fn refresh(&self) {
        let now = Instant::now();
        let before = {
            let mut known = self.known();
            if known.looked_at.is_some_and(|at| now.duration_since(at) < LOOK_EVERY) {
                return;
            }
            known.looked_at = Some(now);
            known.looks
        };
        let access = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let found = looks(&access.0.path);
            if found == before {
                return;
            }
            let read = load(&access.0.path);
            let mut known = access.known();
            known.looks = found;
            match read {
                Ok(loaded) => {
                    info!(principals = loaded.list.holders.len(), "who may do what has changed");
                    known.loaded = Arc::new(loaded);
                    known.problem = None;
                }
                Err(problem) => {
                    let problem = problem.to_string();
                    warn!(problem, "who may do what has changed and cannot be read; what was before stays");
                    known.problem = Some(problem);
                }
            }
        });
        let _ = looking.await; // an error means that the node is stopping
    }

    /// Who this is.
    ///
    /// # Errors
    ///
    /// [`Unknown`]: nobody, or somebody whose credential has ended.
    pub fn identify(&self, shown: &Presented<'_>) -> Result<Principal, Unknown> {
        let (loaded, now) = (self.known().loaded.clone(), self.0.clock.now());
        let found = match shown {
            Presented::Token(token) if token.len() > TOKEN_BYTES => return Err(Unknown::NotKnown),
            Presented::Token(token) => loaded.list.by_token(&Digest::of(token.as_bytes()), now),
            Presented::Certificate(names) => loaded.list.by_certificate(names, now),
            Presented::AccessKey(id) => loaded.list.by_access_key(id, now).map(|(principal, _)| principal),
        };
        found.cloned()
    }

    /// The secret of an access key, to verify a signature with; none when the key is not known or has ended.
    pub fn secret_of(&self, access_key_id: &str) -> Option<Secret> {
        let (loaded, now) = (self.known().loaded.clone(), self.0.clock.now());
        loaded.list.by_access_key(access_key_id, now).ok()?;
        loaded.secrets.get(access_key_id).cloned()
    }

    /// Why the file as it is now is not in force.
    pub fn problem(&self) -> Option<String> {
        self.known().problem.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// Whether an access file and the key beside it can be used: its principals, or what is wrong.
pub fn check(path: &Path) -> Result<AccessList, AccessError> {
    load(path).map(|loaded| loaded.list)
}

/// Makes the first access file: of the tokens of an earlier version if there are any, else with a new token.
fn first(data_dir: &Path, path: &Path) -> Result<(), AccessError> {
    let failed = |what| move |path: &Path, source| AccessError::Io { path: path.to_owned(), what, source };
    let before = data_dir.join(TOKENS);
    let known: Vec<(String, String)> = match fs::read_to_string(&before) {
        Ok(text) => earlier(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed("read")(&before, error)),
    };
    let mut text = edit::HEADER.to_owned();
    let mut add = |name: &str, digest: &str| {
        let name = serde_json::Value::from(name);
        text.push_str(&format!(
            "\n[[principal]]\nname = {name}\nroles = [\"read\", \"operate\", \"administer\", \"break-glass\"]\n\n[[principal.token]]\nsha256 = \"{digest}\"\n"
        ));
    };
    if known.is_empty() {
        let secret = new_token();
        let clear = data_dir.join(OPERATOR);
        write_private(&clear, &format!("{secret}\n")).map_err(|error| failed("write")(&clear, error))?;
        add("operator", &Digest::of(secret.as_bytes()).to_string());
    } else {
        for (name, digest) in &known {
            add(name, digest);
        }
        info!(from = %before.display(), to = %path.display(), "the tokens have become principals that may do everything");
    }
    write_private(path, &text).map_err(|error| failed("write")(path, error))
}

/// Names and digests of an earlier version's file; lines that are none are left out, and of two alike the first counts.
fn earlier(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some((name, digest)) = line.split_once(char::is_whitespace) else { continue };
        let digest = digest.trim().to_ascii_lowercase();
        let good = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if good && !found.iter().any(|(known, other)| known == name || *other == digest) {
            found.push((name.to_owned(), digest));
        }
    }
    found
}

/// A token: 256 bits of chance.
fn new_token() -> String {
    format!("hf_{}", URL_SAFE_NO_PAD.encode(hf_clock::random_bytes::<32>()))
}

fn looks(path: &Path) -> Looks {
    let look = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino(), metadata.mode()))
    };
    [look(path), look(&seal_path(path))]
}

fn seal_path(access: &Path) -> PathBuf {
    access.with_file_name(SEAL)
}

fn load(path: &Path) -> Result<Loaded, AccessError> {
    let text = read_private(path)?;
    let list = hf_config::read_access(&path.display().to_string(), &text).map_err(AccessError::Problems)?;
    let mut secrets = BTreeMap::new();
    if list.holders.iter().any(|holder| !holder.keys.is_empty()) {
        let seal_file = seal_path(path);
        let key = SealKey::open(&seal_file)?;
        for access_key in list.holders.iter().flat_map(|holder| &holder.keys) {
            let id = access_key.id.as_str();
            let secret = seal::unseal(&key, id, &access_key.sealed).ok_or_else(|| AccessError::Sealed {
                path: path.to_owned(),
                line: access_key.line,
                id: id.to_owned(),
                seal: seal_file.clone(),
            })?;
            secrets.insert(id.to_owned(), secret);
        }
    }
    Ok(Loaded { list, secrets })
}

/// A file that only its owner may use.
fn read_private(path: &Path) -> Result<String, AccessError> {
    private_file::read(path).map_err(|error| match error {
        private_file::ReadError::Open { mode } => AccessError::Open { path: path.to_owned(), mode },
        private_file::ReadError::Io(source) => {
            AccessError::Io { path: path.to_owned(), what: "read", source }
        }
        _ => AccessError::Large { path: path.to_owned() },
    })
}

#[cfg(test)]
mod tests;
