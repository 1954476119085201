//! Files of named columns: written once, mapped read-only, never parsed.

pub(crate) mod automaton;
pub(crate) mod error;
pub(crate) mod mapped;
pub(crate) mod writer;

pub use error::ColumnError;
