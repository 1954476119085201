//! Logs to standard error, and spans for a collector.
//!
//! Invariant: libraries log nothing below a warning whatever level is asked for, and a panic is logged by its place alone:
//! what either would say might hold a mention.

#[cfg(feature = "otlp")]
pub mod otlp;

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts logging; to be called once.
pub fn init(level: LogLevel, format: LogFormat) {
    let level = format!("{level:?}").to_lowercase();
    let libraries = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{libraries},saplink={level}"));
    let registry = tracing_subscriber::registry().with(filter);
    // Colors are for a terminal; in a file they are noise.
    let colors = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => registry.with(fmt::layer().with_ansi(colors).with_writer(std::io::stderr)).init(),
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic; please report this");
    }));
}
