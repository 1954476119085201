//! The parameters of query strings, and their validation against the limits and the index.

use std::collections::HashSet;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    concepts::{ConceptStore, FilterRequest},
    domain::{AtomId, language_abbreviation, semantic_type},
    http::{
        problem::{Problem, ProblemKind},
        request::{page::PageRange, query_string::comma_separated},
    },
    linker::{
        FieldError, LinkLimits, check_filter_length, check_semantic_groups, check_semantic_types, check_sources,
        check_text,
    },
};

/// Entries of a page when the request gives no `limit`.
const DEFAULT_PAGE: usize = 100;
/// Largest `limit` of a page.
const MAX_PAGE: usize = 1000;
/// Results of a search by name when the request gives no `limit`.
const DEFAULT_RESULTS: usize = 20;
/// Largest `limit` of a search by name.
const MAX_RESULTS: usize = 100;
/// Largest sum of `offset` and `limit` of a search by name: every page is searched from the
/// beginning.
const MAX_RESULT_POSITION: usize = 10_000;

/// Parameters of `GET /concepts/{cui}`: a page of its names.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct NamesQuery {
    /// Names to skip.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Maximum number of names; 0 returns only the totals.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "default_page")]
    limit: usize,
    /// Only names from these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    source: Option<Vec<String>>,
    /// Only names in these languages, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    language: Option<Vec<String>>,
}

/// Parameters of a page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PageQuery {
    /// Concepts to skip.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Maximum number of concepts; 0 returns only the totals.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "default_page")]
    limit: usize,
}

/// Parameters of the routes of codes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CodesQuery {
    /// Only codes of these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    pub(in crate::http) target: Option<Vec<String>>,
    /// Entries of the page to skip: codes of a concept, concepts of a code.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Maximum number of entries; 0 returns only the totals.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "default_page")]
    limit: usize,
}

/// Parameters of `GET /concepts`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct FindQuery {
    /// A name, words of a name or their beginnings in any order, or a misspelled name.
    #[param(example = "heart att")]
    q: String,
    /// Only concepts of these semantic types (TUIs or names), separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    semantic_types: Option<Vec<String>>,
    /// Only concepts of these semantic groups, separated by commas; if `semantic_types` is given
    /// too, a concept passes if it has one of the types or is of one of the groups.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    semantic_groups: Option<Vec<String>>,
    /// Only names from these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "comma_separated")]
    sources: Option<Vec<String>>,
    /// Concepts to skip; with `limit` at most 10,000.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Maximum number of concepts.
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(default = "default_results")]
    limit: usize,
}

fn default_page() -> usize {
    DEFAULT_PAGE
}

fn default_results() -> usize {
    DEFAULT_RESULTS
}

/// A valid request for names of a concept.
pub(in crate::http) struct NameFilter {
    pub(in crate::http) page: PageRange,
    sources: Option<HashSet<String>>,
    languages: Option<HashSet<String>>,
}

impl NameFilter {
    /// Whether a name passes the filters.
    pub(in crate::http) fn passes(&self, atom: AtomId, concepts: &ConceptStore) -> bool {
        // Without filters the names need not be read to be counted.
        if self.sources.is_none() && self.languages.is_none() {
            return true;
        }
        let atom = concepts.atom(atom);
        let contains = |set: &Option<HashSet<String>>, value: &str| set.as_ref().is_none_or(|set| set.contains(value));
        contains(&self.sources, atom.source) && contains(&self.languages, atom.language)
    }
}

impl NamesQuery {
    /// Validates page, sources and languages.
    pub(in crate::http) fn check(self, concepts: &ConceptStore) -> Result<NameFilter, Problem> {
        let page = page_range(self.offset, self.limit)?;
        check_source_list("source", self.source.as_deref(), concepts)?;
        let abbreviation = |tag: String| language_abbreviation(&tag).unwrap_or(tag);
        let languages: Option<Vec<_>> = self.language.map(|tags| tags.into_iter().map(abbreviation).collect());
        let wanted = languages.as_deref().unwrap_or_default();
        check_filter_length(wanted).map_err(|fault| Problem::from(fault).at("language"))?;
        let is_known = |language: &String| concepts.sources().any(|source| source.languages.contains(language));
        if !wanted.iter().all(is_known) {
            let detail = "GET /sources lists the languages";
            return Err(Problem::new(ProblemKind::UnknownLanguage, detail).at("language"));
        }
        let sources = self.source.map(|names| concepts.source_abbreviations(&names).into_iter().collect());
        Ok(NameFilter { page, sources, languages: languages.map(HashSet::from_iter) })
    }
}

impl PageQuery {
    /// Validates the page.
    pub(in crate::http) fn check(&self) -> Result<PageRange, Problem> {
        page_range(self.offset, self.limit)
    }
}

