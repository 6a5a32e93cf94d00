//! `status`: watchers, polls, push and the herd after a restart. See `hf_bench::status`.

use std::process::ExitCode;

use clap::Parser;
use hf_bench::status::{Options, Output, run, tell, watch};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if let Some(address) = options.watch {
        watch(address, options.watchers, options.number)
    } else if let (Some(address), Some(message)) = (options.tell, &options.message) {
        tell(address, message)
    } else {
        run(&options).and_then(|report| {
            match options.output {
                Output::Table => print!("{report}"),
                Output::Json => {
                    println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
                }
            }
            Ok(())
        })
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
