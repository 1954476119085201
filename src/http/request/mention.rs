//! A mention of `POST /link`: an entry of `mentions`, or a line of a stream or file.
//!
//! Invariant: a mention that cannot be decoded has a problem and what can be read of its id and
//! text; the mentions after it are read all the same.

use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor},
};
use utoipa::ToSchema;

use crate::{
    http::{
        problem::{Problem, ProblemKind},
        request::json::{Array, Cursor, JsonError, Nullable, Raw, Text, decode, without_mark},
    },
    linker::{Field, FieldError, LinkLimits, Mention, MentionOptions},
};

/// Bytes of a line beside the text of the mention: id, options and white space.
const LINE_OVERHEAD_BYTES: usize = 16 << 10;
/// Bytes that the longest escape of JSON, such as `\u00e9`, takes for one byte of text.
const MAX_ESCAPE_BYTES: usize = 6;

/// A mention: its text, or its text with an id and with settings that replace those of the request.
#[derive(Serialize, ToSchema)]
#[schema(examples("heart attack", json!({"id": "m2", "text": "cold", "semantic_types": ["T047"]})))]
#[serde(untagged)]
pub(super) enum MentionInput {
    Text(String),
    Object(MentionObject),
}

/// An entry of `mentions`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ListedMention {
    Valid(MentionInput),
    Invalid(InvalidMention),
}

/// A mention that could not be decoded.
#[derive(Serialize)]
pub(super) struct InvalidMention {
    /// Its text, if it can be read.
    text: String,
    /// Its id, if it can be read.
    id: Option<String>,
    #[serde(skip)]
    error: JsonError,
}

/// A mention with settings of its own.
#[derive(Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MentionObject {
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

pub(super) use options;

/// A mention of a request, a line of a stream or a row of a table.
pub struct NumberedMention {
    /// Position in the request, stream or table, from 1; gives the default id `m1`, `m2`, ..
    pub number: usize,
    /// The name of the mention in errors.
    pub(in crate::http) path: MentionPath,
    /// The mention. With a problem, it has only what could be read of id and text.
    pub mention: Mention,
    /// The problem of a mention that could not be decoded.
    pub problem: Option<Problem>,
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
        let (Self::Single { is_object } | Self::Listed { is_object, .. }) = self;
        let field = Some(error.path()).filter(|_| error.field != Field::Text || is_object);
        self.with_field(field)
    }

    /// The path of a field of the mention, or of the mention.
    fn with_field(self, field: Option<String>) -> String {
        let mention = match self {
            Self::Single { .. } => "mention".to_owned(),
            Self::Listed { position, .. } => format!("mentions[{position}]"),
        };
        field.map_or(mention.clone(), |field| format!("{mention}.{field}"))
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
        Self { number, path: MentionPath::Single { is_object: true }, mention, problem: None }
    }

    /// An unreadable row of a table.
    pub(crate) fn bad_row(number: usize, detail: String) -> Self {
        let problem = Some(Problem::new(ProblemKind::InvalidRequest, detail));
        Self { number, path: MentionPath::Single { is_object: false }, mention: Mention::default(), problem }
    }

    /// Line or row `number`, which is longer than [`max_line_bytes`].
    pub(crate) fn too_long(number: usize, id: Option<String>) -> Self {
        let detail = "the line is longer than a mention with its options may be";
        let mention = Mention { id, ..Mention::default() };
        let problem = Some(Problem::new(ProblemKind::MentionTooLong, detail));
        Self { number, path: MentionPath::Single { is_object: false }, mention, problem }
    }
}

/// Bytes that a line with a mention may have; a byte order mark before the first line does not
/// count.
pub fn max_line_bytes(limits: &LinkLimits) -> usize {
    MAX_ESCAPE_BYTES * limits.mention_bytes + LINE_OVERHEAD_BYTES
}

/// Reads line `number`, counted from 1, of a stream or file: a mention with its own options. A
/// blank line has no mention and no error.
///
/// Of a line that is too long, only the bytes up to the first that is too many are read.
pub fn read_line(line: &[u8], number: usize, limits: &LinkLimits) -> Option<NumberedMention> {
    let line = if number == 1 { without_mark(line) } else { line };
    let max_bytes = max_line_bytes(limits);
    if line.len() > max_bytes {
        return Some(NumberedMention::too_long(number, readable_fields(&line[..=max_bytes]).0));
    }
    if line.trim_ascii().is_empty() {
        return None;
    }
    let mention = ListedMention::decode(line, |error| error.in_line(number));
    Some(mention.numbered(number, MentionPath::Single { is_object: false }))
}

/// The id and the text of a mention that cannot be decoded, as far as they can be read.
fn readable_fields(json: &[u8]) -> (Option<String>, String) {
    let (mut id, mut text) = (None, None);
    // The error is known already.
    let _ = decode(json, |json, _| json.deserialize_map(ReadableFields { id: &mut id, text: &mut text }));
    (id, text.unwrap_or_default())
}

/// Takes the id and the text of an object that has any other fields.
struct ReadableFields<'f> {
    id: &'f mut Option<String>,
    text: &'f mut Option<String>,
}

