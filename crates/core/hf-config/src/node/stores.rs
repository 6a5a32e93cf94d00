//! How a control node looks at the stores of closing sources: `[stores]` and `[[credentials]]`.

use std::path::PathBuf;

use hf_model::CredentialsName;

/// What a control node brings to the stores that closing sources name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoresConfig {
    /// The authority of their certificates, a PEM file. Default: the public ones that browsers trust.
    pub ca: Option<PathBuf>,
    /// Who asks, by name: the estate names them, and holds no secrets.
    pub credentials: Vec<StoreCredentials>,
}

/// Credentials for a store with AWS's signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCredentials {
    /// What closing sources call them, unique in the node.
    pub name: CredentialsName,
    /// The public half.
    pub access_key_id: String,
    /// The file with the secret half, one line, and on a second one the session token of temporary credentials. Read at each look, so a new
    /// one counts at once.
    pub secret_file: PathBuf,
}

impl StoresConfig {
    /// The files that it names.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let secrets = self.credentials.iter_mut().map(|known| &mut known.secret_file);
        self.ca.iter_mut().chain(secrets)
    }

    /// The credentials of this name.
    pub fn named(&self, name: &CredentialsName) -> Option<&StoreCredentials> {
        self.credentials.iter().find(|known| known.name == *name)
    }
}
