//! Cache of recent vectors, keyed by token ids: texts with the same ids have the same vector.
//!
//! Invariant: the cache contains no text and never leaves the memory of the process.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{Weighter, sync};

use crate::{encoder::error::EncoderError, job::Job};

/// Estimated bytes of an entry besides its ids and its vector: bookkeeping of cache and allocator.
const ENTRY_OVERHEAD: usize = 96;

type TokenIds = Box<[i64]>;
type Vector = Arc<[f32]>;

/// Recent vectors of one model.
pub(super) struct EmbeddingCache {
    vectors: sync::Cache<TokenIds, Vector, ByteWeighter>,
    dimensions: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Weighs an entry by its bytes.
#[derive(Clone)]
struct ByteWeighter;

impl Weighter<TokenIds, Vector> for ByteWeighter {
    fn weight(&self, ids: &TokenIds, vector: &Vector) -> u64 {
        (ENTRY_OVERHEAD + size_of_val(&**ids) + size_of_val(&**vector)) as u64
    }
}

impl EmbeddingCache {
    /// A cache of about `bytes` bytes for vectors of `dimensions` values.
    pub(super) fn new(bytes: usize, dimensions: usize) -> Self {
        let entries = bytes / (ENTRY_OVERHEAD + size_of::<f32>() * dimensions);
        let vectors = sync::Cache::with_weighter(entries.max(1), bytes as u64, ByteWeighter);
        Self { vectors, dimensions, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Texts found and texts not found since the start.
    pub(super) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// The vectors of `ids`, row-major `[ids, dimensions]`. Passes distinct ids that are not in the
    /// cache to `compute`, each once, and stores their vectors. Reports hits to `job`; `compute`
    /// reports the rest.
    ///
    /// # Errors
    /// The error of `compute`; nothing is stored then.
    pub(super) fn get_or_compute(
        &self,
        ids: Vec<Vec<i64>>,
        job: Job<'_>,
        compute: impl FnOnce(Vec<Vec<i64>>) -> Result<Vec<f32>, EncoderError>,
    ) -> Result<Vec<f32>, EncoderError> {
        let mut vectors = vec![0.0; ids.len() * self.dimensions];
        let row = |index: usize| index * self.dimensions..(index + 1) * self.dimensions;
        let mut rows_of: HashMap<Vec<i64>, Vec<usize>> = HashMap::new();
        let mut missing: Vec<Vec<i64>> = vec![];
        let mut hits = 0;
        for (index, ids) in ids.into_iter().enumerate() {
            if let Some(vector) = self.vectors.get(ids.as_slice()) {
                vectors[row(index)].copy_from_slice(&vector);
                hits += 1;
                continue;
            }
            let rows = rows_of.entry(ids).or_insert_with_key(|ids| {
                missing.push(ids.clone());
                vec![]
            });
            rows.push(index);
        }
        self.hits.fetch_add(hits, Ordering::Relaxed);
        self.misses.fetch_add(missing.len() as u64, Ordering::Relaxed);
        job.progress.advance(hits);
        if missing.is_empty() {
            return Ok(vectors);
        }
        let computed = compute(missing.clone())?;
        for (ids, vector) in missing.into_iter().zip(computed.chunks_exact(self.dimensions)) {
            for &index in rows_of.get(&ids).into_iter().flatten() {
                vectors[row(index)].copy_from_slice(vector);
            }
            self.vectors.insert(ids.into(), vector.into());
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of texts of one token each, and the tokens whose vectors were computed.
    fn embed(cache: &EmbeddingCache, ids: &[i64]) -> (Vec<f32>, Vec<i64>) {
        let mut computed = vec![];
        let vectors = cache.get_or_compute(ids.iter().map(|&id| vec![id]).collect(), Job::silent(), |ids| {
            computed = ids.iter().map(|ids| ids[0]).collect();
            Ok(ids.iter().flat_map(|ids| [ids[0] as f32, 1.0]).collect())
        });
        (vectors.unwrap(), computed)
    }

    #[test]
    fn cached_vectors_are_not_computed_again_and_no_vector_twice() {
        let cache = EmbeddingCache::new(1 << 16, 2);
        assert_eq!(embed(&cache, &[5, 7, 5]), (vec![5.0, 1.0, 7.0, 1.0, 5.0, 1.0], vec![5, 7]));
        assert_eq!(embed(&cache, &[7, 8, 5]), (vec![7.0, 1.0, 8.0, 1.0, 5.0, 1.0], vec![8]));
        assert_eq!(embed(&cache, &[]), (vec![], vec![]));
        assert_eq!(cache.hits_and_misses(), (2, 3));
    }

    #[test]
    fn the_cache_stays_within_its_size() {
        let cache = EmbeddingCache::new(1 << 16, 2);
        (0..10_000).for_each(|id| drop(embed(&cache, &[id])));
        assert!(cache.vectors.weight() <= 1 << 16 && cache.vectors.len() > 300, "{}", cache.vectors.len());
    }

    #[test]
    fn a_failure_is_not_cached() {
        let cache = EmbeddingCache::new(1 << 16, 2);
        let failed = cache.get_or_compute(vec![vec![3]], Job::silent(), |_| Err(EncoderError::Inference("why".into())));
        assert!(failed.is_err());
        assert_eq!(embed(&cache, &[3]).1, [3]);
    }
}
