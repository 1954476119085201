//! What every directory that saplink writes has in common: checksums, and a staged write that appears whole or not at all.
//!
//! Invariant: a reader of `target` sees the old directory or the new one, never a part of either.

use std::{
    fs::{File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Size and checksum of a file, as manifests state them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    pub bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file that is not what its manifest says.
#[derive(Debug, thiserror::Error)]
pub enum SumError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {found} bytes where the manifest says {expected}; the file is truncated or was replaced", path.display())]
    Size { path: PathBuf, expected: u64, found: u64 },
    #[error("{}: its sha256 does not match the manifest; the file is damaged or was replaced", path.display())]
    Checksum { path: PathBuf },
}

impl FileSum {
    /// The sum of the file at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = fs_err::File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            bytes += n as u64;
        }
        Ok(Self { bytes, sha256: hex(&hasher.finalize()) })
    }

    /// Compares the file at `path` with this sum.
    ///
    /// # Errors
    /// [`SumError`] names the file and what is wrong with it.
    pub fn check(&self, path: &Path) -> Result<(), SumError> {
        let size = std::fs::metadata(path).map_err(|source| SumError::Read { path: path.into(), source })?.len();
        if size != self.bytes {
            return Err(SumError::Size { path: path.into(), expected: self.bytes, found: size });
        }
        let found = Self::of(path).map_err(|source| SumError::Read { path: path.into(), source })?;
        if found.sha256 != self.sha256 {
            return Err(SumError::Checksum { path: path.into() });
        }
        Ok(())
    }
}

/// sha256 of `bytes` in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Why a directory could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{}: exists already (use --force to replace it)", .0.display())]
    Exists(PathBuf),
    #[error("{}: another process is writing it", .0.display())]
    Busy(PathBuf),
    #[error("{}: is not the name of a directory", .0.display())]
    Name(PathBuf),
}

/// A directory written beside its target and renamed into place by [`StagedDir::commit`].
///
/// Dropped before that, it removes itself; one that a killed process left behind is removed by the next.
pub struct StagedDir {
    target: PathBuf,
    staging: PathBuf,
    force: bool,
    _lock: File,
}

impl StagedDir {
    /// Prepares to write `target`, which must not exist unless `force`.
    ///
    /// # Errors
    /// [`StageError::Exists`], or [`StageError::Busy`] while another process stages the same target.
    pub fn create(target: &Path, force: bool) -> Result<Self, StageError> {
        let name = target.file_name().ok_or_else(|| StageError::Name(target.into()))?;
        if target.exists() && !force {
            return Err(StageError::Exists(target.into()));
        }
        let parent = match target.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        fs_err::create_dir_all(parent)?;
        let staging = parent.join(format!(".{}.partial", name.to_string_lossy()));
        fs_err::create_dir_all(&staging)?;
        let lock = File::open(&staging)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StageError::Busy(target.into())),
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
        for entry in fs_err::read_dir(&staging)? {
            fs_err::remove_file(entry?.path())?;
        }
        Ok(Self { target: target.into(), staging, force, _lock: lock })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Flushes every file to disk and puts the directory in its place.
    pub fn commit(self) -> Result<(), StageError> {
        for entry in fs_err::read_dir(&self.staging)? {
            fs_err::File::open(entry?.path())?.sync_all()?;
        }
        if !self.target.exists() {
            fs_err::rename(&self.staging, &self.target)?;
        } else if self.force {
            exchange(&self.staging, &self.target)?;
        } else {
            return Err(StageError::Exists(self.target.clone()));
        }
        Ok(())
    }
}

impl Drop for StagedDir {
    /// Removes what is left at the staging path: an unfinished directory, or the one that was replaced.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.staging);
    }
}

/// Swaps two directories in one step.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

/// Swaps two directories; elsewhere than on Linux this takes three steps, between which `b` is missing.
#[cfg(not(target_os = "linux"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    let aside = a.with_extension("replaced");
    fs_err::rename(b, &aside)?;
    fs_err::rename(a, b)?;
    fs_err::rename(&aside, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(target: &Path, content: &str, force: bool) -> Result<(), StageError> {
        let staged = StagedDir::create(target, force)?;
        fs_err::write(staged.path().join("part"), content)?;
        staged.commit()
    }

    #[test]
    fn appears_whole_and_is_replaced_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a b");
        write(&target, "one", false).unwrap();
        assert!(matches!(write(&target, "two", false), Err(StageError::Exists(_))));
        write(&target, "two", true).unwrap();
        assert_eq!(fs_err::read_to_string(target.join("part")).unwrap(), "two");
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn abandoned_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x");
        let staged = StagedDir::create(&target, false).unwrap();
        fs_err::write(staged.path().join("part"), "half").unwrap();
        assert!(matches!(StagedDir::create(&target, false), Err(StageError::Busy(_))));
        drop(staged);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn sum_tells_truncation_from_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs_err::write(&path, b"abc").unwrap();
        let sum = FileSum::of(&path).unwrap();
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        sum.check(&path).unwrap();
        fs_err::write(&path, b"abd").unwrap();
        assert!(matches!(sum.check(&path), Err(SumError::Checksum { .. })));
        fs_err::write(&path, b"ab").unwrap();
        assert!(matches!(sum.check(&path), Err(SumError::Size { expected: 3, found: 2, .. })));
    }
}
