//! Damage to files that is the same in every run.

/// A generator of random numbers, the same in every run.
pub(crate) struct TestRng(pub u64);

impl TestRng {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Cuts `bytes`, adds a byte to them, or flips one bit.
pub(crate) fn damage(bytes: &mut Vec<u8>, rng: &mut TestRng) {
    match rng.below(3) {
        0 => bytes.truncate(rng.below(bytes.len())),
        1 => bytes.push(rng.below(256) as u8),
        _ => {
            let i = rng.below(bytes.len());
            bytes[i] ^= 1 << rng.below(8);
        }
    }
}
