//! How right rankings are.
//!
//! By the rule of the SapBERT paper names fill the places, and a name is right if one of its owners is gold; beside it, distinct concepts fill
//! them, and only the concept itself counts. A composite mention is as right as its worst part. Invariant: every mention counts, what is
//! not found is wrong, and figures are means over the folds.

use serde::{Deserialize, Serialize};

use crate::eval::{dictionary::Concept, rankers::Found};
use crate::random::Random;

/// Places that are looked at.
pub(super) const PLACES: usize = 10;
/// Samples of the bootstrap.
const SAMPLES: usize = 1000;

/// How right the answer for a mention is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Place of the first right name, from 1; 0 if none of the first [`PLACES`] is right.
    pub name: u8,
    /// The same of distinct concepts.
    pub concept: u8,
}

impl Outcome {
    /// Of the names found for a text that is to be linked to one of `gold`.
    pub fn of(found: &[Found], gold: &[Concept]) -> Self {
        let name = found.iter().take(PLACES).position(|name| name.concepts.iter().any(|c| gold.contains(c)));
        let mut concepts: Vec<Concept> = vec![];
        for &concept in found.iter().flat_map(|name| &name.concepts) {
            if concepts.len() < PLACES && !concepts.contains(&concept) {
                concepts.push(concept);
            }
        }
        let concept = concepts.iter().position(|concept| gold.contains(concept));
        let place = |place: Option<usize>| place.map_or(0, |place| place as u8 + 1);
        Self { name: place(name), concept: place(concept) }
    }

    /// Of a composite mention, by its parts.
    pub fn of_parts(parts: impl Iterator<Item = Self>) -> Self {
        let worst = |a: u8, b: u8| if a == 0 || b == 0 { 0 } else { a.max(b) };
        parts
            .reduce(|a, b| Self { name: worst(a.name, b.name), concept: worst(a.concept, b.concept) })
            .unwrap_or_default()
    }

    /// What each figure counts, in the order of [`Figures::NAMES`].
    fn counts(self) -> [f64; 5] {
        let within = |place: u8, k: u8| f64::from((1..=k).contains(&place));
        let reciprocal = if self.concept > 0 { 1.0 / f64::from(self.concept) } else { 0.0 };
        [within(self.name, 1), within(self.name, 5), within(self.concept, 1), within(self.concept, 5), reciprocal]
    }
}

/// A figure, and what it would be with other mentions of the same kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub value: f64,
    /// The middle 95 % of a bootstrap over mentions, within folds.
    pub interval: [f64; 2],
}

/// The figures of a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Acc@1 and Acc@5 by the paper's rule.
    pub acc_1: Figure,
    pub acc_5: Figure,
    /// Of distinct concepts.
    pub strict_acc_1: Figure,
    pub distinct_acc_5: Figure,
    /// Mean reciprocal rank of the first right concept, 0 beyond [`PLACES`].
    pub mrr: Figure,
}

impl Figures {
    /// Of folds of outcomes, each with one at least.
    pub fn of(folds: &[Vec<Outcome>], seed: u64) -> Self {
        let value = mean(folds, |fold, i| fold[i]);
        let mut samples: [Vec<f64>; 5] = Default::default();
        let mut random = Random::new(seed);
        for _ in 0..SAMPLES {
            let sample = mean(folds, |fold, _| fold[random.below(fold.len())]);
            samples.iter_mut().zip(sample).for_each(|(samples, value)| samples.push(value));
        }
        let [acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr] =
            std::array::from_fn(|i| Figure { value: value[i], interval: middle(&mut samples[i]) });
        Self { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr }
    }
}

/// Means over folds of means over their outcomes.
fn mean(folds: &[Vec<Outcome>], mut take: impl FnMut(&[Outcome], usize) -> Outcome) -> [f64; 5] {
    let mut means = [0.0; 5];
    for fold in folds {
        let mut sums = [0.0; 5];
        for i in 0..fold.len() {
            sums.iter_mut().zip(take(fold, i).counts()).for_each(|(sum, count)| *sum += count);
        }
        let shares = sums.map(|sum| sum / fold.len() as f64 / folds.len() as f64);
        means.iter_mut().zip(shares).for_each(|(mean, share)| *mean += share);
    }
    means
}

/// The middle 95 %.
pub(super) fn middle(samples: &mut [f64]) -> [f64; 2] {
    samples.sort_unstable_by(f64::total_cmp);
    [0.025, 0.975].map(|share| samples[((samples.len() - 1) as f64 * share).round() as usize])
}

/// Two systems on the same mentions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Mentions that only the first, or only the second, has right.
    pub first: usize,
    pub second: usize,
    pub both: usize,
    pub neither: usize,
    /// How much more is right in the second, with its interval.
    pub difference: Figure,
    /// Chance of so unequal a number, or a more unequal one, if both were as good (McNemar's exact test, two-sided).
    pub p: f64,
}

