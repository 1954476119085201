//! saplink links mentions of medical concepts to UMLS concepts with SapBERT embeddings.
//!
//! `docs/architecture.md` has the map of the modules, the life of a mention, of a build and
//! of a training step. In the order of reading:
//!
//! - [`domain`], [`text`]: plain values that many modules share; normalization.
//! - [`reading`], [`contradiction`]: which words of a mention are the term; which names it
//!   contradicts.
//! - [`files`], [`columns`]: input files, staged output and checksums; memory-mapped columns.
//! - [`terminology`]: reads terminology files and emits statements about concepts.
//! - [`concepts`]: the concept store, built from statements. [`ann`]: nearest neighbors of vectors.
//!   [`index`]: combines both.
//! - [`onnx`], [`bert`]: ONNX graph writer; BERT checkpoints, networks and training graphs.
//! - [`encoder`]: turns texts into vectors with ONNX Runtime.
//! - [`linker`]: links mentions to concepts.
//! - [`train`], [`eval`], [`corpus`]: trains a model; measures accuracy; reads and writes files of
//!   mentions and results.
//! - [`http`], [`cli`], [`commands`]: the service and the command line.
//! - [`cancel`], [`progress`], [`job`], [`signals`], [`random`], [`page`], [`telemetry`]: small
//!   helpers that several modules use.
//!
//! Dependencies run in one direction; `docs/architecture.md` has them. `terminology` and `concepts`
//! do not depend on each other: `commands` passes the [`domain::Statement`]s of the one to the
//! other.
//!
//! # Invariants
//! - `domain` and `text` perform no I/O. `terminology` and `concepts` do not depend on vectors,
//!   `ann` not on concepts, `encoder` not on terminologies, `index` neither on ONNX Runtime nor on
//!   HTTP.
//! - Only `encoder` and `train` use ONNX Runtime. `http` depends neither on it nor on the layout of
//!   index files.
//! - The text of a mention reaches the encoder and the answer. It never reaches a log, a span, a
//!   metric or an error. The only files with mentions are the output of `saplink link` and the
//!   reports of `saplink eval`.
//! - An index or model directory appears complete or not at all, and is checked against its
//!   manifest before it is read.

pub mod ann;
pub mod bert;
pub mod cancel;
pub mod cli;
pub mod columns;
pub mod commands;
pub mod concepts;
pub mod confidence;
pub mod contradiction;
pub mod corpus;
pub mod domain;
pub mod encoder;
pub mod eval;
pub mod files;
pub mod http;
pub mod index;
pub mod job;
pub mod linker;
pub mod onnx;
pub mod page;
pub mod progress;
pub mod random;
pub mod reading;
pub mod signals;
pub mod telemetry;
pub mod terminology;
pub mod text;
pub mod train;
