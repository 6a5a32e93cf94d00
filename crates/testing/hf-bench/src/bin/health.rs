//! `health`: what a probe costs beside a bare connection, and what is made of probes. See `hf_bench::health`.

use std::process::ExitCode;

use clap::Parser;
use hf_bench::health::{Options, Output, bare, respond, run};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if let Some(address) = options.respond {
        respond(address)
    } else if let (Some(what), Some(port)) = (options.bare, options.port) {
        bare(what, port, options.length_s)
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
