//! The answer to `POST /embed`.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::request::VectorEncoding;

/// Answer to `POST /embed`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"vectors": [[0.0512, -0.0313, 0.0078]], "dimensions": 3, "model": "saplink-mini@167c812a"}))]
pub(crate) struct EmbedResponse {
    /// A vector of length 1 for each text, in their order.
    pub(crate) vectors: Vec<VectorView>,
    /// Numbers of a vector.
    pub(crate) dimensions: usize,
    /// Positions, from 0, of the texts of which the model read only the beginning, because they
    /// have too many tokens; absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) truncated: Vec<usize>,
    /// Name and fingerprint of the model.
    pub(crate) model: String,
}

/// A vector.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum VectorView {
    /// Its numbers.
    Float(Vec<f32>),
    /// Base64 of its numbers as float32, little-endian.
    Base64(String),
}

impl VectorView {
    /// `vector` in the encoding that the client asked for.
    pub(crate) fn new(vector: &[f32], encoding: VectorEncoding) -> Self {
        match encoding {
            VectorEncoding::Float => Self::Float(vector.to_vec()),
            VectorEncoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Self::Base64(BASE64_STANDARD.encode(bytes))
            }
        }
    }
}
