//! Exports the encoder as an ONNX graph for inference: token ids in, one pooled vector per text
//! out.
//!
//! Inputs are `input_ids` and `attention_mask`, int64 `[batch, tokens]`. The output is `embedding`,
//! float32 `[batch, hidden]`, not normalized. Outside the attention, tokens are the rows of a
//! matrix `[batch * tokens, hidden]`.
//!
//! Invariant: the vector of a text does not depend on the other texts of its batch. This holds for
//! int8 too, because activations are quantized row by row, not by the largest value of the batch.

use serde::{Deserialize, Serialize};

use crate::{
    bert::{
        config::BertConfig,
        network::{self, GraphBackend, LayerNormSite, LinearKind, Pooling},
        quantize::{self, QuantizedMatrix},
        weights::{LayerWeights, Linear, Weights},
    },
    onnx::{
        graph::ValueName,
        message::{AttributeProto, Axis, DataType, ModelProto, TensorProto},
        tape::Tape,
    },
};

/// Arithmetic of the exported graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// float32 throughout; the reference.
    Fp32,
    /// Matrices and word embeddings in int8, activations quantized during the run; for CPUs.
    Int8,
    /// float16 throughout; for GPUs.
    Fp16,
}

/// Options of an export.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    /// How token vectors become one vector.
    pub pooling: Pooling,
    /// Number format of weights and arithmetic.
    pub precision: Precision,
}

/// Writes the inference graph of `weights`; the head of this file describes its inputs and its
/// output.
pub fn export(config: &BertConfig, weights: &Weights, options: ExportOptions) -> ModelProto {
    let float = match options.precision {
        Precision::Fp16 => DataType::Float16,
        Precision::Fp32 | Precision::Int8 => DataType::Float,
    };
    let mut tape = Tape::new(float);
    let axes = [Axis::Free("batch"), Axis::Free("tokens")];
    let ids = tape.graph.input("input_ids", DataType::Int64, &axes);
    let mask = tape.graph.input("attention_mask", DataType::Int64, &axes);
    let shapes = ReshapeTargets::new(&mut tape, config, &ids);
    let attention_bias = attention_bias(&mut tape, &mask);
    let mut backend =
        ExportBackend { tape, config, weights, precision: options.precision, ids, mask, shapes, attention_bias };
    let pooled = network::write_encoder(&mut backend, config, options.pooling);
    let mut tape = backend.tape;
    let pooled = if float == DataType::Float { pooled } else { tape.graph.cast(&pooled, DataType::Float) };
    let axes = [Axis::Free("batch"), Axis::Fixed(config.hidden)];
    tape.graph.output("embedding", &pooled, DataType::Float, &axes);
    tape.graph.finish("bert")
}

/// `[batch, 1, 1, tokens]`: 0 for a token, -10,000 for padding.
fn attention_bias(tape: &mut Tape, mask: &str) -> ValueName {
    let axes = tape.graph.ints(&[1, 2]);
    let mask = tape.graph.op("Unsqueeze", &[mask, &axes]);
    let mask = tape.graph.cast(&mask, tape.float());
    let (one, masked) = (tape.scalar(1.0), tape.scalar(-10_000.0));
    let padding = tape.graph.op("Sub", &[&one, &mask]);
    tape.graph.op("Mul", &[&padding, &masked])
}

/// Padded texts and constant weights.
struct ExportBackend<'a> {
    tape: Tape,
    config: &'a BertConfig,
    weights: &'a Weights,
    precision: Precision,
    ids: ValueName,
    mask: ValueName,
    shapes: ReshapeTargets,
    attention_bias: ValueName,
}

/// Shapes for `Reshape` around the attention, as values of the graph.
struct ReshapeTargets {
    /// `[batch, tokens, heads, head size]`
    heads: ValueName,
    /// `[batch, 1, heads, head size]`
    first_heads: ValueName,
    /// `[batch, tokens, hidden]`
    tokens: ValueName,
    /// `[rows, hidden]`
    rows: ValueName,
}

impl ReshapeTargets {
    fn new(tape: &mut Tape, config: &BertConfig, ids: &str) -> Self {
        let (heads, hidden) = (config.heads as i64, config.hidden as i64);
        let g = &mut tape.graph;
        let shape = g.op("Shape", &[ids]);
        let (zero, one) = (g.ints(&[0]), g.ints(&[1]));
        let batch = g.op("Slice", &[&shape, &zero, &one]);
        let split = g.ints(&[heads, hidden / heads]);
        let first_split = g.ints(&[1, heads, hidden / heads]);
        let whole = g.ints(&[hidden]);
        let mut concat = |parts: &[&str]| g.op_with("Concat", parts, vec![AttributeProto::int("axis", 0)]);
        Self {
            heads: concat(&[&shape, &split]),
            first_heads: concat(&[&batch, &first_split]),
            tokens: concat(&[&shape, &whole]),
            rows: tape.graph.ints(&[-1, hidden]),
        }
    }
}

