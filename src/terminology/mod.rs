//! Readers of terminology files: each turns a format into a stream of
//! [`Statement`](crate::domain::Statement)s.
//!
//! Reading order: `inputs` (all inputs of an index, and the order in which they are read),
//! `reading` (what a reader calls: rows, statements, bad rows), then one file for each format:
//!
//! | file | format | option |
//! | --- | --- | --- |
//! | `rrf/` | a UMLS release in Rich Release Format | `--umls` |
//! | `obo`, with `obo_header`, `obo_stanza`, `obo_text` | OBO 1.0 to 1.4 | `--obo` |
//! | `obograph`, with `obograph_items` | OBO Graphs JSON | `--obograph` |
//! | `sssom` | SSSOM mappings | `--sssom` |
//! | `table` | a TSV or CSV table with a header | `--tsv`, `--csv` |
//!
//! `ontology` turns terms into statements; `obo` and `obograph` share it. `identity` decides which
//! cross-references and mappings mean the same.
//!
//! # How to add a format
//! 1. Write `my_format.rs` here with a function like [`read_table`]: it takes a
//!    [`std::io::BufRead`] and a [`Reading`], calls [`Reading::begin_row`] for each row,
//!    [`Reading::emit`] for each statement, [`Reading::leave_out`] for a part that it cannot use,
//!    and [`Reading::bad_row`] for a row that it cannot read.
//!    `sssom.rs` is a short example.
//! 2. Register it: `mod` and `pub use` in this file. In `inputs.rs`: a field of [`Inputs`], its
//!    paths in [`Inputs::paths`], its check for missing files and its loop in
//!    [`Inputs::read`]. An option beside `--tsv` in `src/cli/terminologies.rs`, which the function
//!    `inputs` in `src/commands/terminologies.rs` passes to the field. Then run `make docs`.
//! 3. Test it: unit tests with `testing::read_with` and `testing::survives_damage`, a fixture in
//!    `tests/fixtures/terminology/`, cases in `tests/it/index/terminologies.rs`, and a target in
//!    `fuzz/fuzz_targets/` with its entry in `fuzz/Cargo.toml`.
//! 4. Describe it: the section "Inputs" of `docs/vocabularies.md`, and a line in the table above.
//!
//! # Invariants
//! - A reader depends only on its format, not on vectors or indexes.
//! - The memory of a reader does not grow with its file. The one exception: when MRHIER is read,
//!   the concept of every atom of MRCONSO is held in memory (8 bytes per atom), because MRHIER
//!   names parents by atoms.
//! - What is left out is counted by reason and reported with file and line. A fault of a part costs
//!   that part only. Too many rows that cannot be read at all, or a fault of the file as a whole,
//!   are an error.

mod constants;
mod error;
mod identity;
mod inputs;
mod left_out;
mod obo;
mod obo_header;
mod obo_stanza;
mod obo_text;
mod obograph;
mod obograph_items;
mod ontology;
mod reading;
mod rrf;
mod sssom;
mod table;
#[cfg(test)]
mod testing;

pub use error::TerminologyError;
pub use identity::MergeOn;
pub use inputs::Inputs;
pub use obo::read_obo;
pub use obograph::read_obograph;
pub use ontology::{OntologyOptions, Scope};
pub use reading::{BadRows, ReadSummary, Reading, StatementSink};
pub use rrf::{RrfFile, UmlsReader, UmlsRelease, read_umls};
pub use sssom::read_sssom;
pub use table::{TableOptions, read_table};

pub use crate::files::records::Dialect;
