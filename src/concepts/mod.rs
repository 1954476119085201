//! The concept store.

pub(crate) mod counts;
mod error;
pub(crate) mod filter;
pub(crate) mod ingest;
pub(crate) mod lookup;
pub(crate) mod names;
pub(crate) mod schema;
pub(crate) mod select;
pub(crate) mod selection;
pub(crate) mod spelling;
pub(crate) mod store;
pub(crate) mod succession;
pub(crate) mod view;
pub(crate) mod words;

pub use counts::{Counts, SourceEntry};
pub use error::ConceptError;
pub use filter::{Filter, FilterRequest};
pub use ingest::{
    assemble::Assembled,
    collect::{Collector, Tally},
};
pub use lookup::{Found, FoundBy, Page};
pub use selection::Selection;
pub use store::{ConceptNumber, Concepts};
pub use view::{AtomView, CodeView, DefinitionView, Relation, Retired, Successor};
pub use words::Repaired;
