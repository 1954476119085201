//! Inner product of a query and a row in integers: every processor gives the same result, bit for
//! bit.
//!
//! Uses AVX-512 VNNI or AVX2 where the processor has it, otherwise a plain loop, which the compiler
//! turns into the vector instructions that every processor of the target has (SSE2, NEON).
//! Invariant: every kernel gives the result of [`portable`].

use std::sync::LazyLock;

/// Largest magnitude of a query code (13 bits with the sign). With row codes up to [`MAX_CODE`], a
/// sum of [`MAX_DIMENSIONS`] products fits 32 bits.
pub(crate) const MAX_QUERY_CODE: i16 = 4095;
/// Largest magnitude of a row code.
pub(crate) const MAX_CODE: i8 = 127;
/// Maximum length of a vector whose inner product fits 32 bits.
pub(crate) const MAX_DIMENSIONS: usize = 4096;

const _: () = assert!(MAX_QUERY_CODE as i64 * MAX_CODE as i64 * MAX_DIMENSIONS as i64 <= i32::MAX as i64);

/// Computes the inner product of a query and a row of equal length, at most [`MAX_DIMENSIONS`],
/// with codes up to [`MAX_QUERY_CODE`] and [`MAX_CODE`].
pub(crate) type Kernel = fn(&[i16], &[i8]) -> i32;

#[inline(always)]
fn portable(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(q, r)| i32::from(*q) * i32::from(*r)).sum()
}

/// Multiplies 32 values per step.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(query: &[i16], row: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let (queries, query_rest) = query.as_chunks::<32>();
    let (rows, row_rest) = row.as_chunks::<32>();
    let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for (q, r) in queries.iter().zip(rows) {
        let (q, r): ([__m256i; 2], [__m128i; 2]) = (bytemuck::cast(*q), bytemuck::cast(*r));
        even = _mm256_add_epi32(even, _mm256_madd_epi16(q[0], _mm256_cvtepi8_epi16(r[0])));
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(q[1], _mm256_cvtepi8_epi16(r[1])));
    }
    let sums: [i32; 8] = bytemuck::cast(_mm256_add_epi32(even, odd));
    sums.iter().sum::<i32>() + portable(query_rest, row_rest)
}

/// Multiplies 64 values per step.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn avx512vnni(query: &[i16], row: &[i8]) -> i32 {
    use std::arch::x86_64::*;
    let (queries, query_rest) = query.as_chunks::<64>();
    let (rows, row_rest) = row.as_chunks::<64>();
    let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for (q, r) in queries.iter().zip(rows) {
        let (q, r): ([__m512i; 2], [__m256i; 2]) = (bytemuck::cast(*q), bytemuck::cast(*r));
        even = _mm512_dpwssd_epi32(even, q[0], _mm512_cvtepi8_epi16(r[0]));
        odd = _mm512_dpwssd_epi32(odd, q[1], _mm512_cvtepi8_epi16(r[1]));
    }
    _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) + portable(query_rest, row_rest)
}

#[expect(unsafe_code, reason = "the functions need instructions whose presence is checked here")]
static FASTEST: LazyLock<Kernel> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: each function is called only if the processor has its instructions.
        if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
            return |q, r| unsafe { avx512vnni(q, r) };
        }
        if is_x86_feature_detected!("avx2") {
            return |q, r| unsafe { avx2(q, r) };
        }
    }
    |q, r| portable(q, r)
});

/// The fastest kernel of this processor.
pub(crate) fn fastest() -> Kernel {
    *FASTEST
}

#[inline(always)]
fn portable_f32(a: &[f32], b: &[f32]) -> f32 {
    // 16 independent sums, which the compiler turns into vector instructions.
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    let mut sums = [0f32; 16];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2_f32(a: &[f32], b: &[f32]) -> f32 {
    portable_f32(a, b)
}

/// Inner product of two float32 vectors of equal length, for vectors before quantization.
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the function needs instructions whose presence is checked here")
)]
pub(crate) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: called only if the processor has the instructions.
        return unsafe { avx2_f32(a, b) };
    }
    portable_f32(a, b)
}

/// Asks the processor to load `values` into its caches, without waiting for them.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "no safe function gives this hint"))]
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let bytes = size_of_val(values);
        let start = values.as_ptr().cast::<i8>();
        // SAFETY: a prefetch reads nothing, and the address lies inside the slice.
        let hint = |offset: usize| unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        // One hint per cache line of 64 bytes, and one for the line of the last value.
        let mut offset = 0;
        while offset < bytes {
            hint(offset);
            offset += 64;
        }
        if bytes > 0 {
            hint(bytes - 1);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernels that this processor can run.
    #[expect(unsafe_code, reason = "each kernel is used only if the processor has its instructions")]
    fn kernels() -> Vec<(&'static str, Kernel)> {
        let mut kernels: Vec<(&str, Kernel)> = vec![("fastest", fastest()), ("portable", |q, r| portable(q, r))];
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: see above.
            if is_x86_feature_detected!("avx2") {
                kernels.push(("avx2", |q, r| unsafe { avx2(q, r) }));
            }
            if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
                kernels.push(("avx512vnni", |q, r| unsafe { avx512vnni(q, r) }));
            }
        }
        kernels
    }

    #[test]
    fn every_kernel_gives_the_exact_inner_product() {
        for n in [0, 1, 15, 16, 17, 31, 32, 63, 64, 100, 384, 768, 1000, MAX_DIMENSIONS] {
            let query: Vec<i16> = (0..n).map(|i| ((i * 7919 % 8191) as i16) - MAX_QUERY_CODE).collect();
            let row: Vec<i8> = (0..n).map(|i| ((i * 104_729 % 255) as i16 - 127) as i8).collect();
            let exact: i64 = query.iter().zip(&row).map(|(q, r)| i64::from(*q) * i64::from(*r)).sum();
            for (name, kernel) in kernels() {
                assert_eq!(i64::from(kernel(&query, &row)), exact, "{name}, {n}");
            }
        }
    }

    #[test]
    fn largest_codes_do_not_overflow() {
        let (query, row) = ([MAX_QUERY_CODE; MAX_DIMENSIONS], [-MAX_CODE; MAX_DIMENSIONS]);
        assert_eq!(fastest()(&query, &row), -2_130_186_240);
    }
}
