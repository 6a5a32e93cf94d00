//! `holdfast runbook`: what an evacuation needs, stored on the operator's machine.
//!
//! 1. What cannot work is not stored: endpoints and nodes are checked before anything is written. A node that answers adds where
//!    all the others are (`nodes`); with nobody there, what is given is stored all the same.
//! 2. A key is pinned when somebody has given it or a node known already has told it, never because a server shows it.
//! 3. `--force` replaces what is given anew and keeps the rest of the old runbook, its key above all.
//! 4. Certificates are copied beside it: a runbook that points at a share is no runbook. It says what an operator will miss.
//!
//! Not here: asking every endpoint (`check`), the file as text (`text`).

mod check;
mod nodes;
mod text;

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hf_feed::break_glass::OperatorKeyPair;

use self::text::{Stored, in_lines, text_of, told_at_init};
use crate::args::{Common, RunbookArgs, RunbookCommand};
use crate::failure::Failure;
use crate::output::show;
use crate::session::{DEFAULT_ENDPOINT, Runbook, client_of, runbook_path};

/// Writes, shows or checks the runbook.
pub async fn run(args: &RunbookArgs, common: &Common) -> Result<(), Failure> {
    let path = runbook_path(common)?;
    let load = || {
        Runbook::load(common)?.ok_or_else(|| {
            Failure::Usage(format!(
                "holdfast: there is no runbook at {}; make one with `holdfast runbook init`",
                path.display()
            ))
        })
    };
    match &args.command {
        RunbookCommand::Init { nodes, operator, force, offline } => {
            let given = Given { nodes, operator: operator.as_deref(), force: *force };
            let mut runbook = merged(&path, &given, common)?;
            if !offline {
                nodes::add_what_nodes_know(&mut runbook, nodes.is_empty(), common).await?;
            }
            let public_key = store(&path, &mut runbook, common)?;
            let mut stored = Stored::of(&path, &runbook);
            stored.public_key = Some(STANDARD.encode(public_key));
            show(common.output, &stored, told_at_init)
        }
        RunbookCommand::Show => show(common.output, &Stored::of(&path, &load()?), in_lines),
        RunbookCommand::Check => check::run(&load()?, common).await,
    }
}

/// What `init` is told, endpoints and credentials apart.
struct Given<'a> {
    nodes: &'a [String],
    operator: Option<&'a str>,
    force: bool,
}

/// The old runbook with what is given in its place; nothing is written.
fn merged(path: &Path, given: &Given<'_>, common: &Common) -> Result<Runbook, Failure> {
    let mut runbook = match std::fs::read_to_string(path) {
        Ok(_) if !given.force => {
            return Err(Failure::Usage(format!(
                "holdfast: {} is there already; --force replaces what you give and keeps the rest",
                path.display()
            )));
        }
        Ok(text) => Runbook::parse(path, &text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Runbook::default(),
        Err(error) => return Err(Failure::Usage(format!("{}: {error}", path.display()))),
    };
    if !common.endpoints.is_empty() {
        runbook.endpoints.clone_from(&common.endpoints);
    } else if runbook.endpoints.is_empty() {
        runbook.endpoints.push(DEFAULT_ENDPOINT.to_owned());
    }
    if !given.nodes.is_empty() {
        runbook.nodes = given.nodes.to_vec();
    }
    if !common.pins.is_empty() {
        runbook.pins.clone_from(&common.pins);
    }
    runbook.ca = common.ca.clone().or(runbook.ca);
    if common.certificate.is_some() || common.certificate_key.is_some() {
        runbook.certificate.clone_from(&common.certificate);
        runbook.certificate_key.clone_from(&common.certificate_key);
    }
    runbook.token = common.token.clone().or(runbook.token);
    let operator = given.operator.map(ToOwned::to_owned).or(runbook.operator);
    runbook.operator = operator.or(Some("operator".to_owned()));
    Ok(runbook)
}

/// Checks and writes it; answers the public half of the break-glass key.
fn store(path: &Path, runbook: &mut Runbook, common: &Common) -> Result<Vec<u8>, Failure> {
    for urls in [&runbook.endpoints, &runbook.nodes].into_iter().filter(|urls| !urls.is_empty()) {
        client_of(urls.clone(), runbook.token.clone(), common, runbook)?;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::Refused(format!("{}: {error}", folder.display())))?;
    let copies = [
        (&mut runbook.ca, "ca.pem"),
        (&mut runbook.certificate, "client.pem"),
        (&mut runbook.certificate_key, "client.key"),
    ];
    for (file, name) in copies {
        keep_copy(file, &folder.join(name))?;
    }
    let key_path = runbook.key.get_or_insert_with(|| folder.join("operator.key"));
    let key = read_or_make_key(key_path)?;
    write_private(path, &text_of(runbook, folder))?;
    Ok(key.public_key().to_vec())
}

/// Copies the file to `kept`, unless it is that one.
fn keep_copy(file: &mut Option<PathBuf>, kept: &Path) -> Result<(), Failure> {
    let Some(given) = file.as_mut().filter(|given| given.as_path() != kept) else { return Ok(()) };
    let text = super::read_file(given)?;
    write_private(kept, &text)?;
    kept.clone_into(given);
    Ok(())
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
mod tests;
