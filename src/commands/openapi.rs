//! `saplink openapi`.

use anyhow::Result;

use super::print;
use crate::http;

/// Prints the description of the service.
pub fn run() -> Result<()> {
    print(&http::openapi_json()?)
}
