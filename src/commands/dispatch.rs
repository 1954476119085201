//! Finds the command of the command line and runs it.

use anyhow::Result;

use crate::{
    cli::{self, Cli, Command, IndexCommand, ModelCommand, TrainCommand},
    commands::{
        common, eval, health, index_bench, index_build, index_info, index_recall, link, model, serve, train_pairs,
        train_run,
    },
    http,
};

/// Runs the command of the command line.
///
/// # Errors
/// The error of the command, with its chain of contexts, the outermost first.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Index(IndexCommand::Build(args)) => index_build::run(&args),
        Command::Index(IndexCommand::Info(args)) => index_info::info(&args),
        Command::Index(IndexCommand::Verify(args)) => index_info::verify(&args),
        Command::Index(IndexCommand::Recall(args)) => index_recall::run(&args),
        Command::Index(IndexCommand::Bench(args)) => index_bench::run(&args),
        Command::Model(ModelCommand::Import(args)) => model::import(&args),
        Command::Model(ModelCommand::Info(args)) => model::info(&args),
        Command::Train(TrainCommand::Pairs(args)) => train_pairs::run(&args),
        Command::Train(TrainCommand::Run(args)) => train_run::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Openapi => common::print_stdout(&http::openapi_json()?),
        Command::CliReference => common::print_stdout(&cli::cli_reference()),
    }
}
