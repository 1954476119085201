//! The weights of a BERT encoder, and their order in the flat vector of parameters.
//!
//! Checkpoints store a matrix as `[outputs, inputs]` (PyTorch); here it is `[inputs, outputs]`, the
//! layout for ONNX's `MatMul`.
//!
//! Invariant: every shape has been checked against the configuration, and every value is finite.

use crate::bert::{
    checkpoint::{Tensor, Tensors},
    config::BertConfig,
    error::BertError,
};

/// A linear layer `y = x W + b`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Values of a row of `x`.
    pub inputs: usize,
    /// Values of a row of `y`.
    pub outputs: usize,
    /// `W`, row-major `[inputs, outputs]`.
    pub weight: Vec<f32>,
    /// `b`, `[outputs]`.
    pub bias: Vec<f32>,
}

/// The parameters of a LayerNorm.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// Scale, `[hidden]`.
    pub weight: Vec<f32>,
    /// Shift, `[hidden]`.
    pub bias: Vec<f32>,
}

/// The weights of one transformer layer.
#[derive(Clone, Debug)]
pub struct LayerWeights {
    /// Query projection, `[hidden, hidden]`.
    pub query: Linear,
    /// Key projection, `[hidden, hidden]`.
    pub key: Linear,
    /// Value projection, `[hidden, hidden]`.
    pub value: Linear,
    /// Output projection of the attention, `[hidden, hidden]`.
    pub attention_output: Linear,
    /// LayerNorm after the attention.
    pub attention_norm: LayerNorm,
    /// First matrix of the feed-forward part, `[hidden, intermediate]`.
    pub intermediate: Linear,
    /// Second matrix of the feed-forward part, `[intermediate, hidden]`.
    pub output: Linear,
    /// LayerNorm after the feed-forward part.
    pub output_norm: LayerNorm,
}

/// The weights of the encoder, without the pooler and any pretraining heads.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Word embeddings, `[vocab, hidden]`.
    pub words: Vec<f32>,
    /// Position embeddings, `[positions, hidden]`.
    pub positions: Vec<f32>,
    /// Token type embeddings, `[token_types, hidden]`.
    pub token_types: Vec<f32>,
    /// LayerNorm after the embeddings.
    pub embeddings_norm: LayerNorm,
    /// From the lowest to the highest.
    pub layers: Vec<LayerWeights>,
}

/// Name and shape of one parameter tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The name that Hugging Face gives it.
    pub name: String,
    /// Shape in [`Weights`].
    pub shape: Vec<usize>,
    /// Whether it is the matrix of a linear layer: `[inputs, outputs]` here, `[outputs, inputs]` in
    /// checkpoints.
    pub is_matrix: bool,
}

impl ParameterSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no values; never true for a BERT.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) const WORDS: &str = "embeddings.word_embeddings.weight";
pub(super) const POSITIONS: &str = "embeddings.position_embeddings.weight";
pub(super) const TOKEN_TYPES: &str = "embeddings.token_type_embeddings.weight";
pub(super) const NORM: &str = "embeddings.LayerNorm";
pub(super) const QUERY: &str = "attention.self.query";
pub(super) const KEY: &str = "attention.self.key";
pub(super) const VALUE: &str = "attention.self.value";
pub(super) const ATTENTION_OUTPUT: &str = "attention.output.dense";
pub(super) const ATTENTION_NORM: &str = "attention.output.LayerNorm";
pub(super) const INTERMEDIATE: &str = "intermediate.dense";
pub(super) const OUTPUT: &str = "output.dense";
pub(super) const OUTPUT_NORM: &str = "output.LayerNorm";

/// The prefix of the tensor names of a layer.
pub(super) fn layer_name(layer: usize) -> String {
    format!("encoder.layer.{layer}")
}

