//! Accuracy of rankings.
//!
//! There are two rules. The rule of the SapBERT paper (Liu et al. 2020) ranks names; a name is
//! right if one of its owners is a gold concept. The strict rule ranks distinct concepts; the
//! concept itself must be gold. A composite mention has the worst rank of its parts.
//!
//! Invariant: every mention counts, a mention without a right answer is wrong, and metrics are
//! means over the folds.

use serde::{Deserialize, Serialize};

use crate::eval::{dictionary::DictConcept, rankers::RankedName};
use crate::random::Random;

/// Ranks beyond this one count as not found.
pub(super) const MAX_RANK: usize = 10;
/// Number of bootstrap samples.
const BOOTSTRAP_SAMPLES: usize = 1000;

/// The ranks of the gold concepts in the answer for a mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldRanks {
    /// Rank of the first name of a gold concept, from 1; 0 if there is none among the first 10
    /// names.
    pub name: u8,
    /// Rank of the first gold concept among distinct concepts, from 1; 0 if there is none among the
    /// first 10 concepts.
    pub concept: u8,
}

impl GoldRanks {
    /// The ranks of `gold` in the names found for a text.
    pub(super) fn of(found: &[RankedName], gold: &[DictConcept]) -> Self {
        let name = found.iter().take(MAX_RANK).position(|name| name.concepts.iter().any(|c| gold.contains(c)));
        let mut concepts: Vec<DictConcept> = vec![];
        for &concept in found.iter().flat_map(|name| &name.concepts) {
            if concepts.len() < MAX_RANK && !concepts.contains(&concept) {
                concepts.push(concept);
            }
        }
        let concept = concepts.iter().position(|concept| gold.contains(concept));
        let rank = |position: Option<usize>| position.map_or(0, |position| position as u8 + 1);
        Self { name: rank(name), concept: rank(concept) }
    }

    /// The ranks of a composite mention: the worst ranks of its parts.
    pub(super) fn of_parts(parts: impl Iterator<Item = Self>) -> Self {
        let worst = |a: u8, b: u8| if a == 0 || b == 0 { 0 } else { a.max(b) };
        parts
            .reduce(|a, b| Self { name: worst(a.name, b.name), concept: worst(a.concept, b.concept) })
            .unwrap_or_default()
    }

    /// The contribution to each metric, in the order of the fields of [`AccuracyMetrics`].
    fn contributions(self) -> [f64; 5] {
        let within = |rank: u8, k: u8| f64::from((1..=k).contains(&rank));
        let reciprocal = if self.concept > 0 { 1.0 / f64::from(self.concept) } else { 0.0 };
        [within(self.name, 1), within(self.name, 5), within(self.concept, 1), within(self.concept, 5), reciprocal]
    }
}

/// The value of a metric with its confidence interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over the folds.
    pub value: f64,
    /// The middle 95 % of the bootstrap samples, which are sampled / shown / sampled from the
    /// mentions of each fold.
    pub interval: [f64; 2],
}

/// The metrics of a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccuracyMetrics {
    /// Acc@1 by the paper's rule.
    pub acc_1: Estimate,
    /// Acc@5 by the paper's rule.
    pub acc_5: Estimate,
    /// Acc@1 by the strict rule.
    pub strict_acc_1: Estimate,
    /// Acc@5 by the strict rule.
    pub distinct_acc_5: Estimate,
    /// Mean reciprocal rank of the first gold concept, 0 if it is not among the first 10.
    pub mrr: Estimate,
}

impl AccuracyMetrics {
    /// The metrics of folds, each of which has at least one mention.
    pub(super) fn of(folds: &[Vec<GoldRanks>], seed: u64) -> Self {
        let value = mean(folds, |fold, i| fold[i]);
        let mut samples: [Vec<f64>; 5] = Default::default();
        let mut random = Random::new(seed);
        for _ in 0..BOOTSTRAP_SAMPLES {
            let sample = mean(folds, |fold, _| fold[random.below(fold.len())]);
            samples.iter_mut().zip(sample).for_each(|(samples, value)| samples.push(value));
        }
        let [acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr] =
            std::array::from_fn(|i| Estimate { value: value[i], interval: middle(&mut samples[i]) });
        Self { acc_1, acc_5, strict_acc_1, distinct_acc_5, mrr }
    }
}

/// Means over folds of the means over their mentions; `take` chooses the mention of a position.
fn mean(folds: &[Vec<GoldRanks>], mut take: impl FnMut(&[GoldRanks], usize) -> GoldRanks) -> [f64; 5] {
    let mut means = [0.0; 5];
    for fold in folds {
        let mut sums = [0.0; 5];
        for i in 0..fold.len() {
            sums.iter_mut().zip(take(fold, i).contributions()).for_each(|(sum, count)| *sum += count);
        }
        let shares = sums.map(|sum| sum / fold.len() as f64 / folds.len() as f64);
        means.iter_mut().zip(shares).for_each(|(mean, share)| *mean += share);
    }
    means
}

