//! A running service: load, limits, signals, access and traces.

pub(crate) mod access;
pub(crate) mod lifecycle;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
