//! Nearest neighbors.

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
