//! `holdfast runbook`: what an evacuation needs, stored on the operator's machine.
//!
//! 1. What cannot work is not stored: endpoints and nodes are checked before anything is written.
//! 2. `--force` replaces what is given anew and keeps the rest of the old runbook, its key above all.
//! 3. It says what it stored, and what an operator will miss.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hf_api::Client;
use hf_feed::break_glass::OperatorKeyPair;
use serde::Serialize;

use crate::args::{Common, RunbookArgs, RunbookCommand};
use crate::failure::Failure;
use crate::output::show;
use crate::session::{DEFAULT_ENDPOINT, Runbook, runbook_path};

/// Writes or shows the runbook.
pub fn run(args: &RunbookArgs, common: &Common) -> Result<(), Failure> {
    let path = runbook_path(common)?;
    match &args.command {
        RunbookCommand::Init { nodes, operator, force } => {
            let (stored, public_key) = init(&path, nodes, operator.as_deref(), *force, common)?;
            let stored = Stored { public_key: Some(STANDARD.encode(public_key)), ..stored };
            show(common.output, &stored, told_at_init)
        }
        RunbookCommand::Show => {
            let Some(runbook) = Runbook::load(common)? else {
                return Err(Failure::Usage(format!(
                    "holdfast: there is no runbook at {}; make one with `holdfast runbook init`",
                    path.display()
                )));
            };
            show(common.output, &Stored::of(&path, &runbook), in_lines)
        }
    }
}

/// A runbook without its secrets, as printed.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Stored {
    runbook: PathBuf,
    endpoints: Vec<String>,
    nodes: Vec<String>,
    has_token: bool,
    operator: Option<String>,
    key: Option<PathBuf>,
    /// Only when it was written just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

impl Stored {
    fn of(path: &Path, runbook: &Runbook) -> Stored {
        Stored {
            runbook: path.to_owned(),
            endpoints: runbook.endpoints.clone(),
            nodes: runbook.nodes.clone(),
            has_token: runbook.token.is_some(),
            operator: runbook.operator.clone(),
            key: runbook.key.clone(),
            public_key: None,
        }
    }
}

fn in_lines(stored: &Stored) -> String {
    let list = |urls: &[String]| if urls.is_empty() { "none".to_owned() } else { urls.join(", ") };
    format!(
        "runbook    {}\nendpoints  {}\nnodes      {}\ntoken      {}\noperator   {}\nkey        {}\n",
        stored.runbook.display(),
        list(&stored.endpoints),
        list(&stored.nodes),
        if stored.has_token { "stored" } else { "none" },
        stored.operator.as_deref().unwrap_or("none"),
        stored.key.as_ref().map_or("none".to_owned(), |key| key.display().to_string()),
    )
}

fn told_at_init(stored: &Stored) -> String {
    let mut text = in_lines(stored);
    if !stored.has_token {
        text.push_str(
            "\nno token: shifts through a control node will be refused; give --token or HOLDFAST_TOKEN, with --force\n",
        );
    }
    if stored.nodes.is_empty() {
        text.push_str("\nno nodes: break-glass will speak to the endpoints; give --node, with --force\n");
    }
    text.push_str(&format!(
        "\nPut this into every node file, then this machine's break-glass shifts are obeyed there:\n\n\
         [[break_glass_key]]\nname = {}\npublic_key = {}\n",
        quoted(stored.operator.as_deref().unwrap_or_default()),
        quoted(stored.public_key.as_deref().unwrap_or_default()),
    ));
    text
}

fn init(
    path: &Path,
    nodes: &[String],
    operator: Option<&str>,
    force: bool,
    common: &Common,
) -> Result<(Stored, Vec<u8>), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let old = match std::fs::read_to_string(path) {
        Ok(_) if !force => {
            return Err(Failure::Usage(format!(
                "holdfast: {} is there already; --force replaces what you give and keeps the rest",
                path.display()
            )));
        }
        Ok(text) => Runbook::parse(path, &text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Runbook::default(),
        Err(error) => return Err(Failure::Usage(format!("{}: {error}", path.display()))),
    };
    let mut runbook = old;
    if !common.endpoints.is_empty() {
        runbook.endpoints.clone_from(&common.endpoints);
    } else if runbook.endpoints.is_empty() {
        runbook.endpoints.push(DEFAULT_ENDPOINT.to_owned());
    }
    if !nodes.is_empty() {
        runbook.nodes = nodes.to_vec();
    }
    runbook.token = common.token.clone().or(runbook.token);
    runbook.operator = operator.map(ToOwned::to_owned).or(runbook.operator).or(Some("operator".to_owned()));
    for urls in [&runbook.endpoints, &runbook.nodes].into_iter().filter(|urls| !urls.is_empty()) {
        Client::new(urls.clone(), runbook.token.clone())
            .map_err(|error| Failure::Usage(format!("holdfast: {error}")))?;
    }

    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Refused(format!("{}: {error}", folder.display())))?;
    let key_path = runbook.key.get_or_insert_with(|| folder.join("operator.key"));
    let key = read_or_make_key(key_path)?;
    write_private(path, &text_of(&runbook, folder))?;
    Ok((Stored::of(path, &runbook), key.public_key().to_vec()))
}

