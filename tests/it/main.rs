//! Integration tests: the real binary, the HTTP interface of a running service, and the library.
//!
//! The folders follow the parts that the tests drive: `routes` (HTTP), `service` (a running
//! service), `cli` (commands), `index` and `train` (through the library). `golden` compares vectors
//! with references, `faults` damages models, `privacy` searches for mentions in logs, `docs` runs
//! the commands of the pages, `examples` the programs of `examples/`. `support` has the helpers.
//!
//! Needs `.onnxruntime/` and `.checkpoints/`, which `make onnxruntime checkpoint` fetches.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod cli;
mod docs;
mod examples;
mod faults;
mod golden;
mod index;
mod privacy;
mod routes;
mod service;
mod support;
mod train;
