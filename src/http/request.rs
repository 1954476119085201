//! What clients send, read strictly and checked against the limits.
//!
//! Invariant: a parse error says where and what was expected, never what was found.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

use crate::http::{
    Limits,
    problem::{Kind, Problem},
};
use crate::{
    domain::semantic_type,
    linker::{ConceptStore, FilterRequest, Query},
    text,
};

/// Longest id that a client may give a mention, in bytes.
const LONGEST_ID: usize = 128;
/// Candidates of a mention, where nothing is said.
const DEFAULT_TOP_K: usize = 5;
/// Most entries of a filter.
const LONGEST_FILTER: usize = 200;

/// Mentions to link: `mention` for one, `mentions` for many.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkRequest {
    /// One mention.
    mention: Option<MentionInput>,
    /// Several mentions; each is answered, or its error is, in its own result.
    mentions: Option<Vec<MentionInput>>,
    /// Candidates wanted for each mention.
    #[schema(minimum = 1, default = 5)]
    top_k: Option<usize>,
    /// Leave out candidates below this score.
    #[schema(minimum = -1.0, maximum = 1.0)]
    min_score: Option<f32>,
    /// Only concepts of these semantic types (TUIs).
    #[schema(example = json!(["T047"]))]
    semantic_types: Option<Vec<String>>,
    /// Only concepts of these semantic groups; with `semantic_types` too, a concept passes that is of one of either.
    #[schema(example = json!(["DISO"]))]
    semantic_groups: Option<Vec<String>>,
    /// Only names from these source vocabularies.
    #[schema(example = json!(["SAPLINK"]))]
    sources: Option<Vec<String>>,
}

/// A mention: its text, or its text with an id and with settings that replace those of the request.
#[derive(Clone, Serialize, ToSchema)]
#[schema(examples("heart attack", json!({"id": "m2", "text": "cold", "semantic_types": ["T047"]})))]
#[serde(untagged)]
pub(super) enum MentionInput {
    Text(String),
    Object(MentionObject),
}

