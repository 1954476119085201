//! An index becomes an input of another one: what it holds is said again, as statements that it could have been made of.
//!
//! Invariants: assembled under the selection that the index was made with, the statements alone give the same files, byte by byte; an
//! index in which anything would read as empty is an error, so that nothing is lost in silence. What is hidden is said too.

use std::collections::HashSet;

use crate::columns::ColumnError;
use crate::concepts::{
    ingest::collect::{Collector, is_cui},
    schema::NO_CODE,
    store::{ConceptNumber, Concepts},
    view::{Relation, SUCCESSIONS},
};
use crate::{
    concepts::ConceptError,
    domain::{AtomRef, Refusal, RelationKind, Statement, Succession, semantic_type::SEMANTIC_TYPES},
    job::{Job, StepCounter},
};

/// Takes what is said again.
type Say<'a> = dyn FnMut(Statement) -> Result<(), ConceptError> + 'a;

impl Collector {
    /// Takes everything that `index` holds; to be called before other inputs are read.
    ///
    /// The result holds what the inputs of the index and the others would give together, but for this. Names keep the order that they have
    /// in the index and precede those that are added, within one place of the selection's languages and of the suppressed: an added
    /// name, however preferred, does not replace a preferred one there. What the index left out stays out: names, and whatever was
    /// said of ids without a name, of which others may add one. A relation of an id that was replaced is one of what replaced it.
    ///
    /// # Errors
    /// [`ColumnError::Damaged`] when the index is not whole or says what cannot be taken; [`ConceptError::Canceled`]; what the disk says.
    pub fn take_index(&mut self, index: &Concepts, job: Job<'_>) -> Result<(), ConceptError> {
        index.retell(job, &mut |statement| {
            self.take(statement).map_err(|refusal| match refusal {
                Refusal::InvalidStatement(reason) => index.damaged(reason),
                Refusal::SinkFailed(e) => match e.downcast::<ConceptError>() {
                    Ok(e) => *e,
                    Err(e) => std::io::Error::other(e).into(),
                },
            })
        })?;
        // Those of names that were left out are in no statement. They are part of the files, and a language that was asked for
        // and is among them was found.
        for (values, known) in [(&index.terms, &mut self.terms), (&index.languages, &mut self.languages)] {
            for i in 0..values.len() {
                known.number(values.get(i)).map_err(|_| ConceptError::TooLarge("65,535 term types"))?;
            }
        }
        Ok(())
    }
}

impl Concepts {
    fn retell(&self, job: Job<'_>, say: &mut Say) -> Result<(), ConceptError> {
        job.progress.stage("taking an index", (self.ids.len() + self.retired.len()) as u64);
        if !self.is_whole() {
            return Err(self.damaged("its tables point outside each other"));
        }
        for entry in &self.sources {
            let (source, name, version) = (&entry.source, &entry.name, &entry.version);
            say(Statement::Source { source, name, version, restriction_level: entry.restriction_level })?;
        }
        let mut pulse = StepCounter::new(job);
        for concept in 0..self.ids.len() as u32 {
            self.retell_names(concept, say)?;
            self.retell_codes(concept, say)?;
            self.retell_rest(concept, say)?;
            pulse.step()?;
        }
        for place in 0..self.retired.len() {
            for step in self.successors.get(place) {
                let kind = SUCCESSIONS.get(usize::from(step.kind)).copied().unwrap_or(Succession::Deleted);
                let successor = Some(self.successor_id.get(step.id as usize)).filter(|id| !id.is_empty());
                let (retired, source) = (self.retired.get(place), self.source_name(step.source));
                say(Statement::Successor { retired, successor, kind, source })?;
            }
            pulse.step()?;
        }
        Ok(())
    }

    fn retell_names(&self, number: ConceptNumber, say: &mut Say) -> Result<(), ConceptError> {
        let concept = self.id(number);
        for place in self.types(number) {
            let tui = SEMANTIC_TYPES.get(usize::from(*place)).map_or("", |of_type| of_type.tui);
            say(Statement::Type { concept, tui })?;
        }
        for atom in self.atoms.range(number as usize) {
            let atom = self.atom(atom as u32);
            say(Statement::Atom(AtomRef {
                concept,
                name: atom.name,
                source: atom.source,
                code: atom.code,
                term_type: atom.term_type,
                language: atom.language,
                suppressed: atom.suppressed,
                // What the preferences were is not kept. Names preferred alike stay in the order in which they are said; those of an id that
                // another input says to be a CUI follow those that the CUI has.
                preference: if is_cui(concept) { u32::MAX } else { u32::MAX - 1 },
            }))?;
        }
        Ok(())
    }

