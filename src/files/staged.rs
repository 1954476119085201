//! Directories and files that appear complete or not at all.
//!
//! A writer fills a directory (or file) beside its target and renames it when it is complete. A
//! lock on the staged directory shows that its writer is running; a directory without a lock is
//! abandoned, and the next writer of the same target may resume from it or remove it. If the target
//! is an empty directory, such as a mounted volume, the staged directory is inside it, and its
//! files move up one by one, the manifest last.
//!
//! Invariant: a reader of the target sees the old content or the new one, never a part of either.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempDir};

/// A directory or file could not be staged or put in place.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The system refused an operation; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The target exists and may not be replaced.
    #[error("{}: exists already (use --force to replace it)", .0.display())]
    Exists(PathBuf),
    /// The target exists and saplink did not write it.
    #[error("{}: --force only replaces a directory that saplink wrote, and this one has no {manifest}; name a new or an empty directory", path.display())]
    Foreign {
        /// The target.
        path: PathBuf,
        /// The file that marks a directory of saplink.
        manifest: &'static str,
    },
    /// The target is a mount point, which cannot be exchanged with another directory.
    #[error("{}: is a mount point, which cannot be replaced; empty it, or mount the directory above it", .0.display())]
    Mounted(PathBuf),
    /// The target of a [`StagedDir`] has no last part, such as `/` or `..`.
    #[error("{}: is not the name of a directory", .0.display())]
    Name(PathBuf),
    /// The target of a [`StagedFile`] is a directory or a device.
    #[error("{}: is not the name of a file", .0.display())]
    FileName(PathBuf),
}

/// A directory written beside its target; [`StagedDir::commit`] renames it to the target.
///
/// Dropped without a commit, it removes itself. When its process is killed it stays, and the next
/// writer of the same target removes it.
pub struct StagedDir {
    target: PathBuf,
    /// The file that is put in place last.
    manifest: &'static str,
    staging: TempDir,
    /// Open while this process writes the directory.
    _lock: File,
}

impl StagedDir {
    /// Checks whether [`StagedDir::create`] would accept the target, and returns the last part of
    /// `target`.
    ///
    /// # Errors
    /// The same as [`StagedDir::create`].
    pub fn check<'a>(target: &'a Path, manifest: &'static str, force: bool) -> Result<&'a OsStr, StageError> {
        let name = target.file_name().ok_or_else(|| StageError::Name(target.into()))?;
        if !target.exists() || is_vacant(target, name)? {
            return Ok(name);
        }
        if !target.join(manifest).is_file() {
            return Err(StageError::Foreign { path: target.into(), manifest });
        }
        if is_mount_point(target) {
            return Err(StageError::Mounted(target.into()));
        }
        if !force {
            return Err(StageError::Exists(target.into()));
        }
        Ok(name)
    }

