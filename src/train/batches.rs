//! Pairs to batches: drawn in the order of a seed, tokenized, packed without padding.
//!
//! Invariant: which pairs a step has depends on the seed and the step alone, so that a run can go on anywhere.

use std::sync::mpsc::{Receiver, sync_channel};

use crate::train::{TrainError, augment::altered, pairs::Pairs};
use crate::{encoder::BertTokenizer, random::Random, text};

/// Batches that are ready before they are asked for.
const AHEAD: usize = 4;
/// Rows are made up to a multiple of this, and tokens of a name to one of that: few shapes, so that freed memory fits again.
pub(super) const ROWS: usize = 64;
pub(super) const WIDTH: usize = 4;
/// Tells what is drawn to alter names from what else follows from a seed.
const AUGMENT: u64 = 3;

/// Names whose tokens lie one after another, see [`crate::bert::training`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    pub names: usize,
    /// Cells of a name: at least the tokens of the longest.
    pub width: usize,
    /// Tokens of all names; [`Packed::rows`] is that and a little more.
    pub real: usize,
    pub tokens: Vec<i64>,
    pub places: Vec<i64>,
    pub cell_rows: Vec<i64>,
    pub row_cells: Vec<i64>,
    pub firsts: Vec<i64>,
    pub mask: Vec<f32>,
}

impl Packed {
    /// Packs names, each with one token at least.
    pub fn of(names: &[&[i64]]) -> Self {
        let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
        let width = longest.next_multiple_of(WIDTH);
        let mut packed = Self { names: names.len(), width, ..Self::default() };
        let mut padding = None;
        for (n, name) in names.iter().enumerate() {
            packed.firsts.push(packed.tokens.len() as i64);
            for place in 0..width {
                let cell = (n * width + place) as i64;
                if let Some(&token) = name.get(place) {
                    packed.cell_rows.push(packed.tokens.len() as i64);
                    packed.row_cells.push(cell);
                    packed.tokens.push(token);
                    packed.places.push(place as i64);
                    packed.mask.push(1.0);
                } else {
                    packed.cell_rows.push(0);
                    packed.mask.push(0.0);
                    padding = Some(cell);
                }
            }
        }
        packed.real = packed.tokens.len();
        // A row more stands for a padding cell, which has no gradient; where there is none all names have the same length.
        if let Some(cell) = padding {
            let rows = packed.real.next_multiple_of(ROWS);
            packed.tokens.resize(rows, 0);
            packed.places.resize(rows, 0);
            packed.row_cells.resize(rows, cell);
        }
        packed
    }

    /// Rows that are computed.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }
}

/// What a step learns from.
#[derive(Debug)]
pub struct Batch {
    /// From 0.
    pub step: u64,
    pub pairs: usize,
    /// The names of all pairs, in chunks.
    pub chunks: Vec<Packed>,
    /// The concept of each name.
    pub labels: Vec<i64>,
}

/// How pairs are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pairs of a batch.
    pub batch: usize,
    /// Names of a chunk; none packs all together.
    pub chunk: Option<usize>,
    /// Pairs that stand together in the file and come into a batch together, at least 1.
    pub group: usize,
    /// Share of names that are read as somebody else might write them.
    pub augment: f32,
    pub seed: u64,
}

impl Plan {
    /// Steps of an epoch: what does not fill a batch is left for another order.
    pub fn steps_of_epoch(&self, pairs: usize) -> u64 {
        (pairs / self.batch).max(1) as u64
    }

    /// The numbers of `pairs` pairs in the order of an epoch.
    fn order(&self, pairs: usize, epoch: u64) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..pairs as u32).collect();
        let mut random = Random::of(&[self.seed, epoch]);
        if self.group < 2 {
            random.shuffle(&mut numbers);
            return numbers;
        }
        let mut groups: Vec<&[u32]> = numbers.chunks(self.group).collect();
        random.shuffle(&mut groups);
        groups.concat()
    }
}

