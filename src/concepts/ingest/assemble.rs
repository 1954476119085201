//! Puts what was collected together, concept by concept, and writes it.
//!
//! Reading order: [`Collector::assemble`], which has the stages in their order. Invariant: a concept is an id with at least one name
//! that was taken; everything else said of it goes with it or is left with it.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use crate::concepts::{
    ingest::{
        collect::{Collector, Fields, Tally},
        merge::{History, Ids, Merged, Merger, Tables},
    },
    names,
    schema::{Edge, NO_CODE},
    selection::Selection,
    view::Relation,
};
use crate::{
    columns::writer::ColumnsWriter,
    concepts::ConceptError,
    concepts::{
        counts::{Counts, SourceEntry},
        ingest::source_sets::SourceSets,
        schema::CONCEPTS,
    },
    domain::RelationKind,
    files::sorter::{Sorted, Sorter},
    job::{Job, StepCounter},
};

/// What was written.
#[derive(Clone, Debug)]
pub struct Assembled {
    pub counts: Counts,
    pub sources: Vec<SourceEntry>,
    /// Concepts of each semantic type, by TUI.
    pub semantic_types: BTreeMap<String, u64>,
    pub tally: Tally,
}

impl Collector {
    /// Writes concepts, rows, keys and words to `dir`.
    ///
    /// # Errors
    /// [`ConceptError::Empty`] when no name was taken, [`ConceptError::UnusedSource`] and [`ConceptError::UnusedLanguage`] when none was of what was asked for; what the disk says; [`ConceptError::Canceled`].
    pub fn assemble(self, dir: &Path, job: Job<'_>) -> Result<Assembled, ConceptError> {
        let Self {
            sort_memory,
            selection,
            mut statements,
            relations,
            sources,
            terms,
            languages,
            mut about,
            tally,
            others,
            moved,
            ..
        } = self;
        let (source_names, source_places) = sources.sorted();
        let (terms, term_places) = terms.sorted();
        let (languages, language_places) = languages.sorted();
        let mut entries: Vec<SourceEntry> =
            source_names.into_iter().map(|source| SourceEntry { source, ..SourceEntry::default() }).collect();
        for (number, entry) in about.drain() {
            let place = usize::from(source_places[usize::from(number)]);
            entries[place] = SourceEntry { source: std::mem::take(&mut entries[place].source), ..entry };
        }

        job.progress.stage("finding CUIs of other ids", others.len());
        route(others.sort()?, &moved, &mut statements, job)?;
        job.progress.stage("merging statements", statements.len());
        let tables = Tables { sources: source_places, terms: term_places, languages: language_places };
        let mut merger = Merger::new(dir, sort_memory, &selection, &tables, &languages, entries, tally)?;
        merger.all(statements.sort()?, job)?;
        let Merged { mut file, ids, history, names, codes, sets, mut sources, semantic_types, tally, atoms } =
            merger.finish()?;
        // A misspelled one would otherwise be missed after hours of work, or never.
        let has = |source: &&String| sources.iter().any(|s| s.source == **source && s.atoms > 0);
        if let Some(unused) = selection.sources.iter().find(|source| !has(source)) {
            return Err(ConceptError::UnusedSource(unused.clone()));
        }
        if let Some(unused) =
            selection.languages.iter().find(|language| *language != Selection::ALL && !languages.contains(language))
        {
            return Err(ConceptError::UnusedLanguage(unused.clone()));
        }
        if atoms == 0 {
            return Err(ConceptError::Empty { suppressed: tally.suppressed, other_type: tally.other_type });
        }
        let concepts = ids.len();
        file.add_all("term", terms.iter().map(String::as_str))?;
        file.add_all("language", languages.iter().map(String::as_str))?;

        job.progress.stage("writing codes", codes.len());
        let mut source_sets = SourceSets::default();
        write_codes(&mut file, codes.sort()?, atoms, concepts, &mut sources, &mut source_sets, job)?;
        job.progress.stage("resolving relations", relations.len());
        let edges = resolve(Sorter::new(dir, sort_memory / 2), relations.sort()?, &tables, &ids, &history, job)?;
        write_edges(&mut file, edges.sort()?, concepts)?;
        ids.write(&mut file, "id")?;
        history.write(&mut file)?;
        drop((ids, history));
        file.join(&dir.join(CONCEPTS))?;

        let rows = names::write(dir, names.sort()?, &sets, sources.len(), source_sets, job)?;
        let counts = Counts { concepts: concepts as u64, atoms: atoms.into(), rows };
        Ok(Assembled { counts, sources, semantic_types, tally })
    }
}

/// Adds what is said of ids that are no CUIs: under the CUIs that an id is the same as, if there are any.
fn route(
    mut others: Sorted,
    moved: &HashMap<String, Vec<String>>,
    statements: &mut Sorter,
    job: Job<'_>,
) -> Result<(), ConceptError> {
    let (mut record, mut rewritten, mut pulse) = (vec![], vec![], StepCounter::new(job));
    while others.next(&mut record)? {
        let mut fields = Fields::of(&record);
        match moved.get(fields.text()?) {
            None => statements.push(&record)?,
            Some(cuis) => {
                for cui in cuis {
                    rewritten.clear();
                    rewritten.extend_from_slice(cui.as_bytes());
                    rewritten.push(0);
                    rewritten.extend_from_slice(fields.rest());
                    statements.push(&rewritten)?;
                }
            }
        }
        pulse.step()?;
    }
    Ok(())
}

