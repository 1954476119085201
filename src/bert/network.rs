//! BERT itself (Devlin et al. 2018): embeddings, layers of attention and feed-forward, pooling.
//!
//! Written once, over a [`Medium`] that knows how token rows lie in the graph and where weights come from: the export has padded
//! texts and weights that are constants, training has packed texts and weights that change.
//!
//! Invariant: every graph of a BERT, whatever it is for, is this one.

use crate::{
    bert::{BertConfig, Pooling, config::Activation},
    onnx::{graph::Value, tape::Tape},
};

/// A matrix with its bias, in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    AttentionOutput,
    Intermediate,
    Output,
}

/// A LayerNorm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Embeddings,
    /// Of a layer, behind attention.
    Attention(usize),
    /// Of a layer, behind the feed-forward part.
    Output(usize),
}

/// What a BERT is written with. Rows are `[rows, hidden]`, one for each token.
pub(super) trait Medium {
    /// Where operators are written.
    fn tape(&mut self) -> &mut Tape;
    /// The sum of the tokens' embeddings, as rows.
    fn embeddings(&mut self) -> Value;
    /// The first token's row of each text, `[texts, hidden]`.
    fn firsts(&mut self, rows: &str) -> Value;
    /// The mean over each text's rows, `[texts, hidden]`.
    fn means(&mut self, rows: &str) -> Value;
    /// Queries of some rows, divided by the root of a head's size, and keys and values of all rows.
    fn projections(&mut self, layer: usize, queried: &str, rows: &str) -> [Value; 3];
    /// Rows as `[texts, tokens, heads, head]`; one token a text where only first rows are there.
    fn heads(&mut self, rows: &str, firsts: bool) -> Value;
    /// The opposite.
    fn rows(&mut self, heads: &str, firsts: bool) -> Value;
    /// What is added to the scores of tokens: 0, or much below it for padding. `[texts, 1, 1, tokens]`
    fn bias(&self) -> Value;
    /// A matrix of a layer.
    fn linear(&mut self, layer: usize, part: Part, rows: &str) -> Value;
    /// A LayerNorm.
    fn norm(&mut self, place: Place, rows: &str) -> Value;
    /// Dropout, where there is any.
    fn dropout(&mut self, value: Value) -> Value;
}

/// Writes the encoder; gives the pooled vectors, `[texts, hidden]`, not normalized. With [`Pooling::Cls`] the last layer computes the query,
/// attention and feed-forward of first rows alone: nothing else of it is read.
pub(super) fn write(medium: &mut impl Medium, config: &BertConfig, pooling: Pooling) -> Value {
    let rows = medium.embeddings();
    let rows = medium.norm(Place::Embeddings, &rows);
    let mut rows = medium.dropout(rows);
    for layer in 0..config.layers {
        let firsts = pooling == Pooling::Cls && layer + 1 == config.layers;
        rows = write_layer(medium, layer, config.activation, &rows, firsts);
    }
    match pooling {
        Pooling::Cls => rows,
        Pooling::Mean => medium.means(&rows),
    }
}

fn write_layer(m: &mut impl Medium, layer: usize, activation: Activation, rows: &str, firsts: bool) -> Value {
    let queried = if firsts { m.firsts(rows) } else { rows.to_owned() };
    let context = attention(m, layer, &queried, rows, firsts);
    let projected = m.linear(layer, Part::AttentionOutput, &context);
    let projected = m.dropout(projected);
    let sum = m.tape().add(&projected, &queried);
    let attended = m.norm(Place::Attention(layer), &sum);
    let inner = m.linear(layer, Part::Intermediate, &attended);
    let inner = m.tape().activation(&inner, activation);
    let outer = m.linear(layer, Part::Output, &inner);
    let outer = m.dropout(outer);
    let sum = m.tape().add(&outer, &attended);
    m.norm(Place::Output(layer), &sum)
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2) before its output projection.
fn attention(m: &mut impl Medium, layer: usize, queried: &str, rows: &str, firsts: bool) -> Value {
    let [queries, keys, values] = m.projections(layer, queried, rows);
    let queries = m.heads(&queries, firsts);
    let queries = m.tape().transpose(&queries, &[0, 2, 1, 3]);
    let keys = m.heads(&keys, false);
    let keys = m.tape().transpose(&keys, &[0, 2, 3, 1]);
    let values = m.heads(&values, false);
    let values = m.tape().transpose(&values, &[0, 2, 1, 3]);
    let bias = m.bias();
    let scores = m.tape().products(&queries, &keys);
    let scores = m.tape().add(&scores, &bias);
    let weights = m.tape().softmax(&scores);
    let weights = m.dropout(weights);
    let context = m.tape().products(&weights, &values);
    let context = m.tape().transpose(&context, &[0, 2, 1, 3]);
    m.rows(&context, firsts)
}