impl GraphBackend for ExportBackend<'_> {
    fn tape(&mut self) -> &mut Tape {
        &mut self.tape
    }

    fn embeddings(&mut self) -> ValueName {
        let hidden = self.config.hidden;
        let words = self.word_embeddings();
        // Every token has type 0, so that embedding is folded into the positions.
        let type_0 = &self.weights.token_types[..hidden];
        let positions: Vec<f32> =
            self.weights.positions.iter().zip(type_0.iter().cycle()).map(|(p, t)| p + t).collect();
        let positions = self.weight("embeddings.positions", &[self.config.positions, hidden], &positions);
        let g = &mut self.tape.graph;
        let shape = g.op("Shape", &[&self.ids]);
        let (zero, one, two) = (g.ints(&[0]), g.ints(&[1]), g.ints(&[2]));
        let tokens = g.op("Slice", &[&shape, &one, &two]);
        let positions = g.op("Slice", &[&positions, &zero, &tokens, &zero]);
        let sum = g.op("Add", &[&words, &positions]);
        g.op("Reshape", &[&sum, &self.shapes.rows])
    }

    fn first_rows(&mut self, rows: &str) -> ValueName {
        let tokens = self.tape.graph.op("Reshape", &[rows, &self.shapes.tokens]);
        let first = self.tape.graph.int(0);
        self.tape.graph.op_with("Gather", &[&tokens, &first], vec![AttributeProto::int("axis", 1)])
    }

    fn mean_rows(&mut self, rows: &str) -> ValueName {
        let tokens = self.tape.graph.op("Reshape", &[rows, &self.shapes.tokens]);
        let last = self.tape.graph.ints(&[2]);
        let mask = self.tape.graph.cast(&self.mask, self.tape.float());
        let mask = self.tape.graph.op("Unsqueeze", &[&mask, &last]);
        self.tape.masked_mean(&tokens, &mask)
    }

    fn query_key_value(&mut self, layer: usize, query_rows: &str, rows: &str) -> [ValueName; 3] {
        let name = format!("layer.{layer}");
        let LayerWeights { query, key, value, .. } = &self.weights.layers[layer];
        let scale = ((self.config.hidden / self.config.heads) as f32).sqrt().recip();
        let scaled = |values: &[f32]| values.iter().map(|v| v * scale).collect();
        // The scale of the attention scores is folded into the query weights.
        let query = Linear { weight: scaled(&query.weight), bias: scaled(&query.bias), ..*query };
        if query_rows == rows {
            self.fused_product(&format!("{name}.query_key_value"), &concat_outputs(&[&query, key, value]), rows)
        } else {
            let queries = self.product(&format!("{name}.query"), &query, query_rows);
            let [keys, values] = self.fused_product(&format!("{name}.key_value"), &concat_outputs(&[key, value]), rows);
            [queries, keys, values]
        }
    }

    fn split_heads(&mut self, rows: &str, first_only: bool) -> ValueName {
        let shape = if first_only { &self.shapes.first_heads } else { &self.shapes.heads };
        self.tape.graph.op("Reshape", &[rows, shape])
    }

    fn merge_heads(&mut self, heads: &str, _: bool) -> ValueName {
        self.tape.graph.op("Reshape", &[heads, &self.shapes.rows])
    }

    fn attention_bias(&self) -> ValueName {
        self.attention_bias.clone()
    }

    fn linear(&mut self, layer: usize, kind: LinearKind, rows: &str) -> ValueName {
        let weights = &self.weights.layers[layer];
        let (name, linear) = match kind {
            LinearKind::AttentionOutput => ("attention.output", &weights.attention_output),
            LinearKind::Intermediate => ("intermediate", &weights.intermediate),
            LinearKind::Output => ("output", &weights.output),
        };
        self.product(&format!("layer.{layer}.{name}"), linear, rows)
    }

    fn layer_norm(&mut self, site: LayerNormSite, rows: &str) -> ValueName {
        let (name, norm) = match site {
            LayerNormSite::Embeddings => ("embeddings.norm".to_owned(), &self.weights.embeddings_norm),
            LayerNormSite::Attention(l) => {
                (format!("layer.{l}.attention.norm"), &self.weights.layers[l].attention_norm)
            }
            LayerNormSite::Output(l) => (format!("layer.{l}.output.norm"), &self.weights.layers[l].output_norm),
        };
        let weight = self.weight(&format!("{name}.weight"), &[norm.weight.len()], &norm.weight);
        let bias = self.weight(&format!("{name}.bias"), &[norm.bias.len()], &norm.bias);
        self.tape.layer_norm(rows, &weight, &bias, self.config.layer_norm_eps)
    }

    fn dropout(&mut self, value: ValueName) -> ValueName {
        value
    }
}