/// Calls `each` for every record that differs from the one before it.
pub(crate) fn distinct(
    mut records: Sorted,
    job: Job<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), ConceptError>,
) -> Result<(), ConceptError> {
    let (mut last, mut record, mut pulse) = (None, vec![], StepCounter::new(job));
    while records.next(&mut record)? {
        if last.as_ref() != Some(&record) {
            each(&record)?;
            std::mem::swap(last.get_or_insert_default(), &mut record);
        }
        pulse.step()?;
    }
    Ok(())
}

/// Writes codes by source, and for atoms and concepts which are theirs.
fn write_codes(
    file: &mut ColumnsWriter,
    records: Sorted,
    atoms: u32,
    concepts: usize,
    sources: &mut [SourceEntry],
    source_sets: &mut SourceSets,
    job: Job<'_>,
) -> Result<(), ConceptError> {
    let (mut text, mut source_column, mut said_column) = (file.strings()?, file.column()?, file.column()?);
    let mut of_atom = vec![NO_CODE; atoms as usize];
    // The concept of each code.
    let mut owners: Vec<u32> = vec![];
    let (mut last, mut said_by) = (vec![], vec![]);
    distinct(records, job, |record| {
        // Who says it and the atom come last: what precedes them tells codes apart.
        let (code, rest) = record.split_at(record.len() - size_of::<u16>() - size_of::<u32>());
        let mut fields = Fields::of(code);
        let (source, value, concept) = (fields.u16()?, fields.text()?, fields.u32()?);
        if owners.is_empty() || code != last {
            if !owners.is_empty() {
                said_column.push(source_sets.number(std::mem::take(&mut said_by)))?;
            }
            text.push(value)?;
            source_column.push(source)?;
            owners.push(concept);
            sources[usize::from(source)].codes += 1;
            last.clear();
            last.extend_from_slice(code);
        }
        let mut fields = Fields::of(rest);
        let (source, atom) = (fields.u16()?, fields.u32()?);
        said_by.push(source);
        if let Some(of_atom) = of_atom.get_mut(atom as usize) {
            *of_atom = owners.len() as u32 - 1;
        }
        Ok(())
    })?;
    if !owners.is_empty() {
        said_column.push(source_sets.number(said_by))?;
    }
    file.add("code.said", said_column)?;
    file.add_strings("code", text)?;
    file.add("code.source", source_column)?;
    file.add_values("code.concept", &owners)?;
    file.add_values("atom.code", &of_atom)?;
    // Codes by concept: counted, then put in their places.
    let mut next = vec![0u32; concepts];
    owners.iter().for_each(|&concept| next[concept as usize] += 1);
    let mut end = 0;
    for start in &mut next {
        end += std::mem::replace(start, end);
    }
    let mut lists = vec![0u32; owners.len()];
    for (code, &concept) in owners.iter().enumerate() {
        lists[next[concept as usize] as usize] = code as u32;
        next[concept as usize] += 1;
    }
    file.add_values("concept.codes", &lists)?;
    Ok(file.add_values("concept.cends", &next)?)
}

/// Turns relations of ids into edges of concepts, one each way. An id that was replaced stands for what replaced it; what leads to no
/// concept is left.
fn resolve(
    mut edges: Sorter,
    relations: Sorted,
    tables: &Tables,
    ids: &Ids,
    history: &History,
    job: Job<'_>,
) -> Result<Sorter, ConceptError> {
    let mut push = |from: u32, relation: Relation, to: u32, source: u16| {
        let mut record = [0; 12];
        record[..4].copy_from_slice(&from.to_be_bytes());
        record[4..6].copy_from_slice(&(relation as u16).to_be_bytes());
        record[6..10].copy_from_slice(&to.to_be_bytes());
        record[10..].copy_from_slice(&source.to_be_bytes());
        edges.push(&record)
    };
    // Sorted by the narrower id, so that it is looked up once.
    let (mut last, mut narrower) = (String::new(), vec![]);
    distinct(relations, job, |record| {
        let mut fields = Fields::of(record);
        let (id, other, kind, number) = (fields.text()?, fields.text()?, fields.u8()?, fields.u16()?);
        if id != last {
            narrower = history.resolve(id, ids);
            id.clone_into(&mut last);
        }
        let source = tables.sources[usize::from(number)];
        let (up, down) = if kind == RelationKind::Parent as u8 {
            (Relation::Parent, Relation::Child)
        } else {
            (Relation::Broader, Relation::Narrower)
        };
        if narrower.is_empty() {
            return Ok(());
        }
        for broader in history.resolve(other, ids) {
            for &narrower in narrower.iter().filter(|&&n| n != broader) {
                push(narrower, up, broader, source)?;
                push(broader, down, narrower, source)?;
            }
        }
        Ok(())
    })?;
    Ok(edges)
}

fn write_edges(file: &mut ColumnsWriter, edges: Sorted, concepts: usize) -> Result<(), ConceptError> {
    let mut column = file.column()?;
    let mut ends = vec![0u32; concepts];
    let mut count = 0u32;
    distinct(edges, crate::job::Job::silent(), |record| {
        let mut fields = Fields::of(record);
        let (from, relation, to, source) = (fields.u32()?, fields.u16()?, fields.u32()?, fields.u16()?);
        column.push(Edge { to, relation, source })?;
        count = count.checked_add(1).ok_or(ConceptError::TooLarge("4 billion relations"))?;
        ends[from as usize] = count;
        Ok(())
    })?;
    // A concept without relations ends where the one before it does.
    let mut last = 0;
    ends.iter_mut().for_each(|end| {
        last = last.max(*end);
        *end = last;
    });
    file.add("edge", column)?;
    Ok(file.add_values("concept.eends", &ends)?)
}
