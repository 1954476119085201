//! `saplink index bench`: measures the speed and recall of searches, optionally compared with
//! `hnsw_rs`.
//!
//! Reading order: `source` (the vectors), `run` (builds a graph over them and measures), `queries`
//! (how one search is measured), `npy` (vector files of other programs), `hollow` (an index of
//! zeros, to measure what opening costs).

mod hollow;
mod npy;
mod queries;
mod run;
mod source;

pub use hollow::write_hollow_index;
pub use queries::SearchMeasurement;
pub use run::{BenchOptions, SearchBenchReport, run};
pub use source::VectorSource;
