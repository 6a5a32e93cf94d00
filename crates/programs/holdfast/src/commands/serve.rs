//! `holdfast serve`: a node, in the foreground.

use std::path::Path;

use hf_node::LostLedger;

use super::{read_file, runtime, stop_signal};
use crate::args::ServeArgs;
use crate::failure::Failure;

/// Runs the node of a file until a signal ends it.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let shown = args.config.display().to_string();
    let text = read_file(&args.config)?;
    let config =
        hf_config::read_node(&shown, &text).map_err(|problems| Failure::Usage(problems.to_string()))?;
    hf_telemetry::log::init(&args.log, args.log_json)
        .map_err(|error| Failure::Usage(format!("--log: {error}")))?;
    let folder = match args.config.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    runtime(true)?.block_on(async {
        let stop = stop_signal(args.until_stdin_closes);
        let lost = if args.adopt_intent { LostLedger::Adopt } else { LostLedger::Refuse };
        hf_node::run(config, folder, hf_clock::Clock::system(), lost, stop)
            .await
            .map_err(|error| Failure::Refused(error.to_string()))
    })
}