/// All parameter tensors in the order of the flat vector: embeddings first, then the layers from
/// the lowest to the highest. Checkpoints of training and the optimizer rely on this order.
pub fn parameter_specs(config: &BertConfig) -> Vec<ParameterSpec> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let spec = |name: String, shape: &[usize], is_matrix| ParameterSpec { name, shape: shape.to_vec(), is_matrix };
    let mut all = vec![];
    for (name, rows) in [(WORDS, config.vocab), (POSITIONS, config.positions), (TOKEN_TYPES, config.token_types)] {
        all.push(spec(name.into(), &[rows, hidden], false));
    }
    let norm = |all: &mut Vec<ParameterSpec>, name: &str| {
        all.extend(["weight", "bias"].map(|part| spec(format!("{name}.{part}"), &[hidden], false)));
    };
    norm(&mut all, NORM);
    for layer in (0..config.layers).map(layer_name) {
        let linear = |all: &mut Vec<ParameterSpec>, name, inputs, outputs| {
            all.push(spec(format!("{layer}.{name}.weight"), &[inputs, outputs], true));
            all.push(spec(format!("{layer}.{name}.bias"), &[outputs], false));
        };
        for name in [QUERY, KEY, VALUE, ATTENTION_OUTPUT] {
            linear(&mut all, name, hidden, hidden);
        }
        norm(&mut all, &format!("{layer}.{ATTENTION_NORM}"));
        linear(&mut all, INTERMEDIATE, hidden, intermediate);
        linear(&mut all, OUTPUT, intermediate, hidden);
        norm(&mut all, &format!("{layer}.{OUTPUT_NORM}"));
    }
    all
}

/// Splits a flat vector, in the order of [`parameter_specs`], into the tensors of a checkpoint.
pub fn to_tensors(config: &BertConfig, mut flat: &[f32]) -> Tensors {
    let mut tensors = Tensors::new();
    for spec in parameter_specs(config) {
        let (values, rest) = flat.split_at(spec.len());
        flat = rest;
        let tensor = match spec.shape.as_slice() {
            &[inputs, outputs] if spec.is_matrix => {
                Tensor { shape: vec![outputs, inputs], data: transposed(values, inputs, outputs) }
            }
            shape => Tensor { shape: shape.to_vec(), data: values.to_vec() },
        };
        tensors.insert(spec.name, tensor);
    }
    tensors
}

/// Transposes a row-major matrix of `rows` and `columns`.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns).enumerate() {
        for (c, &value) in row.iter().enumerate() {
            out[c * rows + r] = value;
        }
    }
    out
}

impl Weights {
    /// Takes the tensors of the encoder out of `tensors`. Their names may have the prefix `bert.`
    /// and the older LayerNorm names `gamma` and `beta`.
    ///
    /// # Errors
    /// [`BertError::MissingTensor`], [`BertError::TensorShape`] and [`BertError::TensorValue`] name
    /// the tensor.
    pub fn select(mut tensors: Tensors, config: &BertConfig) -> Result<Self, BertError> {
        let prefix = if tensors.keys().any(|k| k.starts_with("bert.embeddings.")) { "bert." } else { "" };
        let mut selector = TensorSelector { tensors: &mut tensors, prefix, config };
        let hidden = config.hidden;
        Ok(Self {
            words: selector.take(WORDS, &[config.vocab, hidden])?,
            positions: selector.take(POSITIONS, &[config.positions, hidden])?,
            token_types: selector.take(TOKEN_TYPES, &[config.token_types, hidden])?,
            embeddings_norm: selector.norm(NORM)?,
            layers: (0..config.layers).map(|l| selector.layer(&layer_name(l))).collect::<Result<_, _>>()?,
        })
    }

