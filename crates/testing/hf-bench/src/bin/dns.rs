//! `dns`: what an answer costs beside a bare echo. See `hf_bench::dns`.

use std::process::ExitCode;

use clap::Parser;
use hf_bench::dns::{Options, Output, echo, run};

fn main() -> ExitCode {
    let options = Options::parse();
    let output = options.output;
    let done = match options.echo {
        Some(address) => echo(address),
        None => run(&options).and_then(|report| {
            match output {
                Output::Table => print!("{report}"),
                Output::Json => {
                    println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
                }
            }
            Ok(())
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
