//! Whom to speak to, and as whom: flags, environment, runbook file, in this order.
//!
//! The runbook file holds secrets and says whom to trust: it is not used while others may read it, or may put another one in its place.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hf_api::Client;
use hf_api::tls::{ClientTls, Identity, KeyPin, Trust};
use hf_model::EstateId;
use toml_edit::DocumentMut;

use crate::args::Common;
use crate::failure::Failure;

/// Where a node answers when nothing else is said.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7600";

/// Adds what the environment says and no flag does; what is empty counts as not said.
///
/// # Errors
///
/// [`Failure::Usage`]: a variable whose value cannot be.
pub fn with_environment(
    mut common: Common,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Common, Failure> {
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let filled = |texts: Vec<String>| -> Vec<String> {
        texts.into_iter().filter(|text| !text.trim().is_empty()).collect()
    };
    let listed = text("HOLDFAST_ENDPOINTS").unwrap_or_default();
    let listed = listed.split(',').map(|url| url.trim().to_owned()).collect();
    common.endpoints = first_filled([filled(common.endpoints), filled(listed)]);
    let tokens = [common.token.take(), text("HOLDFAST_TOKEN")];
    common.token = tokens.into_iter().flatten().find(|token| !token.trim().is_empty());
    if common.pins.is_empty() {
        let pins = text("HOLDFAST_PIN").unwrap_or_default();
        let pins = pins.split(',').map(str::trim).filter(|pin| !pin.is_empty()).map(str::parse);
        common.pins = pins
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::Usage(format!("holdfast: HOLDFAST_PIN: {error}")))?;
    }
    let path = |given: Option<PathBuf>, name: &str| {
        let paths = [given, variable(name).map(PathBuf::from)];
        paths.into_iter().flatten().find(|path| !path.as_os_str().is_empty())
    };
    common.ca = path(common.ca.take(), "HOLDFAST_CA");
    common.certificate = path(common.certificate.take(), "HOLDFAST_CLIENT_CERTIFICATE");
    common.certificate_key = path(common.certificate_key.take(), "HOLDFAST_CLIENT_KEY");
    common.runbook = path(common.runbook.take(), "HOLDFAST_RUNBOOK");
    Ok(common)
}

/// What the runbook file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runbook {
    /// Control nodes.
    pub endpoints: Vec<String>,
    /// Data-plane nodes, for break-glass.
    pub nodes: Vec<String>,
    /// Where nodes tell zone status.
    pub status: Vec<String>,
    /// The estate that all of them obey: a break-glass act is signed for it.
    pub estate: Option<EstateId>,
    /// The keys that nodes with `https://` are known by.
    pub pins: Vec<KeyPin>,
    /// The authority that they are known by, where no key is pinned.
    pub ca: Option<PathBuf>,
    /// The token for writes.
    pub token: Option<String>,
    /// The operator's certificate.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub certificate_key: Option<PathBuf>,
    /// The name of the break-glass key.
    pub operator: Option<String>,
    /// Where the break-glass key is.
    pub key: Option<PathBuf>,
}

/// Where the runbook is: as told, else in the user's configuration folder.
pub fn runbook_path(common: &Common) -> Result<PathBuf, Failure> {
    if let Some(path) = &common.runbook {
        return Ok(path.clone());
    }
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = from("XDG_CONFIG_HOME").or_else(|| from("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("holdfast").join("runbook.toml")).ok_or_else(|| {
        Failure::Usage(
            "holdfast: neither HOME nor XDG_CONFIG_HOME is set; name the runbook with --runbook FILE"
                .to_owned(),
        )
    })
}

impl Runbook {
    /// Reads the runbook; none when the default one is not there.
    pub fn load(common: &Common) -> Result<Option<Runbook>, Failure> {
        let path = match runbook_path(common) {
            Ok(path) => path,
            Err(_) if common.runbook.is_none() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && common.runbook.is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(Failure::Usage(format!("{}: {error}", path.display()))),
        };
        is_private(&path)?;
        Runbook::parse(&path, &text).map(Some)
    }

