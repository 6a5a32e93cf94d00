//! `proxy`: what a request through the balancer costs beside its peers. See `hf_bench::proxy`.

use std::process::ExitCode;

use clap::Parser;
use hf_bench::proxy::{Options, Output, run, serve_endpoint};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.endpoint.is_empty() {
        run(&options).and_then(|report| {
            match options.output {
                Output::Table => print!("{report}"),
                Output::Json => {
                    println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
                }
            }
            Ok(())
        })
    } else {
        serve_endpoint(&options.endpoint)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
