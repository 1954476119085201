//! Writes ONNX graphs, and derives gradient graphs from them. This module depends neither on BERT
//! nor on ONNX Runtime.
//!
//! Reading order: `message` (the file format), `graph` (adds nodes one by one), `tape` (records
//! nodes and writes their gradients), `operators` and `activations` (operators with a gradient).
//!
//! Invariant: the same calls in the same order give the same bytes; names of nodes and constants
//! depend on nothing else.

mod activations;
pub mod graph;
pub mod message;
mod operators;
pub mod tape;
