//! Samples pairs of names of one concept, as the SapBERT paper does (section 3): all pairs of a
//! concept, or a random part if there are too many.
//!
//! The pairs are written concept by concept, or in groups of concepts that a model confuses.
//!
//! Invariant: the pairs of a concept depend only on its id, its names and the seed, not on other
//! concepts.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io::Write,
    iter,
};

use rayon::prelude::*;

use crate::train::TrainError;
use crate::{
    job::{Job, StepCounter},
    random::Random,
    text,
};

/// Concepts and their names. Concepts are numbers from 0, in the order of their ids.
pub(crate) trait ConceptNames: Sync {
    /// Number of concepts.
    fn concepts(&self) -> u32;
    /// A concept's id; without tabs.
    fn id(&self, concept: u32) -> &str;
    /// A concept's names, in the same order at each call.
    fn names(&self, concept: u32) -> impl Iterator<Item = &str>;
}

/// How pairs are sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SamplingOptions {
    /// Maximum number of pairs of a concept.
    pub(crate) pairs_per_concept: usize,
    /// Concepts that are held out of training.
    pub(crate) held_out: usize,
    pub(crate) seed: u64,
}

/// Groups of pairs of different concepts that are near each other: their names are hard negatives
/// of one another.
#[derive(Clone, Copy)]
pub(crate) struct PairGroups<'a> {
    /// Pairs of a group, at least 1.
    pub(crate) size: usize,
    /// The concepts near a concept, the nearest first.
    pub(crate) neighbors: &'a (dyn Fn(u32) -> Vec<u32> + Sync),
}

/// Samples pairs of the concepts of a vocabulary, some of which are held out.
pub(crate) struct PairSampler<'v, V> {
    vocabulary: &'v V,
    options: SamplingOptions,
    /// Concepts of the training pairs, ascending.
    training: Vec<u32>,
    held_out: Vec<u32>,
    single_name: u64,
}

impl<'v, V: ConceptNames> PairSampler<'v, V> {
    /// Finds the concepts with two or more distinct names, and chooses those that are held out.
    ///
    /// # Errors
    /// [`TrainError::NoPairs`], [`TrainError::OneConcept`] or [`TrainError::HeldOut`] when too few
    /// concepts are left for training; [`TrainError::Canceled`].
    pub(crate) fn new(vocabulary: &'v V, options: SamplingOptions, job: Job<'_>) -> Result<Self, TrainError> {
        job.progress.stage("comparing names", vocabulary.concepts().into());
        let (mut paired, mut single_name, mut counter) = (vec![], 0, StepCounter::new(job));
        for concept in 0..vocabulary.concepts() {
            match distinct(vocabulary.names(concept)).take(2).count() {
                0 => {}
                1 => single_name += 1,
                _ => paired.push(concept),
            }
            counter.step()?;
        }
        match (paired.len(), options.held_out) {
            (0, _) => return Err(TrainError::NoPairs),
            (1, 0) => return Err(TrainError::OneConcept),
            (paired, held_out) if paired < held_out.saturating_add(2) => {
                return Err(TrainError::HeldOut { paired, held_out });
            }
            _ => {}
        }
        let chosen = sample(&mut Random::new(options.seed), paired.len(), options.held_out);
        let held_out = chosen.iter().map(|&position| paired[position]).collect();
        let rest = paired.iter().enumerate().filter(|(position, _)| !chosen.contains(position));
        let training = rest.map(|(_, &concept)| concept).collect();
        Ok(Self { vocabulary, options, training, held_out, single_name })
    }

    /// Number of concepts that give training pairs.
    pub(crate) fn training_concepts(&self) -> usize {
        self.training.len()
    }

    /// Number of concepts that are held out.
    pub(crate) fn held_out_concepts(&self) -> usize {
        self.held_out.len()
    }

    /// Number of concepts with one distinct name, which give no pair.
    pub(crate) fn single_name_concepts(&self) -> u64 {
        self.single_name
    }

    /// Writes the training pairs, concept by concept or in groups. Returns their number.
    ///
    /// # Errors
    /// [`TrainError::Io`] of `out`; [`TrainError::Canceled`].
    pub(crate) fn write_training(
        &self,
        out: &mut dyn Write,
        groups: Option<PairGroups>,
        job: Job<'_>,
    ) -> Result<u64, TrainError> {
        if let Some(groups) = groups {
            return self.write_groups(groups, out, job);
        }
        job.progress.stage("sampling pairs", self.training.len() as u64);
        self.write_concepts(&self.training, out, job)
    }

    /// Writes the pairs of the held-out concepts. Returns their number.
    ///
    /// # Errors
    /// As [`PairSampler::write_training`].
    pub(crate) fn write_held_out(&self, out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        job.progress.stage("sampling held-out pairs", self.held_out.len() as u64);
        self.write_concepts(&self.held_out, out, job)
    }

