//! Memory-maps finite-state transducers (crate `fst`): sorted maps from byte strings to numbers.

use std::path::Path;

use super::{
    error::ColumnError,
    mapped::{Column, MappedFile},
};

/// Maps the transducer in `path` after verifying the checksum that it contains, because `fst` does
/// not check its input while it reads.
///
/// # Errors
/// [`ColumnError::Damaged`] if the file is no transducer or its checksum differs.
pub(crate) fn open_fst(path: &Path) -> Result<fst::Map<Column<u8>>, ColumnError> {
    let open = || {
        let file = MappedFile::open(path)?;
        let map = fst::Map::new(file.whole::<u8>()?).map_err(|e| file.damaged(e.to_string()))?;
        Ok::<_, ColumnError>((map, file))
    };
    // Verification reads every page. Its mapping is dropped, so those pages do not stay in memory.
    let (verified, file) = open()?;
    verified.as_fst().verify().map_err(|e| file.damaged(e.to_string()))?;
    drop((verified, file));
    Ok(open()?.0)
}
