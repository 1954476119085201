//! Facts about each source vocabulary, collected while a release is read.

use std::collections::HashMap;

use crate::domain::Statement;

/// All source vocabularies, by name (SAB) and in the order of their first row.
#[derive(Default)]
pub(super) struct SourceTable {
    positions: HashMap<Box<str>, usize>,
    sources: Vec<SourceState>,
}

impl SourceTable {
    /// The source `name`, which is added if it is new.
    pub(super) fn get_or_add(&mut self, name: &str) -> &mut SourceState {
        let position = match self.positions.get(name) {
            Some(&position) => position,
            None => {
                self.sources.push(SourceState { name: name.into(), ..SourceState::default() });
                self.positions.insert(name.into(), self.sources.len() - 1);
                self.sources.len() - 1
            }
        };
        &mut self.sources[position]
    }

    /// Whether any atom of the source `name` was selected.
    pub(super) fn is_selected(&self, name: &str) -> bool {
        self.positions.get(name).is_some_and(|&position| self.sources[position].is_selected())
    }

    /// The sources that have emitted a statement and were not reported yet; marks them as reported.
    pub(super) fn take_unreported(&mut self) -> impl Iterator<Item = &SourceState> {
        self.sources.iter_mut().filter(|source| !source.reported && source.first_line > 0).map(|source| {
            source.reported = true;
            &*source
        })
    }
}

/// Facts about one source vocabulary.
#[derive(Default)]
pub(super) struct SourceState {
    name: Box<str>,
    description: Option<SourceDescription>,
    /// Rank of each term type and suppressibility (MRRANK).
    ranks: Vec<(Box<str>, Box<str>, u32)>,
    /// Languages of its atoms, and whether `selects` accepts them. They are so few that a linear
    /// search is fast.
    languages: Vec<(Box<str>, bool)>,
    /// The highest restriction level of its atoms.
    max_level: Option<u8>,
    /// Line of the first row from this source that emitted a statement; 0 until then.
    first_line: u64,
    /// Whether [`Statement::Source`] was emitted.
    reported: bool,
}

/// A row of MRSAB.
pub(super) struct SourceDescription {
    /// 2 if the version is current (CURVER), plus 1 if it is in the subset (SABIN). The row with
    /// the highest wins.
    pub(super) currency: u8,
    pub(super) name: Box<str>,
    pub(super) version: Box<str>,
    pub(super) level: Option<u8>,
}

impl SourceState {
    /// Whether atoms in `language` are selected; asks `selects` once for each language.
    pub(super) fn selects_language(&mut self, language: &str, selects: &dyn Fn(&str, &str) -> bool) -> bool {
        if let Some((_, selected)) = self.languages.iter().find(|(l, _)| **l == *language) {
            return *selected;
        }
        let selected = selects(language, &self.name);
        self.languages.push((language.into(), selected));
        selected
    }

    fn is_selected(&self) -> bool {
        self.languages.iter().any(|(_, selected)| *selected)
    }

    /// Notes that a row at `line` emitted a statement of this source.
    pub(super) fn mark_used(&mut self, line: u64) {
        if self.first_line == 0 {
            self.first_line = line;
        }
    }

    /// Takes a row of MRSAB unless an earlier one is at least as current. Versions that are neither
    /// current nor in the subset are history.
    pub(super) fn describe(&mut self, description: SourceDescription) {
        if description.currency > self.description.as_ref().map_or(0, |known| known.currency) {
            self.description = Some(description);
        }
    }

    pub(super) fn add_rank(&mut self, term_type: &str, suppress: &str, rank: u32) {
        self.ranks.push((term_type.into(), suppress.into(), rank));
    }

    pub(super) fn raise_level(&mut self, level: Option<u8>) {
        self.max_level = self.max_level.max(level);
    }

    /// The rank of a term type with this suppressibility, else its highest rank with another one,
    /// else 0.
    pub(super) fn rank(&self, term_type: &str, suppress: &str) -> u32 {
        let ranks = self.ranks.iter().filter(|(t, ..)| **t == *term_type);
        ranks.map(|(_, s, rank)| (**s == *suppress, *rank)).max().map_or(0, |(_, rank)| rank)
    }

    /// Line of the first row that emitted a statement of this source.
    pub(super) fn first_line(&self) -> u64 {
        self.first_line
    }

    pub(super) fn statement(&self) -> Statement<'_> {
        let (name, version, level) =
            self.description.as_ref().map_or(("", "", None), |d| (&*d.name, &*d.version, d.level));
        Statement::Source { source: &self.name, name, version, restriction_level: level.or(self.max_level) }
    }
}
