//! Collects relations between ids and turns them into edges between concepts.
//!
//! A retired id is replaced by the concepts that are the same. A relation is dropped if one of its
//! ids leads to no concept. Each relation becomes two edges, one at each concept.

use std::path::Path;

use crate::{
    columns::writer::ColumnsWriter,
    concepts::{
        ConceptError,
        ingest::{
            history::{History, IdTable},
            interner::IdTables,
            records::{RecordReader, for_each_distinct},
        },
        schema::{CONCEPT_EDGES, Edge, Relation},
    },
    domain::{ConceptId, RelationKind, SourceId},
    files::sorter::{Sorted, Sorter},
    job::Job,
};

/// Takes relations between ids. Records: narrower id, zero, broader id, zero, 0 for a parent or 1
/// for a broader concept (u8), interned number of the source (u16).
pub(crate) struct RelationSorter {
    sorter: Sorter,
    record: Vec<u8>,
}

impl RelationSorter {
    /// A sorter that spills to files in `dir` what exceeds `memory` bytes.
    pub(crate) fn new(dir: &Path, memory: usize) -> Self {
        Self { sorter: Sorter::new(dir, memory), record: vec![] }
    }

    /// Adds a relation.
    pub(crate) fn push(
        &mut self,
        narrower: &str,
        broader: &str,
        kind: RelationKind,
        source: u16,
    ) -> std::io::Result<()> {
        self.record.clear();
        self.record.extend_from_slice(narrower.as_bytes());
        self.record.push(0);
        self.record.extend_from_slice(broader.as_bytes());
        self.record.extend_from_slice(&[0, u8::from(kind == RelationKind::Broader)]);
        self.record.extend_from_slice(&source.to_be_bytes());
        self.sorter.push(&self.record)
    }

    /// Adds the edges of the relations to `file`, and returns the number of relations with an id
    /// that leads to no concept. `concepts` has the ids of all concepts, and `edge_sorter` is
    /// empty.
    ///
    /// # Errors
    /// Reading a temporary file or writing failed; [`ConceptError::Canceled`].
    pub(crate) fn write(
        self,
        file: &mut ColumnsWriter,
        concepts: &IdTable,
        history: &History,
        tables: &IdTables,
        edge_sorter: Sorter,
        job: Job<'_>,
    ) -> Result<u64, ConceptError> {
        job.progress.stage("resolving relations", self.sorter.len());
        let mut edges = EdgeSorter(edge_sorter);
        // Records are sorted by the narrower id, so that each is resolved once.
        let (mut last, mut narrower, mut lacking) = (String::new(), vec![], 0);
        for_each_distinct(self.sorter.sort()?, job, |record| {
            let mut fields = RecordReader::new(record);
            let (narrower_id, broader_id) = (fields.text()?, fields.text()?);
            let (is_broader, source) = (fields.u8()? == 1, tables.sources[usize::from(fields.u16()?)]);
            if narrower_id != last {
                narrower = history.resolve(narrower_id, concepts);
                narrower_id.clone_into(&mut last);
            }
            let all_broader = history.resolve(broader_id, concepts);
            if narrower.is_empty() || all_broader.is_empty() {
                lacking += 1;
                return Ok(());
            }
            let (up, down) = match is_broader {
                false => (Relation::Parent, Relation::Child),
                true => (Relation::Broader, Relation::Narrower),
            };
            for broader in all_broader {
                for &narrower in narrower.iter().filter(|&&n| n != broader) {
                    edges.push(narrower, up, broader, source)?;
                    edges.push(broader, down, narrower, source)?;
                }
            }
            Ok(())
        })?;
        write_edges(file, edges.0.sort()?, concepts.len())?;
        Ok(lacking)
    }
}

/// Takes edges. Records: first concept (u32), relation (u16), second concept (u32), source (u16).
struct EdgeSorter(Sorter);

impl EdgeSorter {
    fn push(&mut self, from: ConceptId, relation: Relation, to: ConceptId, source: SourceId) -> std::io::Result<()> {
        let mut record = [0; 12];
        record[..4].copy_from_slice(&from.get().to_be_bytes());
        record[4..6].copy_from_slice(&(relation as u16).to_be_bytes());
        record[6..10].copy_from_slice(&to.get().to_be_bytes());
        record[10..].copy_from_slice(&source.get().to_be_bytes());
        self.0.push(&record)
    }
}

fn write_edges(file: &mut ColumnsWriter, edges: Sorted, concepts: usize) -> Result<(), ConceptError> {
    let mut column = file.column(CONCEPT_EDGES.values)?;
    let mut ends = vec![0u32; concepts];
    let mut count = 0u32;
    for_each_distinct(edges, Job::silent(), |record| {
        let mut fields = RecordReader::new(record);
        let (from, relation) = (ConceptId::new(fields.u32()?), fields.u16()?);
        let (to, source) = (ConceptId::new(fields.u32()?), SourceId::new(fields.u16()?));
        column.push(Edge::new(to, Relation::ALL[usize::from(relation)], source))?;
        count = count.checked_add(1).ok_or(ConceptError::TooLarge("4 billion relations"))?;
        ends[from.index()] = count;
        Ok(())
    })?;
    // The list of a concept without relations ends where the list before it ends.
    let mut last = 0;
    ends.iter_mut().for_each(|end| {
        last = last.max(*end);
        *end = last;
    });
    file.add(column)?;
    Ok(file.add_values(CONCEPT_EDGES.ends, &ends)?)
}
