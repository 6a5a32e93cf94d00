//! Whom to speak to, and as whom: flags, environment, runbook file, in this order.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hf_api::Client;
use toml_edit::DocumentMut;

use crate::args::Common;
use crate::failure::Failure;

/// Where a node answers when nothing else is said.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7600";

/// Adds what the environment says and no flag does; what is empty counts as not said.
pub fn with_environment(mut common: Common, variable: impl Fn(&str) -> Option<OsString>) -> Common {
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let filled = |texts: Vec<String>| -> Vec<String> {
        texts.into_iter().filter(|text| !text.trim().is_empty()).collect()
    };
    let listed = text("HOLDFAST_ENDPOINTS").unwrap_or_default();
    let listed = listed.split(',').map(|url| url.trim().to_owned()).collect();
    common.endpoints = first_filled([filled(common.endpoints), filled(listed)]);
    let tokens = [common.token.take(), text("HOLDFAST_TOKEN")];
    common.token = tokens.into_iter().flatten().find(|token| !token.trim().is_empty());
    let runbooks = [common.runbook.take(), variable("HOLDFAST_RUNBOOK").map(PathBuf::from)];
    common.runbook = runbooks.into_iter().flatten().find(|path| !path.as_os_str().is_empty());
    common
}

/// What the runbook file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runbook {
    /// Control nodes.
    pub endpoints: Vec<String>,
    /// Data-plane nodes, for break-glass.
    pub nodes: Vec<String>,
    /// The token for writes.
    pub token: Option<String>,
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
            match key {
                "endpoints" => runbook.endpoints = list()?,
                "nodes" => runbook.nodes = list()?,
                "token" => runbook.token = Some(text()?),
                "operator" => runbook.operator = Some(text()?),
                "key" => runbook.key = Some(path.parent().unwrap_or(Path::new(".")).join(text()?)),
                other => {
                    return Err(wrong(format!(
                        "unknown key `{other}`; there are endpoints, nodes, token, operator, key"
                    )));
                }
            }
        }
        Ok(runbook)
    }
}

/// A client of the control nodes.
pub fn client(common: &Common) -> Result<Client, Failure> {
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let endpoints =
        first_filled([common.endpoints.clone(), runbook.endpoints, vec![DEFAULT_ENDPOINT.to_owned()]]);
    let token = common.token.clone().or(runbook.token);
    Client::new(endpoints, token).map_err(|error| Failure::Usage(format!("holdfast: {error}")))
}

/// A client of the data-plane nodes.
pub fn node_client(common: &Common) -> Result<Client, Failure> {
    let runbook = Runbook::load(common)?.unwrap_or_default();
    let endpoints = first_filled([
        common.endpoints.clone(),
        runbook.nodes,
        runbook.endpoints,
        vec![DEFAULT_ENDPOINT.to_owned()],
    ]);
    Client::new(endpoints, None).map_err(|error| Failure::Usage(format!("holdfast: {error}")))
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
                runbook: None,
                output: Output::Table,
            };
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            let common = with_environment(common, variable);
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
        for (text, want) in
            [("tokn = 1", "unknown key `tokn`"), ("token = 1", "is a text"), ("nodes = 1", "list")]
        {
            let Err(Failure::Usage(error)) = parse(text) else { panic!("{text} was taken") };
            assert!(error.contains(want), "{error}");
        }
    }
}
