//! `saplink openapi`.

use std::io::Write;

use anyhow::Result;

use crate::http;

/// Prints the description of the service.
pub fn run() -> Result<()> {
    Ok(std::io::stdout().write_all(http::openapi_json()?.as_bytes())?)
}
