//! Who may write: tokens, kept as digests.
//!
//! `tokens` in the node's data_dir has one token a line: a name, a space, and the SHA-256 of the token in hexadecimal; `#`
//! begins a comment. At the first start a random token named `operator` is made: its digest goes there, itself into
//! `operator.token` beside it, both readable by the owner only. To add a person, append a line
//! (`echo "ann $(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)"`) and restart; to take a token away, delete its line. The
//! same file may be given to every node.
//!
//! Digests, so that a copied file opens nothing. Checking takes the same time wherever a token is wrong.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hf_model::{Digest, Operator};

/// The file of digests.
pub const TOKENS: &str = "tokens";
/// The token made at the first start, in the clear.
pub const OPERATOR: &str = "operator.token";
/// Bytes of a token at most; a longer one is not even looked at.
const TOKEN_BYTES: usize = 256;

/// The tokens of one node.
#[derive(Clone)]
pub struct Tokens(Vec<(Operator, Digest)>);

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
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = format!("hf_{}", URL_SAFE_NO_PAD.encode(hf_clock::random_bytes::<32>()));
                let clear = data_dir.join(OPERATOR);
                write_private(&clear, &format!("{secret}\n"))
                    .map_err(|error| failed("write")(&clear, error))?;
                let text = format!(
                    "# Who may write over the API: a name and the SHA-256 of the token, one a line.\noperator {}\n",
                    Digest::of(secret.as_bytes())
                );
                write_private(&path, &text).map_err(|error| failed("write")(&path, error))?;
                text
            }
            Err(error) => return Err(failed("read")(&path, error)),
        };
        let metadata = fs::metadata(&path).map_err(|error| failed("read")(&path, error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Open { path, mode });
        }
        Self::parse(&text, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Tokens, TokenError> {
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
        Ok(Tokens(tokens))
    }

    /// Whose token this is.
    pub fn find(&self, token: &str) -> Option<Operator> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let shown = Digest::of(token.as_bytes());
        // No early end: the time tells nothing of how much was right, nor of whose it is.
        let mut found = None;
        for (name, digest) in &self.0 {
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
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
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
