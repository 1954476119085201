//! The body of `POST /embed`.

use serde::{
    Serialize,
    de::{Deserializer, MapAccess, Visitor},
};
use utoipa::ToSchema;

use crate::{
    http::{
        problem::{Problem, ProblemKind},
        request::json::{Array, Cursor, DataFault, Text, check_is_object, decode, without_mark},
    },
    linker::{LinkLimits, check_text},
};

/// Texts to embed.
#[derive(Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EmbedRequest {
    /// The texts; the limits of mentions apply to them.
    #[schema(example = json!(["heart attack", "myocardial infarction"]), min_items = 1)]
    pub(in crate::http) texts: Vec<String>,
    /// How vectors are written.
    #[schema(value_type = Option<VectorEncoding>, default = "float")]
    pub(in crate::http) encoding: VectorEncoding,
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum VectorEncoding {
    /// An array of numbers.
    #[default]
    Float,
    /// Base64 (RFC 4648, section 4) of the numbers as float32, little-endian.
    Base64,
}

const FIELDS: [&str; 2] = ["texts", "encoding"];

impl EmbedRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// As [`crate::http::request::LinkRequest::decode`].
    pub(in crate::http) fn decode(body: &[u8]) -> Result<Self, Problem> {
        let body = without_mark(body);
        check_is_object(body)?;
        Ok(decode(body, |json, cursor| json.deserialize_map(EmbedVisitor(cursor)))?)
    }

    /// Checks the number of texts, and each text.
    ///
    /// # Errors
    /// The first field that the limits do not allow.
    pub(in crate::http) fn check(&self, limits: &LinkLimits) -> Result<(), Problem> {
        if self.texts.is_empty() {
            return Err(Problem::new(ProblemKind::InvalidRequest, "give at least one text").at("texts"));
        }
        if self.texts.len() > limits.mentions {
            let detail = format!("send at most {} texts at once", limits.mentions);
            return Err(Problem::new(ProblemKind::TooManyMentions, detail).at("texts"));
        }
        for (position, text) in self.texts.iter().enumerate() {
            check_text(text, limits).map_err(|error| Problem::from(error.fault).at(format!("texts[{position}]")))?;
        }
        Ok(())
    }
}

struct EmbedVisitor<'c>(&'c Cursor);

impl<'de> Visitor<'de> for EmbedVisitor<'_> {
    type Value = EmbedRequest;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EmbedRequest, A::Error> {
        let (mut request, cursor, mut has_texts) = (EmbedRequest::default(), self.0, false);
        cursor.read_object(map, &FIELDS, |name, map| {
            match name {
                "texts" => {
                    request.texts = map.next_value_seed(Array(cursor, Text(cursor)))?;
                    has_texts = true;
                }
                _ => {
                    let expected = "`float` or `base64`";
                    let encoding: Option<String> = cursor.read(map, expected)?;
                    request.encoding = match encoding.as_deref() {
                        None | Some("float") => VectorEncoding::Float,
                        Some("base64") => VectorEncoding::Base64,
                        Some(_) => return cursor.fail(DataFault::Expected(expected)),
                    };
                }
            }
            Ok(())
        })?;
        if has_texts { Ok(request) } else { cursor.fail_missing("texts") }
    }
}
