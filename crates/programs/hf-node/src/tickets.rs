//! The key that signs tickets of assignments, and the assign role that does so.
//!
//! 1. The key is 32 bytes in base64 in a file that only its owner may use, the same on every node that assigns or is assigned to. It is read once.
//!    Of several keys, each on a line, the first one signs and all are good: a new one comes as the second, then changes place with the old one.
//! 2. Without a good one a node that never served anything does not start. One that can serve from its disk does: it assigns nobody, its balancer
//!    refuses what wants tickets, and both are said.
//!
//! Not here: tickets (`hf-assign`), requests for them (`hf-assigner`), who checks them (`hf-balancer`).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hf_api::tls::{ClientCertificates, ServerFiles, ServerTls};
use hf_assign::{TICKET_KEYS, TicketKey};
use hf_assigner::AssignerConfig;
use hf_clock::Clock;
use hf_config::node::{NodeConfig, Role};
use hf_keys::private_file;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTicketKey {
    /// The node assigns, and names none.
    #[error(
        "the role assign signs tickets, and this node has no key for it; add `ticket_key_file` to [balancer], the same key on every node \
         (`openssl rand -base64 32` makes one)"
    )]
    NotNamed,
    /// The file is not read.
    #[error("{}: the key of tickets cannot be read; see to `ticket_key_file` of [balancer] and the file's permissions", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: private_file::ReadError,
    },
    /// It holds something else.
    #[error("{}: a key of tickets is 32 bytes in base64 on one line, and there are {TICKET_KEYS} at most; `openssl rand -base64 32` makes one, the same for every node", .0.display())]
    NotAKey(PathBuf),
}

/// Reads the key that the node file names; blocks.
pub(crate) fn read_key(config: &NodeConfig) -> Result<Option<TicketKey>, NoTicketKey> {
    match &config.balancer.ticket_key_file {
        Some(path) => key_of(path).map(Some),
        None if config.roles.contains(&Role::Assign) => Err(NoTicketKey::NotNamed),
        None => Ok(None),
    }
}

fn key_of(path: &Path) -> Result<TicketKey, NoTicketKey> {
    let text =
        private_file::read(path).map_err(|source| NoTicketKey::File { path: path.to_path_buf(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Option<Vec<[u8; 32]>> =
        lines.map(|line| BASE64_STANDARD.decode(line).ok()?.try_into().ok()).collect();
    match keys.as_deref() {
        Some([signs, others @ ..]) if others.len() < TICKET_KEYS => Ok(TicketKey::with_others(signs, others)),
        _ => Err(NoTicketKey::NotAKey(path.to_path_buf())),
    }
}

/// What is wrong with the file at `path`; blocks.
pub(crate) fn check(path: &Path) -> Option<String> {
    key_of(path).err().map(|why| crate::boot::describe(&why))
}

/// How the role assign runs; blocks while its certificate is read.
pub(crate) fn assigner_config(
    config: &NodeConfig,
    key: TicketKey,
    clock: Clock,
) -> Result<AssignerConfig, hf_api::tls::TlsError> {
    let files = config.assign.tls.as_ref().map(|tls| ServerFiles {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        clients: ClientCertificates::NotAsked,
    });
    Ok(AssignerConfig {
        listen: config.assign.listen,
        zone: config.zone.clone(),
        tls: files.map(|files| ServerTls::load(files, clock)).transpose()?,
        trusted: config.assign.trusted.clone(),
        key,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::testing::config;

    #[test]
    fn a_key_is_32_bytes_that_only_the_owner_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tickets.key");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            key_of(&path).map(drop).map_err(|error| crate::boot::describe(&error))
        };
        let good = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(read(&format!("{good}\n"), 0o600), Ok(()));
        let told = |result: Result<(), String>, want: &str| {
            let text = result.unwrap_err();
            assert!(text.contains("tickets.key: ") && text.contains(want), "{text}");
        };
        let other = BASE64_STANDARD.encode([8; 32]);
        assert_eq!(read(&format!("{other}\n{good}\n\n"), 0o600), Ok(()), "another that signs");
        told(read(&format!("{good}\n{}", &other[1..]), 0o600), "32 bytes in base64");
        told(read(&format!("{good}\n").repeat(TICKET_KEYS + 1), 0o600), "8 at most");
        told(read(&good, 0o644), "chmod 600");
        told(read(&good[..40], 0o600), "32 bytes in base64");
        told(read("", 0o600), "32 bytes in base64");
        fs::remove_file(&path).unwrap();
        assert!(matches!(key_of(&path), Err(NoTicketKey::File { .. })));
    }

    #[test]
    fn who_assigns_needs_a_key_and_others_do_not() {
        let mut config = config("n");
        assert!(matches!(read_key(&config), Ok(None)));
        config.roles = vec![Role::Assign];
        assert!(matches!(read_key(&config), Err(NoTicketKey::NotNamed)));
    }
}
