//! What the demo's operator shows: a token, and an access key for the stock AWS clients. Made anew for each run, gone with its folder.
//!
//! They stand in the control node's access file before the node starts, so that they count from its first moment on.
//!
//! Not here: who may do what (`hf-access`), the lines to paste (`greeting`).

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use hf_access::Role;
use hf_control_plane::access::{ACCESS, AccessEdit, EditError, NewPrincipal, OPERATOR};

use crate::{DemoError, write_private};

/// Throw-away credentials of one principal that may do everything.
#[derive(Clone)]
pub struct Credentials {
    /// For `holdfast`.
    pub token: String,
    /// For AWS's clients.
    pub access_key_id: String,
    /// And its secret.
    pub secret_access_key: String,
}

impl Credentials {
    /// Makes them, and the access file of the control node whose data is in `data_dir`.
    pub fn make(data_dir: &Path) -> Result<Credentials, DemoError> {
        let write = |source| DemoError::Write { path: data_dir.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(write)?;
        let made = made(data_dir).map_err(|error| DemoError::Credentials(error.to_string()))?;
        // Where a node's own token stands too.
        write_private(&data_dir.join(OPERATOR), &format!("{}\n", made.token))?;
        Ok(made)
    }
}

fn made(data_dir: &Path) -> Result<Credentials, EditError> {
    const NAME: &str = "operator";
    let mut file = AccessEdit::open(&data_dir.join(ACCESS))?;
    let roles = [Role::Read, Role::Operate, Role::Administer, Role::BreakGlass].into();
    file.add(&NewPrincipal { name: NAME.to_owned(), roles, ..NewPrincipal::default() })?;
    let token = file.token(NAME, None)?.expose().to_owned();
    let (access_key_id, secret) = file.key(NAME, None)?;
    let secret_access_key = secret.expose().to_owned();
    file.save()?;
    Ok(Credentials { token, access_key_id, secret_access_key })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn each_run_has_its_own_and_nobody_else_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one/data"), folder.path().join("other/data"));
        let (first, second) = (Credentials::make(&one).unwrap(), Credentials::make(&other).unwrap());
        assert_ne!(first.token, second.token);
        assert_ne!(first.access_key_id, second.access_key_id);
        assert_ne!(first.secret_access_key, second.secret_access_key);
        for file in [ACCESS, OPERATOR, "seal.key"] {
            assert_eq!(std::fs::metadata(one.join(file)).unwrap().mode() & 0o777, 0o600, "{file}");
        }
        assert_eq!(hf_control_plane::access::check(&one.join(ACCESS)).unwrap().holders.len(), 1);
    }
}