impl CodesQuery {
    /// Validates page and sources.
    pub(in crate::http) fn check(&self, concepts: &ConceptStore) -> Result<PageRange, Problem> {
        check_source_list("target", self.target.as_deref(), concepts)?;
        page_range(self.offset, self.limit)
    }
}

/// A valid search by name.
pub(in crate::http) struct FindRequest {
    pub(in crate::http) q: String,
    pub(in crate::http) filter: FilterRequest,
    pub(in crate::http) page: PageRange,
}

impl FindRequest {
    /// The offset of the next page of the same length; none when it would exceed the maximum.
    pub(in crate::http) fn next_offset(&self) -> Option<usize> {
        let PageRange { offset, limit } = self.page;
        Some(offset + limit).filter(|next| next + limit <= MAX_RESULT_POSITION)
    }
}

impl FindQuery {
    /// Validates text, filter and page against `limits` and the index.
    pub(in crate::http) fn check(self, limits: &LinkLimits, concepts: &ConceptStore) -> Result<FindRequest, Problem> {
        let filter = FilterRequest {
            semantic_types: semantic_type::join_names(&self.semantic_types.unwrap_or_default()),
            semantic_groups: self.semantic_groups.unwrap_or_default(),
            sources: self.sources.unwrap_or_default(),
        };
        let at = |field: &'static str| move |error: FieldError| Problem::from(error.fault).at(field);
        check_text(&self.q, limits).map_err(at("q"))?;
        check_semantic_types(&filter.semantic_types).map_err(at("semantic_types"))?;
        check_semantic_groups(&filter.semantic_groups).map_err(at("semantic_groups"))?;
        check_sources(&filter.sources, concepts).map_err(at("sources"))?;
        if !(1..=MAX_RESULTS).contains(&self.limit) {
            return Err(invalid("limit", format!("limit is between 1 and {MAX_RESULTS}")));
        }
        if self.offset.saturating_add(self.limit) > MAX_RESULT_POSITION {
            let detail = format!("offset and limit add up to at most {MAX_RESULT_POSITION}; send a more precise q");
            return Err(invalid("offset", detail));
        }
        Ok(FindRequest { q: self.q, filter, page: PageRange { offset: self.offset, limit: self.limit } })
    }
}

fn page_range(offset: usize, limit: usize) -> Result<PageRange, Problem> {
    if limit > MAX_PAGE {
        return Err(invalid("limit", format!("limit is between 0 and {MAX_PAGE}")));
    }
    Ok(PageRange { offset, limit })
}

fn check_source_list(parameter: &str, list: Option<&[String]>, concepts: &ConceptStore) -> Result<(), Problem> {
    check_sources(list.unwrap_or_default(), concepts).map_err(|error| Problem::from(error.fault).at(parameter))
}

fn invalid(parameter: &str, detail: String) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail).at(parameter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::request::query_string::parse;

    fn problem(query: &str) -> Problem {
        parse::<FindQuery>(query).err().unwrap().into()
    }

    #[test]
    fn an_error_names_the_parameter_and_the_expected_value() {
        for (query, field, detail) in [
            ("", Some("q"), "missing"),
            ("q=a&q=b", Some("q"), "once"),
            ("q=a&limit=x", Some("limit"), "a whole number"),
            ("q=a&limit=-1", Some("limit"), "a whole number"),
            ("q=a&limit=", Some("limit"), "a whole number"),
            ("q=a&offset=99999999999999999999", Some("offset"), "a whole number"),
            ("q=a&CANARY=1", None, "known are `q`"),
            ("q=a&CANARY,%20expected%20CANARY=1", None, "known are `q`"),
            ("q=%ff", None, "percent-encoded"),
            ("q=%zz", None, "percent-encoded"),
            ("q=%", None, "percent-encoded"),
        ] {
            let problem = problem(query);
            assert!(problem.type_uri.ends_with("invalid-request"), "{query}: {problem:?}");
            assert_eq!(problem.field.as_deref(), field, "{query}: {problem:?}");
            assert!(problem.detail.contains(detail), "{query}: {problem:?}");
            assert!(!format!("{problem:?}").contains("CANARY"), "{problem:?}");
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let query: FindQuery = parse("q=heart+att%C3%A4ck&sources=A,B%2CC&limit=7").ok().unwrap();
        assert_eq!((query.q.as_str(), query.limit, query.offset), ("heart attäck", 7, 0));
        assert_eq!(query.sources.unwrap(), ["A", "B", "C"]);
    }

    proptest! {
        #[test]
        fn any_query_gives_parameters_or_a_problem_that_repeats_nothing(
            query in "((q|limit|offset|sources|CANARY)=?(CANARY|[0-9]{1,25}|%[0-9a-f]{0,2}|[ -~]{0,5})&?){0,6}",
        ) {
            if let Err(error) = parse::<FindQuery>(&query) {
                let problem = Problem::from(error);
                prop_assert!(!format!("{problem:?}").contains("CANARY"), "{:?}", problem);
            }
        }
    }
}
