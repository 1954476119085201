//! Files and directories as saplink reads and writes them: inputs, staged output, manifests,
//! checksums.
//!
//! | file | content |
//! | --- | --- |
//! | [`input`] | opening a plain, `.gz` or split input, and reading its lines |
//! | [`sorter`] | sorting more records than memory holds |
//! | `staged` | a directory or file that appears complete or not at all |
//! | `manifest` | JSON manifests: read, write, seal, replace |
//! | `checksum` | size and sha256 of a file |
//! | `disk` | free space |
//! | `lfs` | files that stand for others that were not fetched |
//!
//! Invariant: a reader of an output path sees the old content or the new one, never a part of
//! either. This module does not depend on vocabularies, models or indexes.

mod checksum;
mod disk;
pub mod input;
mod lfs;
mod manifest;
pub mod records;
pub mod sorter;
mod staged;
mod writers;

pub use checksum::{ChecksumError, FileSum, checksums, sha256_hex};
pub(crate) use disk::free_space;
pub use lfs::refuse_lfs_pointer;
pub use manifest::{read_manifest, replace_manifest, write_manifest, write_sealed};
pub use staged::{Abandoned, StageError, StagedDir, StagedFile, abandoned};
pub(crate) use writers::is_open_for_writing;
