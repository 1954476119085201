//! Replays an index as statements: the input of a new build (`--add`).
//!
//! Invariants: a build from these statements, with the selection of the index, gives the same
//! files, byte for byte. Damage that a reader would treat as empty is an error here, so that no
//! entry is lost. Hidden sources are replayed too.

use std::collections::HashSet;

use crate::{
    columns::ColumnError,
    concepts::{
        ConceptError,
        ingest::collect::StatementCollector,
        schema::{NO_CODE, Relation},
        store::ConceptStore,
    },
    domain::{
        AtomId, AtomRef, CodeId, ConceptId, Refusal, RelationKind, SourceId, Statement, Succession, is_cui,
        semantic_type::SEMANTIC_TYPES,
    },
    job::{Job, StepCounter},
};

/// Receives the statements.
type Emit<'a> = dyn FnMut(Statement) -> Result<(), ConceptError> + 'a;

impl StatementCollector {
    /// Takes everything in `store`; to be called before other statements are collected.
    ///
    /// The result is the same as if the inputs of the index were read again, with three exceptions.
    /// Names keep their order in the index and precede added names of the same language order and
    /// suppression, so an added name never replaces a preferred one there. What the index left out
    /// stays out: names, and statements about ids without a name, even if another input adds a
    /// name. A relation of a retired id is one of its successors.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] if the index is damaged or has values that statements may not have;
    /// [`ConceptError::Canceled`]; [`ConceptError::Io`].
    pub fn collect_store(&mut self, store: &ConceptStore, job: Job<'_>) -> Result<(), ConceptError> {
        store.replay(job, &mut |statement| {
            self.collect(statement).map_err(|refusal| match refusal {
                Refusal::InvalidStatement(reason) => store.damaged(reason),
                Refusal::SinkFailed(e) => match e.downcast::<ConceptError>() {
                    Ok(e) => *e,
                    Err(e) => std::io::Error::other(e).into(),
                },
            })
        })?;
        // Term types and languages of names that were left out are in no statement. The files list
        // them, and a selected language among them counts as found.
        for (values, interner) in [(&store.term_types, &mut self.term_types), (&store.languages, &mut self.languages)] {
            for i in 0..values.len() {
                interner.intern(values.get(i)).map_err(|_| ConceptError::TooLarge("65,535 term types"))?;
            }
        }
        Ok(())
    }
}

impl ConceptStore {
    fn replay(&self, job: Job<'_>, emit: &mut Emit) -> Result<(), ConceptError> {
        job.progress.stage("replaying the index", (self.concept_ids.len() + self.retired_ids.len()) as u64);
        if !self.is_whole() {
            return Err(self.damaged("its tables point outside each other"));
        }
        for entry in &self.sources {
            let (source, name, version) = (&entry.source, &entry.name, &entry.version);
            emit(Statement::Source { source, name, version, restriction_level: entry.restriction_level })?;
        }
        let mut counter = StepCounter::new(job);
        for concept in ConceptId::all(self.concept_ids.len()) {
            self.replay_types_and_atoms(concept, emit)?;
            self.replay_codes(concept, emit)?;
            self.replay_definitions_and_relations(concept, emit)?;
            counter.step()?;
        }
        for position in 0..self.retired_ids.len() {
            for step in self.retired_steps.get(position) {
                let kind = step.kind().unwrap_or(Succession::Deleted);
                let successor = Some(self.successor_ids.get(step.successor as usize)).filter(|id| !id.is_empty());
                let (retired, source) = (self.retired_ids.get(position), self.source_name(step.source));
                emit(Statement::Successor { retired, successor, kind, source })?;
            }
            counter.step()?;
        }
        Ok(())
    }

    fn replay_types_and_atoms(&self, id: ConceptId, emit: &mut Emit) -> Result<(), ConceptError> {
        let concept = self.id(id);
        for semantic_type in self.semantic_types(id) {
            let tui = semantic_type.semantic_type().map_or("", |t| t.tui);
            emit(Statement::Type { concept, tui })?;
        }
        for atom in self.concept_atoms.range(id.index()) {
            let atom = self.atom(AtomId::from_index(atom));
            emit(Statement::Atom(AtomRef {
                concept,
                name: atom.name,
                source: atom.source,
                code: atom.code,
                term_type: atom.term_type,
                language: atom.language,
                suppressed: atom.suppressed,
                // The index does not store preferences. Names of equal preference keep the order of
                // statements; those of a prefixed id that is the same as a CUI in another input
                // follow those of the CUI.
                preference: if is_cui(concept) { u32::MAX } else { u32::MAX - 1 },
            }))?;
        }
        Ok(())
    }

