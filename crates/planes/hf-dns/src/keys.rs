//! TSIG keys from their files, at the start.

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

/// Reads all keys of a node; blocks.
///
/// # Errors
///
/// [`KeyError`] for the first that cannot be had.
pub fn read_keys(config: &DnsConfig) -> Result<Keys, KeyError> {
    let keys = config.tsig_keys.iter().map(|file| {
        let algorithm = match file.algorithm {
            TsigAlgorithm::HmacSha1 => Algorithm::HmacSha1,
            TsigAlgorithm::HmacSha256 => Algorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => Algorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => Algorithm::HmacSha512,
        };
        Ok(Key::new(&WireName::from(&file.name), algorithm, &secret(&file.secret_file)?))
    });
    Ok(Keys::new(keys.collect::<Result<Vec<_>, _>>()?))
}

fn secret(path: &Path) -> Result<Vec<u8>, KeyError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| KeyError::File { path: path.to_path_buf(), source })?;
    let secret = STANDARD.decode(text.trim()).ok().filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    secret.ok_or_else(|| KeyError::NotASecret(path.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
