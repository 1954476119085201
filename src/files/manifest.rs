//! JSON manifests with a format version and, where they are sealed, a checksum of themselves.
//!
//! Every manifest has a field `format`. A sealed manifest ends with a field `checksum`: the sha256
//! of all bytes before it. [`read_manifest`] accepts both kinds, and checks the seal where there is
//! one.

use std::{io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use crate::files::{sha256_hex, staged::parent_of};

/// Text between the content of a sealed manifest and its checksum.
const SEAL: &str = ",\n  \"checksum\": \"";

/// Reads a manifest that must have the format version `format`.
///
/// # Errors
/// The reason why it cannot be used, without its path.
pub fn read_manifest<T: DeserializeOwned>(path: &Path, format: u32) -> Result<T, String> {
    #[derive(Deserialize)]
    struct FormatField {
        format: u32,
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    // The version is compared first: in another version the other fields may differ.
    let found: FormatField = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    if found.format != format {
        return Err(format!(
            "format {} where this saplink reads format {format}: make it again with this saplink",
            found.format
        ));
    }
    let Some((content, seal)) = text.rsplit_once(SEAL) else {
        return serde_json::from_str(&text).map_err(|e| e.to_string());
    };
    if seal != seal_of(content) {
        return Err("does not match its own checksum: it is damaged or was edited".into());
    }
    serde_json::from_str(&format!("{content}\n}}")).map_err(|e| e.to_string())
}

/// Checksum and end of a sealed manifest: the text after [`SEAL`].
fn seal_of(content: &str) -> String {
    format!("{}\"\n}}\n", sha256_hex(content.as_bytes()))
}

/// Writes a manifest that ends with its own checksum.
pub fn write_sealed<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    let text = serde_json::to_string_pretty(manifest)?;
    let content = text.strip_suffix("\n}").ok_or_else(|| io::Error::other("a manifest is an object with fields"))?;
    fs_err::write(path, format!("{content}{SEAL}{}", seal_of(content)))
}

/// Writes a manifest or report without a checksum, which people may edit.
pub fn write_manifest<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    fs_err::write(path, serde_json::to_string_pretty(manifest)? + "\n")
}

/// Replaces a sealed manifest that may be in use: a reader sees the old one or the new one.
pub fn replace_manifest<T: Serialize>(path: &Path, manifest: &T) -> io::Result<()> {
    let file = NamedTempFile::new_in(parent_of(path))?;
    write_sealed(file.path(), manifest)?;
    file.as_file().set_permissions(fs_err::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