/// A mention with settings of its own.
#[derive(Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MentionObject {
    /// The mention as it stands in the note.
    text: String,
    /// Comes back with the result; `m1`, `m2`, .. by default.
    #[schema(max_length = 128)]
    id: Option<String>,
    #[schema(minimum = 1)]
    top_k: Option<usize>,
    #[schema(minimum = -1.0, maximum = 1.0)]
    min_score: Option<f32>,
    semantic_types: Option<Vec<String>>,
    semantic_groups: Option<Vec<String>>,
    sources: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for MentionInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Input;
        impl<'de> Visitor<'de> for Input {
            type Value = MentionInput;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a string, or an object with `text`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<MentionInput, E> {
                Ok(MentionInput::Text(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MentionInput, A::Error> {
                MentionObject::deserialize(MapAccessDeserializer::new(map)).map(MentionInput::Object)
            }
        }
        deserializer.deserialize_any(Input)
    }
}

/// A mention that was accepted, or why not.
pub(super) struct Checked {
    pub id: String,
    pub text: String,
    pub query: Result<Query, Problem>,
}

impl Checked {
    /// A line of a stream that is no mention.
    pub(super) fn refused(number: usize, problem: Problem) -> Self {
        Self { id: format!("m{number}"), text: String::new(), query: Err(problem) }
    }
}

/// What counts for the lines of a stream that do not say otherwise.
#[derive(Clone)]
pub(super) struct LineDefaults(MentionObject);

impl LineDefaults {
    /// So many candidates, of those that pass.
    ///
    /// # Errors
    /// The field that the limits or the index do not allow.
    pub(super) fn new(
        top_k: Option<usize>,
        min_score: Option<f32>,
        filter: FilterRequest,
        limits: &Limits,
        concepts: &ConceptStore,
    ) -> Result<Self, Problem> {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let defaults = MentionObject {
            top_k: Some(top_k.unwrap_or(DEFAULT_TOP_K.min(limits.top_k))),
            min_score,
            semantic_types: some(filter.semantic_types),
            semantic_groups: some(filter.semantic_groups),
            sources: some(filter.sources),
            ..MentionObject::default()
        };
        defaults.settings("", limits, concepts)?;
        Ok(Self(defaults))
    }
}

/// Reads line `number` of a stream, counted from 1: a mention with its own settings.
pub(super) fn parse_line(
    line: &[u8],
    number: usize,
    defaults: &LineDefaults,
    limits: &Limits,
    concepts: &ConceptStore,
) -> Checked {
    let mut json = serde_json::Deserializer::from_slice(line);
    let read = serde_path_to_error::deserialize::<_, MentionInput>(&mut json).map_err(|e| {
        let field = e.path().to_string();
        describe(&e.into_inner(), Some(field))
    });
    let ended = |input| json.end().map(|()| input).map_err(|e| describe(&e, None));
    match read.and_then(ended) {
        Ok(input) => input.check("mention", number - 1, &defaults.0, limits, concepts),
        Err(problem) => Checked::refused(number, problem),
    }
}

/// A request that was accepted.
pub(super) struct CheckedRequest {
    pub mentions: Vec<Checked>,
    /// Whether it came as `mention`: its error is then the request's.
    pub single: bool,
}

impl LinkRequest {
    /// Checks everything against `limits` and the index's `names`.
    ///
    /// # Errors
    /// The [`Problem`] of the request as a whole; those of single mentions are in their place.
    pub(super) fn check(self, limits: &Limits, concepts: &ConceptStore) -> Result<CheckedRequest, Problem> {
        let defaults = MentionObject {
            top_k: Some(self.top_k.unwrap_or(DEFAULT_TOP_K.min(limits.top_k))),
            min_score: self.min_score,
            semantic_types: self.semantic_types,
            semantic_groups: self.semantic_groups,
            sources: self.sources,
            ..MentionObject::default()
        };
        defaults.settings("", limits, concepts)?;
        let (inputs, single) = match (self.mention, self.mentions) {
            (Some(one), None) => (vec![one], true),
            (None, Some(many)) => (many, false),
            _ => {
                let detail = "give either `mention` or `mentions`";
                return Err(Problem::new(Kind::InvalidRequest, detail).at("mention"));
            }
        };
        if inputs.is_empty() {
            return Err(Problem::new(Kind::InvalidRequest, "give at least one mention").at("mentions"));
        }
        if inputs.len() > limits.mentions {
            let detail = format!("send at most {} mentions at once", limits.mentions);
            return Err(Problem::new(Kind::TooManyMentions, detail).at("mentions"));
        }
        let check = |(i, input): (usize, MentionInput)| {
            let place = if single { "mention".into() } else { format!("mentions[{i}]") };
            input.check(&place, i, &defaults, limits, concepts)
        };
        let mentions: Vec<Checked> = inputs.into_iter().enumerate().map(check).collect();
        let candidates: usize = mentions.iter().filter_map(|m| Some(m.query.as_ref().ok()?.top_k)).sum();
        if candidates > limits.candidates {
            let detail =
                format!("the top_k of all mentions add up to {candidates}, at most {} are allowed", limits.candidates);
            return Err(Problem::new(Kind::TooManyCandidates, detail).at("mentions"));
        }
        Ok(CheckedRequest { mentions, single })
    }
}

impl MentionInput {
    fn check(
        self,
        place: &str,
        i: usize,
        defaults: &MentionObject,
        limits: &Limits,
        concepts: &ConceptStore,
    ) -> Checked {
        let (object, text_field) = match self {
            Self::Text(text) => (MentionObject { text, ..MentionObject::default() }, place.to_owned()),
            Self::Object(object) => (object, format!("{place}.text")),
        };
        let id = object.id.clone().filter(|id| id.len() <= LONGEST_ID).unwrap_or_else(|| format!("m{}", i + 1));
        let text = object.text.clone();
        let query = object.query(place, &text_field, defaults, limits, concepts);
        Checked { id, text, query }
    }
}

impl MentionObject {
    fn query(
        self,
        place: &str,
        text_field: &str,
        defaults: &Self,
        limits: &Limits,
        concepts: &ConceptStore,
    ) -> Result<Query, Problem> {
        check_text(&self.text, limits).map_err(|problem| problem.at(text_field))?;
        if self.id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            let detail = format!("an id has at most {LONGEST_ID} bytes");
            return Err(Problem::new(Kind::InvalidRequest, detail).at(format!("{place}.id")));
        }
        // Types and groups are one filter: a mention that has either replaces both.
        let own_types = self.semantic_types.is_some() || self.semantic_groups.is_some();
        let merged = Self {
            text: self.text,
            id: None,
            top_k: self.top_k.or(defaults.top_k),
            min_score: self.min_score.or(defaults.min_score),
            semantic_types: if own_types { self.semantic_types } else { defaults.semantic_types.clone() },
            semantic_groups: if own_types { self.semantic_groups } else { defaults.semantic_groups.clone() },
            sources: self.sources.or_else(|| defaults.sources.clone()),
        };
        merged.settings(&format!("{place}."), limits, concepts)?;
        Ok(Query {
            text: merged.text,
            top_k: merged.top_k.unwrap_or(1),
            min_score: merged.min_score,
            filter: FilterRequest {
                semantic_types: merged.semantic_types.unwrap_or_default(),
                semantic_groups: merged.semantic_groups.unwrap_or_default(),
                sources: merged.sources.unwrap_or_default(),
            },
        })
    }

    /// Checks everything but the text; `place` is put before the name of a field at fault.
    fn settings(&self, place: &str, limits: &Limits, concepts: &ConceptStore) -> Result<(), Problem> {
        let wrong =
            |field: &str, detail: String| Err(Problem::new(Kind::InvalidRequest, detail).at(format!("{place}{field}")));
        if self.top_k.is_some_and(|k| !(1..=limits.top_k).contains(&k)) {
            return wrong("top_k", format!("top_k is between 1 and {}", limits.top_k));
        }
        if self.min_score.is_some_and(|s| !(-1.0..=1.0).contains(&s)) {
            return wrong("min_score", "min_score is between -1 and 1".into());
        }
        check_types(&format!("{place}semantic_types"), &self.semantic_types)?;
        check_groups(&format!("{place}semantic_groups"), &self.semantic_groups)?;
        check_sources(&format!("{place}sources"), &self.sources, concepts)
    }
}

