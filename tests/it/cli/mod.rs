//! Commands of the binary: what they print, write and refuse.

mod arguments;
mod eval;
mod eval_trust;
mod index_build;
mod index_inputs;
mod index_readers;
mod index_recall;
mod link;
mod model;
mod serve;
mod train_pairs;
mod train_run;
