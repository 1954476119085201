//! The commands: each combines other modules for one use.
//!
//! `dispatch` has [`run`], which runs the file of the command. `common`, `terminologies` and
//! `progress_bars` are shared by several commands.

mod common;
mod dispatch;
mod eval;
mod health;
mod index_bench;
mod index_build;
mod index_info;
mod index_recall;
mod link;
mod link_output;
mod model;
mod progress_bars;
mod serve;
mod terminologies;
mod train_pairs;
mod train_run;

pub use common::was_canceled;
pub use dispatch::run;
