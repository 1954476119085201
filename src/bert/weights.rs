//! The tensors of a checkpoint in the order and layout that the graph builder wants.
//!
//! Invariant: every shape has been checked against the configuration; matrices are `[in, out]`, as ONNX multiplies.

use crate::bert::{
    BertError,
    checkpoint::{Tensor, Tensors},
    config::BertConfig,
};

/// `y = x W + b` with `W` of shape `[inputs, outputs]`, row-major.
#[derive(Clone, Debug)]
pub struct Linear {
    pub inputs: usize,
    pub outputs: usize,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Scale and shift of a LayerNorm.
#[derive(Clone, Debug)]
pub struct Norm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// One transformer layer.
#[derive(Clone, Debug)]
pub struct Layer {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
    pub attention_norm: Norm,
    pub intermediate: Linear,
    pub output: Linear,
    pub output_norm: Norm,
}

/// The encoder's weights; the pooler and any pretraining heads are left behind.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[vocab, hidden]`
    pub words: Vec<f32>,
    /// `[positions, hidden]`
    pub positions: Vec<f32>,
    /// `[token_types, hidden]`
    pub token_types: Vec<f32>,
    pub norm: Norm,
    pub layers: Vec<Layer>,
}

/// A tensor of the encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As Hugging Face names it.
    pub name: String,
    /// As it lies in [`Weights`].
    pub shape: Vec<usize>,
    /// A matrix `[inputs, outputs]`, which checkpoints hold as `[outputs, inputs]`.
    pub matrix: bool,
}

impl Named {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no value; no tensor of a BERT is like that.
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

/// What names of a layer's tensors begin with.
pub(super) fn layer_name(layer: usize) -> String {
    format!("encoder.layer.{layer}")
}

/// Every tensor, embeddings first, then the layers from the lowest to the highest.
pub fn named(config: &BertConfig) -> Vec<Named> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let named = |name: String, shape: &[usize], matrix| Named { name, shape: shape.to_vec(), matrix };
    let mut all = vec![];
    for (name, rows) in [(WORDS, config.vocab), (POSITIONS, config.positions), (TOKEN_TYPES, config.token_types)] {
        all.push(named(name.into(), &[rows, hidden], false));
    }
    let norm = |all: &mut Vec<Named>, name: &str| {
        all.extend(["weight", "bias"].map(|part| named(format!("{name}.{part}"), &[hidden], false)));
    };
    norm(&mut all, NORM);
    for layer in (0..config.layers).map(layer_name) {
        let linear = |all: &mut Vec<Named>, name, inputs, outputs| {
            all.push(named(format!("{layer}.{name}.weight"), &[inputs, outputs], true));
            all.push(named(format!("{layer}.{name}.bias"), &[outputs], false));
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

/// The tensors of a checkpoint, of the values that lie in `flat` one after another as [`named`] lists them.
pub fn tensors(config: &BertConfig, mut flat: &[f32]) -> Tensors {
    let mut tensors = Tensors::new();
    for named in named(config) {
        let (values, rest) = flat.split_at(named.len());
        flat = rest;
        let tensor = match named.shape.as_slice() {
            &[inputs, outputs] if named.matrix => {
                Tensor { shape: vec![outputs, inputs], data: flipped(values, inputs, outputs) }
            }
            shape => Tensor { shape: shape.to_vec(), data: values.to_vec() },
        };
        tensors.insert(named.name, tensor);
    }
    tensors
}

/// A row-major matrix of `rows` and `columns` with its axes exchanged.
fn flipped(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns).enumerate() {
        for (c, &value) in row.iter().enumerate() {
            out[c * rows + r] = value;
        }
    }
    out
}

impl Weights {
    /// Picks the encoder's tensors out of `tensors`, whose names may carry the prefix `bert.` and the older LayerNorm
    /// names `gamma` and `beta`.
    ///
    /// # Errors
    /// [`BertError::MissingTensor`] and [`BertError::TensorShape`] name the tensor.
    pub fn select(mut tensors: Tensors, config: &BertConfig) -> Result<Self, BertError> {
        let prefix = if tensors.keys().any(|k| k.starts_with("bert.embeddings.")) { "bert." } else { "" };
        let mut source = Source { tensors: &mut tensors, prefix, config };
        let hidden = config.hidden;
        Ok(Self {
            words: source.take(WORDS, &[config.vocab, hidden])?,
            positions: source.take(POSITIONS, &[config.positions, hidden])?,
            token_types: source.take(TOKEN_TYPES, &[config.token_types, hidden])?,
            norm: source.norm(NORM)?,
            layers: (0..config.layers).map(|l| source.layer(&layer_name(l))).collect::<Result<_, _>>()?,
        })
    }

    /// All values, one after another as [`named`] lists them.
    pub fn flat(&self) -> Vec<f32> {
        let embeddings = [&self.words, &self.positions, &self.token_types, &self.norm.weight, &self.norm.bias];
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

struct Source<'a> {
    tensors: &'a mut Tensors,
    prefix: &'static str,
    config: &'a BertConfig,
}

impl Source<'_> {
    fn layer(&mut self, at: &str) -> Result<Layer, BertError> {
        let (hidden, intermediate) = (self.config.hidden, self.config.intermediate);
        Ok(Layer {
            query: self.linear(&format!("{at}.{QUERY}"), hidden, hidden)?,
            key: self.linear(&format!("{at}.{KEY}"), hidden, hidden)?,
            value: self.linear(&format!("{at}.{VALUE}"), hidden, hidden)?,
            attention_output: self.linear(&format!("{at}.{ATTENTION_OUTPUT}"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{at}.{ATTENTION_NORM}"))?,
            intermediate: self.linear(&format!("{at}.{INTERMEDIATE}"), hidden, intermediate)?,
            output: self.linear(&format!("{at}.{OUTPUT}"), intermediate, hidden)?,
            output_norm: self.norm(&format!("{at}.{OUTPUT_NORM}"))?,
        })
    }

    /// PyTorch stores `[out, in]`.
    fn linear(&mut self, at: &str, inputs: usize, outputs: usize) -> Result<Linear, BertError> {
        let stored = self.take(&format!("{at}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{at}.bias"), &[outputs])?;
        Ok(Linear { inputs, outputs, weight: flipped(&stored, outputs, inputs), bias })
    }

    fn norm(&mut self, at: &str) -> Result<Norm, BertError> {
        let hidden = [self.config.hidden];
        let old = self.tensors.contains_key(&format!("{}{at}.gamma", self.prefix));
        let (weight, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        Ok(Norm {
            weight: self.take(&format!("{at}.{weight}"), &hidden)?,
            bias: self.take(&format!("{at}.{bias}"), &hidden)?,
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
    fn flat_values_become_the_same_tensors_again() {
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
        let flat: Vec<f32> = (0..named(&config).iter().map(Named::len).sum()).map(|i| i as f32).collect();
        let tensors = tensors(&config, &flat);
        assert_eq!(tensors["encoder.layer.1.intermediate.dense.weight"].shape, [6, 4]);
        assert_eq!(tensors.len(), 5 + 16 * 2);
        assert_eq!(Weights::select(tensors, &config).unwrap().flat(), flat);
    }
}
