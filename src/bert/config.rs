//! Reads `config.json` of a Hugging Face checkpoint: the fields that a BERT encoder needs.
//!
//! Invariant: the exporter implements every accepted configuration exactly. Any other configuration
//! is an error that names the field.

use std::path::Path;

use serde::Deserialize;

use crate::bert::error::BertError;

/// The activation of the feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * Phi(x)`, with the error function.
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// Shape of a BERT encoder (Devlin et al. 2018, section 3).
#[derive(Clone, Debug, PartialEq)]
pub struct BertConfig {
    /// Values of a token vector (H in the paper).
    pub hidden: usize,
    /// Transformer layers (L in the paper).
    pub layers: usize,
    /// Attention heads of a layer (A in the paper); they divide `hidden`.
    pub heads: usize,
    /// Values between the two matrices of a feed-forward layer.
    pub intermediate: usize,
    /// Rows of the word embedding table.
    pub vocab: usize,
    /// Rows of the position embedding table: the most tokens of a text.
    pub positions: usize,
    /// Rows of the token type embedding table.
    pub token_types: usize,
    /// Added to the variance by every LayerNorm.
    pub layer_norm_eps: f32,
    /// Activation of the feed-forward layers.
    pub activation: Activation,
}

/// `config.json` as it is written.
#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_type_vocab_size")]
    type_vocab_size: usize,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f32,
    #[serde(default = "default_hidden_act")]
    hidden_act: String,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn default_type_vocab_size() -> usize {
    2
}

fn default_layer_norm_eps() -> f32 {
    1e-12
}

fn default_hidden_act() -> String {
    "gelu".into()
}

impl BertConfig {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`BertError::Config`] if the file is no BERT configuration; it names the file and the field.
    pub fn read(path: &Path) -> Result<Self, BertError> {
        let fail = |reason: String| BertError::Config { path: path.into(), reason };
        let text = fs_err::read(path)?;
        let raw: RawConfig = serde_json::from_slice(&text).map_err(|e| fail(e.to_string()))?;
        raw.check().map_err(fail)
    }
}

impl RawConfig {
    fn check(self) -> Result<BertConfig, String> {
        if let Some(other) = self.model_type.filter(|t| t != "bert") {
            return Err(format!("model_type is `{other}`, only `bert` is supported"));
        }
        if let Some(other) = self.position_embedding_type.filter(|t| t != "absolute") {
            return Err(format!("position_embedding_type is `{other}`, only `absolute` is supported"));
        }
        if self.is_decoder {
            return Err("is_decoder is true, only encoders are supported".into());
        }
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((name, value)) = sizes.iter().find(|(_, v)| *v == 0 || *v > 1 << 24) {
            return Err(format!("{name} is {value}, which is out of range"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            ));
        }
        let activation = match self.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                return Err(format!(
                    "hidden_act `{other}` is not supported; use gelu, gelu_new, gelu_pytorch_tanh or relu"
                ));
            }
        };
        Ok(BertConfig {
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            intermediate: self.intermediate_size,
            vocab: self.vocab_size,
            positions: self.max_position_embeddings,
            token_types: self.type_vocab_size,
            layer_norm_eps: self.layer_norm_eps,
            activation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: serde_json::Value) -> Result<BertConfig, String> {
        let mut config = serde_json::json!({
            "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 64, "vocab_size": 300, "max_position_embeddings": 64,
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        serde_json::from_value::<RawConfig>(config).unwrap().check()
    }

    #[test]
    fn accepts_bert_with_its_defaults() {
        let config = check(serde_json::json!({})).unwrap();
        assert_eq!((config.token_types, config.layer_norm_eps, config.activation), (2, 1e-12, Activation::Gelu));
    }

    #[test]
    fn refuses_configurations_that_the_exporter_cannot_compute() {
        for (change, field) in [
            (serde_json::json!({"model_type": "roberta"}), "model_type"),
            (serde_json::json!({"position_embedding_type": "relative_key"}), "position_embedding_type"),
            (serde_json::json!({"hidden_act": "silu"}), "hidden_act"),
            (serde_json::json!({"num_attention_heads": 5}), "num_attention_heads"),
            (serde_json::json!({"vocab_size": 0}), "vocab_size"),
            (serde_json::json!({"is_decoder": true}), "is_decoder"),
        ] {
            assert!(check(change).unwrap_err().contains(field), "{field}");
        }
    }
}
