//! The commands of `saplink`, and how the command line is parsed.

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable};

use crate::cli::{
    eval::EvalArgs,
    index::IndexCommand,
    link::LinkArgs,
    model::ModelCommand,
    serve::{HealthArgs, ServeArgs},
    train::TrainCommand,
};

/// Parses the arguments of this process; prints a message and exits when they are wrong.
///
/// An empty environment variable, as compose files leave it, counts as not set.
pub fn parse() -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let arg = |arg: Arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg };
    command.mut_args(arg).mut_subcommands(without_empty_variables)
}

/// Links medical mentions to UMLS concepts with SapBERT embeddings.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `saplink`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve linking, concepts and codes over HTTP
    Serve(Box<ServeArgs>),
    /// Link the mentions of a file, with the same answers as the service
    Link(Box<LinkArgs>),
    /// Check whether the service on this machine is ready
    Health(HealthArgs),
    /// Build, check and measure indexes of concept names
    #[command(subcommand)]
    Index(IndexCommand),
    /// Import and inspect models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Train a model on pairs of names of the same concept (SapBERT)
    #[command(subcommand)]
    Train(TrainCommand),
    /// Measure how well mentions are linked, compare two reports, calibrate an index
    Eval(Box<EvalArgs>),
    /// Print the OpenAPI description of the service
    Openapi,
    /// Print all commands and options as the Markdown of docs/configuration.md
    #[command(hide = true)]
    CliReference,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_the_definition_of_the_command_line() {
        Cli::command().debug_assert();
    }
}
