//! Commands of the binary: what they print, write and refuse.

pub(crate) mod arguments;
pub(crate) mod eval;
pub(crate) mod index_build;
pub(crate) mod link;
pub(crate) mod model;
pub(crate) mod train_pairs;
pub(crate) mod train_run;