/// The bounds of the middle 95 % of the samples.
fn middle(samples: &mut [f64]) -> [f64; 2] {
    samples.sort_unstable_by(f64::total_cmp);
    [0.025, 0.975].map(|share| samples[((samples.len() - 1) as f64 * share).round() as usize])
}

/// Two systems compared on the same mentions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedComparison {
    /// Number of mentions that only the first system has right.
    pub first: usize,
    /// Number of mentions that only the second system has right.
    pub second: usize,
    /// Number of mentions that both have right.
    pub both: usize,
    /// Number of mentions that both have wrong.
    pub neither: usize,
    /// Accuracy of the second minus accuracy of the first.
    pub difference: Estimate,
    /// p of McNemar's exact test, two-sided.
    pub p: f64,
}

impl PairedComparison {
    /// `right` has for each mention whether the first and the second system are right.
    pub(super) fn of(right: &[[bool; 2]], seed: u64) -> Self {
        let count = |case: [bool; 2]| right.iter().filter(|&&mention| mention == case).count();
        let (first, second) = (count([true, false]), count([false, true]));
        let gain = |[a, b]: [bool; 2]| f64::from(b) - f64::from(a);
        let share = |sum: f64| sum / right.len().max(1) as f64;
        let mut random = Random::new(seed);
        let mut samples: Vec<f64> = (0..BOOTSTRAP_SAMPLES)
            .map(|_| share((0..right.len()).map(|_| gain(right[random.below(right.len())])).sum()))
            .collect();
        Self {
            first,
            second,
            both: count([true, true]),
            neither: count([false, false]),
            difference: Estimate {
                value: share(right.iter().map(|&mention| gain(mention)).sum()),
                interval: middle(&mut samples),
            },
            p: mcnemar(first, second),
        }
    }
}

/// Two-sided p of McNemar's exact test: the probability that at most `min(a, b)` of `a + b` tosses
/// of a coin show one side, doubled.
fn mcnemar(a: usize, b: usize) -> f64 {
    let n = a + b;
    // Logarithm of the binomial coefficient of `n` and `k`.
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

    fn found(names: &[&[DictConcept]]) -> Vec<RankedName> {
        (0..).zip(names).map(|(row, concepts)| RankedName { row, score: 0.5, concepts: concepts.to_vec() }).collect()
    }

    fn ranks(name: u8, concept: u8) -> GoldRanks {
        GoldRanks { name, concept }
    }

    #[test]
    fn names_and_distinct_concepts_are_ranked_separately() {
        let names = found(&[&[1, 2], &[1], &[1, 2], &[3], &[4]]);
        let of = |gold: &[DictConcept]| GoldRanks::of(&names, gold);
        assert_eq!(of(&[1]), ranks(1, 1));
        assert_eq!(of(&[2]), ranks(1, 2), "an ambiguous name is right by the paper's rule only");
        assert_eq!(of(&[3]), ranks(4, 3), "synonyms take ranks among names only");
        assert_eq!(of(&[9, 4]), ranks(5, 4));
        assert_eq!(of(&[9]), ranks(0, 0));
        assert_eq!(of(&[]), ranks(0, 0));
        let many: Vec<RankedName> = (0..20).map(|row| RankedName { row, score: 0.5, concepts: vec![row] }).collect();
        assert_eq!([GoldRanks::of(&many, &[9]), GoldRanks::of(&many, &[10])], [ranks(10, 10), ranks(0, 0)]);
    }

    #[test]
    fn a_composite_mention_has_the_worst_ranks_of_its_parts() {
        let of = |parts: &[GoldRanks]| GoldRanks::of_parts(parts.iter().copied());
        assert_eq!(of(&[ranks(1, 2), ranks(3, 1)]), ranks(3, 2));
        assert_eq!(of(&[ranks(1, 1), ranks(0, 1)]), ranks(0, 1));
    }

    #[test]
    fn metrics_are_means_over_folds_with_intervals() {
        // Three quarters of the first fold are right, none of the second.
        let folds = [[vec![ranks(1, 1); 75], vec![ranks(6, 4); 25]].concat(), vec![ranks(0, 0); 10]];
        let metrics = AccuracyMetrics::of(&folds, 7);
        assert_eq!((metrics.acc_1.value, metrics.acc_5.value), (0.375, 0.375));
        assert_eq!((metrics.strict_acc_1.value, metrics.distinct_acc_5.value), (0.375, 0.5));
        assert!((metrics.mrr.value - (0.75 + 0.25 / 4.0) / 2.0).abs() < 1e-12);
        // The standard deviation of a share of 0.75 of 100 is 0.043; the mean of two folds halves
        // it.
        let [low, high] = metrics.acc_1.interval;
        assert!((low - (0.375 - 0.0424)).abs() < 0.008 && (high - (0.375 + 0.0424)).abs() < 0.008, "{low} {high}");
        assert_eq!(AccuracyMetrics::of(&folds, 7), metrics);
    }

    #[test]
    fn paired_comparison_counts_the_four_cases_and_tests_them() {
        let right = [vec![[true, true]; 50], vec![[true, false]; 2], vec![[false, true]; 10], vec![[false, false]; 38]]
            .concat();
        let paired = PairedComparison::of(&right, 1);
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
