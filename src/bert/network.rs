//! The BERT encoder (Devlin et al. 2018): embeddings, transformer layers and pooling.
//!
//! [`write_encoder`] is written once, over a [`GraphBackend`] that decides the layout of the token
//! rows and the source of the weights. The export (`export`) has padded texts and constant weights;
//! training (`training::backend`) has packed texts and weights that are graph inputs.
//!
//! Invariant: every BERT graph of saplink, for inference and for training, comes from this file.

use serde::{Deserialize, Serialize};

use crate::{
    bert::config::{Activation, BertConfig},
    onnx::{graph::ValueName, tape::Tape},
};

/// How the token vectors of the last layer become one vector for the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The vector of the `[CLS]` token, before BERT's pooler (as SapBERT does).
    Cls,
    /// The mean over all tokens that are not padding.
    Mean,
}

/// A linear layer with weight and bias outside the attention projections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinearKind {
    /// Output projection of the attention, `[hidden, hidden]`.
    AttentionOutput,
    /// First matrix of the feed-forward part, `[hidden, intermediate]`.
    Intermediate,
    /// Second matrix of the feed-forward part, `[intermediate, hidden]`.
    Output,
}

/// Position of a LayerNorm in the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerNormSite {
    /// After the sum of the embeddings.
    Embeddings,
    /// After the attention of this layer.
    Attention(usize),
    /// After the feed-forward part of this layer.
    Output(usize),
}

/// Layout of the token rows and source of the weights.
///
/// "Rows" are `[rows, hidden]`, one for each token. With `first_only` there is one row for each
/// text, that of its first token.
pub(super) trait GraphBackend {
    /// Where operators are written.
    fn tape(&mut self) -> &mut Tape;
    /// Word, position and token type embeddings added up, as rows.
    fn embeddings(&mut self) -> ValueName;
    /// The row of the first token of each text, `[texts, hidden]`.
    fn first_rows(&mut self, rows: &str) -> ValueName;
    /// The mean over the rows of each text, `[texts, hidden]`.
    fn mean_rows(&mut self, rows: &str) -> ValueName;
    /// Queries of `query_rows`, divided by the square root of the head size, and keys and values of
    /// all `rows`.
    fn query_key_value(&mut self, layer: usize, query_rows: &str, rows: &str) -> [ValueName; 3];
    /// Rows as `[texts, tokens, heads, head size]`; `tokens` is 1 with `first_only`.
    fn split_heads(&mut self, rows: &str, first_only: bool) -> ValueName;
    /// The inverse of [`GraphBackend::split_heads`].
    fn merge_heads(&mut self, heads: &str, first_only: bool) -> ValueName;
    /// Added to the attention scores, `[texts, 1, 1, tokens]`: 0 for a token, -10,000 for padding.
    fn attention_bias(&self) -> ValueName;
    /// A linear layer of a transformer layer, applied to rows.
    fn linear(&mut self, layer: usize, kind: LinearKind, rows: &str) -> ValueName;
    /// LayerNorm of each row.
    fn layer_norm(&mut self, site: LayerNormSite, rows: &str) -> ValueName;
    /// Dropout in training; the value itself in inference.
    fn dropout(&mut self, value: ValueName) -> ValueName;
}

/// Writes the encoder and returns the pooled vectors `[texts, hidden]`, not normalized.
///
/// With [`Pooling::Cls`] the last layer computes queries, attention and feed-forward part for first
/// rows only, because nothing reads the others.
pub(super) fn write_encoder(backend: &mut impl GraphBackend, config: &BertConfig, pooling: Pooling) -> ValueName {
    let rows = backend.embeddings();
    let rows = backend.layer_norm(LayerNormSite::Embeddings, &rows);
    let mut rows = backend.dropout(rows);
    for layer in 0..config.layers {
        let first_only = pooling == Pooling::Cls && layer + 1 == config.layers;
        rows = write_layer(backend, layer, config.activation, &rows, first_only);
    }
    match pooling {
        Pooling::Cls => rows,
        Pooling::Mean => backend.mean_rows(&rows),
    }
}

/// One transformer layer with LayerNorm after each part (post-norm).
fn write_layer(
    b: &mut impl GraphBackend,
    layer: usize,
    activation: Activation,
    rows: &str,
    first_only: bool,
) -> ValueName {
    let query_rows = if first_only { b.first_rows(rows) } else { rows.to_owned() };
    let context = write_attention(b, layer, &query_rows, rows, first_only);
    let projected = b.linear(layer, LinearKind::AttentionOutput, &context);
    let projected = b.dropout(projected);
    let sum = b.tape().add(&projected, &query_rows);
    let attended = b.layer_norm(LayerNormSite::Attention(layer), &sum);
    let inner = b.linear(layer, LinearKind::Intermediate, &attended);
    let inner = write_activation(b.tape(), &inner, activation);
    let outer = b.linear(layer, LinearKind::Output, &inner);
    let outer = b.dropout(outer);
    let sum = b.tape().add(&outer, &attended);
    b.layer_norm(LayerNormSite::Output(layer), &sum)
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2) before its output projection.
fn write_attention(
    b: &mut impl GraphBackend,
    layer: usize,
    query_rows: &str,
    rows: &str,
    first_only: bool,
) -> ValueName {
    let [queries, keys, values] = b.query_key_value(layer, query_rows, rows);
    let queries = b.split_heads(&queries, first_only);
    let queries = b.tape().transpose(&queries, &[0, 2, 1, 3]);
    let keys = b.split_heads(&keys, false);
    let keys = b.tape().transpose(&keys, &[0, 2, 3, 1]);
    let values = b.split_heads(&values, false);
    let values = b.tape().transpose(&values, &[0, 2, 1, 3]);
    let bias = b.attention_bias();
    let scores = b.tape().matmul(&queries, &keys);
    let scores = b.tape().add(&scores, &bias);
    let weights = b.tape().softmax(&scores);
    let weights = b.dropout(weights);
    let context = b.tape().matmul(&weights, &values);
    let context = b.tape().transpose(&context, &[0, 2, 1, 3]);
    b.merge_heads(&context, first_only)
}

fn write_activation(tape: &mut Tape, x: &str, activation: Activation) -> ValueName {
    match activation {
        Activation::Gelu => tape.gelu(x),
        Activation::GeluTanh => tape.gelu_tanh(x),
        Activation::Relu => {
            // ReLU needs no constants. Graphs of saplink 0.1 have these two, and constants are
            // numbered in the order of their first use: without them the bytes of exported graphs
            // would differ.
            tape.scalar(0.5);
            tape.scalar(1.0);
            tape.relu(x)
        }
    }
}
