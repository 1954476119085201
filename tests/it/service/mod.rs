//! A running service: life, limits, access, logs and traces.

mod access;
mod lifecycle;
mod limits;
mod logs;
#[cfg(feature = "otlp")]
mod otlp;
mod proxy;