    /// Prepares to write `target`, a directory with a file `manifest`. With `force` it may replace
    /// such a directory. An empty directory may be used without `force`.
    ///
    /// # Errors
    /// [`StageError::Exists`], [`StageError::Foreign`] and [`StageError::Mounted`] when the target
    /// must not or cannot be replaced.
    pub fn create(target: &Path, manifest: &'static str, force: bool) -> Result<Self, StageError> {
        let name = Self::check(target, manifest, force)?;
        let parent = staging_parent(target, name)?;
        fs_err::create_dir_all(parent)?;
        abandoned(target)?.into_iter().for_each(Abandoned::remove);
        let staging = tempfile::Builder::new().prefix(&staging_prefix(name)).tempdir_in(parent)?;
        let lock = File::open(staging.path())?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { target: target.into(), manifest, staging, _lock: lock })
    }

    /// Checks that files can be created where `target` is staged.
    ///
    /// # Errors
    /// The error of the system, with the name of the directory.
    pub fn check_writable(target: &Path) -> io::Result<()> {
        let parent = staging_parent(target, target.file_name().unwrap_or_default())?;
        fs_err::create_dir_all(parent)?;
        let with_path = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", parent.display()));
        tempfile::tempfile_in(parent).map(drop).map_err(with_path)
    }

    /// The directory to write into.
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// The path that [`StagedDir::commit`] puts the directory at.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Keeps the directory when this is dropped without a commit, so that another run can resume
    /// from it.
    pub fn keep(&mut self) {
        self.staging.disable_cleanup(true);
    }

    /// Flushes every file to disk and renames the directory to its target. A directory that it
    /// replaces is removed.
    pub fn commit(mut self) -> Result<(), StageError> {
        for entry in fs_err::read_dir(self.path())? {
            fs_err::File::open(entry?.path())?.sync_all()?;
        }
        set_mode(self.path(), 0o755)?;
        File::open(self.path())?.sync_all()?;
        if self.path().parent() == Some(&self.target) {
            return self.fill_target();
        }
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

impl StagedDir {
    /// Moves the files from their directory in the target to the target, the manifest last.
    fn fill_target(self) -> Result<(), StageError> {
        let name = self.target.file_name().unwrap_or_default();
        if !is_vacant(&self.target, name)? {
            return Err(StageError::Exists(self.target.clone()));
        }
        let mut names =
            fs_err::read_dir(self.path())?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort_by_key(|name| name == self.manifest);
        for name in names {
            if name == self.manifest {
                File::open(&self.target)?.sync_all()?;
            }
            fs_err::rename(self.path().join(&name), self.target.join(&name))?;
        }
        File::open(&self.target)?.sync_all()?;
        Ok(())
    }
}

/// A file written beside its target; [`StagedFile::commit`] renames it. Dropped without a commit,
/// it removes itself.
pub struct StagedFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl StagedFile {
    /// Checks whether [`StagedFile::create`] would accept the target, and returns the last part of
    /// `target`.
    ///
    /// # Errors
    /// The same as [`StagedFile::create`].
    pub fn check(target: &Path, force: bool) -> Result<&OsStr, StageError> {
        let name = target.file_name().filter(|_| target.is_file() || !target.exists());
        let name = name.ok_or_else(|| StageError::FileName(target.into()))?;
        if target.exists() && !force { Err(StageError::Exists(target.into())) } else { Ok(name) }
    }

    /// Prepares to write `target`. With `force` the commit replaces a file that exists there.
    ///
    /// # Errors
    /// [`StageError::FileName`] when the target is a directory or a device, [`StageError::Exists`].
    pub fn create(target: &Path, force: bool) -> Result<Self, StageError> {
        let prefix = staging_prefix(Self::check(target, force)?);
        let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(parent_of(target))?;
        Ok(Self { target: target.into(), file: BufWriter::new(file) })
    }

    /// Flushes the file to disk and renames it to its target.
    pub fn commit(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(|e| e.into_error())?;
        set_mode(file.path(), 0o644)?;
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

/// The directory of `target`; `.` for a name without one.
pub(super) fn parent_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether `dir` is a directory without files but those of staging directories for it, and the
/// folder that every new file system has.
fn is_vacant(dir: &Path, name: &OsStr) -> io::Result<bool> {
    if !dir.is_dir() {
        return Ok(false);
    }
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?.file_name();
        if entry != "lost+found" && !entry.to_string_lossy().starts_with(&staging_prefix(name)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where `target`, whose last part is `name`, is staged: in it if it is an empty directory, else
/// beside it.
fn staging_parent<'a>(target: &'a Path, name: &OsStr) -> io::Result<&'a Path> {
    Ok(if is_vacant(target, name)? { target } else { parent_of(target) })
}

/// Whether another file system, or another directory, is mounted at `dir`.
fn is_mount_point(dir: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        statx(CWD, dir, AtFlags::empty(), StatxFlags::empty())
            .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        false
    }
}

/// First part of the names of staging directories and files for the target `name`.
fn staging_prefix(name: &OsStr) -> String {
    format!(".{}.partial-", name.to_string_lossy())
}

/// A staging directory of a process that ended without a commit.
///
/// While this value lives it holds the lock, so that no other process resumes from the directory or
/// removes it.
pub struct Abandoned {
    path: PathBuf,
    _lock: File,
}

impl Abandoned {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory.
    pub fn remove(self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The abandoned staging directories of `target`: those that no living process has locked.
pub fn abandoned(target: &Path) -> io::Result<Vec<Abandoned>> {
    let Some(name) = target.file_name() else { return Ok(vec![]) };
    let mut entries = vec![];
    for dir in [parent_of(target), target].into_iter().filter(|dir| dir.is_dir()) {
        entries.extend(fs_err::read_dir(dir)?);
    }
    let mut found = vec![];
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&staging_prefix(name))
            && let Ok(lock) = File::open(entry.path())
            && lock.try_lock().is_ok()
        {
            found.push(Abandoned { path: entry.path(), _lock: lock });
        }
    }
    Ok(found)
}

/// Sets the Unix permissions: temporary files are private to their owner, finished ones are
/// readable by all.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Swaps two directories, in one atomic step if the system and the file system support it.
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

/// Swaps two directories with three renames; for a moment there is no `b`.
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
    fn a_directory_appears_complete_and_is_replaced_only_with_force() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a b");
        write(&target, "one", false).unwrap();
        assert!(matches!(write(&target, "two", false), Err(StageError::Exists(_))));
        write(&target, "two", true).unwrap();
        assert_eq!(fs_err::read_to_string(target.join("part")).unwrap(), "two");
        assert_eq!(entries(dir.path()), 1, "no staging file is left");
    }

    #[test]
    fn a_directory_of_another_program_is_never_replaced() {
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
    fn abandoned_directories_are_removed_and_locked_ones_stay() {
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
        assert_eq!(entries(dir.path()), 1, "the directory of a killed process is removed");
    }

    #[test]
    fn an_empty_directory_is_filled_and_stays_the_same_directory() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("volume");
        fs_err::create_dir_all(target.join("lost+found")).unwrap();
        fs_err::create_dir(target.join(".volume.partial-dead")).unwrap();
        let opened = File::open(&target).unwrap();
        let staged = StagedDir::create(&target, "part", false).unwrap();
        let staged_again = StagedDir::create(&target, "part", false).unwrap();
        for staged in [&staged, &staged_again] {
            fs_err::write(staged.path().join("part"), "one").unwrap();
            fs_err::write(staged.path().join("zzz"), "more").unwrap();
        }
        assert_eq!(abandoned(&target).unwrap().len(), 0, "the directory of a killed process is removed");
        staged.commit().unwrap();
        assert!(matches!(staged_again.commit(), Err(StageError::Exists(_))), "it is not empty any more");
        assert_eq!(entries(&target), 3);
        assert_eq!(entries(dir.path()), 1, "nothing is written beside it");
        use std::os::unix::fs::MetadataExt;
        assert_eq!(opened.metadata().unwrap().ino(), target.metadata().unwrap().ino());
        assert!(matches!(write(&target, "two", false), Err(StageError::Exists(_))));
    }

    #[test]
    fn a_file_appears_complete_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a b");
        for content in ["one", "two"] {
            let mut staged = StagedFile::create(&target, true).unwrap();
            staged.write_all(content.as_bytes()).unwrap();
            staged.commit().unwrap();
            assert_eq!(fs_err::read_to_string(&target).unwrap(), content);
        }
        StagedFile::create(&target, true).unwrap().write_all(b"half").unwrap();
        assert_eq!(fs_err::read_to_string(&target).unwrap(), "two");
        assert_eq!(entries(dir.path()), 1, "no staging file is left");
        for wrong in [dir.path(), Path::new("/"), Path::new(""), Path::new("/dev/null")] {
            assert!(matches!(StagedFile::create(wrong, true), Err(StageError::FileName(_))), "{}", wrong.display());
        }
    }

    #[test]
    fn directories_are_swapped_in_steps() {
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
}