fn read_or_make_key(path: &Path) -> Result<OperatorKeyPair, Failure> {
    if !path.exists() {
        let pkcs8 = OperatorKeyPair::generate_pkcs8();
        write_private(path, &STANDARD.encode(&pkcs8))?;
        return OperatorKeyPair::from_pkcs8(&pkcs8).map_err(|error| Failure::Refused(error.to_string()));
    }
    let text = super::read_file(path)?;
    let wrong =
        |what: String| Failure::Usage(format!("{}: {what}; move it away to make a new one", path.display()));
    let bytes = STANDARD.decode(text.trim()).map_err(|error| wrong(format!("not base64 ({error})")))?;
    OperatorKeyPair::from_pkcs8(&bytes).map_err(|error| wrong(error.to_string()))
}

fn text_of(runbook: &Runbook, folder: &Path) -> String {
    let list = |urls: &[String]| urls.iter().map(|url| quoted(url)).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# What `holdfast` needs at 3 am. Keep it private; nothing in it is looked up anywhere.\n\
         endpoints = [{}]\nnodes = [{}] # data-plane nodes, for break-glass\n",
        list(&runbook.endpoints),
        list(&runbook.nodes),
    );
    let key = runbook.key.as_ref().map(|key| key.strip_prefix(folder).unwrap_or(key).display().to_string());
    let values = [("token", &runbook.token), ("operator", &runbook.operator), ("key", &key)];
    for (name, value) in values {
        if let Some(value) = value {
            text.push_str(&format!("{name} = {}\n", quoted(value)));
        }
    }
    text
}

/// As TOML has it: a JSON text is one, but for the character DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            // The mode above is for a new file only.
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())
        })
        .map_err(|error| Failure::Refused(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Output;

    fn common(folder: &Path, endpoints: &[&str], token: Option<&str>) -> Common {
        Common {
            endpoints: endpoints.iter().map(ToString::to_string).collect(),
            token: token.map(ToOwned::to_owned),
            runbook: Some(folder.join("deep/runbook.toml")),
            output: Output::Table,
        }
    }

    fn stored(
        nodes: &[&str],
        operator: Option<&str>,
        force: bool,
        common: &Common,
    ) -> Result<Runbook, Failure> {
        let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        init(common.runbook.as_deref().unwrap(), &nodes, operator, force, common)?;
        Ok(Runbook::load(common)?.unwrap())
    }

    #[test]
    fn force_keeps_what_is_not_given_anew() {
        let folder = tempfile::tempdir().unwrap();
        let first = common(folder.path(), &["http://a:1"], Some("secret"));
        let before = stored(&["http://n:2"], Some("ad\"a"), false, &first).unwrap();
        assert_eq!(before.operator.as_deref(), Some("ad\"a"));
        let refused = stored(&[], None, false, &first).unwrap_err();
        assert!(matches!(&refused, Failure::Usage(text) if text.contains("--force")), "{refused:?}");

        let key = std::fs::read(before.key.as_ref().unwrap()).unwrap();
        let after = stored(&[], None, true, &common(folder.path(), &[], None)).unwrap();
        assert_eq!(after, before);
        assert_eq!(std::fs::read(after.key.as_ref().unwrap()).unwrap(), key);

        let other = stored(&[], None, true, &common(folder.path(), &["http://b:3"], None)).unwrap();
        assert_eq!(other, Runbook { endpoints: vec!["http://b:3".to_owned()], ..before });
    }

    #[test]
    fn what_cannot_work_is_not_stored() {
        for (endpoints, nodes, token) in [
            (&["https://a:1"][..], &[][..], None),
            (&["http://a:1"], &["nonsense"], None),
            (&["http://a:1"], &[], Some("two words")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let refused = stored(nodes, None, false, &common(folder.path(), endpoints, token)).unwrap_err();
            assert!(matches!(refused, Failure::Usage(_)), "{refused:?}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
        }
    }

    #[test]
    fn it_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let common = common(folder.path(), &["http://a:1"], None);
        let (stored, _) = init(common.runbook.as_deref().unwrap(), &[], None, false, &common).unwrap();
        let told = told_at_init(&stored);
        assert!(told.contains("no token: ") && told.contains("no nodes: "), "{told}");
    }
}
