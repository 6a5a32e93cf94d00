//! `holdfast completions` and `holdfast man`: made from the command line's own description.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::Arguments;
use crate::failure::Failure;

/// Prints a shell's completions.
pub fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Arguments::command(), "holdfast", &mut std::io::stdout());
}

/// Prints the main page, or writes all pages into a folder.
pub fn man(folder: Option<&Path>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Refused(format!("cannot write the manual: {error}"));
    match folder {
        None => clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout()).map_err(failed),
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)
        }
    }
}