/// Checks the TUIs of a filter.
pub(super) fn check_types(field: &str, list: &Option<Vec<String>>) -> Result<(), Problem> {
    let unknown = Problem::new(Kind::UnknownSemanticType, "write TUIs such as T047");
    check_list(field, list, |t| semantic_type::position(t).is_some(), unknown)
}

/// Checks the groups of a filter.
pub(super) fn check_groups(field: &str, list: &Option<Vec<String>>) -> Result<(), Problem> {
    let unknown = Problem::new(Kind::UnknownSemanticGroup, "write groups such as DISO");
    check_list(field, list, semantic_type::is_group, unknown)
}

/// Checks the sources of a filter, which must be some that the index shows.
pub(super) fn check_sources(field: &str, list: &Option<Vec<String>>, concepts: &ConceptStore) -> Result<(), Problem> {
    let unknown = Problem::new(Kind::UnknownSource, "GET /sources lists the sources");
    check_list(field, list, |s| concepts.source(s).is_some(), unknown)
}

/// Checks the entries of a filter; `unknown` is what is wrong with one that is not `known`.
pub(super) fn check_list(
    field: &str,
    list: &Option<Vec<String>>,
    known: impl Fn(&str) -> bool,
    unknown: Problem,
) -> Result<(), Problem> {
    let list = list.as_deref().unwrap_or_default();
    if list.len() > LONGEST_FILTER {
        let detail = format!("a filter has at most {LONGEST_FILTER} entries");
        return Err(Problem::new(Kind::InvalidRequest, detail).at(field));
    }
    match list.iter().position(|entry| !known(entry)) {
        Some(i) => Err(unknown.at(format!("{field}[{i}]"))),
        None => Ok(()),
    }
}

/// Checks a text that is to be found among names.
pub(super) fn check_text(mention: &str, limits: &Limits) -> Result<(), Problem> {
    if mention.len() > limits.mention_bytes {
        let detail = format!("a mention has at most {} bytes of UTF-8", limits.mention_bytes);
        return Err(Problem::new(Kind::MentionTooLong, detail));
    }
    if mention.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return Err(Problem::new(Kind::ControlCharacters, "only tabs and line ends are allowed"));
    }
    if text::is_blank(mention) {
        return Err(Problem::new(Kind::BlankMention, "write at least one letter or digit"));
    }
    Ok(())
}

/// A JSON body, strictly read.
pub(super) struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let media_type = content_type.split(';').next().unwrap_or("").trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(Kind::UnsupportedMediaType, "send content-type: application/json"));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let kind = Kind::of_status(rejection.status());
            Problem::new(kind, "send a smaller body, and all of it")
        })?;
        parse(&body).map(Self)
    }
}

/// Reads `body`, which must be an object.
///
/// # Errors
/// `invalid-json` with line and column, or `invalid-request` with the field and what it should be.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, by position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Problem::new(Kind::InvalidRequest, "expected an object"),
            Err(e) => describe(&e, None),
        });
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let field = e.path().to_string();
        describe(&e.into_inner(), Some(field))
    })?;
    json.end().map_err(|e| describe(&e, None))?;
    Ok(value)
}

