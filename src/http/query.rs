//! What clients ask for in a query string, read strictly and checked against the index.
//!
//! Invariant: an error names a parameter of ours and what it should be, never what was found.

use std::collections::HashSet;

use axum::{extract::FromRequestParts, http::request::Parts};
use percent_encoding::percent_decode_str;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, value},
};
use utoipa::IntoParams;

use crate::http::{
    Limits,
    problem::{Kind, Problem},
    request::{check_groups, check_list, check_sources, check_text, check_types},
};
use crate::linker::{AtomId, ConceptStore, FilterRequest};

/// Entries of a page unless a request says otherwise, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;
/// The same of a search, which also goes no further than `FURTHEST`: every page is searched from the beginning.
const FOUND: usize = 20;
const MOST_FOUND: usize = 100;
const FURTHEST: usize = 10_000;

/// Which names of a concept.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NamesQuery {
    /// Names to skip.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Names at most; 0 asks for totals alone.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "page")]
    limit: usize,
    /// Only names from these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    source: Option<Vec<String>>,
    /// Only names in these languages, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    language: Option<Vec<String>>,
}

/// Which related concepts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Concepts to skip.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Concepts at most; 0 asks for totals alone.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "page")]
    limit: usize,
}

/// Which codes, of a concept or of the concepts of a code.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CodesQuery {
    /// Only codes of these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    pub target: Option<Vec<String>>,
    /// Entries of the page to skip: codes of a concept, concepts of a code.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Entries at most; 0 asks for totals alone.
    #[param(minimum = 0, maximum = 1000, default = 100)]
    #[serde(default = "page")]
    limit: usize,
}

/// What to find.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FindQuery {
    /// A name, the beginning of one, or one misspelled.
    #[param(example = "heart att")]
    q: String,
    /// Only concepts of these semantic types (TUIs), separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    semantic_types: Option<Vec<String>>,
    /// Only concepts of these semantic groups, separated by commas; with `semantic_types` too, a concept of either passes.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    semantic_groups: Option<Vec<String>>,
    /// Only names from these source vocabularies, separated by commas.
    #[param(style = Form, explode = false)]
    #[serde(default, deserialize_with = "commas")]
    sources: Option<Vec<String>>,
    /// Concepts to skip; with `limit` at most 10,000.
    #[param(default = 0)]
    #[serde(default)]
    offset: usize,
    /// Concepts at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(default = "found")]
    limit: usize,
}

fn page() -> usize {
    PAGE
}

fn found() -> usize {
    FOUND
}

fn commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let list = String::deserialize(deserializer)?;
    Ok(Some(list.split(',').map(str::to_owned).collect()))
}

/// A part of a sequence.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub offset: usize,
    pub limit: usize,
}

impl Page {
    fn checked(offset: usize, limit: usize) -> Result<Self, Problem> {
        if limit > LONGEST_PAGE {
            return Err(wrong("limit", format!("limit is between 0 and {LONGEST_PAGE}")));
        }
        Ok(Self { offset, limit })
    }
}

/// Which names of a concept, once checked.
pub(super) struct CheckedNames {
    pub page: Page,
    sources: Option<HashSet<String>>,
    languages: Option<HashSet<String>>,
}

impl CheckedNames {
    /// Whether a name passes the filters.
    pub(super) fn takes(&self, atom: AtomId, concepts: &ConceptStore) -> bool {
        // Names that nobody shows or filters need not be read to be counted.
        if self.sources.is_none() && self.languages.is_none() {
            return true;
        }
        let atom = concepts.atom(atom);
        let among = |set: &Option<HashSet<String>>, value: &str| set.as_ref().is_none_or(|set| set.contains(value));
        among(&self.sources, atom.source) && among(&self.languages, atom.language)
    }
}

impl NamesQuery {
    /// Checks everything.
    pub(super) fn check(self, concepts: &ConceptStore) -> Result<CheckedNames, Problem> {
        let page = Page::checked(self.offset, self.limit)?;
        check_sources("source", &self.source, concepts).map_err(|p| p.at("source"))?;
        let spoken = |language: &str| concepts.sources().any(|s| s.languages.iter().any(|l| l == language));
        let unknown = Problem::new(Kind::UnknownLanguage, "GET /sources lists the languages");
        check_list("language", &self.language, spoken, unknown).map_err(|p| p.at("language"))?;
        let set = |list: Option<Vec<String>>| list.map(HashSet::from_iter);
        Ok(CheckedNames { page, sources: set(self.source), languages: set(self.language) })
    }
}

