//! `saplink openapi`.

use anyhow::Result;

use crate::commands::print;
use crate::http;

/// Prints the description of the service.
pub(super) fn run() -> Result<()> {
    print(&http::openapi_json()?)
}
