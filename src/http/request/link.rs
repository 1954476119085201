//! The body of `POST /link`.
//!
//! The types with `ToSchema` are both the decoded form of the JSON and its description in OpenAPI.
//! They derive `Serialize` only because the description reads serde attributes.

use serde::{
    Serialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    http::{
        problem::{Problem, ProblemKind},
        request::{
            json::{Array, Cursor, Nullable, Raw, check_is_object, decode, without_mark},
            mention::{ListedMention, MentionInput, MentionPath, MentionSeed, NumberedMention, OptionFields, options},
        },
    },
    linker::{LinkLimits, MentionOptions},
};

/// Mentions to link: `mention` for one, `mentions` for many.
#[derive(Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LinkRequest {
    /// One mention.
    mention: Option<MentionInput>,
    /// Several mentions. Each has its own result, with an answer or an error: a mention that has a
    /// wrong field or type does not stop the others, and its result has its `id`.
    #[schema(value_type = Option<Vec<MentionInput>>)]
    mentions: Option<Vec<ListedMention>>,
    /// Candidates wanted for each mention.
    #[schema(minimum = 1, default = 5)]
    top_k: Option<usize>,
    /// Leave out candidates below this score.
    #[schema(minimum = -1.0, maximum = 1.0)]
    min_score: Option<f32>,
    /// Only concepts of these semantic types (TUIs).
    #[schema(example = json!(["T047"]))]
    semantic_types: Option<Vec<String>>,
    /// Only concepts of these semantic groups. If `semantic_types` is given too, a concept passes
    /// if it has one of the types or is of one of the groups.
    #[schema(example = json!(["DISO"]))]
    semantic_groups: Option<Vec<String>>,
    /// Only names from these source vocabularies.
    #[schema(example = json!(["SAPLINK"]))]
    sources: Option<Vec<String>>,
    /// Whether words that qualify the term ("h/o", "no", "500 mg") may be left out of a mention.
    #[schema(default = true)]
    readings: Option<bool>,
    /// Whether misspelled words may be repaired.
    #[schema(default = true)]
    spelling: Option<bool>,
    /// Whether candidates say how their probability came about.
    #[schema(default = false)]
    explain: Option<bool>,
}

const REQUEST_FIELDS: [&str; 10] = [
    "mention",
    "mentions",
    "top_k",
    "min_score",
    "semantic_types",
    "semantic_groups",
    "sources",
    "readings",
    "spelling",
    "explain",
];

