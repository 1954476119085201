//! Maps finite state transducers.

use std::path::Path;

use super::{
    error::ColumnError,
    mapped::{Column, MappedFile},
};

/// Maps a finite state transducer after comparing it with the checksum in it, since what reads one trusts it.
///
/// # Errors
/// [`ColumnError::Damaged`] when it is none, or not as it was written.
pub(crate) fn open_fst(path: &Path) -> Result<fst::Map<Column<u8>>, ColumnError> {
    let open = || {
        let file = MappedFile::open(path)?;
        let map = fst::Map::new(file.whole::<u8>()?).map_err(|e| file.damaged(e.to_string()))?;
        Ok::<_, ColumnError>((map, file))
    };
    // A mapping of its own: the pages that checking touches do not stay.
    let (checked, file) = open()?;
    checked.as_fst().verify().map_err(|e| file.damaged(e.to_string()))?;
    drop((checked, file));
    Ok(open()?.0)
}
