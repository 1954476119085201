//! Symmetric int8 quantization of weights: one scale for each output channel of a matrix, or for
//! each row of an embedding table.
//!
//! Invariant: `|w - q * scale| <= scale / 2` for every weight `w` with code `q`; 0 has the code 0.

/// A row-major matrix of int8 codes with float32 scales.
pub(super) struct QuantizedMatrix {
    /// Codes from -127 to 127.
    pub values: Vec<i8>,
    /// One scale per column or per row; `weight = value * scale`.
    pub scales: Vec<f32>,
}

/// Quantizes each column of a row-major `[rows, columns]` matrix.
pub(super) fn by_column(matrix: &[f32], columns: usize) -> QuantizedMatrix {
    let mut largest = vec![0f32; columns];
    for row in matrix.chunks_exact(columns) {
        for (m, w) in largest.iter_mut().zip(row) {
            *m = m.max(w.abs());
        }
    }
    let scales: Vec<f32> = largest.into_iter().map(scale).collect();
    let values =
        matrix.chunks_exact(columns).flat_map(|row| row.iter().zip(&scales).map(|(w, s)| round(w / s))).collect();
    QuantizedMatrix { values, scales }
}

/// Quantizes each row of a row-major `[rows, columns]` table.
pub(super) fn by_row(table: &[f32], columns: usize) -> QuantizedMatrix {
    let rows = || table.chunks_exact(columns);
    let scales: Vec<f32> = rows().map(|row| scale(row.iter().fold(0f32, |m, w| m.max(w.abs())))).collect();
    let values = rows().zip(&scales).flat_map(|(row, s)| row.iter().map(move |w| round(w / s))).collect();
    QuantizedMatrix { values, scales }
}

fn scale(largest: f32) -> f32 {
    if largest == 0.0 { 1.0 } else { largest / 127.0 }
}

fn round(x: f32) -> i8 {
    x.round_ties_even().clamp(-127.0, 127.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_is_within_half_a_scale() {
        let matrix: Vec<f32> = (0..60).map(|i| ((i * 37 % 61) as f32 - 30.0) * 0.013).collect();
        let columns = by_column(&matrix, 5);
        for (i, w) in matrix.iter().enumerate() {
            let s = columns.scales[i % 5];
            assert!((w - f32::from(columns.values[i]) * s).abs() <= s * 0.5001);
        }
        let rows = by_row(&matrix, 5);
        for (i, w) in matrix.iter().enumerate() {
            let s = rows.scales[i / 5];
            assert!((w - f32::from(rows.values[i]) * s).abs() <= s * 0.5001);
        }
    }

    #[test]
    fn a_row_of_zeros_has_the_codes_zero() {
        let rows = by_row(&[0.0, 0.0, 1.0, -2.0], 2);
        assert_eq!(rows.values, [0, 0, 64, -127]);
        assert_eq!(rows.scales[0], 1.0);
    }
}
