//! How pairs of names of one concept are drawn, as the SapBERT paper draws them (section 3): all of a concept, or as many by chance.
//!
//! Invariant: what is drawn of a concept follows from its id, its names and the seed alone, whatever else there is.

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

/// Concepts with their names, numbered in the order of their ids.
pub trait Vocabulary: Sync {
    /// How many concepts there are.
    fn concepts(&self) -> u32;
    /// A concept's id, which has no tab.
    fn id(&self, concept: u32) -> &str;
    /// A concept's names, in an order that stays.
    fn names(&self, concept: u32) -> impl Iterator<Item = &str>;
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct DrawOptions {
    /// Pairs of a concept at most.
    pub pairs_per_concept: usize,
    /// Concepts whose pairs are kept from training.
    pub held_out: usize,
    pub seed: u64,
}

/// How pairs are put together: each group has pairs of concepts that a model takes for each other, which it learns most from.
#[derive(Clone, Copy)]
pub struct Groups<'a> {
    /// Pairs of a group, at least 1.
    pub size: usize,
    /// The concepts that are near one, the nearest first.
    pub near: &'a (dyn Fn(u32) -> Vec<u32> + Sync),
}

/// Concepts that pairs are drawn of, those that are held out apart.
pub struct Drawing<'v, V> {
    vocabulary: &'v V,
    options: DrawOptions,
    training: Vec<u32>,
    held_out: Vec<u32>,
    alone: u64,
}

impl<'v, V: Vocabulary> Drawing<'v, V> {
    /// Looks for the concepts that have two names, and draws those that are held out.
    ///
    /// # Errors
    /// [`TrainError::NoPairs`], [`TrainError::OneConcept`] and [`TrainError::HeldOut`] when too few are left to learn from;
    /// [`TrainError::Canceled`].
    pub fn new(vocabulary: &'v V, options: DrawOptions, job: Job<'_>) -> Result<Self, TrainError> {
        job.progress.stage("comparing names", vocabulary.concepts().into());
        let (mut paired, mut alone, mut pulse) = (vec![], 0, StepCounter::new(job));
        for concept in 0..vocabulary.concepts() {
            match distinct(vocabulary.names(concept)).take(2).count() {
                0 => {}
                1 => alone += 1,
                _ => paired.push(concept),
            }
            pulse.step()?;
        }
        match (paired.len(), options.held_out) {
            (0, _) => return Err(TrainError::NoPairs),
            (1, 0) => return Err(TrainError::OneConcept),
            (paired, held_out) if paired < held_out.saturating_add(2) => {
                return Err(TrainError::HeldOut { paired, held_out });
            }
            _ => {}
        }
        let apart = sample(&mut Random::new(options.seed), paired.len(), options.held_out);
        let held_out = apart.iter().map(|&place| paired[place]).collect();
        let rest = paired.iter().enumerate().filter(|(place, _)| !apart.contains(place));
        let training = rest.map(|(_, &concept)| concept).collect();
        Ok(Self { vocabulary, options, training, held_out, alone })
    }

    /// Concepts that are learned from.
    pub fn training(&self) -> usize {
        self.training.len()
    }

    /// Concepts that are held out.
    pub fn held_out(&self) -> usize {
        self.held_out.len()
    }

    /// Concepts of which there is one name: they give no pair.
    pub fn alone(&self) -> u64 {
        self.alone
    }

    /// Writes the pairs to learn from, concept by concept or in groups; gives how many they are.
    ///
    /// # Errors
    /// What `out` says; [`TrainError::Canceled`].
    pub fn write_training(&self, out: &mut dyn Write, groups: Option<Groups>, job: Job<'_>) -> Result<u64, TrainError> {
        if let Some(groups) = groups {
            return self.write_groups(groups, out, job);
        }
        job.progress.stage("drawing pairs", self.training.len() as u64);
        self.write(&self.training, out, job)
    }

    /// Writes the pairs of the concepts that are held out; gives how many they are.
    ///
    /// # Errors
    /// As [`Drawing::write_training`].
    pub fn write_held_out(&self, out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        job.progress.stage("drawing pairs to hold out", self.held_out.len() as u64);
        self.write(&self.held_out, out, job)
    }

    fn write(&self, concepts: &[u32], out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        let (mut written, mut pulse) = (0, StepCounter::new(job));
        for &concept in concepts {
            let (_, drawn) = self.draw(concept);
            for [first, second] in &drawn {
                self.write_pair(concept, first, second, out)?;
            }
            written += drawn.len() as u64;
            pulse.step()?;
        }
        out.flush()?;
        Ok(written)
    }