/// Makes the batches from step `first` until `last`, for whoever takes them; it ends when nobody does any more.
///
/// # Errors
/// [`TrainError`] when a name cannot be tokenized.
pub(super) fn produce(
    pairs: &Pairs,
    tokens: &BertTokenizer,
    plan: Plan,
    first: u64,
    last: u64,
    send: &dyn Fn(Batch) -> bool,
) -> Result<(), TrainError> {
    let epoch_steps = plan.steps_of_epoch(pairs.len());
    let mut order: (Option<u64>, Vec<u32>) = (None, vec![]);
    for step in first..last {
        let epoch = step / epoch_steps;
        if order.0 != Some(epoch) {
            order = (Some(epoch), plan.order(pairs.len(), epoch));
        }
        let begin = (step % epoch_steps) as usize * plan.batch;
        let chosen = &order.1[begin..(begin + plan.batch).min(pairs.len())];
        let mut names = vec![];
        let mut labels = vec![];
        let mut random = Random::of(&[plan.seed, step, AUGMENT]);
        for &number in chosen {
            let pair = pairs.pair(number as usize);
            for name in pair.names {
                let name = text::clean(name);
                let name = if random.share() < plan.augment { altered(&name, &mut random) } else { name };
                names.push(tokens.ids(&name)?);
                labels.push(i64::from(pair.concept));
            }
        }
        let names: Vec<&[i64]> = names.iter().map(Vec::as_slice).collect();
        let chunks = names.chunks(plan.chunk.unwrap_or(usize::MAX)).map(Packed::of).collect();
        if !send(Batch { step, pairs: chosen.len(), chunks, labels }) {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs `take` with batches that another thread makes ahead.
pub(super) fn with_batches<T>(
    pairs: &Pairs,
    tokens: &BertTokenizer,
    plan: Plan,
    steps: std::ops::Range<u64>,
    take: impl FnOnce(&Receiver<Result<Batch, TrainError>>) -> T,
) -> T {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            let send = |batch| sender.send(Ok(batch)).is_ok();
            if let Err(e) = produce(pairs, tokens, plan, steps.start, steps.end, &send) {
                // Nobody is left to be told.
                let _ = sender.send(Err(e));
            }
        });
        let taken = take(&receiver);
        drop(receiver);
        taken
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_rows_are_each_others() {
        let names: [&[i64]; 4] = [&[2, 7, 3], &[2, 7, 8, 9, 3], &[2, 3], &[2, 9, 9, 3]];
        let packed = Packed::of(&names);
        assert_eq!((packed.names, packed.width, packed.real, packed.rows()), (4, 8, 14, 64));
        for (row, &cell) in packed.row_cells.iter().enumerate().take(packed.real) {
            assert_eq!(packed.cell_rows[cell as usize], row as i64);
            assert_eq!(packed.mask[cell as usize], 1.0);
            let (name, place) = (cell as usize / packed.width, cell as usize % packed.width);
            assert_eq!((packed.tokens[row], packed.places[row]), (names[name][place], place as i64));
        }
        for (name, &first) in packed.firsts.iter().enumerate() {
            assert_eq!((packed.tokens[first as usize], packed.row_cells[first as usize]), (2, (name * 8) as i64));
        }
        assert!(packed.row_cells[packed.real..].iter().all(|&cell| packed.mask[cell as usize] == 0.0));
        assert_eq!(packed.mask.iter().sum::<f32>(), 14.0);
    }

    #[test]
    fn names_of_one_length_are_not_padded() {
        let packed = Packed::of(&[&[2, 5, 6, 3], &[2, 7, 8, 3]]);
        assert_eq!((packed.width, packed.rows()), (4, 8));
    }

    #[test]
    fn groups_stay_together_in_an_order_of_each_epoch() {
        let plan = |group| Plan { batch: 6, chunk: None, group, augment: 0.0, seed: 4 };
        for group in [1, 3, 7] {
            let orders = [0, 0, 1].map(|epoch| plan(group).order(20, epoch));
            assert_eq!(orders[0], orders[1]);
            assert_ne!(orders[0], orders[2]);
            let mut sorted = orders[0].clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..20), "each pair once");
            let apart = orders[0].windows(2).filter(|two| two[1] != two[0] + 1).count();
            assert!(apart < 20usize.div_ceil(group) + 1, "{group}: {apart}");
        }
    }
}
