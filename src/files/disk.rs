//! Free space of file systems.

use std::{io, path::Path};

/// Bytes that an unprivileged process may still write to the file system of `dir`.
pub(crate) fn free_space(dir: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(dir)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}