    /// Reads a runbook's text; `path` is where it stands.
    pub fn parse(path: &Path, text: &str) -> Result<Runbook, Failure> {
        let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
        let document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| wrong(error.to_string()))?;
        let mut runbook = Runbook::default();
        for (key, item) in document.iter() {
            let text = || {
                item.as_str()
                    .map(ToOwned::to_owned)
                    .ok_or_else(|| wrong(format!("`{key}` is a text; put it in quotes")))
            };
            let list = || {
                let array = item
                    .as_array()
                    .ok_or_else(|| wrong(format!("`{key}` is a list of URLs; write [\"…\"]")))?;
                let urls = array
                    .iter()
                    .map(|value| value.as_str().map(ToOwned::to_owned))
                    .collect::<Option<Vec<_>>>();
                urls.ok_or_else(|| wrong(format!("`{key}` is a list of URLs; put each in quotes")))
            };
            let file = || text().map(|name| Some(path.parent().unwrap_or(Path::new(".")).join(name)));
            match key {
                "endpoints" => runbook.endpoints = list()?,
                "nodes" => runbook.nodes = list()?,
                "status" => runbook.status = list()?,
                "estate" => {
                    let id = text()?.parse().map_err(|error| wrong(format!("`estate`: {error}")))?;
                    runbook.estate = Some(id);
                }
                "pins" => {
                    let pins = list()?.iter().map(|pin| pin.parse()).collect::<Result<_, _>>();
                    runbook.pins = pins.map_err(|error| wrong(format!("`pins`: {error}")))?;
                }
                "ca" => runbook.ca = file()?,
                "token" => runbook.token = Some(text()?),
                "certificate" => runbook.certificate = file()?,
                "certificate_key" => runbook.certificate_key = file()?,
                "operator" => runbook.operator = Some(text()?),
                "key" => runbook.key = file()?,
                other => {
                    return Err(wrong(format!(
                        "unknown key `{other}`; there are endpoints, nodes, status, estate, pins, ca, token, certificate, \
                         certificate_key, operator, key"
                    )));
                }
            }
        }
        Ok(runbook)
    }
}

