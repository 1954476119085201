//! saplink seen from outside: its files, its command line and its HTTP surface, on the real binary and the real library.
//!
//! Needs `.onnxruntime/` and `.checkpoints/`, which `make test` fetches.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod cli;
mod docs;
mod faults;
mod golden;
mod index;
mod privacy;
mod routes;
mod service;
mod support;
mod train;
