//! saplink links mentions of medical concepts to UMLS concepts with SapBERT embeddings.
//!
//! `docs/architecture.md` has the map of the modules, the life of a mention, of a build and
//! of a training step. In the order of reading:
//!
//! - [`domain`], [`text`]: plain values of all modules; normalization.
//! - [`files`], [`columns`]: input files, staged output and checksums; memory-mapped columns.
//! - [`terminology`]: terminology files to statements about concepts.
//! - [`concepts`]: the concept store, built from statements. [`ann`]: nearest neighbors of vectors.
//!   [`index`]: joins both.
//! - [`onnx`], [`bert`]: writes ONNX graphs; BERT checkpoints, networks and training graphs.
//! - [`encoder`]: texts to vectors, with ONNX Runtime.
//! - [`linker`]: mentions to concepts.
//! - [`train`], [`eval`], [`corpus`]: a better model; its accuracy; files of mentions.
//! - [`http`], [`cli`], [`commands`]: the service and the command line.
//! - [`cancel`], [`progress`], [`job`], [`signals`], [`random`], [`page`], [`telemetry`]: small
//!   parts that several modules use.
//!
//! Arrows run one way: `main -> commands, cli -> http, corpus, train, eval -> linker -> encoder,
//! index -> concepts, ann -> columns, files, text, domain`. `terminology` and `concepts` meet in
//! `commands` only: one emits [`domain::Statement`]s, the other takes them.
//!
//! # Invariants
//! - `domain` and `text` do no input or output. `terminology` knows no vectors, `concepts` no
//!   vectors, `ann` no concepts, `encoder` no terminology, `index` neither ONNX Runtime nor HTTP.
//! - Only `encoder` and `train` use ONNX Runtime. `http` knows neither it nor the layout of files.
//! - The text of a mention reaches the encoder and the answer, and nothing else: no log, no error,
//!   no file.
//! - A directory that saplink writes appears complete or not at all, and is checked before it is
//!   read.

pub mod ann;
pub mod bert;
pub mod cancel;
pub mod cli;
pub mod columns;
pub mod commands;
pub mod concepts;
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
pub mod signals;
pub mod telemetry;
pub mod terminology;
pub mod text;
pub mod train;
