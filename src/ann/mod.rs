//! Approximate nearest neighbors: quantized vectors and a graph over them, searched by cosine.
//!
//! Reading order: `layout` (the files), `vectors` and `kernel` (rows and their scores), `beam` and
//! `graph` (approximate search), `scan` (exact search), `builder` and `hierarchy` (how a graph is
//! built), `name_graph` (vectors that belong to no index).
//!
//! Invariant: this module identifies rows by number only. It does not depend on concepts, names or
//! filters; a search takes a filter as a closure over row numbers.

pub(crate) mod beam;
pub(crate) mod builder;
mod error;
pub(crate) mod graph;
pub(crate) mod hierarchy;
pub(crate) mod kernel;
pub(crate) mod layout;
pub(crate) mod name_graph;
pub(crate) mod parameters;
pub(crate) mod scan;
pub(crate) mod vectors;

pub use error::AnnError;
pub use name_graph::NameGraph;
pub use parameters::GraphParameters;
pub use vectors::VectorPrecision;
