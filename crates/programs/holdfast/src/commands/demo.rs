//! `holdfast demo`.

use std::io::IsTerminal as _;

use hf_demo::{DemoError, Options, Show};

use super::{runtime, stop_signal};
use crate::args::{DemoArgs, Output};
use crate::failure::Failure;
use crate::output::show;

/// Runs the demo, or writes its files.
pub fn run(args: &DemoArgs, output: Output) -> Result<(), Failure> {
    if let Some(folder) = &args.eject {
        let ejected = hf_demo::eject(folder).map_err(failure)?;
        return show(output, &ejected, hf_demo::Ejected::in_words);
    }
    let length = args.length.as_deref().map(hf_model::parse_duration).transpose();
    let length = length.map_err(|error| Failure::Usage(format!("--for: {error}")))?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::Refused(format!("cannot find this very program to run the nodes: {error}"))
    })?;
    let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let show = match output {
        Output::Json | Output::Jsonl => Show::Json,
        Output::Table if is_terminal && !args.plain => Show::Picture,
        Output::Table => Show::Text,
    };
    runtime(true)?.block_on(async {
        let stop = stop_signal(false);
        let options = Options { program, script: args.script.clone(), length, show };
        hf_demo::run(options, stop).await.map_err(failure)
    })
}

fn failure(error: DemoError) -> Failure {
    match error {
        DemoError::Script(_) | DemoError::Occupied(_) => Failure::Usage(format!("holdfast: {error}")),
        other => Failure::Refused(other.to_string()),
    }
}
