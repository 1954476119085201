//! Runs a model graph in one ONNX Runtime session: a batch of token ids in, one vector per text
//! out.
//!
//! Invariant: the output has exactly one vector of the manifest's dimensions for each text, or the
//! batch is an error. Vectors are not normalized here; see [`normalize`].

use std::path::Path;

use ort::{session::Session, value::TensorRef};

use crate::bert::Pooling;
use crate::encoder::{
    device::Device,
    error::EncoderError,
    manifest::{GRAPH_FILE, GraphOutput, ModelManifest},
    runtime::Runtime,
};

/// A loaded graph with its own threads.
pub struct EncoderSession {
    session: Session,
    /// Whether the graph has the input `token_type_ids`.
    has_token_types: bool,
    output: GraphOutput,
    pooling: Pooling,
    dimensions: usize,
}

/// Output of a graph that does not pool.
const TOKENS_OUTPUT: &str = "last_hidden_state";
/// Output of a graph that pools.
const POOLED_OUTPUT: &str = "embedding";

fn ort_error(e: impl std::fmt::Display) -> EncoderError {
    EncoderError::Inference(e.to_string())
}

impl EncoderSession {
    /// Loads the graph of the model in `dir`. Returns the session and its device, which is never
    /// [`Device::Auto`]. `threads` is the number of threads of the session.
    ///
    /// # Errors
    /// [`EncoderError::Graph`] if ONNX Runtime refuses the file or the graph is not an encoder;
    /// [`EncoderError::Device`] if CUDA was requested and does not work.
    pub fn load(
        runtime: &Runtime,
        dir: &Path,
        manifest: &ModelManifest,
        device: Device,
        threads: usize,
    ) -> Result<(Self, Device), EncoderError> {
        let path = dir.join(GRAPH_FILE);
        let resolved = runtime.device(device)?;
        let (session, resolved) = match open_session(runtime, &path, resolved, threads) {
            Err(reason) if device == Device::Auto && resolved == Device::Cuda => {
                tracing::info!(%reason, "CUDA cannot be used; falling back to the CPU");
                (open_session(runtime, &path, Device::Cpu, threads)?, Device::Cpu)
            }
            session => (session?, resolved),
        };
        let output = match manifest.output {
            GraphOutput::Pooled => POOLED_OUTPUT,
            GraphOutput::Tokens => TOKENS_OUTPUT,
        };
        let inputs: Vec<&str> = session.inputs().iter().map(|i| i.name()).collect();
        let [ids, mask, types] = ["input_ids", "attention_mask", "token_type_ids"];
        let is_known = |input: &&str| [ids, mask, types].contains(input);
        if !inputs.contains(&ids) || !inputs.contains(&mask) || !inputs.iter().all(is_known) {
            let reason = format!("its inputs are {inputs:?}, not input_ids, attention_mask and token_type_ids");
            return Err(EncoderError::Graph { path, reason });
        }
        if !session.outputs().iter().any(|o| o.name() == output) {
            return Err(EncoderError::Graph { path, reason: format!("it has no output `{output}`") });
        }
        let has_token_types = inputs.contains(&types);
        let (output, pooling, dimensions) = (manifest.output, manifest.pooling, manifest.dimensions);
        Ok((Self { session, has_token_types, output, pooling, dimensions }, resolved))
    }

    /// Computes the vectors of `texts`, each a list of token ids: row-major `[texts, dimensions]`,
    /// not normalized. The texts are padded to the longest.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] if ONNX Runtime fails or the output has another shape.
    pub fn run(&mut self, texts: &[&[i64]]) -> Result<Vec<f32>, EncoderError> {
        let (batch, tokens) = (texts.len(), texts.iter().map(|t| t.len()).max().unwrap_or(0));
        let mut ids = vec![0i64; batch * tokens];
        let mut mask = vec![0i64; batch * tokens];
        for (i, text) in texts.iter().enumerate() {
            ids[i * tokens..][..text.len()].copy_from_slice(text);
            mask[i * tokens..][..text.len()].fill(1);
        }
        let types = if self.has_token_types { vec![0i64; batch * tokens] } else { vec![] };
        let tensor = |values| TensorRef::from_array_view(([batch, tokens], values)).map_err(ort_error);
        let mut inputs = ort::inputs!["input_ids" => tensor(&*ids)?, "attention_mask" => tensor(&*mask)?];
        if self.has_token_types {
            inputs.push(("token_type_ids".into(), tensor(&*types)?.into()));
        }
        // The message of the library may quote token ids, which reveal the text. The error
        // therefore contains only the code.
        let failed = |e: ort::Error| EncoderError::Inference(format!("ONNX Runtime reports {:?}", e.code()));
        let outputs = self.session.run(inputs).map_err(failed)?;
        let (expected, name): (&[usize], _) = match self.output {
            GraphOutput::Pooled => (&[batch, self.dimensions], POOLED_OUTPUT),
            GraphOutput::Tokens => (&[batch, tokens, self.dimensions], TOKENS_OUTPUT),
        };
        let (shape, values) = outputs[name].try_extract_tensor::<f32>().map_err(ort_error)?;
        if !shape.iter().map(|&d| d as usize).eq(expected.iter().copied()) {
            return Err(EncoderError::Inference(format!("output `{name}` has shape {shape:?}, expected {expected:?}")));
        }
        Ok(match self.output {
            GraphOutput::Pooled => values.to_vec(),
            GraphOutput::Tokens => {
                let rows = values.chunks_exact(tokens * self.dimensions).zip(texts);
                rows.flat_map(|(rows, text)| pool(rows, text.len(), self.dimensions, self.pooling)).collect()
            }
        })
    }

    /// The dimensions that the graph at `path` declares for its output `last_hidden_state`, if any.
    ///
    /// # Errors
    /// [`EncoderError::Graph`] if ONNX Runtime refuses the file.
    pub fn declared_dimensions(runtime: &Runtime, path: &Path) -> Result<Option<usize>, EncoderError> {
        let session = open_session(runtime, path, Device::Cpu, 1)?;
        let output = session.outputs().iter().find(|o| o.name() == TOKENS_OUTPUT);
        let shape = output.and_then(|o| o.dtype().tensor_shape());
        Ok(shape.and_then(|s| s.last().copied()).and_then(|d| usize::try_from(d).ok()).filter(|&d| d > 0))
    }
}

fn open_session(runtime: &Runtime, path: &Path, device: Device, threads: usize) -> Result<Session, EncoderError> {
    let mut builder = runtime.builder(device == Device::Cuda, threads)?;
    builder.commit_from_file(path).map_err(|e| EncoderError::Graph { path: path.into(), reason: e.to_string() })
}

/// Pools the token vectors `[tokens, dimensions]` of one text, of which the first `length` are not
/// padding.
fn pool(rows: &[f32], length: usize, dimensions: usize, pooling: Pooling) -> Vec<f32> {
    match pooling {
        Pooling::Cls => rows[..dimensions].to_vec(),
        Pooling::Mean => {
            let mut sum = vec![0f32; dimensions];
            for row in rows.chunks_exact(dimensions).take(length) {
                sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            sum.iter_mut().for_each(|s| *s /= length as f32);
            sum
        }
    }
}

/// Scales a vector to length 1.
///
/// # Errors
/// [`EncoderError::Inference`] if its length is 0 or not finite.
pub(super) fn normalize(vector: &mut [f32]) -> Result<(), EncoderError> {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(EncoderError::Inference("the model returned a vector that is zero or not finite".into()));
    }
    vector.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    Ok(())
}
