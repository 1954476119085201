//! Files of an index directory.
//!
//! | file | content | module |
//! | --- | --- | --- |
//! | `index.json` | manifest | `index` |
//! | `concepts.bin`, `rows.bin`, `keys.fst`, `words.fst`, `search.bin` | names | `concepts` |
//! | `vectors.bin`, `scales.bin`, `residuals.bin`, `graph.bin` | vectors and graph | `ann` |
//! | `partial.json` | state of an unfinished build | `index` |
//!
//! `docs/index-format.md` describes their bytes.

use crate::{
    ann::{
        VectorPrecision,
        layout::{GRAPH_FILE, RESIDUALS_FILE, SCALES_FILE, VECTORS_FILE},
    },
    concepts::schema::{CONCEPTS_FILE, KEYS_FILE, ROWS_FILE, SEARCH_FILE, WORDS_FILE},
};

/// File name of the manifest. A directory with this file is an index.
pub const MANIFEST: &str = "index.json";

/// File that notes what an unfinished build embeds; a complete index does not have it.
pub(super) const PARTIAL: &str = "partial.json";

/// Rows that a build embeds and writes together, and the unit in which `--resume` uses them again.
///
/// A larger block gives batches of more similar lengths; a smaller block loses less when a build is
/// interrupted. The vector of a text can depend on the other texts of its batch, so that a resumed
/// build needs the same blocks.
pub(super) const BLOCK_ROWS: u32 = 1 << 13;

/// The file that an index of an earlier version lacks.
pub(super) const OPTIONAL: &str = SEARCH_FILE;

/// Every file that the manifest of an index with vectors of this precision lists; a new index has
/// [`OPTIONAL`] too.
pub(super) fn parts(precision: VectorPrecision) -> Vec<&'static str> {
    let mut parts = vec![CONCEPTS_FILE, ROWS_FILE, KEYS_FILE, WORDS_FILE, VECTORS_FILE, SCALES_FILE, GRAPH_FILE];
    if precision == VectorPrecision::Int16 {
        parts.push(RESIDUALS_FILE);
    }
    parts
}