impl Paired {
    /// Of what is right in the first and in the second.
    pub fn of(right: &[[bool; 2]], seed: u64) -> Self {
        let count = |wanted: [bool; 2]| right.iter().filter(|&&one| one == wanted).count();
        let (first, second) = (count([true, false]), count([false, true]));
        let gain = |[a, b]: [bool; 2]| f64::from(b) - f64::from(a);
        let share = |sum: f64| sum / right.len().max(1) as f64;
        let mut random = Random::new(seed);
        let mut samples: Vec<f64> = (0..SAMPLES)
            .map(|_| share((0..right.len()).map(|_| gain(right[random.below(right.len())])).sum()))
            .collect();
        Self {
            first,
            second,
            both: count([true, true]),
            neither: count([false, false]),
            difference: Figure {
                value: share(right.iter().map(|&one| gain(one)).sum()),
                interval: middle(&mut samples),
            },
            p: mcnemar(first, second),
        }
    }
}

/// Chance that of `a + b` throws of a coin `a.min(b)` or fewer fall on the rarer side, both sides together.
fn mcnemar(a: usize, b: usize) -> f64 {
    let n = a + b;
    // Logarithms of binomial coefficients, one from the other.
    let mut coefficient = 0.0f64;
    let mut sum = 0.0;
    for k in 0..=a.min(b) {
        sum += (coefficient - n as f64 * 2f64.ln()).exp();
        coefficient += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&[Concept]]) -> Vec<Found> {
        (0..).zip(names).map(|(row, concepts)| Found { row, score: 0.5, concepts: concepts.to_vec() }).collect()
    }

    fn outcome(name: u8, concept: u8) -> Outcome {
        Outcome { name, concept }
    }

    #[test]
    fn names_and_concepts_fill_places_apart() {
        let names = found(&[&[1, 2], &[1], &[1, 2], &[3], &[4]]);
        let of = |gold: &[Concept]| Outcome::of(&names, gold);
        assert_eq!(of(&[1]), outcome(1, 1));
        assert_eq!(of(&[2]), outcome(1, 2), "an ambiguous name is right by the paper's rule alone");
        assert_eq!(of(&[3]), outcome(4, 3), "synonyms fill the places of names");
        assert_eq!(of(&[9, 4]), outcome(5, 4));
        assert_eq!(of(&[9]), outcome(0, 0));
        assert_eq!(of(&[]), outcome(0, 0));
        let many: Vec<Found> = (0..20).map(|row| Found { row, score: 0.5, concepts: vec![row] }).collect();
        assert_eq!([Outcome::of(&many, &[9]), Outcome::of(&many, &[10])], [outcome(10, 10), outcome(0, 0)]);
    }

    #[test]
    fn a_composite_mention_is_as_right_as_its_worst_part() {
        let of = |parts: &[Outcome]| Outcome::of_parts(parts.iter().copied());
        assert_eq!(of(&[outcome(1, 2), outcome(3, 1)]), outcome(3, 2));
        assert_eq!(of(&[outcome(1, 1), outcome(0, 1)]), outcome(0, 1));
    }

    #[test]
    fn figures_are_means_over_folds_with_intervals() {
        // Three quarters of one fold, none of the other.
        let folds = [[vec![outcome(1, 1); 75], vec![outcome(6, 4); 25]].concat(), vec![outcome(0, 0); 10]];
        let figures = Figures::of(&folds, 7);
        assert_eq!((figures.acc_1.value, figures.acc_5.value), (0.375, 0.375));
        assert_eq!((figures.strict_acc_1.value, figures.distinct_acc_5.value), (0.375, 0.5));
        assert!((figures.mrr.value - (0.75 + 0.25 / 4.0) / 2.0).abs() < 1e-12);
        // The standard deviation of a share of 0.75 among 100 is 0.043, and half of that here.
        let [low, high] = figures.acc_1.interval;
        assert!((low - (0.375 - 0.0424)).abs() < 0.008 && (high - (0.375 + 0.0424)).abs() < 0.008, "{low} {high}");
        assert_eq!(Figures::of(&folds, 7), figures);
    }

    #[test]
    fn two_systems_are_compared_mention_by_mention() {
        let right = [vec![[true, true]; 50], vec![[true, false]; 2], vec![[false, true]; 10], vec![[false, false]; 38]]
            .concat();
        let paired = Paired::of(&right, 1);
        assert_eq!((paired.first, paired.second, paired.both, paired.neither), (2, 10, 50, 38));
        assert!((paired.difference.value - 0.08).abs() < 1e-12);
        assert!(paired.difference.interval[0] > 0.0);
        // 2 (1 + 12 + 66) / 4096.
        assert!((paired.p - 158.0 / 4096.0).abs() < 1e-12);
        assert_eq!(mcnemar(0, 0), 1.0);
        assert_eq!(mcnemar(5, 5), 1.0);
        assert!(mcnemar(3000, 2000) < 1e-40);
    }
}
