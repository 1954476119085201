//! The commands: each puts rooms together and holds no rules of its own.

mod bench;
mod collect;
mod eval;
mod health;
mod index;
mod link;
mod model;
mod openapi;
mod progress;
mod serve;
mod train_pairs;
mod train_run;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    cancel::Canceled,
    cli::{Cli, Command, IndexCommand, ModelCommand, RunArgs, TrainCommand},
    encoder::{Encoder, EncoderOptions, Runtime},
    files::StagedFile,
    index::Index,
};

/// Runs what was asked for.
///
/// # Errors
/// What went wrong, from the outermost to the innermost.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Index(IndexCommand::Build(args)) => index::build(&args),
        Command::Index(IndexCommand::Info(args)) => index::info(&args),
        Command::Index(IndexCommand::Verify(args)) => index::verify(&args),
        Command::Index(IndexCommand::Recall(args)) => index::recall(&args),
        Command::Index(IndexCommand::Bench(args)) => bench::run(&args),
        Command::Model(ModelCommand::Import(args)) => model::import(&args),
        Command::Model(ModelCommand::Info(args)) => model::info(&args),
        Command::Train(TrainCommand::Pairs(args)) => train_pairs::run(&args),
        Command::Train(TrainCommand::Run(args)) => train_run::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Openapi => openapi::run(),
    }
}

/// Whether a command ended because it was told to.
pub fn is_interruption(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Canceled>())
}

fn load_encoder(runtime: &Runtime, dir: &Path, args: &RunArgs) -> Result<Encoder> {
    let options = EncoderOptions { device: args.device.into(), sessions: args.sessions, threads: args.threads };
    Encoder::load(runtime, dir, options)
        .with_context(|| format!("cannot load the model in {} (--model names another)", dir.display()))
}

/// A file that appears when it is whole, begun before the work that it takes.
fn stage(path: &Path) -> Result<StagedFile> {
    StagedFile::create(path).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Where the model of an index is looked for when nothing is said.
fn model_of(index: &Index) -> PathBuf {
    PathBuf::from("models").join(&index.manifest().model.name)
}

/// Writes to standard output; a reader that has seen enough is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// The last part of a path, as the name of what is written there.
fn name_of(dir: &Path) -> Result<String> {
    let name = dir.file_name().with_context(|| format!("{} is not the name of a directory", dir.display()))?;
    Ok(name.to_string_lossy().into_owned())
}
