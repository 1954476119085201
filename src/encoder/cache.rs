//! Vectors that were computed lately, by the token ids of their texts: texts that the model reads alike have one.
//!
//! Invariant: nothing of it leaves the memory of the process, and what it holds is no text.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{Weighter, sync};

use crate::encoder::EncoderError;
use crate::job::Job;

/// Bytes of an entry beside its ids and its vector: what the cache and the allocator keep of it, about.
const ENTRY: usize = 96;

type Ids = Box<[i64]>;
type Vector = Arc<[f32]>;

/// Remembered vectors of one model.
pub(super) struct Cache {
    vectors: sync::Cache<Ids, Vector, Bytes>,
    dimensions: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Ids, Vector> for Bytes {
    fn weight(&self, ids: &Ids, vector: &Vector) -> u64 {
        (ENTRY + size_of_val(&**ids) + size_of_val(&**vector)) as u64
    }
}

impl Cache {
    /// A cache of about so many bytes for vectors of `dimensions` values.
    pub(super) fn new(bytes: usize, dimensions: usize) -> Self {
        let entries = bytes / (ENTRY + size_of::<f32>() * dimensions);
        let vectors = sync::Cache::with_weighter(entries.max(1), bytes as u64, Bytes);
        Self { vectors, dimensions, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// How many texts were found and how many were not.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// A row for each of `ids`: what is remembered, and what `compute` makes of the others, each once.
    ///
    /// # Errors
    /// What `compute` says.
    pub(super) fn through(
        &self,
        ids: Vec<Vec<i64>>,
        job: Job<'_>,
        compute: impl FnOnce(Vec<Vec<i64>>) -> Result<Vec<f32>, EncoderError>,
    ) -> Result<Vec<f32>, EncoderError> {
        let mut vectors = vec![0.0; ids.len() * self.dimensions];
        let row = |place: usize| place * self.dimensions..(place + 1) * self.dimensions;
        let mut wanted: HashMap<Vec<i64>, Vec<usize>> = HashMap::new();
        let mut unknown: Vec<Vec<i64>> = vec![];
        let mut hits = 0;
        for (place, ids) in ids.into_iter().enumerate() {
            if let Some(vector) = self.vectors.get(ids.as_slice()) {
                vectors[row(place)].copy_from_slice(&vector);
                hits += 1;
                continue;
            }
            let places = wanted.entry(ids).or_insert_with_key(|ids| {
                unknown.push(ids.clone());
                vec![]
            });
            places.push(place);
        }
        self.hits.fetch_add(hits, Ordering::Relaxed);
        self.misses.fetch_add(unknown.len() as u64, Ordering::Relaxed);
        job.progress.advance(hits);
        if unknown.is_empty() {
            return Ok(vectors);
        }
        let computed = compute(unknown.clone())?;
        for (ids, vector) in unknown.into_iter().zip(computed.chunks_exact(self.dimensions)) {
            for &place in wanted.get(&ids).into_iter().flatten() {
                vectors[row(place)].copy_from_slice(vector);
            }
            self.vectors.insert(ids.into(), vector.into());
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;

    /// The vectors of texts of one token, and those that were computed.
    fn ask(cache: &Cache, ids: &[i64]) -> (Vec<f32>, Vec<i64>) {
        let mut computed = vec![];
        let vectors = cache.through(ids.iter().map(|&id| vec![id]).collect(), Job::silent(), |ids| {
            computed = ids.iter().map(|ids| ids[0]).collect();
            Ok(ids.iter().flat_map(|ids| [ids[0] as f32, 1.0]).collect())
        });
        (vectors.unwrap(), computed)
    }

    #[test]
    fn what_is_remembered_is_not_computed_again_and_nothing_twice() {
        let cache = Cache::new(1 << 16, 2);
        assert_eq!(ask(&cache, &[5, 7, 5]), (vec![5.0, 1.0, 7.0, 1.0, 5.0, 1.0], vec![5, 7]));
        assert_eq!(ask(&cache, &[7, 8, 5]), (vec![7.0, 1.0, 8.0, 1.0, 5.0, 1.0], vec![8]));
        assert_eq!(ask(&cache, &[]), (vec![], vec![]));
        assert_eq!(cache.counts(), (2, 3));
    }

    #[test]
    fn it_does_not_grow() {
        let cache = Cache::new(1 << 16, 2);
        (0..10_000).for_each(|id| drop(ask(&cache, &[id])));
        assert!(cache.vectors.weight() <= 1 << 16 && cache.vectors.len() > 300, "{}", cache.vectors.len());
    }

    #[test]
    fn a_failure_is_not_remembered() {
        let cache = Cache::new(1 << 16, 2);
        let failed = cache.through(vec![vec![3]], Job::silent(), |_| Err(EncoderError::Inference("why".into())));
        assert!(failed.is_err());
        assert_eq!(ask(&cache, &[3]).1, [3]);
    }
}
