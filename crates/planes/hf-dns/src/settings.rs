//! What a node's file says of its answers, read once at the start: who we say we are, the cookies' secrets, limits.
//!
//! A secret that cannot be had takes away only what needs it: without that of cookies the node has one that no other knows, without the seal it
//! cannot sign.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hf_config::node::{DnsConfig, DnstapSink, RateLimit};
use hf_keys::{SealError, SealKey};
use hf_model::Cidr;
use hf_wire::cookie::{Secret, Worth};

/// The file of the secret that a node makes for itself, in its data folder.
const OWN_SECRET: &str = "dns-cookie.secret";

/// What all answers have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who we are, for askers who want to know (RFC 5001). Empty: we do not say.
    pub nsid: Vec<u8>,
    /// Makes and judges cookies.
    pub cookies: Cookies,
    /// How much one network gets over UDP.
    pub rate_limit: Option<RateLimit>,
    /// Who may ask for an account of an answer.
    pub explain_networks: Vec<Cidr>,
    /// The largest reply over UDP.
    pub udp_payload_max: u16,
    /// Where each answer is told of.
    pub dnstap: Option<DnstapSink>,
    /// Opens the private keys of signed zones.
    pub seal: Option<Arc<SealKey>>,
}

impl Default for Settings {
    /// No name, a secret that nobody else has, no limit.
    fn default() -> Self {
        Settings {
            nsid: Vec::new(),
            cookies: Cookies::random(),
            rate_limit: None,
            explain_networks: Vec::new(),
            udp_payload_max: DnsConfig::UDP_PAYLOAD_MAX,
            dnstap: None,
            seal: None,
        }
    }
}

/// Why the settings cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file that cannot be read, or our own that cannot be written.
    #[error("the secret of DNS cookies cannot be had from {}; see to the file and its permissions", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The key that seals DNSSEC keys.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A line that is no secret.
    #[error(
        "{}:{line}: a secret of DNS cookies has 32 hexadecimal digits (`openssl rand -hex 16`), one on each line: the first is given out, the \
         others are still taken",
        path.display()
    )]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1; the first when there is none.
        line: usize,
    },
}

impl Settings {
    /// What a node's file says, and which of its secrets cannot be had. `node` is who we are if the file does not say otherwise.
    pub fn read(config: &DnsConfig, node: &str, data_dir: &Path) -> (Settings, Vec<SettingsError>) {
        let mut problems = Vec::new();
        let cookies = match &config.cookie_secret_file {
            Some(path) => Cookies::read(path),
            None => Cookies::own(&data_dir.join(OWN_SECRET)),
        };
        let cookies = cookies.unwrap_or_else(|problem| {
            problems.push(problem);
            Cookies::random()
        });
        let seal = config.seal_file.as_deref().map(SealKey::open).transpose();
        let seal = seal.unwrap_or_else(|problem| {
            problems.push(problem.into());
            None
        });
        let settings = Settings {
            nsid: config.nsid.as_deref().unwrap_or(node).as_bytes().to_vec(),
            cookies,
            rate_limit: config.rate_limit,
            explain_networks: config.explain_networks.clone(),
            udp_payload_max: config.udp_payload_max,
            dnstap: config.dnstap.clone(),
            seal: seal.map(Arc::new),
        };
        (settings, problems)
    }
}

/// Whether a file holds secrets of cookies; blocks.
///
/// # Errors
///
/// [`SettingsError`] when it does not.
pub fn check_cookie_secret(path: &Path) -> Result<(), SettingsError> {
    Cookies::read(path).map(drop)
}

/// Whether a file holds the key that seals DNSSEC keys; blocks.
///
/// # Errors
///
/// [`SettingsError`] when it does not.
pub fn check_seal(path: &Path) -> Result<(), SettingsError> {
    Ok(SealKey::open(path).map(drop)?)
}

/// The secret in use, and those before it.
#[derive(Clone, Debug)]
pub struct Cookies {
    newest: Secret,
    older: Vec<Secret>,
}

/// What a client's cookie gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieAnswer {
    /// Client and server cookie.
    pub(crate) cookie: [u8; 24],
    /// The client has shown that it gets what we send to its address.
    pub(crate) is_known: bool,
}

impl Cookies {
    /// A secret that nobody else has.
    pub fn random() -> Cookies {
        Cookies { newest: Secret::new(hf_clock::random_bytes()), older: Vec::new() }
    }

