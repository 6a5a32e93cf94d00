//! `ledger`: what a commit costs, and how soon it is in force. See `hf_bench::ledger`.

use std::process::ExitCode;

use clap::Parser;
use hf_bench::ledger::{Options, Output, run};

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let output = options.output;
        let report = runtime.block_on(run(options))?;
        match output {
            Output::Table => print!("{report}"),
            Output::Json => {
                println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
