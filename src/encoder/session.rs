//! One ONNX Runtime session: a padded batch of token ids in, vectors of length 1 out.
//!
//! Invariant: every vector is finite and of length 1, or the batch is an error.

use std::path::Path;

use ort::{session::Session, value::TensorRef};

use crate::bert::Pooling;
use crate::encoder::{
    Device, EncoderError, Runtime,
    manifest::{GRAPH, ModelManifest, Output},
};

/// A loaded graph.
pub struct EncoderSession {
    session: Session,
    token_types: bool,
    output: Output,
    pooling: Pooling,
    dimensions: usize,
}

/// The output that a graph of `last_hidden_state` has.
pub(super) const TOKENS_OUTPUT: &str = "last_hidden_state";
const POOLED_OUTPUT: &str = "embedding";

fn ort_error(e: impl std::fmt::Display) -> EncoderError {
    EncoderError::Inference(e.to_string())
}

impl EncoderSession {
    /// Loads the graph of the model in `dir` on `device` and gives the device that was taken.
    ///
    /// # Errors
    /// [`EncoderError::Graph`] when ONNX Runtime refuses the file, [`EncoderError::Device`] when CUDA was asked for and cannot be had.
    pub fn load(
        runtime: &Runtime,
        dir: &Path,
        manifest: &ModelManifest,
        device: Device,
        threads: usize,
    ) -> Result<(Self, Device), EncoderError> {
        let path = dir.join(GRAPH);
        let taken = runtime.device(device)?;
        let (session, taken) = match open(runtime, &path, taken, threads) {
            Err(reason) if device == Device::Auto && taken == Device::Cuda => {
                tracing::info!(%reason, "CUDA cannot be used, taking the CPU");
                (open(runtime, &path, Device::Cpu, threads)?, Device::Cpu)
            }
            session => (session?, taken),
        };
        let output = match manifest.output {
            Output::Pooled => POOLED_OUTPUT,
            Output::Tokens => TOKENS_OUTPUT,
        };
        let inputs: Vec<&str> = session.inputs().iter().map(|i| i.name()).collect();
        let known = ["input_ids", "attention_mask", "token_type_ids"];
        if !inputs.contains(&known[0]) || !inputs.contains(&known[1]) || inputs.iter().any(|i| !known.contains(i)) {
            let reason = format!("its inputs are {inputs:?}, not input_ids, attention_mask and token_type_ids");
            return Err(EncoderError::Graph { path, reason });
        }
        if !session.outputs().iter().any(|o| o.name() == output) {
            return Err(EncoderError::Graph { path, reason: format!("it has no output `{output}`") });
        }
        let token_types = inputs.contains(&known[2]);
        let (output, pooling, dimensions) = (manifest.output, manifest.pooling, manifest.dimensions);
        Ok((Self { session, token_types, output, pooling, dimensions }, taken))
    }

    /// Vectors of `texts`, each a list of token ids, as rows of `dimensions` values.
    pub fn run(&mut self, texts: &[&[i64]]) -> Result<Vec<f32>, EncoderError> {
        let (batch, tokens) = (texts.len(), texts.iter().map(|t| t.len()).max().unwrap_or(0));
        let mut ids = vec![0i64; batch * tokens];
        let mut mask = vec![0i64; batch * tokens];
        for (i, text) in texts.iter().enumerate() {
            ids[i * tokens..][..text.len()].copy_from_slice(text);
            mask[i * tokens..][..text.len()].fill(1);
        }
        let types = if self.token_types { vec![0i64; batch * tokens] } else { vec![] };
        let tensor = |values| TensorRef::from_array_view(([batch, tokens], values)).map_err(ort_error);
        let mut inputs = ort::inputs!["input_ids" => tensor(&*ids)?, "attention_mask" => tensor(&*mask)?];
        if self.token_types {
            inputs.push(("token_type_ids".into(), tensor(&*types)?.into()));
        }
        // The library's message may quote token ids, which are parts of a mention.
        let failed = |e: ort::Error| EncoderError::Inference(format!("ONNX Runtime reports {:?}", e.code()));
        let outputs = self.session.run(inputs).map_err(failed)?;
        let (expected, name): (&[usize], _) = match self.output {
            Output::Pooled => (&[batch, self.dimensions], POOLED_OUTPUT),
            Output::Tokens => (&[batch, tokens, self.dimensions], TOKENS_OUTPUT),
        };
        let (shape, values) = outputs[name].try_extract_tensor::<f32>().map_err(ort_error)?;
        if !shape.iter().map(|&d| d as usize).eq(expected.iter().copied()) {
            return Err(EncoderError::Inference(format!(
                "`{name}` has shape {shape:?} where {expected:?} was expected"
            )));
        }
        Ok(match self.output {
            Output::Pooled => values.to_vec(),
            Output::Tokens => {
                let rows = values.chunks_exact(tokens * self.dimensions).zip(texts);
                rows.flat_map(|(rows, text)| pool(rows, text.len(), self.dimensions, self.pooling)).collect()
            }
        })
    }

    /// Length of the vectors that a graph of `last_hidden_state` gives, if its output says so.
    pub fn declared_dimensions(runtime: &Runtime, path: &Path) -> Result<Option<usize>, EncoderError> {
        let session = open(runtime, path, Device::Cpu, 1)?;
        let output = session.outputs().iter().find(|o| o.name() == TOKENS_OUTPUT);
        let shape = output.and_then(|o| o.dtype().tensor_shape());
        Ok(shape.and_then(|s| s.last().copied()).and_then(|d| usize::try_from(d).ok()).filter(|&d| d > 0))
    }
}

fn open(runtime: &Runtime, path: &Path, device: Device, threads: usize) -> Result<Session, EncoderError> {
    let mut builder = runtime.builder(device == Device::Cuda, threads)?;
    builder.commit_from_file(path).map_err(|e| EncoderError::Graph { path: path.into(), reason: e.to_string() })
}

/// One vector of a text's `length` token rows.
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

/// Gives a vector norm 1.
///
/// # Errors
/// [`EncoderError::Inference`] when it has no direction.
pub(super) fn normalize(vector: &mut [f32]) -> Result<(), EncoderError> {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(EncoderError::Inference("the model gave a vector that is zero or not finite".into()));
    }
    vector.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    Ok(())
}
