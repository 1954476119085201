//! Parses the command line, runs the command and turns its result into an exit code.
//!
//! Exit codes: 0 success, 1 failure, 2 wrong usage (by clap), 130 canceled by a signal.

use std::process::ExitCode;

use saplink::{cli, commands, signals};

fn main() -> ExitCode {
    signals::explain_bus_errors();
    match commands::run(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if commands::was_canceled(&error) => {
            eprintln!("saplink: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("saplink: {error:#}");
            ExitCode::FAILURE
        }
    }
}
