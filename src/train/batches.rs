//! Turns pairs into batches on a separate thread: shuffles by the seed, augments, tokenizes and
//! packs.
//!
//! Invariant: the batch of a step depends only on the pairs, the plan and the number of the step.
//! A run can therefore resume at any step.

use std::sync::mpsc::{Receiver, sync_channel};

use crate::train::{TrainError, augment::altered, packing::PackedNames, pairs::Pairs};
use crate::{encoder::BertTokenizer, random::Random, text};

/// Batches that are made ahead of the step that is running.
const PREFETCHED_BATCHES: usize = 4;
/// Separates the random numbers of augmentation from others of the same seed and step.
const AUGMENT_STREAM: u64 = 3;

/// The input of one step.
#[derive(Debug)]
pub struct TrainingBatch {
    /// Number of the step, from 0.
    pub step: u64,
    /// Number of pairs.
    pub pairs: usize,
    /// The names of all pairs, two a pair, in chunks.
    pub chunks: Vec<PackedNames>,
    /// Concept of each name, `[names]`, in the order of `chunks`.
    pub labels: Vec<i64>,
}

/// How pairs are put into batches.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchPlan {
    /// Pairs of a batch.
    pub(super) batch: usize,
    /// Names of a chunk; `None` packs all names of a batch together.
    pub(super) chunk: Option<usize>,
    /// Consecutive pairs of the file that come into one batch together, at least 1.
    pub(super) group: usize,
    /// Share of names that are altered, 0 to 1.
    pub(super) augment: f32,
    pub(super) seed: u64,
}

impl BatchPlan {
    /// Steps of an epoch over `pairs` pairs. The pairs that do not fill a batch are left out; the
    /// next epoch has another order and leaves out others.
    pub(super) fn steps_per_epoch(&self, pairs: usize) -> u64 {
        (pairs / self.batch).max(1) as u64
    }

    /// The order of `pairs` pairs in an epoch: their positions in the file.
    fn epoch_order(&self, pairs: usize, epoch: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..pairs as u32).collect();
        let mut random = Random::from_seeds(&[self.seed, epoch]);
        if self.group < 2 {
            random.shuffle(&mut order);
            return order;
        }
        let mut groups: Vec<&[u32]> = order.chunks(self.group).collect();
        random.shuffle(&mut groups);
        groups.concat()
    }
}

/// Makes the batches of `steps` and passes each to `send`; ends early when `send` returns `false`.
///
/// # Errors
/// [`TrainError`] when a name cannot be tokenized.
fn produce(
    pairs: &Pairs,
    tokenizer: &BertTokenizer,
    plan: BatchPlan,
    steps: std::ops::Range<u64>,
    send: &dyn Fn(TrainingBatch) -> bool,
) -> Result<(), TrainError> {
    let steps_per_epoch = plan.steps_per_epoch(pairs.len());
    let mut order: (Option<u64>, Vec<u32>) = (None, vec![]);
    for step in steps {
        let epoch = step / steps_per_epoch;
        if order.0 != Some(epoch) {
            order = (Some(epoch), plan.epoch_order(pairs.len(), epoch));
        }
        let begin = (step % steps_per_epoch) as usize * plan.batch;
        let chosen = &order.1[begin..(begin + plan.batch).min(pairs.len())];
        let mut names = vec![];
        let mut labels = vec![];
        let mut random = Random::from_seeds(&[plan.seed, step, AUGMENT_STREAM]);
        for &position in chosen {
            let pair = pairs.pair(position as usize);
            for name in pair.names {
                let name = text::clean(name);
                let name = if random.fraction() < plan.augment { altered(&name, &mut random) } else { name };
                names.push(tokenizer.ids(&name)?);
                labels.push(i64::from(pair.concept));
            }
        }
        let names: Vec<&[i64]> = names.iter().map(Vec::as_slice).collect();
        let chunks = names.chunks(plan.chunk.unwrap_or(usize::MAX)).map(PackedNames::new).collect();
        if !send(TrainingBatch { step, pairs: chosen.len(), chunks, labels }) {
            return Ok(());
        }
    }
    Ok(())
}

/// Calls `train` with a receiver of the batches of `steps`; a second thread makes them ahead.
pub(super) fn with_batches<T>(
    pairs: &Pairs,
    tokenizer: &BertTokenizer,
    plan: BatchPlan,
    steps: std::ops::Range<u64>,
    train: impl FnOnce(&Receiver<Result<TrainingBatch, TrainError>>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PREFETCHED_BATCHES);
        scope.spawn(move || {
            let send = |batch| sender.send(Ok(batch)).is_ok();
            if let Err(e) = produce(pairs, tokenizer, plan, steps, &send) {
                // Fails only when `train` has returned already, with an error of its own.
                let _ = sender.send(Err(e));
            }
        });
        let result = train(&receiver);
        // Ends the other thread, which may be waiting to send.
        drop(receiver);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_shuffles_whole_groups_in_another_order() {
        let plan = |group| BatchPlan { batch: 6, chunk: None, group, augment: 0.0, seed: 4 };
        for group in [1, 3, 7] {
            let orders = [0, 0, 1].map(|epoch| plan(group).epoch_order(20, epoch));
            assert_eq!(orders[0], orders[1]);
            assert_ne!(orders[0], orders[2]);
            let mut sorted = orders[0].clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..20), "each pair once");
            let breaks = orders[0].windows(2).filter(|two| two[1] != two[0] + 1).count();
            assert!(breaks < 20usize.div_ceil(group) + 1, "{group}: {breaks}");
        }
    }
}