    /// What is drawn of a concept, pairs of its names, and the random numbers that go on from there.
    fn draw(&self, concept: u32) -> (Random, Vec<[&'v str; 2]>) {
        let names: Vec<&str> = distinct(self.vocabulary.names(concept)).collect();
        let id = self.vocabulary.id(concept);
        let seeds: Vec<u64> = iter::once(self.options.seed).chain(id.bytes().map(u64::from)).collect();
        let mut random = Random::of(&seeds);
        let pairs = names.len() * names.len().saturating_sub(1) / 2;
        let drawn = sample(&mut random, pairs, self.options.pairs_per_concept);
        let drawn = drawn.into_iter().map(members).map(|(first, second)| [names[first], names[second]]).collect();
        (random, drawn)
    }

    fn write_pair(&self, concept: u32, first: &str, second: &str, out: &mut dyn Write) -> Result<(), TrainError> {
        let id = self.vocabulary.id(concept);
        Ok(writeln!(out, "{id}\t{}\t{}", text::clean(first), text::clean(second))?)
    }

    /// Passes over all concepts, each in an order of its own: a concept gives a pair in a pass, and what is left of its group to
    /// those near it that have not given one.
    fn write_groups(&self, groups: Groups, out: &mut dyn Write, job: Job<'_>) -> Result<u64, TrainError> {
        job.progress.stage("looking for neighbors", self.training.len() as u64);
        let places: HashMap<u32, u32> = self.training.iter().copied().zip(0..).collect();
        let neighbors = self.training.par_iter().map(|&concept| {
            job.progress.advance(1);
            let near = if job.cancel.is_canceled() { vec![] } else { (groups.near)(concept) };
            near.iter().filter_map(|concept| places.get(concept).copied()).collect()
        });
        let neighbors: Vec<Vec<u32>> = neighbors.collect();
        job.cancel.check()?;
        let drawn = self.training.par_iter().map(|&concept| {
            let (mut random, mut pairs) = self.draw(concept);
            random.shuffle(&mut pairs);
            pairs
        });
        let mut left: Vec<Vec<[&str; 2]>> = drawn.collect();
        let all: usize = left.iter().map(Vec::len).sum();
        job.progress.stage("grouping pairs", all as u64);
        let (mut written, mut pulse, mut given) = (0, StepCounter::new(job), vec![0; left.len()]);
        let mut names = HashSet::new();
        let mut order: Vec<u32> = (0..left.len() as u32).collect();
        for pass in 1.. {
            if written == all {
                break;
            }
            Random::of(&[self.options.seed, pass]).shuffle(&mut order);
            for &first in &order {
                for (i, &place) in iter::once(&first).chain(&neighbors[first as usize]).enumerate() {
                    let begins = written % groups.size == 0;
                    if begins && i > 0 {
                        break;
                    }
                    if begins {
                        names.clear();
                    }
                    let (concept, place) = (self.training[place as usize], place as usize);
                    let keys = || self.vocabulary.names(concept).map(text::normalize);
                    // Neighbors that share a name may be one concept: they teach nothing about each other.
                    let fits = given[place] < pass && (i == 0 || !keys().any(|key| names.contains(&key)));
                    match fits.then(|| left[place].pop()).flatten() {
                        Some([one, other]) => self.write_pair(concept, one, other, out)?,
                        None if i == 0 => break,
                        None => continue,
                    }
                    given[place] = pass;
                    names.extend(keys());
                    written += 1;
                    pulse.step()?;
                }
            }
        }
        out.flush()?;
        Ok(written as u64)
    }
}

/// The names that differ after normalization, each as it is written first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    names.filter(move |name| !text::is_blank(name) && seen.insert(text::normalize(name)))
}

/// `count` different numbers below `bound`, or all of them if they are fewer (Floyd's way, which looks at no others).
fn sample(random: &mut Random, bound: usize, count: usize) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    for last in bound.saturating_sub(count)..bound {
        let number = random.below(last + 1);
        if !drawn.insert(number) {
            drawn.insert(last);
        }
    }
    drawn
}

