//! The command line: one struct of arguments per command. No other module reads the environment.
//!
//! Reading order: `command` (the commands and how they are parsed), `shared` and `terminologies`
//! (arguments of several commands), one file per command, `values` (how single values are parsed),
//! `reference` (docs/configuration.md, made from all of this).
//!
//! The doc comment of an argument is its help text, so it is also its row in
//! docs/configuration.md. After a change of it run `make docs`.

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
pub use eval::{CalibrateArgs, CompareArgs, EvalArgs, EvalCommand, EvalMeasureArgs, MentionArgs};
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