impl LinkRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid-json` with line and column, or `invalid-request` with the field and what it should
    /// be.
    pub(in crate::http) fn decode(body: &[u8]) -> Result<Self, Problem> {
        let body = without_mark(body);
        check_is_object(body)?;
        Ok(decode(body, |json, cursor| json.deserialize_map(RequestVisitor { cursor, body }))?)
    }

    /// The options for all mentions, and the mentions. They are not validated yet.
    pub(in crate::http) fn into_parts(self) -> (MentionOptions, RequestMentions) {
        (options!(self), RequestMentions { mention: self.mention, mentions: self.mentions })
    }
}

/// The mentions of a request as they were sent.
pub(in crate::http) struct RequestMentions {
    mention: Option<MentionInput>,
    mentions: Option<Vec<ListedMention>>,
}

impl RequestMentions {
    /// Whether the request has one mention in the field `mention`: its error is that of the
    /// request.
    pub(in crate::http) fn is_single(&self) -> bool {
        self.mention.is_some()
    }

    /// The mentions in their order.
    ///
    /// # Errors
    /// The request has both `mention` and `mentions`, or no mention, or too many.
    pub(in crate::http) fn numbered(self, limits: &LinkLimits) -> Result<Vec<NumberedMention>, Problem> {
        let invalid = |detail: &str, field: &str| Problem::new(ProblemKind::InvalidRequest, detail).at(field);
        let mentions = match (self.mention, self.mentions) {
            (Some(mention), None) => return Ok(vec![mention.numbered(1, MentionPath::Single { is_object: false })]),
            (None, Some(mentions)) => mentions,
            _ => return Err(invalid("give either `mention` or `mentions`", "mention")),
        };
        if mentions.is_empty() {
            return Err(invalid("give at least one mention", "mentions"));
        }
        if mentions.len() > limits.mentions {
            let detail = format!("send at most {} mentions at once", limits.mentions);
            return Err(Problem::new(ProblemKind::TooManyMentions, detail).at("mentions"));
        }
        let numbered = |(position, mention): (usize, ListedMention)| {
            mention.numbered(position + 1, MentionPath::Listed { position, is_object: false })
        };
        Ok(mentions.into_iter().enumerate().map(numbered).collect())
    }
}

struct RequestVisitor<'c> {
    cursor: &'c Cursor,
    body: &'c [u8],
}

impl<'de> Visitor<'de> for RequestVisitor<'_> {
    type Value = LinkRequest;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LinkRequest, A::Error> {
        let (mut request, cursor) = (LinkRequest::default(), self.cursor);
        cursor.read_object(map, &REQUEST_FIELDS, |name, map| match name {
            "mention" => {
                request.mention = map.next_value_seed(Nullable(MentionSeed(cursor)))?;
                Ok(())
            }
            "mentions" => {
                let entries = map.next_value_seed(Nullable(Array(cursor, Raw)))?;
                let decode = |entry: &RawValue| {
                    let json = entry.get().as_bytes();
                    let position = (json.as_ptr() as usize).saturating_sub(self.body.as_ptr() as usize);
                    ListedMention::decode(json, |error| error.after(&self.body[..position.min(self.body.len())]))
                };
                request.mentions = entries.map(|entries| entries.into_iter().map(decode).collect());
                Ok(())
            }
            option => options!(request, mut).read(option, map, cursor),
        })?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(body: &str) -> Problem {
        LinkRequest::decode(body.as_bytes()).err().unwrap()
    }

    #[test]
    fn an_error_names_the_field_and_the_expected_value() {
        for (body, code, field, detail) in [
            (r#"{"mention": 5}"#, "invalid-request", Some("mention"), "expected a string, or an object with `text`"),
            (r#"{"top_k": -1}"#, "invalid-request", Some("top_k"), "expected a whole number"),
            (r#"{"readings": 1}"#, "invalid-request", Some("readings"), "expected true or false"),
            (r#"{"explain": "CANARY"}"#, "invalid-request", Some("explain"), "expected true or false"),
            (r#"{"mention": {"spelling": []}}"#, "invalid-request", Some("mention.spelling"), "expected true or false"),
            (r#"{"spelling": true, "spelling": true}"#, "invalid-request", Some("spelling"), "there twice"),
            (r#"{"mentions": {}}"#, "invalid-request", Some("mentions"), "expected an array"),
            (r#"[]"#, "invalid-request", None, "expected"),
            (r#"{"mention": "a""#, "invalid-json", None, "line 1"),
            (r#"{"mention": "\ud800"}"#, "invalid-json", None, "line 1"),
            (r#"{"mention": "a"} x"#, "invalid-json", None, "line 1"),
        ] {
            let problem = problem(body);
            assert!(problem.type_uri.ends_with(code), "{body}: {problem:?}");
            assert!(
                field.is_none_or(|f| problem.field.as_deref().is_some_and(|p| p.starts_with(f))),
                "{body}: {problem:?}"
            );
            assert!(problem.detail.contains(detail), "{body}: {problem:?}");
        }
    }

    #[test]
    fn an_error_repeats_nothing_of_the_request() {
        for body in [
            r#"{"CANARY": 1}"#,
            r#"{"mention": {"CANARY": 1}}"#,
            r#"{"top_k": "CANARY, expected CANARY"}"#,
            r#"{"mentions": "CANARY"}"#,
            r#"{"mention": {"text": "a", "id": ["CANARY"]}}"#,
            r#"{"mention": {"text": {"CANARY": "CANARY at line CANARY"}}}"#,
            r#"CANARY"#,
        ] {
            let problem = problem(body);
            assert!(!format!("{problem:?}").contains("CANARY"), "{problem:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_request_or_a_problem(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = LinkRequest::decode(&body);
        }

        #[test]
        fn any_value_gives_a_request_or_a_problem_that_repeats_nothing(
            field in "mention|mentions|top_k|min_score|semantic_types|sources|readings|spelling|explain|other",
            value in r#"(null|true|-?[0-9]{1,30}(\.[0-9]{1,3})?|"CANARY[^"\\]{0,9}"|\["CANARY"\]|\{"CANARY":\["CANARY"\]\}|\[\[\]\])"#,
        ) {
            if let Err(problem) = LinkRequest::decode(format!(r#"{{"{field}": {value}}}"#).as_bytes()) {
                let shown = format!("{problem:?}");
                prop_assert!(!shown.contains("CANARY"));
            }
        }
    }
}
