//! What every directory that saplink writes has in common: checksums, and a staged write that appears whole or not at all.
//!
//! Invariant: a reader of `target` sees the old directory or the new one, never a part of either.

pub mod input;
pub mod sorter;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

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
    #[error("{}: {reason}", path.display())]
    Read { path: PathBuf, reason: io::Error },
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
        self.check_size(path)?;
        let found = Self::of(path).map_err(|reason| SumError::Read { path: path.into(), reason })?;
        if found.sha256 != self.sha256 {
            return Err(SumError::Checksum { path: path.into() });
        }
        Ok(())
    }

    /// Compares the size alone.
    ///
    /// # Errors
    /// [`SumError`] names the file.
    pub fn check_size(&self, path: &Path) -> Result<(), SumError> {
        let size = std::fs::metadata(path).map_err(|reason| SumError::Read { path: path.into(), reason })?.len();
        if size != self.bytes {
            return Err(SumError::Size { path: path.into(), expected: self.bytes, found: size });
        }
        Ok(())
    }
}

/// The sums of the files `names` of `dir`.
pub fn sums(dir: &Path, names: &[&str]) -> io::Result<BTreeMap<String, FileSum>> {
    names.iter().map(|&name| Ok((name.to_owned(), FileSum::of(&dir.join(name))?))).collect()
}

/// Reads a manifest of layout `format`.
///
/// # Errors
/// Why it cannot be taken, without its path.
pub fn read_manifest<T: DeserializeOwned>(path: &Path, format: u32) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    // The number first: of another layout the other fields may well be different.
    let found: Format = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    if found.format != format {
        return Err(format!(
            "format {} where this saplink reads format {format}: make it again with this one",
            found.format
        ));
    }
    let Some((content, seal)) = text.rsplit_once(SEAL) else {
        return serde_json::from_str(&text).map_err(|e| e.to_string());
    };
    if seal != sealed_end(content) {
        return Err("is not what its checksum says: it was damaged, or changed by hand".into());
    }
    serde_json::from_str(&format!("{content}\n}}")).map_err(|e| e.to_string())
}

/// Begins the last field of a manifest that has its own checksum: the sha256 of all that stands before this.
const SEAL: &str = ",\n  \"checksum\": \"";

/// What follows [`SEAL`].
fn sealed_end(content: &str) -> String {
    format!("{}\"\n}}\n", sha256_hex(content.as_bytes()))
}

/// As [`write_manifest`], with a checksum of itself.
pub fn write_sealed<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    let text = serde_json::to_string_pretty(manifest)?;
    let content = text.strip_suffix("\n}").ok_or_else(|| io::Error::other("a manifest is an object with fields"))?;
    fs_err::write(path, format!("{content}{SEAL}{}", sealed_end(content)))
}

/// Writes a manifest, or another report, for people to read.
pub fn write_manifest<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    fs_err::write(path, serde_json::to_string_pretty(manifest)? + "\n")
}