    fn retell_codes(&self, number: ConceptNumber, say: &mut Say) -> Result<(), ConceptError> {
        let atoms = self.atoms.range(number as usize);
        let of_atoms: HashSet<u32> = atoms.filter_map(|atom| self.atom_code.get(atom).copied()).collect();
        for &i in self.codes.get(number as usize) {
            let (code, set) = (self.code_text.get(i as usize), self.code_said_by.get(i as usize));
            let source = self.code_source.get(i as usize).copied().unwrap_or(u16::MAX);
            let said_by = set.map_or(&[][..], |&set| self.rows.source_set(set));
            if said_by.is_empty() {
                return Err(self.damaged("nobody says one of its codes"));
            }
            // An atom that has the code says so for its source.
            for &by in said_by.iter().filter(|&&by| by != source || !of_atoms.contains(&i)) {
                let (source, said_by) = (self.source_name(source), self.source_name(by));
                say(Statement::Code { concept: self.id(number), source, code, asserted_by: said_by })?;
            }
        }
        Ok(())
    }

    fn retell_rest(&self, number: ConceptNumber, say: &mut Say) -> Result<(), ConceptError> {
        let concept = self.id(number);
        let definitions = self.definition_source.range(number as usize);
        for (i, &source) in definitions.zip(self.definition_source.get(number as usize)) {
            let (source, text) = (self.source_name(source), self.definition_text.get(i));
            say(Statement::Definition { concept, source, text })?;
        }
        // Each is there from both sides; the narrower one says it.
        for edge in self.related.get(number as usize) {
            let kind = match Relation::ALL.get(usize::from(edge.relation)) {
                Some(Relation::Parent) => RelationKind::Parent,
                Some(Relation::Broader) => RelationKind::Broader,
                _ => continue,
            };
            let (broader, source) = (self.id(edge.to), self.source_name(edge.source));
            say(Statement::Relation { narrower: concept, broader, kind, source })?;
        }
        Ok(())
    }

    /// Whether all lists are whole and every place is in its table. Opening does not look at this, which reads every page.
    fn is_whole(&self) -> bool {
        let strings = [
            &self.ids,
            &self.names,
            &self.code_text,
            &self.definition_text,
            &self.retired,
            &self.successor_id,
            &self.terms,
            &self.languages,
        ];
        let lists = [
            self.sets.is_whole(),
            self.atoms.is_whole(),
            self.codes.is_whole(),
            self.definition_source.is_whole(),
            self.related.is_whole(),
            self.successors.is_whole(),
        ];
        let source = |place: &u16| usize::from(*place) < self.sources.len();
        let code = |&i: &u32| (i as usize) < self.code_text.len();
        strings.iter().all(|strings| strings.is_whole())
            && lists == [true; 6]
            && self.sets.all().iter().all(|&place| usize::from(place) < SEMANTIC_TYPES.len())
            && self.set.iter().all(|&set| usize::from(set) < self.sets.len())
            && self.atoms.all().iter().all(source)
            && self.atom_term.iter().all(|&term| usize::from(term) < self.terms.len())
            && self.atom_language.iter().all(|&language| usize::from(language) < self.languages.len())
            && self.atom_code.iter().all(|i| *i == NO_CODE || code(i))
            && self.code_source.iter().all(source)
            && self.codes.all().iter().all(code)
            && self.definition_source.all().iter().all(source)
            && self.related.all().iter().all(|edge| {
                (edge.to as usize) < self.ids.len()
                    && usize::from(edge.relation) < Relation::ALL.len()
                    && source(&edge.source)
            })
            && self.successors.all().iter().all(|step| {
                (step.id as usize) < self.successor_id.len()
                    && usize::from(step.kind) < SUCCESSIONS.len()
                    && source(&step.source)
            })
    }

    fn damaged(&self, reason: impl Into<String>) -> ConceptError {
        ColumnError::Damaged { path: self.path.clone(), reason: reason.into() }.into()
    }
}
