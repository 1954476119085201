//! saplink seen from outside: its files, its command line and its HTTP surface, on the real binary and the real library.
//!
//! Needs `.onnxruntime/` and `.checkpoints/`, which `make test` fetches.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod build;
mod cli;
mod concepts;
mod corpus;
mod eval;
mod everyday;
mod faults;
mod filters;
mod golden;
mod gradients;
mod http;
mod import;
mod index;
mod licenses;
mod load;
mod open_data;
mod openapi;
#[cfg(feature = "otlp")]
mod otlp;
mod phi;
mod retell;
mod rich;
mod service;
mod starter;
mod stream;
mod support;
mod terminology;
mod train;
mod train_pairs;
