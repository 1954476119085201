//! Size and sha256 of files, which manifests state and readers compare.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes that are read and hashed at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// Size and checksum of a file, as manifests state them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Size in bytes.
    pub bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file differs from its manifest.
#[derive(Debug, thiserror::Error)]
pub enum ChecksumError {
    /// The file could not be read.
    #[error("{}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        reason: io::Error,
    },
    /// The file has another size.
    #[error("{}: has {found} bytes, the manifest states {expected}: the file is truncated or was replaced", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// The file has the right size and other content.
    #[error("{}: its sha256 does not match the manifest; the file is damaged or was replaced", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
    },
}

impl FileSum {
    /// Reads the file at `path` to its end.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = fs_err::File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
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

    /// Compares size and sha256 of the file at `path` with this.
    ///
    /// # Errors
    /// [`ChecksumError`] names the file and what differs.
    pub fn check(&self, path: &Path) -> Result<(), ChecksumError> {
        self.check_size(path)?;
        let found = Self::of(path).map_err(|reason| ChecksumError::Read { path: path.into(), reason })?;
        if found.sha256 != self.sha256 {
            return Err(ChecksumError::Checksum { path: path.into() });
        }
        Ok(())
    }

    /// Compares the size only.
    ///
    /// # Errors
    /// [`ChecksumError`] names the file.
    pub fn check_size(&self, path: &Path) -> Result<(), ChecksumError> {
        let metadata = std::fs::metadata(path);
        let size = metadata.map_err(|reason| ChecksumError::Read { path: path.into(), reason })?.len();
        if size != self.bytes {
            return Err(ChecksumError::Size { path: path.into(), expected: self.bytes, found: size });
        }
        Ok(())
    }
}

/// Sizes and checksums of the files `names` of `dir`, by name.
pub fn checksums(dir: &Path, names: &[&str]) -> io::Result<BTreeMap<String, FileSum>> {
    names.iter().map(|&name| Ok((name.to_owned(), FileSum::of(&dir.join(name))?))).collect()
}

/// sha256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_and_damage_are_distinguished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs_err::write(&path, b"abc").unwrap();
        let sum = FileSum::of(&path).unwrap();
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        sum.check(&path).unwrap();
        fs_err::write(&path, b"abd").unwrap();
        assert!(matches!(sum.check(&path), Err(ChecksumError::Checksum { .. })));
        fs_err::write(&path, b"ab").unwrap();
        assert!(matches!(sum.check(&path), Err(ChecksumError::Size { expected: 3, found: 2, .. })));
    }
}