impl<'de> Visitor<'de> for ReadableFields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let value = serde_json::from_str(map.next_value_seed(Raw)?.get()).ok();
            match name.as_str() {
                "id" if self.id.is_none() => *self.id = value,
                "text" if self.text.is_none() => *self.text = value,
                _ => {}
            }
        }
        Ok(())
    }
}

impl ListedMention {
    /// Reads a mention; `place` puts a syntax error where it is in the whole text.
    pub(super) fn decode(json: &[u8], place: impl FnOnce(JsonError) -> JsonError) -> Self {
        match decode(json, |json, cursor| MentionSeed(cursor).deserialize(json)) {
            Ok(input) => Self::Valid(input),
            Err(error) => {
                let (id, text) = readable_fields(json);
                Self::Invalid(InvalidMention { text, id, error: place(error) })
            }
        }
    }

    pub(super) fn numbered(self, number: usize, path: MentionPath) -> NumberedMention {
        match self {
            Self::Valid(input) => input.numbered(number, path),
            Self::Invalid(InvalidMention { text, id, error }) => {
                let mut problem = Problem::from(error);
                // A syntax error is in no field.
                if problem.kind == ProblemKind::InvalidRequest {
                    problem.field = Some(path.with_field(problem.field));
                }
                let mention = Mention { id, text, options: MentionOptions::default() };
                NumberedMention { number, path, mention, problem: Some(problem) }
            }
        }
    }
}

impl MentionInput {
    pub(super) fn numbered(self, number: usize, path: MentionPath) -> NumberedMention {
        let (mention, is_object) = match self {
            Self::Text(text) => (Mention { text, ..Mention::default() }, false),
            Self::Object(object) => (object.into(), true),
        };
        NumberedMention { number, path: path.with_object(is_object), mention, problem: None }
    }
}

impl From<MentionObject> for Mention {
    fn from(object: MentionObject) -> Self {
        Self { options: options!(object), id: object.id, text: object.text }
    }
}

/// Where the options of a request or of a mention are read to.
pub(super) struct OptionFields<'r> {
    pub(super) top_k: &'r mut Option<usize>,
    pub(super) min_score: &'r mut Option<f32>,
    pub(super) semantic_types: &'r mut Option<Vec<String>>,
    pub(super) semantic_groups: &'r mut Option<Vec<String>>,
    pub(super) sources: &'r mut Option<Vec<String>>,
    pub(super) readings: &'r mut Option<bool>,
    pub(super) spelling: &'r mut Option<bool>,
    pub(super) explain: &'r mut Option<bool>,
}

impl OptionFields<'_> {
    /// Reads the value of the option `name`.
    pub(super) fn read<'de, A: MapAccess<'de>>(self, name: &str, map: &mut A, cursor: &Cursor) -> Result<(), A::Error> {
        let strings = Nullable(Array(cursor, Text(cursor)));
        match name {
            "top_k" => *self.top_k = cursor.read(map, "a whole number, 1 or above")?,
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

/// Reads a mention: a string or an object.
#[derive(Clone, Copy)]
pub(super) struct MentionSeed<'c>(pub(super) &'c Cursor);

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
        if has_text { Ok(MentionInput::Object(mention)) } else { cursor.fail_missing("text") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::LineSplitter;

    /// Kind of problem and id of the first line of a stream: of the whole line, and of the line as
    /// a stream keeps it.
    fn read_both(line: &str) -> [(Option<ProblemKind>, Option<String>); 2] {
        let limits = LinkLimits::default();
        let mut splitter = LineSplitter::new(&limits);
        splitter.push(line.as_bytes());
        splitter.finish();
        let kept = splitter.take(1).remove(0);
        [line.as_bytes(), &kept].map(|line| {
            let read = read_line(line, 1, &limits).unwrap();
            (read.problem.map(|problem| problem.kind), read.mention.id)
        })
    }

    /// An object of `bytes` bytes with an id.
    fn object(bytes: usize) -> String {
        let object = r#"{"id": "a", "text": "asthma"}"#;
        object.replacen(' ', &" ".repeat(bytes - object.len() + 1), 1)
    }

    #[test]
    fn a_byte_order_mark_does_not_count_for_the_length_of_a_line() {
        let max = max_line_bytes(&LinkLimits::default());
        let id = Some("a".to_owned());
        for mark in ["", "\u{feff}"] {
            assert_eq!(read_both(&format!("{mark}{}", object(max))), [(); 2].map(|()| (None, id.clone())));
            for bytes in [max + 1, max + 2, max + 3, max + 4, 2 * max] {
                let kinds = read_both(&format!("{mark}{}", object(bytes))).map(|(kind, _)| kind);
                assert_eq!(kinds, [Some(ProblemKind::MentionTooLong); 2], "{bytes}");
            }
        }
    }

    #[test]
    fn a_long_line_has_the_same_id_in_a_stream_and_in_a_file() {
        let long = "x".repeat(2 * max_line_bytes(&LinkLimits::default()));
        for (line, id) in [
            (format!(r#"{{"id": "a", "text": "{long}"}}"#), Some("a".to_owned())),
            (format!(r#"{{"text": "{long}", "id": "a"}}"#), None),
        ] {
            assert_eq!(read_both(&line), [(); 2].map(|()| (Some(ProblemKind::MentionTooLong), id.clone())));
        }
    }
}
