//! Logs on standard error.
//!
//! Invariant: at every log level, libraries log only warnings and errors, and a panic is logged
//! without its message. Other messages might contain a mention.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// The least severe messages that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// Warnings too.
    Warn,
    /// Requests and changes of state too.
    Info,
    /// Details too.
    Debug,
    /// Everything.
    Trace,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. Call it once.
pub fn init(level: LogLevel, format: LogFormat) {
    let level = format!("{level:?}").to_lowercase();
    let libraries = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{libraries},saplink={level}"));
    let registry = tracing_subscriber::registry().with(filter);
    // A file or a pipe would contain the escape sequences of colors.
    let has_colors = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => registry.with(fmt::layer().with_ansi(has_colors).with_writer(std::io::stderr)).init(),
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panic; please report this");
    }));
}
