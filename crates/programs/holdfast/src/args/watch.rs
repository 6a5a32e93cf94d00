//! `holdfast watch`, as `--help` and the man pages tell it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use holdfast_client::Kind;

use super::value;

/// `holdfast watch`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast watch --zone use1-az1 --endpoint http://10.1.0.10:7601 --endpoint http://10.2.0.10:7601 --endpoint http://10.3.0.10:7601
  holdfast watch --consumer orders --state-dir /var/lib/holdfast --exec /usr/local/bin/orders-zone
  holdfast watch --file /run/holdfast/away --file-form present      there while the zone is away, for checks of others
  holdfast watch --once --zone use1-az1                             exit 0 open, 1 away, 2 usage, 3 nobody reachable
  holdfast watch --once --last-known --state-dir /var/lib/holdfast  the same, and by the last good state while nobody is reachable

The command of --exec is run without a shell, with HOLDFAST_ZONE, HOLDFAST_STATE (open or away), HOLDFAST_SOURCE, HOLDFAST_REASON,
HOLDFAST_UNTIL (RFC 3339, empty without an end), HOLDFAST_UNTIL_MS, HOLDFAST_HELD, HOLDFAST_RESOURCE and HOLDFAST_REVISION.")]
pub struct WatchArgs {
    /// A status endpoint, such as http://10.1.0.10:7601; may be repeated: one, three or five, each in another place.
    ///
    /// The majority of those who speak decides; a tie keeps the last state. Without it: HOLDFAST_STATUS_ENDPOINTS (comma-separated), then the
    /// runbook's, then http://127.0.0.1:7601.
    #[arg(id = "endpoints", long = "endpoint", value_name = "URL", value_delimiter = ',')]
    pub endpoints: Vec<String>,
    /// The zone, by id or alias; may be repeated. Without it: the zone of this machine, from HOLDFAST_ZONE, /etc/holdfast/zone, the Kubernetes
    /// node's label, or the cloud's metadata.
    #[arg(long = "zone", value_name = "ZONE", value_parser = value::zone, conflicts_with = "all")]
    pub zones: Vec<String>,
    /// All zones.
    #[arg(long)]
    pub all: bool,
    /// Only for one pool or name: pool/NAME or record/NAME.
    #[arg(long, value_name = "RESOURCE", value_parser = value::scope)]
    pub resource: Option<String>,
    /// The service that obeys: it is seen in `holdfast status`, with what it has applied. Without it nothing is acknowledged.
    #[arg(long, value_name = "NAME")]
    pub consumer: Option<String>,
    /// This process of it; default the machine's name and the process id.
    #[arg(long, value_name = "ID", requires = "consumer")]
    pub instance: Option<String>,
    /// What the service does.
    #[arg(long, value_name = "KIND", default_value = "other", requires = "consumer", value_parser = kind)]
    pub kind: Kind,
    /// What the service has in hand, for acknowledgements: a file with a number, or with lines of a zone and a number; or a program that prints the same.
    ///
    /// Looked at once a second. A file that may be executed is run, without a shell and for 5 s at most. Without this, what runs is unknown.
    #[arg(long, value_name = "FILE", requires = "consumer")]
    pub running: Option<PathBuf>,
    /// Where the last good state is kept, for a start while no endpoint can be reached; without it a start is from nothing, with all zones open.
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// How many endpoints must say a state before it counts, beside the majority of those who speak.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count)]
    pub needed: usize,
    /// After how long without a word an endpoint is silent; one poll goes out within it, beside the stream of changes.
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = value::length)]
    pub heartbeat: String,
    /// Keep this file: see --file-form. It is replaced in one step, and stays as it is when this process ends.
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// What is in the file.
    #[arg(long, value_enum, default_value_t = FileForm::Word, requires = "file")]
    pub file_form: FileForm,
    /// Keep this file of variables, as for --exec, for shells and systemd's EnvironmentFile; also HOLDFAST_CLOSED, the zones that are away.
    #[arg(long, value_name = "PATH")]
    pub env: Option<PathBuf>,
    /// How long the command may run before it is ended and tried again, 100 ms to 1 d.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::length, requires = "exec")]
    pub exec_timeout: String,
    /// Ask once and end: exit 0 all open, 1 away, 2 bad usage or no such zone, 3 nobody reachable.
    #[arg(long, conflicts_with_all = ["exec", "consumer"])]
    pub once: bool,
    /// Where nobody can be reached, exit by the last good state: 0 open, 1 away; 3 only where none is known.
    ///
    /// For checks that must leave everything as it is while the status service is gone.
    #[arg(long, requires_all = ["once", "state_dir"])]
    pub last_known: bool,
    /// Run this command, with its arguments, at the start and whenever a zone closes or opens; it stands last. Exit 0 means done.
    ///
    /// One at a time for all zones; one that fails is run again, 1 s to 1 min later; a state that was undone meanwhile is left out. What is done
    /// is acknowledged then, and not before.
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<String>,
}

/// What `--file` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileForm {
    /// `open` or `away`, of one zone.
    Word,
    /// A JSON object with tag, revision and zones.
    Json,
    /// The zones that are away, one a line; no file while there is none.
    Present,
}

fn count(text: &str) -> Result<usize, String> {
    let found = text.parse().ok().filter(|count| *count > 0);
    found.ok_or_else(|| "it is 1 or more, at most as many as there are endpoints".to_owned())
}

fn kind(text: &str) -> Result<Kind, String> {
    let words = Kind::ALL.map(Kind::word).join(", ");
    let found = Kind::ALL.into_iter().find(|kind| kind.word() == text);
    found.ok_or_else(|| format!("there are {words}"))
}
