//! The body of `POST /link`, and the lines of its streams.
//!
//! The types with `ToSchema` are both the decoded form of the JSON and its description in OpenAPI.
//! They derive `Serialize` only because the description reads serde attributes.

use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor},
};
use utoipa::ToSchema;

use crate::{
    http::{
        problem::{Problem, ProblemKind},
        request::json::{Array, Cursor, DataFault, Nullable, Text, check_is_object, decode},
    },
    linker::{Field, FieldError, LinkLimits, Mention, MentionOptions},
};

/// Bytes of a line beside the text of the mention: id, options and white space.
const LINE_OVERHEAD_BYTES: usize = 16 << 10;
/// Bytes that the longest escape of JSON, such as `\u00e9`, takes for one byte of text.
const MAX_ESCAPE_BYTES: usize = 6;

/// Mentions to link: `mention` for one, `mentions` for many.
#[derive(Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LinkRequest {
    /// One mention.
    mention: Option<MentionInput>,
    /// Several mentions. Each has its own result, with an answer or an error.
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

/// A mention: its text, or its text with an id and with settings that replace those of the request.
#[derive(Serialize, ToSchema)]
#[schema(examples("heart attack", json!({"id": "m2", "text": "cold", "semantic_types": ["T047"]})))]
#[serde(untagged)]
enum MentionInput {
    Text(String),
    Object(MentionObject),
}

/// A mention with settings of its own.
#[derive(Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MentionObject {
    /// The text of the mention as written in the document.
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
    readings: Option<bool>,
    spelling: Option<bool>,
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
const MENTION_FIELDS: [&str; 10] = [
    "text",
    "id",
    "top_k",
    "min_score",
    "semantic_types",
    "semantic_groups",
    "sources",
    "readings",
    "spelling",
    "explain",
];

/// The options that a request and a mention have in common: taken out with `options!(input)`,
/// borrowed to be read with `options!(input, mut)`.
macro_rules! options {
    ($input:expr) => {
        options!(@ MentionOptions, $input,)
    };
    ($input:expr, mut) => {
        options!(@ OptionFields, $input, &mut)
    };
    (@ $type:ident, $input:expr, $($borrow:tt)*) => {
        $type {
            top_k: $($borrow)* $input.top_k,
            min_score: $($borrow)* $input.min_score,
            semantic_types: $($borrow)* $input.semantic_types,
            semantic_groups: $($borrow)* $input.semantic_groups,
            sources: $($borrow)* $input.sources,
            readings: $($borrow)* $input.readings,
            spelling: $($borrow)* $input.spelling,
            explain: $($borrow)* $input.explain,
        }
    };
}

