//! Options of a training step, and the counts that follow from them.

use crate::bert::{
    config::BertConfig,
    loss::Loss,
    network::Pooling,
    weights::{self, ParameterSpec},
};

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOptions {
    /// How token vectors become the vector of a name.
    pub pooling: Pooling,
    /// The loss with its constants.
    pub loss: Loss,
    /// Margin of the miner; `None` counts all pairs.
    pub miner_margin: Option<f32>,
    /// Whether the graphs have dropout.
    pub dropout: bool,
    /// Whether matrix products are computed in float16, with a scaled loss.
    pub half: bool,
    /// With a number `n`, the embeddings and the `n` lowest layers are not trained.
    pub frozen_layers: Option<usize>,
}

/// Number of dropout sites: one after the embeddings, and three in each layer (attention weights,
/// attention output, feed-forward output).
pub fn dropout_sites(config: &BertConfig) -> usize {
    1 + 3 * config.layers
}

/// Number of parameter values that are not trained; they come first in the flat vector.
pub fn frozen_values(config: &BertConfig, frozen_layers: Option<usize>) -> usize {
    let is_frozen = |spec: &&ParameterSpec| match frozen_layers {
        None => false,
        Some(layers) => {
            let layer = spec.name.strip_prefix("encoder.layer.").and_then(|rest| rest.split('.').next()?.parse().ok());
            layer.is_none_or(|layer: usize| layer < layers)
        }
    };
    weights::parameter_specs(config).iter().take_while(is_frozen).map(ParameterSpec::len).sum()
}
