//! saplink links medical mentions to UMLS concepts with SapBERT embeddings.
//!
//! Reading order: [`domain`] and [`text`] (what everything speaks of), [`terminology`] (files to statements about concepts), [`bert`] and
//! [`encoder`] (texts to vectors), [`index`] (statements to a searchable directory), [`linker`] (mentions to concepts),
//! [`train`] (names of one concept to a better model), [`eval`] (how well mentions are linked), [`corpus`] (files of mentions), [`http`] and [`commands`] (how people reach it). [`files`], [`sorter`], [`random`], [`page`]
//! and [`progress`] serve several rooms, [`telemetry`] those that people reach.
//!
//! Arrows run one way: `main -> cli, commands -> http | train | eval -> linker -> encoder, index -> domain, text`; `train` and `encoder` write
//! graphs with `bert`; `train`, `eval` and `corpus` open their files as `terminology` does, and know nothing else of it. `terminology` and `index` meet in `commands` alone: what one says the other takes, as [`domain::Statement`]s.
//!
//! # Invariants
//! - `domain` and `text` know no IO; `terminology` knows no vectors; `encoder` no terminology; `index` neither ONNX Runtime nor HTTP;
//!   ONNX Runtime is known in `encoder` and `train` alone; `http` knows neither it nor file layouts; `commands` hold no rules of their own.
//! - Mention text reaches the encoder and the answer, and nothing else: no log, no error, no file.
//! - A directory that saplink writes appears whole or not at all, and is checked before it is read.

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
