//! From statements to columns.

pub(crate) mod assemble;
pub(crate) mod collect;
pub(crate) mod merge;
pub(crate) mod replay;
pub(crate) mod source_sets;