/// Refuses a runbook that others may read, or may replace.
fn is_private(path: &Path) -> Result<(), Failure> {
    let mode = |path: &Path| std::fs::metadata(path).map(|found| found.permissions().mode() & 0o7777);
    let unreadable =
        |path: &Path, error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    let found = mode(path).map_err(|error| unreadable(path, error))?;
    if found & 0o077 != 0 {
        return Err(Failure::Usage(format!(
            "{path}: others may read or change this runbook (mode {found:04o}), and it holds secrets; `chmod 600 {path}`",
            path = path.display()
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = mode(folder).map_err(|error| unreadable(folder, error))?;
    // With the sticky bit, as of /tmp, nobody replaces the files of others.
    if found & 0o022 != 0 && found & 0o1000 == 0 {
        return Err(Failure::Usage(format!(
            "{folder}: others may put another runbook here (mode {found:04o}), and it says whom to trust; `chmod 700 {folder}`",
            folder = folder.display()
        )));
    }
    Ok(())
}

/// How nodes with `https://` are known, and what is shown to them: flags and environment before the runbook.
pub fn tls(common: &Common, runbook: &Runbook) -> Result<Option<ClientTls>, Failure> {
    let usage = |text: String| Failure::Usage(format!("holdfast: {text}"));
    let trust = match (&common.pins[..], &common.ca, &runbook.pins[..], &runbook.ca) {
        ([], None, [], None) => return Ok(None),
        ([], Some(ca), _, _) | ([], None, [], Some(ca)) => Trust::Authority(ca.clone()),
        ([], None, pins, _) | (pins, _, _, _) => Trust::Keys(pins.to_vec()),
    };
    let given = [&common.certificate, &common.certificate_key];
    let stored = [&runbook.certificate, &runbook.certificate_key];
    let [certificate, key] = if given.iter().any(|path| path.is_some()) { given } else { stored };
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some(Identity { certificate: certificate.clone(), key: key.clone() })
        }
        (Some(_), None) => {
            return Err(usage("a certificate needs its private key; give --client-key FILE".to_owned()));
        }
        (None, Some(_)) => {
            return Err(usage(
                "a private key needs its certificate; give --client-certificate FILE".to_owned(),
            ));
        }
    };
    ClientTls::load(&trust, identity.as_ref()).map(Some).map_err(|error| usage(error.to_string()))
}

/// A client of these endpoints, with all that is known of whom to trust.
pub fn client_of(
    endpoints: Vec<String>,
    token: Option<String>,
    common: &Common,
    runbook: &Runbook,
) -> Result<Client, Failure> {
    Client::with_tls(endpoints, token, tls(common, runbook)?)
        .map_err(|error| Failure::Usage(format!("holdfast: {error}")))
}

/// A client of the control nodes.
pub fn client(common: &Common) -> Result<Client, Failure> {
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let endpoints = first_filled([
        common.endpoints.clone(),
        runbook.endpoints.clone(),
        vec![DEFAULT_ENDPOINT.to_owned()],
    ]);
    let token = common.token.clone().or(runbook.token.clone());
    client_of(endpoints, token, common, &runbook)
}

/// A client of the data-plane nodes.
pub fn node_client(common: &Common) -> Result<Client, Failure> {
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let endpoints = first_filled([
        common.endpoints.clone(),
        runbook.nodes.clone(),
        runbook.endpoints.clone(),
        vec![DEFAULT_ENDPOINT.to_owned()],
    ]);
    let token = common.token.clone().or(runbook.token.clone());
    client_of(endpoints, token, common, &runbook)
}

fn first_filled<const N: usize>(lists: [Vec<String>; N]) -> Vec<String> {
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Output;

    #[test]
    fn flags_come_before_the_environment_and_empty_variables_are_unset() {
        let check = |endpoints: &[&str], token: Option<&str>, variables: &[(&str, &str)]| {
            let common = Common {
                endpoints: endpoints.iter().map(ToString::to_string).collect(),
                token: token.map(ToOwned::to_owned),
                ca: None,
                pins: Vec::new(),
                certificate: None,
                certificate_key: None,
                runbook: None,
                output: Output::Table,
            };
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            let common = with_environment(common, variable).unwrap();
            (common.endpoints.join(" "), common.token, common.runbook)
        };
        let all = [("HOLDFAST_ENDPOINTS", "http://a:1, http://b:2,"), ("HOLDFAST_TOKEN", "t")];
        assert_eq!(check(&[], None, &all), ("http://a:1 http://b:2".to_owned(), Some("t".to_owned()), None));
        let given = check(&["http://c:3"], Some("flag"), &all);
        assert_eq!(given, ("http://c:3".to_owned(), Some("flag".to_owned()), None));
        let empty = [("HOLDFAST_ENDPOINTS", ""), ("HOLDFAST_TOKEN", ""), ("HOLDFAST_RUNBOOK", "")];
        assert_eq!(check(&[], None, &empty), (String::new(), None, None));
    }

    #[test]
    fn a_runbook_is_read_and_its_mistakes_are_named() {
        let parse = |text: &str| Runbook::parse(Path::new("/x/runbook.toml"), text);
        let good = parse("endpoints = [\"http://a:1\"]\ntoken = \"t\"\nkey = \"k\"\n").unwrap();
        assert_eq!((good.endpoints.len(), good.key), (1, Some(PathBuf::from("/x/k"))));
        for (text, want) in [
            ("tokn = 1", "unknown key `tokn`"),
            ("token = 1", "is a text"),
            ("nodes = 1", "list"),
            ("pins = [\"sha256/x\"]", "a pinned key is"),
            ("estate = \"x\"", "`estate`"),
        ] {
            let Err(Failure::Usage(error)) = parse(text) else { panic!("{text} was taken") };
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_runbook_that_others_may_read_or_replace_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runbook.toml");
        std::fs::write(&path, "token = \"t\"\n").unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let told = || match is_private(&path) {
            Ok(()) => String::new(),
            Err(Failure::Usage(text)) => text,
            Err(other) => panic!("{other:?}"),
        };
        for (file, of_folder, mend) in [
            (0o600, 0o700, ""),
            (0o400, 0o755, ""),
            (0o640, 0o700, "`chmod 600 "),
            (0o604, 0o700, "`chmod 600 "),
            (0o600, 0o770, "`chmod 700 "),
            (0o600, 0o1777, ""),
        ] {
            set(&path, file);
            set(folder.path(), of_folder);
            let told = told();
            assert!(
                told.contains(mend) && told.is_empty() == mend.is_empty(),
                "{file:o} {of_folder:o}: {told}"
            );
        }
    }
}
