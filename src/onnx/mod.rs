//! ONNX graphs.

pub mod graph;
pub mod message;
pub mod tape;