impl ExportBackend<'_> {
    /// An initializer in the type of the graph.
    fn weight(&mut self, name: &str, dims: &[usize], values: &[f32]) -> ValueName {
        let tensor = self.tape.tensor(dims, values);
        self.tape.graph.weight(name, tensor)
    }

    /// Word embeddings of `input_ids`, `[batch, tokens, hidden]`.
    fn word_embeddings(&mut self) -> ValueName {
        let (vocab, hidden) = (self.config.vocab, self.config.hidden);
        let (words, ids) = (&self.weights.words, self.ids.clone());
        if self.precision != Precision::Int8 {
            let table = self.weight("embeddings.words", &[vocab, hidden], words);
            return self.tape.lookup_rows(&table, &ids);
        }
        let [values, scales] =
            self.quantized("embeddings.words", &[vocab, hidden], &[vocab, 1], &quantize::by_row(words, hidden));
        let g = &mut self.tape.graph;
        let values = g.op("Gather", &[&values, &ids]);
        let values = g.cast(&values, DataType::Float);
        let scales = g.op("Gather", &[&scales, &ids]);
        g.op("Mul", &[&values, &scales])
    }

    /// Initializers for int8 values of shape `dims` and for their float32 scales of shape `scales`.
    fn quantized(&mut self, name: &str, dims: &[usize], scales: &[usize], weights: &QuantizedMatrix) -> [ValueName; 2] {
        let values = TensorProto::new(DataType::Int8, dims, bytemuck::cast_slice(&weights.values).to_vec());
        let values = self.tape.graph.weight(name, values);
        [values, self.weight(&format!("{name}.scale"), scales, &weights.scales)]
    }

    /// One product with `N` matrices of equal size side by side, split into the `N` results.
    fn fused_product<const N: usize>(&mut self, name: &str, linear: &Linear, rows: &str) -> [ValueName; N] {
        let product = self.product(name, linear, rows);
        let sizes = self.tape.graph.ints(&[(linear.outputs / N) as i64; N]);
        self.tape.graph.ops("Split", &[&product, &sizes], vec![AttributeProto::int("axis", 1)])
    }

    /// A linear layer `[rows, inputs] -> [rows, outputs]` in the chosen precision.
    fn product(&mut self, name: &str, linear: &Linear, rows: &str) -> ValueName {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        if self.precision == Precision::Int8 {
            let product = self.quantized_product(&weight, linear, rows);
            let bias = self.weight(&bias, &[linear.outputs], &linear.bias);
            return self.tape.graph.op("Add", &[&product, &bias]);
        }
        let matrix = self.weight(&weight, &[linear.inputs, linear.outputs], &linear.weight);
        let bias = self.weight(&bias, &[linear.outputs], &linear.bias);
        self.tape.linear(rows, &matrix, &bias)
    }

    /// int8 product: weights have a scale per output channel, activations per row; sums are int32.
    fn quantized_product(&mut self, name: &str, linear: &Linear, rows: &str) -> ValueName {
        let (inputs, outputs) = (linear.inputs, linear.outputs);
        let quantized = quantize::by_column(&linear.weight, outputs);
        let [matrix, column_scales] = self.quantized(name, &[inputs, outputs], &[outputs], &quantized);
        let g = &mut self.tape.graph;
        let axis = g.ints(&[1]);
        let size = g.op("Abs", &[rows]);
        let largest = g.op_with("ReduceMax", &[&size, &axis], vec![AttributeProto::int("keepdims", 0)]);
        let (step, min_scale) = (g.float(1.0 / 127.0), g.float(1e-12));
        let scale = g.op("Mul", &[&largest, &step]);
        let scale = g.op("Max", &[&scale, &min_scale]);
        let shape = g.op("Shape", &[&scale]);
        let zero = g.constant(TensorProto::new(DataType::Uint8, &[], vec![128]));
        let zeros = g.op("Expand", &[&zero, &shape]);
        let values = g.op_with("QuantizeLinear", &[rows, &scale, &zeros], vec![AttributeProto::int("axis", 0)]);
        let sums = g.op("MatMulInteger", &[&values, &matrix, &zero]);
        let sums = g.cast(&sums, DataType::Float);
        let scale = g.op("Unsqueeze", &[&scale, &axis]);
        let product = g.op("Mul", &[&sums, &scale]);
        g.op("Mul", &[&product, &column_scales])
    }
}

/// Linear layers with the same input side by side: `x [A B C] = [xA xB xC]`.
fn concat_outputs(parts: &[&Linear]) -> Linear {
    let inputs = parts[0].inputs;
    let row = |i: usize| parts.iter().flat_map(move |p| &p.weight[i * p.outputs..(i + 1) * p.outputs]).copied();
    Linear {
        inputs,
        outputs: parts.iter().map(|p| p.outputs).sum(),
        weight: (0..inputs).flat_map(row).collect(),
        bias: parts.iter().flat_map(|p| p.bias.iter().copied()).collect(),
    }
}
