//! The inner product of two vectors.
//!
//! Sixteen partial sums, added in a fixed order and without fused operations: the same result on every machine, which the
//! compiler turns into vector instructions of whatever width the function is compiled for.
//! Invariant: [`dot`] gives bit for bit what [`portable`] gives.

use std::sync::LazyLock;

const LANES: usize = 16;

type Kernel = fn(&[f32], &[f32]) -> f32;

#[inline(always)]
fn portable(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(a: &[f32], b: &[f32]) -> f32 {
    portable(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(a: &[f32], b: &[f32]) -> f32 {
    portable(a, b)
}

#[expect(unsafe_code, reason = "functions compiled for instructions that are checked for here")]
static BEST: LazyLock<Kernel> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: each is called only where the processor has its instructions.
        if is_x86_feature_detected!("avx512f") {
            return |a, b| unsafe { avx512(a, b) };
        }
        if is_x86_feature_detected!("avx2") {
            return |a, b| unsafe { avx2(a, b) };
        }
    }
    |a, b| portable(a, b)
});

/// The inner product of two vectors of equal length.
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    BEST(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_the_same_bits() {
        for n in [0, 1, 15, 16, 17, 384, 768, 1000] {
            let a: Vec<f32> = (0..n).map(|i| ((i * 7919 % 1013) as f32 - 500.0) * 1e-3).collect();
            let b: Vec<f32> = (0..n).map(|i| ((i * 104_729 % 997) as f32 - 400.0) * 1e-3).collect();
            assert_eq!(dot(&a, &b).to_bits(), portable(&a, &b).to_bits(), "{n}");
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-3);
        }
    }
}