impl PageQuery {
    /// Checks the page.
    pub(super) fn check(&self) -> Result<Page, Problem> {
        Page::checked(self.offset, self.limit)
    }
}

impl CodesQuery {
    /// Checks page and sources.
    pub(super) fn check(&self, concepts: &ConceptStore) -> Result<Page, Problem> {
        check_sources("target", &self.target, concepts).map_err(|p| p.at("target"))?;
        Page::checked(self.offset, self.limit)
    }
}

/// What to find, once checked.
pub(super) struct CheckedFind {
    pub q: String,
    pub filter: FilterRequest,
    pub page: Page,
}

impl CheckedFind {
    /// Where a page as long as this one goes on, if it may.
    pub(super) fn next_offset(&self) -> Option<usize> {
        let Page { offset, limit } = self.page;
        Some(offset + limit).filter(|next| next + limit <= FURTHEST)
    }
}

impl FindQuery {
    /// Checks everything against `limits` and the index.
    pub(super) fn check(self, limits: &Limits, concepts: &ConceptStore) -> Result<CheckedFind, Problem> {
        check_text(&self.q, limits).map_err(|p| p.at("q"))?;
        check_types("semantic_types", &self.semantic_types).map_err(|p| p.at("semantic_types"))?;
        check_groups("semantic_groups", &self.semantic_groups).map_err(|p| p.at("semantic_groups"))?;
        check_sources("sources", &self.sources, concepts).map_err(|p| p.at("sources"))?;
        if !(1..=MOST_FOUND).contains(&self.limit) {
            return Err(wrong("limit", format!("limit is between 1 and {MOST_FOUND}")));
        }
        if self.offset.saturating_add(self.limit) > FURTHEST {
            return Err(wrong("offset", format!("offset and limit add up to at most {FURTHEST}; ask more precisely")));
        }
        Ok(CheckedFind {
            q: self.q,
            filter: FilterRequest {
                semantic_types: self.semantic_types.unwrap_or_default(),
                semantic_groups: self.semantic_groups.unwrap_or_default(),
                sources: self.sources.unwrap_or_default(),
            },
            page: Page { offset: self.offset, limit: self.limit },
        })
    }
}

fn wrong(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, detail).at(field)
}

/// A query string, strictly read.
pub(super) struct QueryParams<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Reads a query string.
///
/// # Errors
/// `invalid-request` with the parameter and what it should be.
fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    // What is no percent-encoding would be taken as it stands, and what is no UTF-8 would be replaced.
    let escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !query.split('%').skip(1).all(escape) || percent_decode_str(query).decode_utf8().is_err() {
        return Err(Problem::new(Kind::InvalidRequest, "the query is not percent-encoded UTF-8"));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|e| {
        let field = e.path().to_string();
        describe(&e.into_inner(), field)
    })
}

fn describe(e: &value::Error, field: String) -> Problem {
    let message = e.to_string();
    // A name in quotes is ours where serde says that it is missing or there twice.
    let ours = |prefix: &str| Some(message.strip_prefix(prefix)?.trim_end_matches('`'));
    if let Some(field) = ours("missing field `") {
        return wrong(field, "a parameter is missing");
    }
    if let Some(field) = ours("duplicate field `") {
        return wrong(field, "give it once; separate several values by commas");
    }
    if message.starts_with("unknown field") {
        let known = message.rsplit_once(", expected ").map_or("none", |(_, known)| known);
        let known = known.trim_start_matches("one of ").replace(" or ", ", ");
        return Problem::new(Kind::InvalidRequest, format!("unknown parameter; known are {known}"));
    }
    // Text and lists take anything: what is left are numbers.
    wrong(&field, "expected a whole number, 0 or above")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(query: &str) -> Problem {
        parse::<FindQuery>(query).err().unwrap()
    }

    #[test]
    fn names_the_parameter_and_what_it_should_be() {
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
            assert!(problem.kind.ends_with("invalid-request"), "{query}: {problem:?}");
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
        fn any_query_is_read_or_a_problem_that_repeats_nothing(
            query in "((q|limit|offset|sources|CANARY)=?(CANARY|[0-9]{1,25}|%[0-9a-f]{0,2}|[ -~]{0,5})&?){0,6}",
        ) {
            if let Err(problem) = parse::<FindQuery>(&query) {
                prop_assert!(!format!("{problem:?}").contains("CANARY"), "{:?}", problem);
            }
        }
    }
}