/// As [`write_sealed`], for a manifest that is in use: a reader sees the old one or the new one.
pub fn replace_manifest<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    let file = NamedTempFile::new_in(parent_of(path))?;
    write_sealed(file.path(), manifest)?;
    file.as_file().set_permissions(fs_err::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
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
    #[error("{}: --force replaces what saplink wrote, and there is no {manifest} in it", path.display())]
    Foreign { path: PathBuf, manifest: &'static str },
    #[error("{}: is not the name of a directory", .0.display())]
    Name(PathBuf),
    #[error("{}: is not the name of a file", .0.display())]
    FileName(PathBuf),
}

/// A directory written beside its target and renamed into place by [`StagedDir::commit`].
///
/// Dropped before that, it removes itself; one that a killed process left behind is removed by the next that writes the same target.
pub struct StagedDir {
    target: PathBuf,
    staging: TempDir,
    /// Held while this process is at work on the directory.
    _lock: File,
}

impl StagedDir {
    /// Whether [`StagedDir::create`] would take it; gives the last part of `target`.
    ///
    /// # Errors
    /// As there.
    pub fn check<'a>(target: &'a Path, manifest: &'static str, force: bool) -> Result<&'a OsStr, StageError> {
        let name = target.file_name().ok_or_else(|| StageError::Name(target.into()))?;
        if target.exists() && !force {
            return Err(StageError::Exists(target.into()));
        }
        if target.exists() && !target.join(manifest).is_file() {
            return Err(StageError::Foreign { path: target.into(), manifest });
        }
        Ok(name)
    }

    /// Prepares to write `target`, a directory with a file `manifest`. It must not exist unless `force`, and be such a directory then.
    ///
    /// # Errors
    /// [`StageError::Exists`] and [`StageError::Foreign`] when the target must not be replaced.
    pub fn create(target: &Path, manifest: &'static str, force: bool) -> Result<Self, StageError> {
        let name = Self::check(target, manifest, force)?;
        let parent = parent_of(target);
        fs_err::create_dir_all(parent)?;
        abandoned(target)?.into_iter().for_each(Abandoned::remove);
        let staging = tempfile::Builder::new().prefix(&prefix_of(name)).tempdir_in(parent)?;
        let lock = File::open(staging.path())?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { target: target.into(), staging, _lock: lock })
    }

    /// Whether a directory could be made where `target` is to be.
    ///
    /// # Errors
    /// That of the system, with the name of the folder.
    pub fn try_out(target: &Path) -> io::Result<()> {
        let parent = parent_of(target);
        fs_err::create_dir_all(parent)?;
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", parent.display()));
        tempfile::tempfile_in(parent).map(drop).map_err(named)
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// What is to be written.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Leaves the directory where it is, abandoned, when this is dropped without having been committed.
    pub fn keep(&mut self) {
        self.staging.disable_cleanup(true);
    }

    /// Flushes every file to disk and puts the directory in its place; what it replaces is removed.
    pub fn commit(mut self) -> Result<(), StageError> {
        for entry in fs_err::read_dir(self.path())? {
            fs_err::File::open(entry?.path())?.sync_all()?;
        }
        allow_others_to_read(self.path(), 0o755)?;
        File::open(self.path())?.sync_all()?;
        if self.target.exists() {
            exchange(self.path(), &self.target)?;
        } else {
            fs_err::rename(self.path(), &self.target)?;
        }
        self.staging.disable_cleanup(false);
        File::open(parent_of(&self.target))?.sync_all()?;
        Ok(())
    }
}

/// A file written beside its target and renamed into place by [`StagedFile::commit`]. Dropped before that, it removes itself.
pub struct StagedFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl StagedFile {
    /// Prepares to write `target`; a file that is there is replaced.
    ///
    /// # Errors
    /// [`StageError::FileName`] when the target is a directory, or anything else that is no file.
    pub fn create(target: &Path) -> Result<Self, StageError> {
        let name = target.file_name().filter(|_| target.is_file() || !target.exists());
        let prefix = prefix_of(name.ok_or_else(|| StageError::FileName(target.into()))?);
        let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(parent_of(target))?;
        Ok(Self { target: target.into(), file: BufWriter::new(file) })
    }

    /// Flushes the file to disk and puts it in its place.
    pub fn commit(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(|e| e.into_error())?;
        allow_others_to_read(file.path(), 0o644)?;
        file.as_file().sync_all()?;
        file.persist(&self.target).map_err(|e| e.error)?;
        Ok(())
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn parent_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What names of staging directories begin with.
fn prefix_of(name: &OsStr) -> String {
    format!(".{}.partial-", name.to_string_lossy())
}

/// A directory that a writer which was ended left. While this lives, no other process takes or removes it.
pub struct Abandoned {
    path: PathBuf,
    _lock: File,
}

impl Abandoned {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it.
    pub fn remove(self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The directories that writers of `target` left beside it and that no living process holds.
pub fn abandoned(target: &Path) -> io::Result<Vec<Abandoned>> {
    let (parent, Some(name)) = (parent_of(target), target.file_name()) else { return Ok(vec![]) };
    if !parent.is_dir() {
        return Ok(vec![]);
    }
    let mut found = vec![];
    for entry in fs_err::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix_of(name))
            && let Ok(lock) = File::open(entry.path())
            && lock.try_lock().is_ok()
        {
            found.push(Abandoned { path: entry.path(), _lock: lock });
        }
    }
    Ok(found)
}

/// Bytes that may still be written to the file system of `dir`.
pub fn free_space(dir: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(dir)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// What is temporary is its owner's alone; what becomes of this is for whoever may see its place.
fn allow_others_to_read(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Swaps two directories, in one step where the system and the file system can.
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            outcome => return Ok(outcome?),
        }
    }
    exchange_in_steps(a, b)
}

/// Swaps two directories in three steps, between which `b` is missing.
fn exchange_in_steps(a: &Path, b: &Path) -> io::Result<()> {
    let aside = a.with_extension("replaced");
    fs_err::rename(b, &aside)?;
    fs_err::rename(a, b)?;
    fs_err::rename(&aside, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(target: &Path, content: &str, force: bool) -> Result<(), StageError> {
        let staged = StagedDir::create(target, "part", force)?;
        fs_err::write(staged.path().join("part"), content)?;
        staged.commit()
    }

    fn entries(dir: &Path) -> usize {
        fs_err::read_dir(dir).unwrap().count()
    }

    #[test]
    fn appears_whole_and_is_replaced_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a b");
        write(&target, "one", false).unwrap();
        assert!(matches!(write(&target, "two", false), Err(StageError::Exists(_))));
        write(&target, "two", true).unwrap();
        assert_eq!(fs_err::read_to_string(target.join("part")).unwrap(), "two");
        assert_eq!(entries(dir.path()), 1, "nothing is left beside it");
    }

    #[test]
    fn what_saplink_did_not_write_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("home");
        fs_err::create_dir(&target).unwrap();
        fs_err::write(target.join("letters"), "dear").unwrap();
        assert!(matches!(write(&target, "one", true), Err(StageError::Foreign { .. })));
        fs_err::write(dir.path().join("file"), "dear").unwrap();
        assert!(matches!(write(&dir.path().join("file"), "one", true), Err(StageError::Foreign { .. })));
        assert_eq!(entries(dir.path()), 2);
    }

    #[test]
    fn abandoned_leaves_nothing_and_the_living_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x");
        let staged = StagedDir::create(&target, "part", false).unwrap();
        fs_err::write(staged.path().join("part"), "half").unwrap();
        let other = StagedDir::create(&target, "part", false).unwrap();
        assert!(staged.path().join("part").is_file(), "a second writer does not disturb the first");
        drop((staged, other));
        assert_eq!(entries(dir.path()), 0);

        let killed = dir.path().join(".x.partial-dead");
        fs_err::create_dir(&killed).unwrap();
        fs_err::write(killed.join("part"), "half").unwrap();
        write(&target, "one", false).unwrap();
        assert_eq!(entries(dir.path()), 1, "what a killed process left is gone");
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a b");
        for content in ["one", "two"] {
            let mut staged = StagedFile::create(&target).unwrap();
            staged.write_all(content.as_bytes()).unwrap();
            staged.commit().unwrap();
            assert_eq!(fs_err::read_to_string(&target).unwrap(), content);
        }
        StagedFile::create(&target).unwrap().write_all(b"half").unwrap();
        assert_eq!(fs_err::read_to_string(&target).unwrap(), "two");
        assert_eq!(entries(dir.path()), 1, "nothing is left beside it");
        for wrong in [dir.path(), Path::new("/"), Path::new(""), Path::new("/dev/null")] {
            assert!(matches!(StagedFile::create(wrong), Err(StageError::FileName(_))), "{}", wrong.display());
        }
    }

    #[test]
    fn directories_are_swapped_where_that_takes_steps() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        for path in [&a, &b] {
            fs_err::create_dir(path).unwrap();
            fs_err::write(path.join("was"), path.file_name().unwrap().to_str().unwrap()).unwrap();
        }
        exchange_in_steps(&a, &b).unwrap();
        assert_eq!(fs_err::read_to_string(a.join("was")).unwrap(), "b");
        assert_eq!(fs_err::read_to_string(b.join("was")).unwrap(), "a");
        assert_eq!(entries(dir.path()), 2);
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
