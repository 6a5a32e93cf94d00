//! Who may write: tokens, kept as digests.
//!
//! `tokens` in the node's data_dir has one token a line: a name, a space, and the SHA-256 of the token in hexadecimal; `#`
//! begins a comment. At the first start a random token named `operator` is made: its digest goes there, itself into
//! `operator.token` beside it, both readable by the owner only. To add a person, append a line
//! (`echo "ann $(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)"`); to take a token away, delete its line. A change counts within
//! [`LOOK_EVERY`]; one that cannot be read keeps the tokens of before, and is logged. The same file may be given to every node.
//!
//! Digests, so that a copied file opens nothing. Checking takes the same time wherever a token is wrong.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hf_model::{Digest, Operator};
use tokio::time::Instant;
use tracing::{info, warn};

/// The file of digests.
pub const TOKENS: &str = "tokens";
/// The token made at the first start, in the clear.
pub const OPERATOR: &str = "operator.token";
/// Bytes of a token at most; a longer one is not even looked at.
const TOKEN_BYTES: usize = 256;

/// How often the file is looked at, when somebody shows a token.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The tokens of one node; all clones are one.
#[derive(Clone)]
pub struct Tokens(Arc<Mutex<Known>>);

struct Known {
    path: PathBuf,
    list: Vec<(Operator, Digest)>,
    looks: Option<Looks>,
    looked_at: Option<Instant>,
}

/// How a file looks from outside: what tells a changed one.
type Looks = (SystemTime, u64, u64);

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The system refused.
    #[error("{path}: cannot {what} the tokens; check that the directory exists and belongs to this user", path = path.display())]
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
    /// A line that is none.
    #[error("{path}:{line}: a line has a name, a space and 64 hexadecimal digits; mend or delete it", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// No line at all.
    #[error("{path}: there is no token in it; delete the file and a new one is made at the next start", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    /// Reads the tokens of a data_dir; makes one if there is no file yet.
    pub fn open(data_dir: &Path) -> Result<Tokens, TokenError> {
        let path = data_dir.join(TOKENS);
        let failed = |what| move |path: &Path, source| TokenError::Io { path: path.to_owned(), what, source };
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => {
                let secret = format!("hf_{}", URL_SAFE_NO_PAD.encode(hf_clock::random_bytes::<32>()));
                let clear = data_dir.join(OPERATOR);
                write_private(&clear, &format!("{secret}\n"))
                    .map_err(|error| failed("write")(&clear, error))?;
                let text = format!(
                    "# Who may write over the API: a name and the SHA-256 of the token, one a line.\noperator {}\n",
                    Digest::of(secret.as_bytes())
                );
                write_private(&path, &text).map_err(|error| failed("write")(&path, error))?;
            }
            Err(error) => return Err(failed("read")(&path, error)),
        }
        let looks = looks(&path);
        let list = read(&path)?;
        Ok(Tokens(Arc::new(Mutex::new(Known { path, list, looks, looked_at: None }))))
    }

    /// Reads the file again when it has changed, at most every [`LOOK_EVERY`]. Off the runtime's threads: a disk may be slow.
    pub async fn refresh(&self) {
        let now = Instant::now();
        let (path, before) = {
            let mut known = self.known();
            if known.looked_at.is_some_and(|at| now.duration_since(at) < LOOK_EVERY) {
                return;
            }
            known.looked_at = Some(now);
            (known.path.clone(), known.looks)
        };
        let tokens = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let found = looks(&path);
            if found == before {
                return;
            }
            let read = read(&path);
            let mut known = tokens.known();
            known.looks = found;
            match read {
                Ok(list) => {
                    info!(tokens = list.len(), "the tokens have changed");
                    known.list = list;
                }
                Err(problem) => {
                    warn!(%problem, "the tokens have changed and cannot be read; those of before stay");
                }
            }
        });
        let _ = looking.await; // an error means that the node is stopping
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose token this is.
    pub fn find(&self, token: &str) -> Option<Operator> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let shown = Digest::of(token.as_bytes());
        // No early end: the time tells nothing of how much was right, nor of whose it is.
        let mut found = None;
        for (name, digest) in &self.known().list {
            let difference = digest.0.iter().zip(shown.0).fold(0, |sum, (a, b)| sum | (a ^ b));
            if difference == 0 {
                found = Some(name.clone());
            }
        }
        found
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.known().list.iter().map(|(name, _)| name)).finish()
    }
}

fn looks(path: &Path) -> Option<Looks> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

fn read(path: &Path) -> Result<Vec<(Operator, Digest)>, TokenError> {
    let failed = |source| TokenError::Io { path: path.to_owned(), what: "read", source };
    let mut file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Open { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<(Operator, Digest)>, TokenError> {
    let mut tokens = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let found = line
            .split_once(char::is_whitespace)
            .and_then(|(name, digest)| Some((Operator::new(name), parse_digest(digest.trim())?)));
        tokens.push(found.ok_or_else(|| TokenError::Line { path: path.to_owned(), line: at + 1 })?);
    }
    if tokens.is_empty() {
        return Err(TokenError::Empty { path: path.to_owned() });
    }
    Ok(tokens)
}

fn parse_digest(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(Digest(bytes))
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft); // left over from a kill
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests;
