//! Names of the inputs and outputs of the training graphs.
//!
//! The parameters and their gradient have the names of [`crate::bert::optimizer`].

/// Token id of each row, int64 `[rows]`.
pub const TOKENS: &str = "tokens";
/// Position of each row in its name, int64 `[rows]`.
pub const POSITIONS: &str = "places";
/// Row of each cell, int64 `[names, tokens]`; any row for padding.
pub const CELL_ROWS: &str = "cell_rows";
/// Cell of each row, int64 `[rows]`: an index into the flattened `[names, tokens]`.
pub const ROW_CELLS: &str = "row_cells";
/// First row of each name, int64 `[names]`; an input only with [`crate::bert::Pooling::Cls`].
pub const FIRST_ROWS: &str = "firsts";
/// Concept of each name, int64 `[names]`.
pub const LABELS: &str = "labels";
/// float32 `[names, tokens]`: 1 for a token, 0 for padding.
pub const MASK: &str = "mask";
/// Values of the parameters that are not trained, float32 `[frozen parameters]`.
pub const FROZEN: &str = "frozen";
/// Dropout factors, float32 `[factors]`: 0 for a dropped value, `1 / (1 - p)` for the others.
pub const DROPOUT_FACTORS: &str = "noise";
/// Factor of the gradient in half precision, float32 scalar.
pub const LOSS_SCALE: &str = "loss_scale";
/// Vectors of the names, float32 `[names, hidden]`, not normalized.
pub const VECTORS: &str = "vectors";
/// Derivative of the loss by the vectors, float32 `[names, hidden]`.
pub const VECTORS_GRADIENT: &str = "vectors_gradient";
/// Sum of the gradients of the chunks before, float32 `[parameters]`.
pub const ACCUMULATED_GRADIENT: &str = "gradient_so_far";
/// The loss, float32 scalar.
pub const LOSS: &str = "loss";
/// Number of positive pairs that the loss counts, float32 scalar.
pub const POSITIVES: &str = "positives";
/// Number of negative pairs that the loss counts, float32 scalar.
pub const NEGATIVES: &str = "negatives";

/// Name of the input with the offset into [`DROPOUT_FACTORS`] at which a dropout site begins to
/// read, int64 `[1]`. Sites are numbered in the order of the network.
pub fn dropout_offset(site: usize) -> String {
    format!("noise_at_{site}")
}