/// The members of a pair by its number, where pairs are counted 0 1, 0 2, 1 2, 0 3 and so on.
fn members(pair: usize) -> (usize, usize) {
    let root = (2 * pair).isqrt();
    let second = if root * (root + 1) <= 2 * pair { root + 1 } else { root };
    (pair - second * (second - 1) / 2, second)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        job::Job,
        train::{Pair, Pairs},
    };

    struct Names(Vec<(String, Vec<String>)>);

    impl Names {
        fn new(concepts: &[(&str, &[&str])]) -> Self {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Self(concepts.iter().map(|(id, names)| ((*id).to_owned(), owned(names))).collect())
        }

        /// Concepts of so many names each.
        fn many(counts: &[usize]) -> Self {
            let names = |i: usize, count: usize| (0..count).map(|name| format!("name {name} of {i}")).collect();
            Self(counts.iter().enumerate().map(|(i, &count)| (format!("C{i:07}"), names(i, count))).collect())
        }
    }

    impl Vocabulary for Names {
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

    fn options(pairs_per_concept: usize, held_out: usize, seed: u64) -> DrawOptions {
        DrawOptions { pairs_per_concept, held_out, seed }
    }

    /// The pairs to learn from, and those that are held out.
    fn draw(names: &Names, options: DrawOptions) -> [Vec<String>; 2] {
        let drawing = Drawing::new(names, options, Job::silent()).unwrap();
        let (mut training, mut held_out) = (Vec::<u8>::new(), Vec::<u8>::new());
        let counts = [
            drawing.write_training(&mut training, None, Job::silent()).unwrap(),
            drawing.write_held_out(&mut held_out, Job::silent()).unwrap(),
        ];
        let lines = |text: Vec<u8>| String::from_utf8(text).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        let drawn = [lines(training), lines(held_out)];
        assert_eq!(counts, [drawn[0].len() as u64, drawn[1].len() as u64]);
        drawn
    }

    fn refused(names: &Names, held_out: usize) -> String {
        Drawing::new(names, options(50, held_out, 1), Job::silent()).err().unwrap().to_string()
    }

    #[test]
    fn few_names_give_all_pairs_and_those_that_teach_nothing_none() {
        let names = Names::new(&[
            ("C0000001", &["Heart  attack", "heart attack", "MI", "...", "Crohn's\tdisease"]),
            ("C0000002", &["alone", "Alone!"]),
            ("C0000003", &["", " "]),
            ("C0000004", &["a", "b"]),
        ]);
        let [training, held_out] = draw(&names, options(50, 0, 1));
        let expected = [
            "C0000001\tHeart attack\tMI",
            "C0000001\tHeart attack\tCrohn's disease",
            "C0000001\tMI\tCrohn's disease",
            "C0000004\ta\tb",
        ];
        assert_eq!(training, expected);
        assert!(held_out.is_empty());
        let drawing = Drawing::new(&names, options(50, 0, 1), Job::silent()).unwrap();
        assert_eq!((drawing.training(), drawing.held_out(), drawing.alone()), (2, 0, 1));
    }

    #[test]
    fn many_names_give_as_many_pairs_as_are_allowed_and_none_twice() {
        let names = Names::many(&[5_000, 11, 10, 2]);
        let started = Instant::now();
        let [training, _] = draw(&names, options(50, 0, 1));
        assert!(started.elapsed().as_secs() < 5, "pairs are not gone through one by one");
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
    fn what_is_drawn_follows_from_the_seed_and_the_concept_alone() {
        let (all, one) = (Names::many(&[100, 200, 300]), Names::many(&[2, 200, 3]));
        assert_eq!(draw(&all, options(50, 1, 7)), draw(&all, options(50, 1, 7)));
        let of_the_second = |names: &Names, seed| {
            let [training, _] = draw(names, options(50, 0, seed));
            training.into_iter().filter(|line| line.starts_with("C0000001")).collect::<Vec<_>>()
        };
        assert_eq!(of_the_second(&all, 7), of_the_second(&one, 7));
        assert_ne!(of_the_second(&all, 7), of_the_second(&all, 8));
    }

    #[test]
    fn concepts_that_are_held_out_are_not_learned_from() {
        let names = Names::many(&[3; 40]);
        let ids = |lines: &[String]| lines.iter().map(|line| line[..8].to_owned()).collect::<BTreeSet<_>>();
        let mut drawn = HashSet::new();
        for seed in 0..10 {
            let [training, held_out] = draw(&names, options(50, 8, seed));
            assert_eq!((ids(&training).len(), ids(&held_out).len()), (32, 8));
            assert!(ids(&training).is_disjoint(&ids(&held_out)));
            assert_eq!((training.len(), held_out.len()), (96, 24), "all pairs of each");
            drawn.insert(ids(&held_out));
        }
        assert!(drawn.len() > 5, "they differ by seed");
    }

    #[test]
    fn too_little_to_learn_from_is_said() {
        let nothing = "no concept has two names that differ: there is nothing to learn from";
        assert_eq!(refused(&Names::many(&[1, 1]), 0), nothing);
        assert_eq!(refused(&Names::many(&[]), 3), nothing);
        assert!(refused(&Names::many(&[2, 1]), 0).contains("names of two concepts at least"));
        let error = refused(&Names::many(&[2, 2, 2]), 2);
        assert!(error.starts_with("3 concepts have names that differ, and 2 of them are to be held out"), "{error}");
        Drawing::new(&Names::many(&[2, 2, 2]), options(50, 1, 1), Job::silent()).unwrap();
    }

    #[test]
    fn samples_and_pairs_reach_everything_once() {
        let mut seen = [0; 10];
        for seed in 0..2_000 {
            let drawn = sample(&mut Random::new(seed), 10, 3);
            assert_eq!(drawn.len(), 3);
            drawn.into_iter().for_each(|number| seen[number] += 1);
        }
        assert!(seen.iter().all(|n| (480..720).contains(n)), "{seen:?}");
        assert!(sample(&mut Random::new(1), 5, 9).into_iter().eq(0..5));
        assert!(sample(&mut Random::new(1), 0, 9).is_empty());
        let mut pairs = (1..100).flat_map(|second| (0..second).map(move |first| (first, second)));
        assert!((0..4_950).all(|pair| pairs.next() == Some(members(pair))) && pairs.next().is_none());
        let most = u32::MAX as usize;
        assert_eq!(members(most * (most - 1) / 2 - 1), (most - 2, most - 1));
    }

    #[test]
    fn what_is_drawn_is_read_back() {
        let names = Names::many(&[3, 1, 20]);
        let [training, _] = draw(&names, options(50, 0, 1));
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
