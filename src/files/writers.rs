//! Files that another process has open for writing.
//!
//! An index is mapped: it must not change while it is served. Invariant: a file counts as not open
//! where the system has no leases, so that a service still starts there.

use std::path::Path;

/// Whether another process has the file at `path` open for writing. Only the owner of the file
/// learns this, and only on Linux; for others it is false.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no leases")]
pub(crate) fn is_open_for_writing(path: &Path) -> bool {
    use std::os::fd::AsRawFd;

    /// Chooses the signal of a broken lease (`asm-generic/fcntl.h`; libc does not have it).
    const F_SETSIG: libc::c_int = 10;
    let Ok(file) = std::fs::File::open(path) else { return false };
    let descriptor = file.as_raw_fd();
    // SAFETY: the descriptor is open, and these commands take and return integers only.
    unsafe {
        // A process that opens the file for writing during the lease breaks it; the signal for that
        // must be one that is ignored by default.
        libc::fcntl(descriptor, F_SETSIG, libc::SIGURG);
        // A read lease is refused with EAGAIN while the file is open for writing (fcntl(2)).
        let refused = libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK) == -1;
        let reason = std::io::Error::last_os_error().raw_os_error();
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK);
        refused && reason == Some(libc::EAGAIN)
    }
}

/// Whether another process has the file open for writing: false, because this system has no leases.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_open_for_writing(_: &Path) -> bool {
    false
}
