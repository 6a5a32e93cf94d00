//! TSIG keys from their files, at the start.
//!
//! A key that cannot be had is missing: what is signed with it is refused, what is to be signed with it is not asked for. All else goes on.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hf_config::node::{DnsConfig, TsigAlgorithm};
use hf_model::WireName;
use hf_wire::tsig::{Algorithm, Key, Keys};

/// Shorter secrets can be guessed (RFC 8945 8 asks for as many bytes as the digest; old agreements have fewer).
const SECRET_BYTES_MIN: usize = 8;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: the secret of a TSIG key cannot be read; see to the file and its permissions", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It holds no secret.
    #[error("{}: a TSIG secret is one line of base64, of at least 8 bytes; `tsig-keygen` or `openssl rand -base64 32` make one", .0.display())]
    NotASecret(PathBuf),
}

/// Reads all keys of a node; blocks. Those that can be had, and why the others cannot.
pub fn read_keys(config: &DnsConfig) -> (Keys, Vec<KeyError>) {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for file in &config.tsig_keys {
        let algorithm = match file.algorithm {
            TsigAlgorithm::HmacSha1 => Algorithm::HmacSha1,
            TsigAlgorithm::HmacSha256 => Algorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => Algorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => Algorithm::HmacSha512,
        };
        match secret(&file.secret_file) {
            Ok(secret) => keys.push(Key::new(&WireName::from(&file.name), algorithm, &secret)),
            Err(problem) => problems.push(problem),
        }
    }
    (Keys::new(keys), problems)
}

/// Whether a file holds a TSIG secret; blocks.
///
/// # Errors
///
/// [`KeyError`] when it does not.
pub fn check_tsig_secret(path: &Path) -> Result<(), KeyError> {
    secret(path).map(drop)
}

fn secret(path: &Path) -> Result<Vec<u8>, KeyError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| KeyError::File { path: path.to_path_buf(), source })?;
    let secret = STANDARD.decode(text.trim()).ok().filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    secret.ok_or_else(|| KeyError::NotASecret(path.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use hf_config::node::TsigKeyFile;
    use hf_model::DnsName;

    use super::*;

    #[test]
    fn a_missing_secret_takes_only_its_own_key_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = DnsConfig::on(Vec::new());
        for name in ["a.", "b."] {
            config.tsig_keys.push(TsigKeyFile {
                name: DnsName::new(name).unwrap(),
                algorithm: TsigAlgorithm::HmacSha256,
                secret_file: folder.path().join(name),
            });
        }
        std::fs::write(folder.path().join("b."), "c2VjcmV0IG9mIG1pbmU=").unwrap();
        let (keys, problems) = read_keys(&config);
        let has = |name: &str| keys.get(&WireName::from(&DnsName::new(name).unwrap())).is_some();
        assert!(!has("a.") && has("b."));
        assert!(matches!(&problems[..], [KeyError::File { path, .. }] if path.ends_with("a.")));
    }

    #[test]
    fn a_secret_is_base64_of_some_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(secret(&path), Err(KeyError::File { .. })));
        for (text, good) in
            [("c2VjcmV0IG9mIG1pbmU=\n", true), ("c2hvcnQ=", false), ("not base64!", false), ("", false)]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(secret(&path).is_ok(), good, "{text}");
        }
    }
}