    /// All values in the order of [`parameter_specs`].
    pub fn flatten(&self) -> Vec<f32> {
        let embeddings =
            [&self.words, &self.positions, &self.token_types, &self.embeddings_norm.weight, &self.embeddings_norm.bias];
        let layers = self.layers.iter().flat_map(|l| {
            let (attention, norm) = (&l.attention_output, &l.attention_norm);
            let linears = [&l.query, &l.key, &l.value, attention].map(|l| [&l.weight, &l.bias]);
            let rest = [
                [&norm.weight, &norm.bias],
                [&l.intermediate.weight, &l.intermediate.bias],
                [&l.output.weight, &l.output.bias],
                [&l.output_norm.weight, &l.output_norm.bias],
            ];
            linears.into_iter().chain(rest).flatten()
        });
        embeddings.into_iter().chain(layers).flatten().copied().collect()
    }
}

/// Takes tensors by name and checks their shapes and values.
struct TensorSelector<'a> {
    tensors: &'a mut Tensors,
    prefix: &'static str,
    config: &'a BertConfig,
}

impl TensorSelector<'_> {
    fn layer(&mut self, prefix: &str) -> Result<LayerWeights, BertError> {
        let (hidden, intermediate) = (self.config.hidden, self.config.intermediate);
        Ok(LayerWeights {
            query: self.linear(&format!("{prefix}.{QUERY}"), hidden, hidden)?,
            key: self.linear(&format!("{prefix}.{KEY}"), hidden, hidden)?,
            value: self.linear(&format!("{prefix}.{VALUE}"), hidden, hidden)?,
            attention_output: self.linear(&format!("{prefix}.{ATTENTION_OUTPUT}"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{prefix}.{ATTENTION_NORM}"))?,
            intermediate: self.linear(&format!("{prefix}.{INTERMEDIATE}"), hidden, intermediate)?,
            output: self.linear(&format!("{prefix}.{OUTPUT}"), intermediate, hidden)?,
            output_norm: self.norm(&format!("{prefix}.{OUTPUT_NORM}"))?,
        })
    }

    /// Reads a linear layer, whose matrix PyTorch stores as `[outputs, inputs]`.
    fn linear(&mut self, prefix: &str, inputs: usize, outputs: usize) -> Result<Linear, BertError> {
        let stored = self.take(&format!("{prefix}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{prefix}.bias"), &[outputs])?;
        Ok(Linear { inputs, outputs, weight: transposed(&stored, outputs, inputs), bias })
    }

    fn norm(&mut self, prefix: &str) -> Result<LayerNorm, BertError> {
        let hidden = [self.config.hidden];
        let old = self.tensors.contains_key(&format!("{}{prefix}.gamma", self.prefix));
        let (weight, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        Ok(LayerNorm {
            weight: self.take(&format!("{prefix}.{weight}"), &hidden)?,
            bias: self.take(&format!("{prefix}.{bias}"), &hidden)?,
        })
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, BertError> {
        let name = format!("{}{name}", self.prefix);
        let Some(Tensor { shape: found, data }) = self.tensors.remove(&name) else {
            return Err(BertError::MissingTensor(name));
        };
        if found != shape {
            return Err(BertError::TensorShape { name, expected: shape.to_vec(), found });
        }
        if let Some(bad) = data.iter().find(|v| !v.is_finite()) {
            return Err(BertError::TensorValue { name, value: *bad });
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bert::config::Activation;

    #[test]
    fn flat_values_survive_a_round_trip_through_tensors() {
        let config = BertConfig {
            hidden: 4,
            layers: 2,
            heads: 2,
            intermediate: 6,
            vocab: 5,
            positions: 3,
            token_types: 2,
            layer_norm_eps: 1e-12,
            activation: Activation::Gelu,
        };
        let flat: Vec<f32> =
            (0..parameter_specs(&config).iter().map(ParameterSpec::len).sum()).map(|i| i as f32).collect();
        let tensors = to_tensors(&config, &flat);
        assert_eq!(tensors["encoder.layer.1.intermediate.dense.weight"].shape, [6, 4]);
        assert_eq!(tensors.len(), 5 + 16 * 2);
        assert_eq!(Weights::select(tensors, &config).unwrap().flatten(), flat);
    }
}
