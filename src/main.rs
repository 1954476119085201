//! Parses the command line, runs a command and turns its outcome into an exit code.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

use std::process::ExitCode;

use saplink::{cli, commands};

fn main() -> ExitCode {
    match commands::run(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if commands::is_interruption(&error) => {
            eprintln!("saplink: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("saplink: {error:#}");
            ExitCode::FAILURE
        }
    }
}
