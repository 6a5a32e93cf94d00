//! The runbook as its file has it, and as people see it: without its secrets.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::session::Runbook;

/// A runbook without its secrets, as printed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    runbook: PathBuf,
    endpoints: Vec<String>,
    nodes: Vec<String>,
    status: Vec<String>,
    estate: Option<String>,
    pins: Vec<String>,
    ca: Option<PathBuf>,
    has_token: bool,
    certificate: Option<PathBuf>,
    operator: Option<String>,
    key: Option<PathBuf>,
    /// Only when it was written just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

impl Stored {
    /// What may be seen of it.
    pub fn of(path: &Path, runbook: &Runbook) -> Stored {
        Stored {
            runbook: path.to_owned(),
            endpoints: runbook.endpoints.clone(),
            nodes: runbook.nodes.clone(),
            status: runbook.status.clone(),
            estate: runbook.estate.map(|estate| estate.to_string()),
            pins: runbook.pins.iter().map(ToString::to_string).collect(),
            ca: runbook.ca.clone(),
            has_token: runbook.token.is_some(),
            certificate: runbook.certificate.clone(),
            operator: runbook.operator.clone(),
            key: runbook.key.clone(),
            public_key: None,
        }
    }
}

/// One thing a line.
pub fn in_lines(stored: &Stored) -> String {
    let list = |texts: &[String]| if texts.is_empty() { "none".to_owned() } else { texts.join(", ") };
    let file =
        |path: &Option<PathBuf>| path.as_ref().map_or("none".to_owned(), |path| path.display().to_string());
    let lines = [
        ("runbook", stored.runbook.display().to_string()),
        ("endpoints", list(&stored.endpoints)),
        ("nodes", list(&stored.nodes)),
        ("status", list(&stored.status)),
        ("estate", stored.estate.clone().unwrap_or_else(|| "not known yet".to_owned())),
        ("pinned keys", list(&stored.pins)),
        ("authority", file(&stored.ca)),
        ("token", if stored.has_token { "stored" } else { "none" }.to_owned()),
        ("certificate", file(&stored.certificate)),
        ("operator", stored.operator.clone().unwrap_or_else(|| "none".to_owned())),
        ("key", file(&stored.key)),
    ];
    lines.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}

/// The same after it was written, with what is missing and what to do next.
pub fn told_at_init(stored: &Stored) -> String {
    let mut text = in_lines(stored);
    if !stored.has_token && stored.certificate.is_none() {
        text.push_str(
            "\nno token: shifts through a control node will be refused; give --token or HOLDFAST_TOKEN, with --force\n",
        );
    }
    if stored.nodes.is_empty() {
        text.push_str("\nno nodes: break-glass will speak to the endpoints; give --node, with --force\n");
    }
    if stored.estate.is_none() {
        text.push_str(
            "\nno estate: break-glass has to be told by a node which estate it is for; run `holdfast runbook init --force` once a \
             node answers\n",
        );
    }
    text.push_str(&format!(
        "\nPut this into every node file, then this machine's break-glass shifts are obeyed there:\n\n\
         [[break_glass_key]]\nname = {}\npublic_key = {}\n",
        quoted(stored.operator.as_deref().unwrap_or_default()),
        quoted(stored.public_key.as_deref().unwrap_or_default()),
    ));
    text
}

/// The file's text; paths inside of `folder` are written from there.
pub fn text_of(runbook: &Runbook, folder: &Path) -> String {
    let list = |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# What `holdfast` needs at 3 am. Keep it private; nothing in it is looked up anywhere.\n\
         endpoints = [{}]\nnodes = [{}] # data-plane nodes, for break-glass\n",
        list(&runbook.endpoints),
        list(&runbook.nodes),
    );
    let pins: Vec<String> = runbook.pins.iter().map(ToString::to_string).collect();
    for (name, texts) in [("status", &runbook.status), ("pins", &pins)] {
        if !texts.is_empty() {
            text.push_str(&format!("{name} = [{}]\n", list(texts)));
        }
    }
    let file = |path: &Option<PathBuf>| {
        path.as_ref().map(|path| path.strip_prefix(folder).unwrap_or(path).display().to_string())
    };
    let values = [
        ("estate", runbook.estate.map(|estate| estate.to_string())),
        ("ca", file(&runbook.ca)),
        ("token", runbook.token.clone()),
        ("certificate", file(&runbook.certificate)),
        ("certificate_key", file(&runbook.certificate_key)),
        ("operator", runbook.operator.clone()),
        ("key", file(&runbook.key)),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            text.push_str(&format!("{name} = {}\n", quoted(&value)));
        }
    }
    text
}

/// As TOML has it: a JSON text is one, but for the character DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