    fn write_concepts(&self, concepts: &[u32], out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        let (mut written, mut counter) = (0, StepCounter::new(job));
        for &concept in concepts {
            let (_, pairs) = self.sample_pairs(concept);
            for pair in &pairs {
                self.write_pair(concept, *pair, out)?;
            }
            written += pairs.len() as u64;
            counter.step()?;
        }
        out.flush()?;
        Ok(written)
    }

    /// The pairs of a concept, and the generator that sampled them, for further random numbers.
    fn sample_pairs(&self, concept: u32) -> (Random, Vec<[&'v str; 2]>) {
        let names: Vec<&str> = distinct(self.vocabulary.names(concept)).collect();
        let id = self.vocabulary.id(concept);
        let seeds: Vec<u64> = iter::once(self.options.seed).chain(id.bytes().map(u64::from)).collect();
        let mut random = Random::from_seeds(&seeds);
        let all_pairs = names.len() * names.len().saturating_sub(1) / 2;
        let sampled = sample(&mut random, all_pairs, self.options.pairs_per_concept);
        let pairs = sampled.into_iter().map(pair_members).map(|(first, second)| [names[first], names[second]]);
        let pairs = pairs.collect();
        (random, pairs)
    }

    fn write_pair(&self, concept: u32, [first, second]: [&str; 2], out: &mut dyn Write) -> Result<(), TrainError> {
        let id = self.vocabulary.id(concept);
        Ok(writeln!(out, "{id}\t{}\t{}", text::clean(first), text::clean(second))?)
    }

    /// Writes the training pairs in groups: passes over all concepts, each in another random order,
    /// until every pair is written. In a pass, a concept gives at most one pair; the concepts near
    /// it that have not given one yet fill the rest of its group.
    fn write_groups(&self, groups: PairGroups, out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        let neighbors = self.training_neighbors(groups, job)?;
        let sampled = self.training.par_iter().map(|&concept| {
            let (mut random, mut pairs) = self.sample_pairs(concept);
            random.shuffle(&mut pairs);
            pairs
        });
        let remaining: Vec<Vec<[&str; 2]>> = sampled.collect();
        let total: usize = remaining.iter().map(Vec::len).sum();
        job.progress.stage("grouping pairs", total as u64);
        let mut counter = StepCounter::new(job);
        let mut order: Vec<u32> = (0..remaining.len() as u32).collect();
        let last_pass = vec![0; remaining.len()];
        let mut grouping =
            Grouping { size: groups.size, pass: 0, written: 0, remaining, last_pass, keys: HashSet::new() };
        while grouping.written < total {
            grouping.pass += 1;
            Random::from_seeds(&[self.options.seed, grouping.pass]).shuffle(&mut order);
            for &first in &order {
                self.write_around(first, &neighbors[first as usize], &mut grouping, out, &mut counter)?;
            }
        }
        out.flush()?;
        Ok(grouping.written as u64)
    }

    /// For each training concept the positions in `training` of those near it, the nearest first.
    fn training_neighbors(&self, groups: PairGroups, job: Job<'_>) -> Result<Vec<Vec<u32>>, TrainError> {
        job.progress.stage("finding neighbors", self.training.len() as u64);
        let positions: HashMap<u32, u32> = self.training.iter().copied().zip(0..).collect();
        let neighbors = self.training.par_iter().map(|&concept| {
            job.progress.advance(1);
            let near = if job.cancel.is_canceled() { vec![] } else { (groups.neighbors)(concept) };
            near.iter().filter_map(|concept| positions.get(concept).copied()).collect()
        });
        let neighbors = neighbors.collect();
        job.cancel.check()?;
        Ok(neighbors)
    }

    /// Writes one pair of the concept at position `first` of `training`, then one of each of its
    /// `neighbors` until the group is full.
    fn write_around(
        &self,
        first: u32,
        neighbors: &[u32],
        grouping: &mut Grouping<'v>,
        out: &mut dyn Write,
        counter: &mut StepCounter,
    ) -> Result<(), TrainError> {
        for (i, &position) in iter::once(&first).chain(neighbors).enumerate() {
            let starts_group = grouping.written.is_multiple_of(grouping.size);
            if starts_group && i > 0 {
                break;
            }
            if starts_group {
                grouping.keys.clear();
            }
            let (concept, position) = (self.training[position as usize], position as usize);
            let keys = || self.vocabulary.names(concept).map(text::normalize);
            // Neighbors that share a name may be one concept: as negatives they would teach an
            // error.
            let fits = grouping.last_pass[position] < grouping.pass
                && (i == 0 || !keys().any(|key| grouping.keys.contains(&key)));
            match fits.then(|| grouping.remaining[position].pop()).flatten() {
                Some(pair) => self.write_pair(concept, pair, out)?,
                None if i == 0 => break,
                None => continue,
            }
            grouping.last_pass[position] = grouping.pass;
            grouping.keys.extend(keys());
            grouping.written += 1;
            counter.step()?;
        }
        Ok(())
    }
}

/// The progress of [`PairSampler::write_groups`]. Vectors have one entry a training concept.
struct Grouping<'v> {
    /// Pairs of a group.
    size: usize,
    /// Number of the pass, from 1.
    pass: u64,
    /// Pairs that are written.
    written: usize,
    /// Pairs that are not written yet.
    remaining: Vec<Vec<[&'v str; 2]>>,
    /// The last pass in which the concept gave a pair.
    last_pass: Vec<u64>,
    /// Keys of all names of the concepts in the current group.
    keys: HashSet<String>,
}

/// The names that differ after normalization, each in its first form, without blank ones.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    names.filter(move |name| !text::is_blank(name) && seen.insert(text::normalize(name)))
}

