//! Decodes JSON with typed errors.
//!
//! serde_json reports a value of the wrong type as text that may quote the value. Visitors
//! therefore record their position and the expected type in a [`Cursor`]. When serde_json reports a
//! data error, the cursor has the position of the fault.

use std::cell::{Cell, RefCell};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{de::SliceRead, value::RawValue};

use crate::http::problem::{Problem, ProblemKind};

/// What is wrong with the data of a document that is valid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataFault {
    /// The value has another type.
    Expected(&'static str),
    /// A required field is absent.
    MissingField,
    /// A field is there twice.
    DuplicateField,
    /// A field is none of these.
    UnknownField(&'static [&'static str]),
}

/// Why a document could not be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    /// It is not JSON; the position counts from 1.
    Syntax { line: usize, column: usize },
    /// A value is wrong. `field` is its path, such as `mentions[3].top_k`; absent for the document.
    Data { field: Option<String>, fault: DataFault },
}

/// Where the decoder is, and the fault that a data error means there.
pub(super) struct Cursor {
    path: RefCell<Vec<Segment>>,
    fault: Cell<DataFault>,
}

#[derive(Clone, Copy)]
enum Segment {
    Field(&'static str),
    Entry(usize),
}

/// Decodes a complete document with `read`.
///
/// # Errors
/// The first error in the order of the document.
pub(super) fn decode<'de, T>(
    document: &'de [u8],
    read: impl FnOnce(&mut serde_json::Deserializer<SliceRead<'de>>, &Cursor) -> serde_json::Result<T>,
) -> Result<T, JsonError> {
    let cursor = Cursor { path: RefCell::default(), fault: Cell::new(DataFault::Expected("an object")) };
    let mut json = serde_json::Deserializer::from_slice(document);
    let value = read(&mut json, &cursor).map_err(|e| cursor.error(&e))?;
    json.end().map_err(|e| cursor.error(&e))?;
    Ok(value)
}

/// The byte order mark of UTF-8, which a document may begin with (RFC 8259, section 8.1).
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A document without a byte order mark at its beginning.
pub(super) fn without_mark(document: &[u8]) -> &[u8] {
    document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document)
}

/// Checks that a document begins as an object does.
///
/// # Errors
/// A syntax error, or that an object is expected.
pub(super) fn check_is_object(document: &[u8]) -> Result<(), JsonError> {
    if document.trim_ascii_start().first() == Some(&b'{') {
        return Ok(());
    }
    decode(document, |json, _| IgnoredAny::deserialize(json))?;
    Err(JsonError::Data { field: None, fault: DataFault::Expected("an object") })
}

impl JsonError {
    /// The same error in a text that begins with `before`.
    pub(super) fn after(self, before: &[u8]) -> Self {
        let Self::Syntax { line, column } = self else { return self };
        let lines = before.iter().filter(|&&byte| byte == b'\n').count();
        let indent = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default().len();
        Self::Syntax { line: line + lines, column: if line == 1 { column + indent } else { column } }
    }

    /// The same error, when the text is line `number` of a stream.
    pub(super) fn in_line(self, number: usize) -> Self {
        match self {
            Self::Syntax { column, .. } => Self::Syntax { line: number, column },
            data => data,
        }
    }
}

impl Cursor {
    /// Notes that a data error from now on means a value that is not `expected`.
    pub(super) fn expect(&self, expected: &'static str) {
        self.fault.set(DataFault::Expected(expected));
    }

    /// Fails with `fault` at the current position.
    pub(super) fn fail<T, E: Error>(&self, fault: DataFault) -> Result<T, E> {
        self.fault.set(fault);
        // The text is not read: see `Cursor::error`.
        Err(E::custom(""))
    }

    /// Fails because the current object lacks the field `name`.
    pub(super) fn fail_missing<T, E: Error>(&self, name: &'static str) -> Result<T, E> {
        self.path.borrow_mut().push(Segment::Field(name));
        self.fail(DataFault::MissingField)
    }

    /// Reads the fields of an object, whose names must be among `known`, with `read_value`.
    pub(super) fn read_object<'de, A: MapAccess<'de>>(
        &self,
        mut map: A,
        known: &'static [&'static str],
        mut read_value: impl FnMut(&'static str, &mut A) -> Result<(), A::Error>,
    ) -> Result<(), A::Error> {
        let mut seen = vec![false; known.len()];
        while let Some(position) = map.next_key_seed(FieldName(known))? {
            let Some(position) = position else {
                // The path ends at the object: an error never repeats the name, which the client
                // sent.
                return self.fail(DataFault::UnknownField(known));
            };
            self.path.borrow_mut().push(Segment::Field(known[position]));
            if std::mem::replace(&mut seen[position], true) {
                return self.fail(DataFault::DuplicateField);
            }
            read_value(known[position], &mut map)?;
            self.path.borrow_mut().pop();
        }
        Ok(())
    }

    /// Reads the value of the current field.
    pub(super) fn read<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        expected: &'static str,
    ) -> Result<T, A::Error> {
        self.expect(expected);
        map.next_value()
    }

    fn error(&self, e: &serde_json::Error) -> JsonError {
        if !e.is_data() {
            return JsonError::Syntax { line: e.line(), column: e.column() };
        }
        let mut path = String::new();
        for segment in self.path.borrow().iter() {
            match segment {
                Segment::Entry(position) => path.push_str(&format!("[{position}]")),
                Segment::Field(name) if path.is_empty() => path.push_str(name),
                Segment::Field(name) => path.push_str(&format!(".{name}")),
            }
        }
        JsonError::Data { field: Some(path).filter(|path| !path.is_empty()), fault: self.fault.get() }
    }
}

/// Reads a name of a field as its position among known names; none if it is not one of them.
struct FieldName(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

/// Reads what the seed reads, or null.
#[derive(Clone, Copy)]
pub(super) struct Nullable<S>(pub(super) S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Reads an array; the seed reads each element.
#[derive(Clone, Copy)]
pub(super) struct Array<'c, S>(pub(super) &'c Cursor, pub(super) S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Array<'_, S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.expect("an array");
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Array<'_, S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let (path, mut elements) = (&self.0.path, vec![]);
        loop {
            path.borrow_mut().push(Segment::Entry(elements.len()));
            let element = array.next_element_seed(self.1)?;
            path.borrow_mut().pop();
            match element {
                Some(element) => elements.push(element),
                None => return Ok(elements),
            }
        }
    }
}

/// Reads any value as its JSON text, which is checked later.
#[derive(Clone, Copy)]
pub(super) struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de RawValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'de RawValue, D::Error> {
        <&RawValue>::deserialize(deserializer)
    }
}

/// Reads a string.
#[derive(Clone, Copy)]
pub(super) struct Text<'c>(pub(super) &'c Cursor);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.0.expect("a string");
        String::deserialize(deserializer)
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let (field, fault) = match error {
            JsonError::Syntax { line, column } => {
                return Self::new(ProblemKind::InvalidJson, format!("the error is in line {line}, column {column}"));
            }
            JsonError::Data { field, fault } => (field, fault),
        };
        let detail = match fault {
            DataFault::Expected(expected) => format!("expected {expected}"),
            DataFault::MissingField => "the field is missing".into(),
            DataFault::DuplicateField => "the field is there twice".into(),
            DataFault::UnknownField(known) => format!("unknown field; known are `{}`", known.join("`, `")),
        };
        Self { field, ..Self::new(ProblemKind::InvalidRequest, detail) }
    }
}
