//! The one binary, `holdfast`: reads the command line, runs one command, ends with its exit code.
//!
//! Exit codes: 0 done · 1 refused or failed · 2 bad usage or file · 3 no endpoint reachable.
//!
//! Not here: logic. Commands print what libraries answer.

mod args;
mod commands;
mod failure;
mod output;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let common = session::with_environment(arguments.common, |name| std::env::var_os(name))?;
    match arguments.command {
        Command::Serve(serve) => commands::serve::run(&serve),
        Command::Demo(demo) => commands::demo::run(&demo, common.output),
        Command::Check(check) => commands::check::run(&check.files, common.output),
        Command::Detect(detect) if detect.record.is_some() => {
            commands::block_on(commands::detect::record(&detect, &common))
        }
        Command::Detect(detect) => commands::detect::run(&detect),
        Command::Completions { shell } => {
            commands::generate::completions(shell);
            Ok(())
        }
        Command::Man { folder } => commands::generate::man(folder.as_deref()),
        Command::Access(access) => commands::access::run(&access, common.output),
        Command::Dnssec(dnssec) => commands::block_on(commands::dnssec::run(&dnssec, &common)),
        Command::Endpoint(endpoint) => commands::block_on(commands::endpoint::run(&endpoint, &common)),
        Command::Health(health) => commands::block_on(commands::health::run(&health, &common)),
        Command::Cert(cert) => commands::cert::run(&cert, common.output),
        Command::Runbook(runbook) => commands::block_on(commands::runbook::run(&runbook, &common)),
        Command::Diff { estate } => commands::block_on(commands::estate::diff(&estate, &common)),
        Command::Apply(apply) => commands::block_on(commands::estate::apply(&apply, &common)),
        Command::Status(status) => commands::block_on(commands::status::run(&status, &common)),
        Command::Watch(watch) => commands::block_on(commands::watch::run(&watch, &common)),
        Command::Shift(shift) => commands::block_on(commands::shift::run(&shift, &common)),
        Command::Control(control) => commands::block_on(commands::control::run(&control, &common)),
        Command::Practice(practice) => commands::block_on(commands::practice::run(&practice, &common)),
        Command::Autoshift(autoshift) => {
            commands::block_on(commands::practice::autoshift(&autoshift, &common))
        }
        Command::Deploy(deploy) => commands::block_on(commands::deploy::run(&deploy, &common)),
        Command::Pin(pin) => commands::block_on(commands::pin::run(&pin, &common)),
        Command::WhatIf(what_if) => commands::block_on(commands::whatif::run(&what_if, &common)),
        Command::Explain(explain) => commands::block_on(commands::explain::run(&explain, &common)),
        Command::HostedZones(args) if args.answers => {
            commands::block_on(commands::dns_answers::run(&args, &common))
        }
        Command::HostedZones(_) => commands::block_on(commands::hosted_zones::run(&common)),
        Command::Journal(journal) => commands::block_on(commands::journal::run(&journal, &common)),
    }
}