impl LinkRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid-json` with line and column, or `invalid-request` with the field and what it should
    /// be.
    pub(in crate::http) fn decode(body: &[u8]) -> Result<Self, Problem> {
        check_is_object(body)?;
        Ok(decode(body, |json, cursor| json.deserialize_map(RequestVisitor(cursor)))?)
    }

    /// The options for all mentions, and the mentions. They are not validated yet.
    pub(in crate::http) fn into_parts(self) -> (MentionOptions, RequestMentions) {
        (options!(self), RequestMentions { mention: self.mention, mentions: self.mentions })
    }
}

/// The mentions of a request as they were sent.
pub(in crate::http) struct RequestMentions {
    mention: Option<MentionInput>,
    mentions: Option<Vec<MentionInput>>,
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
        let numbered = |(position, input): (usize, MentionInput)| {
            input.numbered(position + 1, MentionPath::Listed { position, is_object: false })
        };
        Ok(mentions.into_iter().enumerate().map(numbered).collect())
    }
}

/// A mention of a request, a line of a stream or a row of a table.
pub(crate) struct NumberedMention {
    /// Position in the request, stream or table, from 1; gives the default id `m1`, `m2`, ..
    pub(crate) number: usize,
    /// The name of the mention in errors.
    pub(in crate::http) path: MentionPath,
    /// The mention, or the problem of a line that has none.
    pub(in crate::http) mention: Result<Mention, Problem>,
}

/// The name of a mention in errors.
#[derive(Clone, Copy)]
pub(in crate::http) enum MentionPath {
    /// `mention`, and `mention.text` for the text of an object.
    Single { is_object: bool },
    /// `mentions[3]`, and `mentions[3].text` for the text of an object.
    Listed { position: usize, is_object: bool },
}

impl MentionPath {
    /// The path of the field at fault.
    pub(in crate::http) fn of(self, error: &FieldError) -> String {
        let (mention, is_object) = match self {
            Self::Single { is_object } => ("mention".to_owned(), is_object),
            Self::Listed { position, is_object } => (format!("mentions[{position}]"), is_object),
        };
        if error.field == Field::Text && !is_object { mention } else { format!("{mention}.{}", error.path()) }
    }

    fn with_object(self, is_object: bool) -> Self {
        match self {
            Self::Single { .. } => Self::Single { is_object },
            Self::Listed { position, .. } => Self::Listed { position, is_object },
        }
    }
}

impl NumberedMention {
    /// Row `number` of a table.
    pub(crate) fn of_row(number: usize, id: Option<String>, text: String) -> Self {
        let mention = Mention { id, text, options: MentionOptions::default() };
        Self { number, path: MentionPath::Single { is_object: true }, mention: Ok(mention) }
    }

    /// Line or row `number`, which is longer than [`max_line_bytes`].
    pub(crate) fn too_long(number: usize) -> Self {
        let detail = "the line is longer than a mention with its options may be";
        Self::without_mention(number, Problem::new(ProblemKind::MentionTooLong, detail))
    }

    fn without_mention(number: usize, problem: Problem) -> Self {
        Self { number, path: MentionPath::Single { is_object: false }, mention: Err(problem) }
    }
}

/// Bytes that a line with a mention may have.
pub(crate) fn max_line_bytes(limits: &LinkLimits) -> usize {
    MAX_ESCAPE_BYTES * limits.mention_bytes + LINE_OVERHEAD_BYTES
}

/// Reads line `number`, counted from 1, of a stream or file: a mention with its own options. A
/// blank line has no mention and no error.
pub(crate) fn read_line(line: &[u8], number: usize, limits: &LinkLimits) -> Option<NumberedMention> {
    if line.len() > max_line_bytes(limits) {
        return Some(NumberedMention::too_long(number));
    }
    if line.trim_ascii().is_empty() {
        return None;
    }
    let decoded = decode(line, |json, cursor| MentionSeed(cursor).deserialize(json));
    Some(match decoded {
        Ok(input) => input.numbered(number, MentionPath::Single { is_object: false }),
        Err(error) => NumberedMention::without_mention(number, error.into()),
    })
}

impl MentionInput {
    fn numbered(self, number: usize, path: MentionPath) -> NumberedMention {
        let (mention, is_object) = match self {
            Self::Text(text) => (Mention { text, ..Mention::default() }, false),
            Self::Object(object) => (object.into(), true),
        };
        NumberedMention { number, path: path.with_object(is_object), mention: Ok(mention) }
    }
}

impl From<MentionObject> for Mention {
    fn from(object: MentionObject) -> Self {
        Self { options: options!(object), id: object.id, text: object.text }
    }
}

/// Where the options of a request or of a mention are read to.
struct OptionFields<'r> {
    top_k: &'r mut Option<usize>,
    min_score: &'r mut Option<f32>,
    semantic_types: &'r mut Option<Vec<String>>,
    semantic_groups: &'r mut Option<Vec<String>>,
    sources: &'r mut Option<Vec<String>>,
    readings: &'r mut Option<bool>,
    spelling: &'r mut Option<bool>,
    explain: &'r mut Option<bool>,
}

impl OptionFields<'_> {
    /// Reads the value of the option `name`.
    fn read<'de, A: MapAccess<'de>>(self, name: &str, map: &mut A, cursor: &Cursor) -> Result<(), A::Error> {
        let strings = Nullable(Array(cursor, Text(cursor)));
        match name {
            "top_k" => *self.top_k = cursor.read(map, "a whole number, 0 or above")?,
            "min_score" => *self.min_score = cursor.read(map, "a number")?,
            "semantic_types" => *self.semantic_types = map.next_value_seed(strings)?,
            "semantic_groups" => *self.semantic_groups = map.next_value_seed(strings)?,
            "sources" => *self.sources = map.next_value_seed(strings)?,
            "readings" => *self.readings = cursor.read(map, "true or false")?,
            "spelling" => *self.spelling = cursor.read(map, "true or false")?,
            _ => *self.explain = cursor.read(map, "true or false")?,
        }
        Ok(())
    }
}

struct RequestVisitor<'c>(&'c Cursor);

impl<'de> Visitor<'de> for RequestVisitor<'_> {
    type Value = LinkRequest;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LinkRequest, A::Error> {
        let mut request = LinkRequest::default();
        self.0.read_object(map, &REQUEST_FIELDS, |name, map| match name {
            "mention" => {
                request.mention = map.next_value_seed(Nullable(MentionSeed(self.0)))?;
                Ok(())
            }
            "mentions" => {
                request.mentions = map.next_value_seed(Nullable(Array(self.0, MentionSeed(self.0))))?;
                Ok(())
            }
            option => options!(request, mut).read(option, map, self.0),
        })?;
        Ok(request)
    }
}

/// Reads a mention: a string or an object.
#[derive(Clone, Copy)]
struct MentionSeed<'c>(&'c Cursor);

impl<'de> DeserializeSeed<'de> for MentionSeed<'_> {
    type Value = MentionInput;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MentionInput, D::Error> {
        self.0.expect("a string, or an object with `text`");
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MentionSeed<'_> {
    type Value = MentionInput;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string, or an object with `text`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MentionInput, E> {
        Ok(MentionInput::Text(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MentionInput, A::Error> {
        let (cursor, mut mention, mut has_text) = (self.0, MentionObject::default(), false);
        cursor.read_object(map, &MENTION_FIELDS, |name, map| match name {
            "text" => {
                mention.text = cursor.read(map, "a string")?;
                has_text = true;
                Ok(())
            }
            "id" => {
                mention.id = cursor.read(map, "a string")?;
                Ok(())
            }
            option => options!(mention, mut).read(option, map, cursor),
        })?;
        if has_text { Ok(MentionInput::Object(mention)) } else { cursor.fail(DataFault::MissingField) }
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
            (r#"{"mentions": ["a", {"text": []}]}"#, "invalid-request", Some("mentions[1]"), "expected a string"),
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
