//! Retired ids and their successors, in memory while a store is built.

use crate::{
    columns::{mapped::partition_point, spec::StringsSpec, writer::ColumnsWriter},
    concepts::{
        ConceptError,
        schema::{RETIRED_IDS, RETIRED_STEPS, SUCCESSOR_IDS, SuccessionStep},
        succession::{Target, follow},
    },
    domain::{ConceptId, SourceId, Succession},
};

/// Ids of concepts or of retired concepts, about 12 bytes each.
#[derive(Default)]
pub(crate) struct IdTable {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl IdTable {
    /// Appends an id; the ids of a table that is searched must ascend.
    ///
    /// # Errors
    /// [`ConceptError::TooLarge`] beyond 4 GiB of ids.
    pub(crate) fn push(&mut self, id: &str) -> Result<(), ConceptError> {
        self.text.extend_from_slice(id.as_bytes());
        self.ends.push(u32::try_from(self.text.len()).map_err(|_| ConceptError::TooLarge("4 GiB of ids"))?);
        Ok(())
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[start as usize..self.ends[i] as usize]
    }

    fn position(&self, id: &[u8]) -> Option<usize> {
        let i = partition_point(self.len(), |i| self.get(i) < id);
        (i < self.len() && self.get(i) == id).then_some(i)
    }

    /// Adds the ids to `file`.
    pub(crate) fn write(&self, file: &mut ColumnsWriter, spec: StringsSpec) -> Result<(), ConceptError> {
        file.add_values(spec.0.values, &self.text)?;
        Ok(file.add_values(spec.0.ends, &self.ends)?)
    }
}

/// Retired ids with the steps to their successors.
#[derive(Default)]
pub(crate) struct History {
    retired: IdTable,
    /// For each retired id the position after its last step.
    ends: Vec<u32>,
    steps: Vec<SuccessionStep>,
    successors: IdTable,
}

impl History {
    /// Adds a step from `id` to `successor`, which is empty for a deleted id; the ids must ascend.
    /// `kind` is a `schema::succession_number`.
    ///
    /// # Errors
    /// [`ConceptError::TooLarge`].
    pub(crate) fn push(&mut self, id: &str, kind: u8, source: SourceId, successor: &str) -> Result<(), ConceptError> {
        if self.retired.len() == 0 || self.retired.get(self.retired.len() - 1) != id.as_bytes() {
            self.retired.push(id)?;
            self.ends.push(self.steps.len() as u32);
        }
        let position = self.successors.len() as u32;
        self.successors.push(successor)?;
        self.steps.push(SuccessionStep::new(position, kind, source));
        if let Some(end) = self.ends.last_mut() {
            *end += 1;
        }
        Ok(())
    }

    /// The concepts of `concepts` that an id means: the concept with that id, or those that are the
    /// same concept as the retired id.
    pub(crate) fn resolve(&self, id: &str, concepts: &IdTable) -> Vec<ConceptId> {
        if let Some(position) = concepts.position(id.as_bytes()) {
            return vec![ConceptId::from_index(position)];
        }
        let Some(position) = self.retired.position(id.as_bytes()) else { return vec![] };
        let ends = follow(position, |position| {
            let start = if position == 0 { 0 } else { self.ends[position - 1] };
            let steps = self.steps[start as usize..self.ends[position] as usize].iter();
            let same = steps.filter(|step| step.kind() == Some(Succession::Same));
            let targets = same.filter_map(|step| {
                let id = self.successors.get(step.successor as usize);
                let concept = concepts.position(id).map(|position| Target::End(ConceptId::from_index(position)));
                Some((Succession::Same, concept.or_else(|| self.retired.position(id).map(Target::Retired))?))
            });
            targets.collect()
        });
        ends.into_iter().map(|(_, concept)| concept).collect()
    }

    /// Adds the history to `file`.
    pub(crate) fn write(&self, file: &mut ColumnsWriter) -> Result<(), ConceptError> {
        self.retired.write(file, RETIRED_IDS)?;
        self.successors.write(file, SUCCESSOR_IDS)?;
        file.add_values(RETIRED_STEPS.values, &self.steps)?;
        Ok(file.add_values(RETIRED_STEPS.ends, &self.ends)?)
    }
}