    fn read(path: &Path) -> Result<Cookies, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
        let wrong = |line| SettingsError::Line { path: path.to_owned(), line };
        let mut secrets = Vec::new();
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if !line.is_empty() {
                secrets.push(Secret::new(hex(line).ok_or_else(|| wrong(at + 1))?));
            }
        }
        let mut secrets = secrets.into_iter();
        let newest = secrets.next().ok_or_else(|| wrong(1))?;
        Ok(Cookies { newest, older: secrets.collect() })
    }

    /// This node's own secret, made at the first start.
    fn own(path: &Path) -> Result<Cookies, SettingsError> {
        if !path.exists() {
            let digits: String =
                hf_clock::random_bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
            write_secret(path, &digits)
                .map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
        }
        Cookies::read(path)
    }

    /// Judges what came in a cookie option of 8 or 16 to 40 bytes, and makes what goes back. Other lengths get none.
    pub(crate) fn answer(&self, option: &[u8], client: IpAddr, now_s: u32) -> Option<CookieAnswer> {
        let client_cookie = *option.first_chunk::<8>()?;
        let make = |is_known| {
            Some(CookieAnswer { cookie: self.newest.make(client_cookie, client, now_s), is_known })
        };
        match self.newest.judge(option, client, now_s) {
            Worth::Malformed => None,
            Worth::Good => Some(CookieAnswer { cookie: option.try_into().ok()?, is_known: true }),
            Worth::Renew => make(true),
            Worth::New => {
                let judged = self.older.iter().map(|secret| secret.judge(option, client, now_s));
                make(judged.into_iter().any(|worth| matches!(worth, Worth::Good | Worth::Renew)))
            }
        }
    }
}

/// Writes it beside its place and renames it: whoever reads it reads all of it.
fn write_secret(path: &Path, digits: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let beside = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{digits}")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn hex(text: &str) -> Option<[u8; 16]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; 16];
    if pairs.len() != bytes.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "000102030405060708090a0b0c0d0e0f";
    const NEW: &str = "FF0102030405060708090a0b0c0d0e0f";

    fn read(text: &str) -> Result<Cookies, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        Cookies::read(&path).map_err(|why| why.to_string().replace(&*path.display().to_string(), "FILE"))
    }

    #[test]
    fn a_cookie_of_an_older_secret_is_taken_and_replaced() {
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let old = read(OLD).unwrap();
        let both = read(&format!("{NEW}\n\n{OLD}\n")).unwrap();
        let new = read(NEW).unwrap();
        let first = old.answer(&[1; 8], client, 1_000).unwrap();
        assert!(!first.is_known);
        assert_eq!(old.answer(&first.cookie, client, 1_100), Some(CookieAnswer { is_known: true, ..first }));
        let second = both.answer(&first.cookie, client, 1_200).unwrap();
        assert!(second.is_known && second.cookie != first.cookie);
        assert!(new.answer(&second.cookie, client, 1_300).unwrap().is_known);
        assert!(!new.answer(&first.cookie, client, 1_300).unwrap().is_known);
        assert!(!both.answer(&second.cookie, "192.0.2.2".parse().unwrap(), 1_300).unwrap().is_known);
        assert_eq!(both.answer(&[1; 9], client, 1_300), None);
    }

    #[test]
    fn what_is_no_secret_is_told_with_its_line() {
        for (text, line) in
            [("", 1), ("\n \n", 1), (&OLD[1..], 1), (&format!("{OLD}\nxy0102030405060708090a0b0c0d0e0f"), 2)]
        {
            assert!(read(text).unwrap_err().starts_with(&format!("FILE:{line}: a secret")), "{text:?}");
        }
    }

    #[test]
    fn a_node_makes_its_own_secret_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let config = DnsConfig::on(Vec::new());
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let read = |folder: &Path| Settings::read(&config, "ns1", folder);
        let (first, problems) = read(folder.path());
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(first.nsid, b"ns1");
        let cookie = first.cookies.answer(&[1; 8], client, 1_000).unwrap().cookie;
        let (again, _) = read(folder.path());
        assert!(again.cookies.answer(&cookie, client, 1_000).unwrap().is_known);
        let mode = std::fs::metadata(folder.path().join(OWN_SECRET)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (without, problems) = read(&folder.path().join("none"));
        assert!(problems[0].to_string().starts_with("the secret of DNS cookies cannot be had from"));
        let cookie = without.cookies.answer(&cookie, client, 1_000).unwrap();
        assert!(!cookie.is_known, "a secret that nobody else has");
    }
}
