//! Numbers for repeated values: sources, term types and languages.
//!
//! While statements are read, a value gets the next free number. Afterwards [`IdTables`] gives the
//! id of each number, which is the position of the value in the sorted list.

use std::collections::HashMap;

use crate::domain::{LanguageId, SourceId, TermTypeId};

/// Gives equal values equal numbers, from 0 on.
#[derive(Default)]
pub(crate) struct Interner {
    numbers: HashMap<String, u16>,
    /// The value of the last call: consecutive rows mostly have the same source.
    last: Option<(String, u16)>,
}

impl Interner {
    /// The number of `value`.
    ///
    /// # Errors
    /// The reason, if all numbers are in use.
    pub(crate) fn intern(&mut self, value: &str) -> Result<u16, &'static str> {
        if let Some((last, number)) = &self.last
            && last == value
        {
            return Ok(*number);
        }
        let number = match self.numbers.get(value) {
            Some(&number) => number,
            None => {
                let number = u16::try_from(self.numbers.len()).ok().filter(|n| *n < u16::MAX);
                let number = number.ok_or("the limit of 65,535 different sources or term types is exceeded")?;
                self.numbers.insert(value.to_owned(), number);
                number
            }
        };
        self.last = Some((value.to_owned(), number));
        Ok(number)
    }

    /// The values, sorted, and for each number the position of its value.
    fn into_sorted(self) -> (Vec<String>, Vec<usize>) {
        let mut values: Vec<(String, u16)> = self.numbers.into_iter().collect();
        values.sort_unstable();
        let mut positions = vec![0; values.len()];
        for (position, (_, number)) in values.iter().enumerate() {
            positions[usize::from(*number)] = position;
        }
        (values.into_iter().map(|(value, _)| value).collect(), positions)
    }
}

/// For each interned number the id of its value.
pub(crate) struct IdTables {
    /// By number of a source.
    pub sources: Vec<SourceId>,
    /// By number of a term type.
    pub term_types: Vec<TermTypeId>,
    /// By number of a language.
    pub languages: Vec<LanguageId>,
}

/// The values of the three interners, sorted, so that the id of a value is its position.
pub(crate) struct InternedValues {
    /// Abbreviations of sources.
    pub sources: Vec<String>,
    /// Abbreviations of term types.
    pub term_types: Vec<String>,
    /// Abbreviations of languages.
    pub languages: Vec<String>,
}

impl IdTables {
    /// Sorts the values of the interners.
    pub(crate) fn new(sources: Interner, term_types: Interner, languages: Interner) -> (Self, InternedValues) {
        let (sources, source_positions) = sources.into_sorted();
        let (term_types, term_type_positions) = term_types.into_sorted();
        let (languages, language_positions) = languages.into_sorted();
        let tables = Self {
            sources: source_positions.into_iter().map(SourceId::from_index).collect(),
            term_types: term_type_positions.into_iter().map(TermTypeId::from_index).collect(),
            languages: language_positions.into_iter().map(LanguageId::from_index).collect(),
        };
        (tables, InternedValues { sources, term_types, languages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_order_of_values() {
        let mut sources = Interner::default();
        assert_eq!(["MSH", "HPO", "MSH", "ICD10CM"].map(|value| sources.intern(value)), [Ok(0), Ok(1), Ok(0), Ok(2)]);
        let (tables, values) = IdTables::new(sources, Interner::default(), Interner::default());
        assert_eq!(values.sources, ["HPO", "ICD10CM", "MSH"]);
        assert_eq!(tables.sources, [2, 0, 1].map(SourceId::new));
    }
}
