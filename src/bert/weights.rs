//! The tensors of a checkpoint in the order and layout that the graph builder wants.
//!
//! Invariant: every shape has been checked against the configuration; matrices are `[in, out]`, as ONNX multiplies.

use super::{
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
            words: source.take("embeddings.word_embeddings.weight", &[config.vocab, hidden])?,
            positions: source.take("embeddings.position_embeddings.weight", &[config.positions, hidden])?,
            token_types: source.take("embeddings.token_type_embeddings.weight", &[config.token_types, hidden])?,
            norm: source.norm("embeddings.LayerNorm")?,
            layers: (0..config.layers)
                .map(|l| source.layer(&format!("encoder.layer.{l}")))
                .collect::<Result<_, _>>()?,
        })
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
            query: self.linear(&format!("{at}.attention.self.query"), hidden, hidden)?,
            key: self.linear(&format!("{at}.attention.self.key"), hidden, hidden)?,
            value: self.linear(&format!("{at}.attention.self.value"), hidden, hidden)?,
            attention_output: self.linear(&format!("{at}.attention.output.dense"), hidden, hidden)?,
            attention_norm: self.norm(&format!("{at}.attention.output.LayerNorm"))?,
            intermediate: self.linear(&format!("{at}.intermediate.dense"), hidden, intermediate)?,
            output: self.linear(&format!("{at}.output.dense"), intermediate, hidden)?,
            output_norm: self.norm(&format!("{at}.output.LayerNorm"))?,
        })
    }

    /// PyTorch stores `[out, in]`.
    fn linear(&mut self, at: &str, inputs: usize, outputs: usize) -> Result<Linear, BertError> {
        let stored = self.take(&format!("{at}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{at}.bias"), &[outputs])?;
        let mut weight = vec![0.0; stored.len()];
        for (o, row) in stored.chunks_exact(inputs).enumerate() {
            for (i, &w) in row.iter().enumerate() {
                weight[i * outputs + o] = w;
            }
        }
        Ok(Linear { inputs, outputs, weight, bias })
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