    fn replay_codes(&self, id: ConceptId, emit: &mut Emit) -> Result<(), ConceptError> {
        let atoms = self.concept_atoms.range(id.index());
        let codes_of_atoms: HashSet<CodeId> = atoms.filter_map(|atom| self.atom_code.get(atom).copied()).collect();
        for code_id in self.concept_codes.get(id.index()) {
            let (code, set) = (self.code_text.get(code_id.index()), self.code_asserted_by.get(code_id.index()));
            let source = self.code_source.get(code_id.index()).copied().unwrap_or(SourceId::new(u16::MAX));
            let asserted_by = set.map_or(&[][..], |&set| self.names.source_set(set));
            if asserted_by.is_empty() {
                return Err(self.damaged("no source asserts one of its codes"));
            }
            // The statement of an atom with the code already asserts it for its source.
            let is_in_atom = codes_of_atoms.contains(code_id);
            for &by in asserted_by.iter().filter(|&&by| by != source || !is_in_atom) {
                let (source, asserted_by) = (self.source_name(source), self.source_name(by));
                emit(Statement::Code { concept: self.id(id), source, code, asserted_by })?;
            }
        }
        Ok(())
    }

    fn replay_definitions_and_relations(&self, id: ConceptId, emit: &mut Emit) -> Result<(), ConceptError> {
        let concept = self.id(id);
        let definitions = self.concept_definitions.range(id.index());
        for (i, &source) in definitions.zip(self.concept_definitions.get(id.index())) {
            let (source, text) = (self.source_name(source), self.definition_text.get(i));
            emit(Statement::Definition { concept, source, text })?;
        }
        // Both concepts of a relation have an edge; the edge of the narrower one is replayed.
        for edge in self.concept_edges.get(id.index()) {
            let kind = match edge.relation() {
                Some(Relation::Parent) => RelationKind::Parent,
                Some(Relation::Broader) => RelationKind::Broader,
                _ => continue,
            };
            let (broader, source) = (self.id(edge.to), self.source_name(edge.source));
            emit(Statement::Relation { narrower: concept, broader, kind, source })?;
        }
        Ok(())
    }

    /// Whether all lists are whole and every id is in its table. Opening does not check this
    /// because it reads every page.
    fn is_whole(&self) -> bool {
        let strings = [
            &self.concept_ids,
            &self.atom_names,
            &self.code_text,
            &self.definition_text,
            &self.retired_ids,
            &self.successor_ids,
            &self.term_types,
            &self.languages,
        ];
        let lists = [
            self.type_sets.is_whole(),
            self.concept_atoms.is_whole(),
            self.concept_codes.is_whole(),
            self.concept_definitions.is_whole(),
            self.concept_edges.is_whole(),
            self.retired_steps.is_whole(),
        ];
        let is_source = |source: &SourceId| source.index() < self.sources.len();
        let is_code = |code: &CodeId| code.index() < self.code_text.len();
        strings.iter().all(|strings| strings.is_whole())
            && lists == [true; 6]
            && self.type_sets.values().iter().all(|t| t.index() < SEMANTIC_TYPES.len())
            && self.concept_type_set.iter().all(|set| set.index() < self.type_sets.len())
            && self.concept_atoms.values().iter().all(is_source)
            && self.atom_term_type.iter().all(|term_type| term_type.index() < self.term_types.len())
            && self.atom_language.iter().all(|language| language.index() < self.languages.len())
            && self.atom_code.iter().all(|code| *code == NO_CODE || is_code(code))
            && self.code_source.iter().all(is_source)
            && self.concept_codes.values().iter().all(is_code)
            && self.concept_definitions.values().iter().all(is_source)
            && self.concept_edges.values().iter().all(|edge| {
                edge.to.index() < self.concept_ids.len() && edge.relation().is_some() && is_source(&edge.source)
            })
            && self.retired_steps.values().iter().all(|step| {
                (step.successor as usize) < self.successor_ids.len() && step.kind().is_some() && is_source(&step.source)
            })
    }

    fn damaged(&self, reason: impl Into<String>) -> ConceptError {
        ColumnError::Damaged { path: self.path.clone(), reason: reason.into() }.into()
    }
}
