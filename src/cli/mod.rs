//! The command line: one struct of arguments per command. No other module reads environment
//! variables, except through libraries (`TMPDIR`, `OTEL_*`).
//!
//! Reading order: `command` (the commands and how they are parsed), `shared` and `terminologies`
//! (arguments of several commands), one file per command, `values` (how single values are parsed),
//! `reference` (writes docs/configuration.md from these definitions).
//!
//! The doc comment of an argument is its help text, and `make docs` writes it to
//! docs/configuration.md. Run `make docs` after you change one.

mod command;
mod eval;
mod index;
mod link;
mod model;
mod reference;
mod serve;
mod shared;
mod terminologies;
mod train;
mod values;

pub use command::{Cli, Command, parse};
pub use eval::{CalibrateArgs, CompareArgs, EvalArgs, EvalCommand, EvalMeasureArgs, MentionArgs, TrustArgs};
pub use index::{
    GraphArgs, IndexBenchArgs, IndexBuildArgs, IndexCommand, IndexRecallArgs, IndexVerifyArgs, TuningArgs,
};
pub use link::LinkArgs;
pub use model::{ModelCommand, ModelImportArgs};
pub use reference::cli_reference;
pub use serve::{HealthArgs, ServeArgs};
pub use shared::{EMBEDDED_MODEL, InferenceArgs, InfoArgs};
pub use terminologies::{SelectionArgs, TerminologyArgs};
pub use train::{TrainCommand, TrainPairsArgs, TrainRunArgs};