/// `count` distinct random numbers below `bound`, or all of them if they are fewer. Floyd's
/// algorithm: takes `count` steps, however large `bound` is.
fn sample(random: &mut Random, bound: usize, count: usize) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in bound.saturating_sub(count)..bound {
        let number = random.below(last + 1);
        if !chosen.insert(number) {
            chosen.insert(last);
        }
    }
    chosen
}

/// The two positions of a pair by its number. Pairs are counted (0, 1), (0, 2), (1, 2), (0, 3), ..
fn pair_members(pair: usize) -> (usize, usize) {
    let root = (2 * pair).isqrt();
    let second = if root * (root + 1) <= 2 * pair { root + 1 } else { root };
    (pair - second * (second - 1) / 2, second)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::train::{Pair, Pairs};

    /// Ids and names of concepts.
    struct TestNames(Vec<(String, Vec<String>)>);

    impl TestNames {
        fn new(concepts: &[(&str, &[&str])]) -> Self {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Self(concepts.iter().map(|(id, names)| ((*id).to_owned(), owned(names))).collect())
        }

        /// Concepts with these numbers of names.
        fn with_counts(counts: &[usize]) -> Self {
            let names = |i: usize, count: usize| (0..count).map(|name| format!("name {name} of {i}")).collect();
            Self(counts.iter().enumerate().map(|(i, &count)| (format!("C{i:07}"), names(i, count))).collect())
        }
    }

    impl ConceptNames for TestNames {
        fn concepts(&self) -> u32 {
            self.0.len() as u32
        }

        fn id(&self, concept: u32) -> &str {
            &self.0[concept as usize].0
        }

        fn names(&self, concept: u32) -> impl Iterator<Item = &str> {
            self.0[concept as usize].1.iter().map(String::as_str)
        }
    }

    fn options(pairs_per_concept: usize, held_out: usize, seed: u64) -> SamplingOptions {
        SamplingOptions { pairs_per_concept, held_out, seed }
    }

    /// The lines of the training pairs and of the held-out pairs.
    fn write(names: &TestNames, options: SamplingOptions) -> [Vec<String>; 2] {
        let sampler = PairSampler::new(names, options, Job::silent()).unwrap();
        let (mut training, mut held_out) = (Vec::<u8>::new(), Vec::<u8>::new());
        let counts = [
            sampler.write_training(&mut training, None, Job::silent()).unwrap(),
            sampler.write_held_out(&mut held_out, Job::silent()).unwrap(),
        ];
        let lines = |text: Vec<u8>| String::from_utf8(text).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        let written = [lines(training), lines(held_out)];
        assert_eq!(counts, [written[0].len() as u64, written[1].len() as u64]);
        written
    }

    fn error(names: &TestNames, held_out: usize) -> String {
        PairSampler::new(names, options(50, held_out, 1), Job::silent()).err().unwrap().to_string()
    }

    #[test]
    fn few_names_give_all_pairs_and_equal_or_blank_names_give_none() {
        let names = TestNames::new(&[
            ("C0000001", &["Heart  attack", "heart attack", "MI", "...", "Crohn's\tdisease"]),
            ("C0000002", &["alone", "Alone!"]),
            ("C0000003", &["", " "]),
            ("C0000004", &["a", "b"]),
        ]);
        let [training, held_out] = write(&names, options(50, 0, 1));
        let expected = [
            "C0000001\tHeart attack\tMI",
            "C0000001\tHeart attack\tCrohn's disease",
            "C0000001\tMI\tCrohn's disease",
            "C0000004\ta\tb",
        ];
        assert_eq!(training, expected);
        assert!(held_out.is_empty());
        let sampler = PairSampler::new(&names, options(50, 0, 1), Job::silent()).unwrap();
        let counts = (sampler.training_concepts(), sampler.held_out_concepts(), sampler.single_name_concepts());
        assert_eq!(counts, (2, 0, 1));
    }

    #[test]
    fn many_names_give_the_allowed_number_of_distinct_pairs() {
        let names = TestNames::with_counts(&[5_000, 11, 10, 2]);
        let started = Instant::now();
        let [training, _] = write(&names, options(50, 0, 1));
        assert!(started.elapsed().as_secs() < 5, "sampling does not enumerate all pairs");
        let of = |id: &str| training.iter().filter(|line| line.starts_with(id)).count();
        assert_eq!(["C0000000", "C0000001", "C0000002", "C0000003"].map(of), [50, 50, 45, 1]);
        assert!(training.iter().all(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            fields.len() == 3 && fields[1] != fields[2]
        }));
        assert_eq!(training.iter().collect::<HashSet<_>>().len(), training.len());
        assert!(training.is_sorted_by_key(|line| line[..8].to_owned()));
    }

    #[test]
    fn the_pairs_of_a_concept_depend_on_the_seed_and_the_concept_only() {
        let (all, fewer) = (TestNames::with_counts(&[100, 200, 300]), TestNames::with_counts(&[2, 200, 3]));
        assert_eq!(write(&all, options(50, 1, 7)), write(&all, options(50, 1, 7)));
        let of_the_second = |names: &TestNames, seed| {
            let [training, _] = write(names, options(50, 0, seed));
            training.into_iter().filter(|line| line.starts_with("C0000001")).collect::<Vec<_>>()
        };
        assert_eq!(of_the_second(&all, 7), of_the_second(&fewer, 7));
        assert_ne!(of_the_second(&all, 7), of_the_second(&all, 8));
    }

    #[test]
    fn held_out_concepts_give_no_training_pairs() {
        let names = TestNames::with_counts(&[3; 40]);
        let ids = |lines: &[String]| lines.iter().map(|line| line[..8].to_owned()).collect::<BTreeSet<_>>();
        let mut choices = HashSet::new();
        for seed in 0..10 {
            let [training, held_out] = write(&names, options(50, 8, seed));
            assert_eq!((ids(&training).len(), ids(&held_out).len()), (32, 8));
            assert!(ids(&training).is_disjoint(&ids(&held_out)));
            assert_eq!((training.len(), held_out.len()), (96, 24), "all pairs of each");
            choices.insert(ids(&held_out));
        }
        assert!(choices.len() > 5, "they differ by seed");
    }

    #[test]
    fn too_few_concepts_are_an_error() {
        let nothing = "no concept has two names that differ: there is nothing to learn from";
        assert_eq!(error(&TestNames::with_counts(&[1, 1]), 0), nothing);
        assert_eq!(error(&TestNames::with_counts(&[]), 3), nothing);
        assert!(error(&TestNames::with_counts(&[2, 1]), 0).contains("at least two such concepts"));
        let error = error(&TestNames::with_counts(&[2, 2, 2]), 2);
        assert!(error.starts_with("3 concepts have names that differ, and 2 of them are to be held out"), "{error}");
        PairSampler::new(&TestNames::with_counts(&[2, 2, 2]), options(50, 1, 1), Job::silent()).unwrap();
    }

    #[test]
    fn samples_are_uniform_and_pair_numbers_reach_every_pair_once() {
        let mut seen = [0; 10];
        for seed in 0..2_000 {
            let chosen = sample(&mut Random::new(seed), 10, 3);
            assert_eq!(chosen.len(), 3);
            chosen.into_iter().for_each(|number| seen[number] += 1);
        }
        assert!(seen.iter().all(|n| (480..720).contains(n)), "{seen:?}");
        assert!(sample(&mut Random::new(1), 5, 9).into_iter().eq(0..5));
        assert!(sample(&mut Random::new(1), 0, 9).is_empty());
        let mut pairs = (1..100).flat_map(|second| (0..second).map(move |first| (first, second)));
        assert!((0..4_950).all(|pair| pairs.next() == Some(pair_members(pair))) && pairs.next().is_none());
        let names = u32::MAX as usize;
        assert_eq!(pair_members(names * (names - 1) / 2 - 1), (names - 2, names - 1));
    }

    #[test]
    fn training_reads_the_pairs_that_were_written() {
        let names = TestNames::with_counts(&[3, 1, 20]);
        let [training, _] = write(&names, options(50, 0, 1));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), training.join("\n")).unwrap();
        let pairs = Pairs::read(file.path()).unwrap();
        let line = |i| {
            let Pair { concept, names: [first, second] } = pairs.pair(i);
            format!("{}\t{first}\t{second}", pairs.id(concept))
        };
        assert!((0..pairs.len()).map(line).eq(training));
    }
}
