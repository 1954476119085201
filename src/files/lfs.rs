//! Git LFS pointers: small text files that stand for large ones that were not fetched.

use std::{
    io::{self, Read},
    path::Path,
};

/// How every pointer begins (git-lfs specification, version 1).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Refuses a file that is a Git LFS pointer.
///
/// # Errors
/// The file is a pointer, or cannot be read; the message names it.
pub fn refuse_lfs_pointer(path: &Path) -> io::Result<()> {
    let mut start = vec![];
    fs_err::File::open(path)?.take(POINTER.len() as u64).read_to_end(&mut start)?;
    if start == POINTER {
        let reason = "it is a Git LFS pointer, not the file itself: fetch the file with `git lfs pull`";
        return Err(io::Error::other(format!("{}: {reason}", path.display())));
    }
    Ok(())
}
