//! Logs on standard error, and spans for a collector.
//!
//! Reading order: `log`, `otlp` (with the feature `otlp`).

mod log;
#[cfg(feature = "otlp")]
pub mod otlp;

pub use log::{LogFormat, LogLevel, init};
