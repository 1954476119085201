//! `config.json` of a Hugging Face checkpoint, as far as a BERT encoder needs it.
//!
//! Invariant: what this accepts, the exporter computes exactly; anything else is refused by name.

use std::path::Path;

use serde::Deserialize;

use crate::bert::BertError;

/// The activation of the feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * Phi(x)`, with the error function.
    Gelu,
    /// The tanh approximation.
    GeluTanh,
    Relu,
}

/// Shape of a BERT encoder (Devlin et al. 2018, section 3).
#[derive(Clone, Debug, PartialEq)]
pub struct BertConfig {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocab: usize,
    pub positions: usize,
    pub token_types: usize,
    pub layer_norm_eps: f32,
    pub activation: Activation,
}

#[derive(Deserialize)]
struct Raw {
    model_type: Option<String>,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "eps")]
    layer_norm_eps: f32,
    #[serde(default = "gelu")]
    hidden_act: String,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> usize {
    2
}

fn eps() -> f32 {
    1e-12
}

fn gelu() -> String {
    "gelu".into()
}

impl BertConfig {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`BertError::Config`] when the file is no BERT configuration, naming the file and the field.
    pub fn read(path: &Path) -> Result<Self, BertError> {
        let fail = |reason: String| BertError::Config { path: path.into(), reason };
        let text = fs_err::read(path)?;
        let raw: Raw = serde_json::from_slice(&text).map_err(|e| fail(e.to_string()))?;
        raw.check().map_err(fail)
    }
}

impl Raw {
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
            return Err(format!("{name} is {value}, which no BERT has"));
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
            other => return Err(format!("hidden_act `{other}` is not supported")),
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
        serde_json::from_value::<Raw>(config).unwrap().check()
    }

    #[test]
    fn accepts_bert_with_its_defaults() {
        let config = check(serde_json::json!({})).unwrap();
        assert_eq!((config.token_types, config.layer_norm_eps, config.activation), (2, 1e-12, Activation::Gelu));
    }

    #[test]
    fn refuses_what_it_would_compute_wrongly() {
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