fn describe(e: &serde_json::Error, field: Option<String>) -> Problem {
    if !e.is_data() {
        return Problem::new(Kind::InvalidJson, format!("see line {}, column {}", e.line(), e.column()));
    }
    // The message is `invalid type: <what was found>, expected <what is wanted> at line ..`: only its second half is ours.
    let message = e.to_string();
    let wanted = message.rsplit_once(", expected ").map_or("", |(_, wanted)| wanted);
    let wanted = match wanted.rsplit_once(" at line ").map_or(wanted, |(wanted, _)| wanted) {
        "usize" => "a whole number, 0 or above",
        "f32" => "a number",
        "a sequence" => "an array",
        other => other,
    };
    let detail = match message.strip_prefix("missing field ") {
        Some(_) => "a field is missing".into(),
        None if message.starts_with("unknown field") => format!("unknown field; known are {wanted}"),
        None if wanted.is_empty() => "the value is not acceptable".into(),
        None => format!("expected {wanted}"),
    };
    let known = |field: String| field.split(['.', '[']).all(|part| part.is_empty() || is_known(part));
    let field = field.filter(|f| f != "." && known(f.clone()));
    Problem { field, ..Problem::new(Kind::InvalidRequest, detail) }
}

/// Whether a part of a path is one of our own fields or a number: names that the client made up are not repeated.
fn is_known(part: &str) -> bool {
    let ours =
        ["mention", "mentions", "text", "id", "top_k", "min_score", "semantic_types", "semantic_groups", "sources"];
    ours.contains(&part) || part.trim_end_matches(']').bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(body: &str) -> Problem {
        parse::<LinkRequest>(body.as_bytes()).err().unwrap()
    }

    #[test]
    fn names_the_field_and_what_it_should_be() {
        for (body, code, field, detail) in [
            (r#"{"mention": 5}"#, "invalid-request", Some("mention"), "expected a string, or an object with `text`"),
            (r#"{"mentions": ["a", {"text": []}]}"#, "invalid-request", Some("mentions[1]"), "expected a string"),
            (r#"{"top_k": -1}"#, "invalid-request", Some("top_k"), "expected a whole number"),
            (r#"{"mentions": {}}"#, "invalid-request", Some("mentions"), "expected an array"),
            (r#"[]"#, "invalid-request", None, "expected"),
            (r#"{"mention": "a""#, "invalid-json", None, "line 1"),
            (r#"{"mention": "\ud800"}"#, "invalid-json", None, "line 1"),
            (r#"{"mention": "a"} x"#, "invalid-json", None, "line 1"),
        ] {
            let problem = problem(body);
            assert!(problem.kind.ends_with(code), "{body}: {problem:?}");
            assert!(
                field.is_none_or(|f| problem.field.as_deref().is_some_and(|p| p.starts_with(f))),
                "{body}: {problem:?}"
            );
            assert!(problem.detail.contains(detail), "{body}: {problem:?}");
        }
    }

    #[test]
    fn repeats_nothing_of_the_request() {
        for body in [
            r#"{"CANARY": 1}"#,
            r#"{"mention": {"CANARY": 1}}"#,
            r#"{"top_k": "CANARY, expected CANARY"}"#,
            r#"{"mentions": "CANARY"}"#,
            r#"{"mentions": [{"text": "a", "id": ["CANARY"]}]}"#,
            r#"{"mention": {"text": {"CANARY": "CANARY at line CANARY"}}}"#,
            r#"CANARY"#,
        ] {
            let problem = problem(body);
            assert!(!format!("{problem:?}").contains("CANARY"), "{problem:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_a_problem(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<LinkRequest>(&body);
        }

        #[test]
        fn any_value_is_a_request_or_a_problem_that_repeats_nothing(
            field in "mention|mentions|top_k|min_score|semantic_types|sources|other",
            value in r#"(null|true|-?[0-9]{1,30}(\.[0-9]{1,3})?|"CANARY[^"\\]{0,9}"|\["CANARY"\]|\{"CANARY":\["CANARY"\]\}|\[\[\]\])"#,
        ) {
            if let Err(problem) = parse::<LinkRequest>(format!(r#"{{"{field}": {value}}}"#).as_bytes()) {
                let shown = format!("{problem:?}");
                prop_assert!(!shown.contains("CANARY"));
            }
        }
    }
}
