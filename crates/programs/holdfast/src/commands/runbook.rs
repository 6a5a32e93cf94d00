//! `holdfast runbook`: what an evacuation needs, stored on the operator's machine.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use hf_feed::break_glass::OperatorKeyPair;

use crate::args::{Common, RunbookArgs, RunbookCommand};
use crate::failure::Failure;
use crate::output::say;
use crate::session::{DEFAULT_ENDPOINT, Runbook, runbook_path};

/// Writes or shows the runbook.
pub fn run(args: &RunbookArgs, common: &Common) -> Result<(), Failure> {
    match &args.command {
        RunbookCommand::Init { nodes, operator, force } => init(nodes, operator, *force, common),
        RunbookCommand::Show => {
            let path = runbook_path(common)?;
            let Some(runbook) = Runbook::load(common)? else {
                return Err(Failure::Usage(format!(
                    "there is no runbook at {}; make one with `holdfast runbook init`",
                    path.display()
                )));
            };
            say(&format!(
                "runbook    {}\nendpoints  {}\nnodes      {}\ntoken      {}\noperator   {}\nkey        {}",
                path.display(),
                runbook.endpoints.join(", "),
                runbook.nodes.join(", "),
                if runbook.token.is_some() { "stored" } else { "none" },
                runbook.operator.as_deref().unwrap_or("none"),
                runbook.key.as_ref().map_or("none".to_owned(), |key| key.display().to_string()),
            ));
            Ok(())
        }
    }
}

fn init(nodes: &[String], operator: &str, force: bool, common: &Common) -> Result<(), Failure> {
    let path = runbook_path(common)?;
    if path.exists() && !force {
        return Err(Failure::Usage(format!(
            "{} is there already; --force replaces it and keeps its key",
            path.display()
        )));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Refused(format!("{}: {error}", folder.display())))?;
    let key_path = folder.join("operator.key");
    let key = if key_path.exists() {
        let text = super::read_file(&key_path)?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|error| {
            Failure::Usage(format!(
                "{}: not base64 ({error}); move it away to make a new one",
                key_path.display()
            ))
        })?;
        OperatorKeyPair::from_pkcs8(&bytes)
            .map_err(|error| Failure::Usage(format!("{}: {error}", key_path.display())))?
    } else {
        let pkcs8 = OperatorKeyPair::generate_pkcs8();
        write_private(&key_path, &base64::engine::general_purpose::STANDARD.encode(&pkcs8))?;
        OperatorKeyPair::from_pkcs8(&pkcs8).map_err(|error| Failure::Refused(error.to_string()))?
    };
    let endpoints = if common.endpoints.is_empty() {
        vec![DEFAULT_ENDPOINT.to_owned()]
    } else {
        common.endpoints.clone()
    };
    let quoted = |urls: &[String]| urls.iter().map(|url| format!("{url:?}")).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# What `holdfast` needs at 3 am. Keep it private; nothing in it is looked up anywhere.\nendpoints = [{}]\n",
        quoted(&endpoints)
    );
    text.push_str(&format!("nodes = [{}] # data-plane nodes, for break-glass\n", quoted(nodes)));
    if let Some(token) = &common.token {
        text.push_str(&format!("token = {token:?}\n"));
    }
    text.push_str(&format!("operator = {operator:?}\nkey = \"operator.key\"\n"));
    write_private(&path, &text)?;
    say(&format!(
        "wrote {}\n\nPut this into every node file, then this machine's break-glass shifts are obeyed there:\n\n[[break_glass_key]]\nname = {operator:?}\npublic_key = \"{}\"",
        path.display(),
        base64::engine::general_purpose::STANDARD.encode(key.public_key()),
    ));
    Ok(())
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::Refused(format!("cannot write {}: {error}", path.display())))
}
