//! The encoder as an ONNX graph: token ids in, one pooled vector a text out.
//!
//! Inputs `input_ids` and `attention_mask`, int64 `[batch, tokens]`; output `embedding`, float32 `[batch, hidden]`, not
//! normalized. Tokens are kept as rows `[batch * tokens, hidden]` between attentions.
//!
//! Invariant: what a text's vector is does not depend on which texts share its batch. That holds for int8 too, since
//! activations are quantized row by row rather than by the batch's largest value.

use serde::{Deserialize, Serialize};

use crate::{
    bert::{
        config::BertConfig,
        network::{self, Medium, Part, Place},
        quantize::{self, Quantized},
        weights::{Layer, Linear, Weights},
    },
    onnx::{
        graph::Value,
        message::{self, Attribute, Axis, DataType, Tensor},
        tape::Tape,
    },
};

/// How token vectors of the last layer become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The [CLS] token, before the pooler (SapBERT).
    Cls,
    /// The mean over all tokens that are not padding.
    Mean,
}

/// Arithmetic of the exported graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The reference.
    Fp32,
    /// int8 matrices and word embeddings, activations quantized as they come; for CPUs.
    Int8,
    /// float16 throughout; for GPUs.
    Fp16,
}

/// What to export.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    pub pooling: Pooling,
    pub precision: Precision,
}

/// Writes the graph of `weights`.
pub fn export(config: &BertConfig, weights: &Weights, options: ExportOptions) -> message::Model {
    let float = match options.precision {
        Precision::Fp16 => DataType::Float16,
        Precision::Fp32 | Precision::Int8 => DataType::Float,
    };
    let mut tape = Tape::new(float);
    let axes = [Axis::Free("batch"), Axis::Free("tokens")];
    let ids = tape.graph.input("input_ids", DataType::Int64, &axes);
    let mask = tape.graph.input("attention_mask", DataType::Int64, &axes);
    let shapes = Shapes::new(&mut tape, config, &ids);
    let bias = attention_bias(&mut tape, &mask);
    let mut exporter = Exporter { tape, config, weights, precision: options.precision, ids, mask, shapes, bias };
    let pooled = network::write(&mut exporter, config, options.pooling);
    let mut tape = exporter.tape;
    let pooled = if float == DataType::Float { pooled } else { tape.graph.cast(&pooled, DataType::Float) };
    let axes = [Axis::Free("batch"), Axis::Fixed(config.hidden)];
    tape.graph.output("embedding", &pooled, DataType::Float, &axes);
    tape.graph.finish("bert")
}

/// `[batch, 1, 1, tokens]`: 0 where a token is, -10,000 where padding is.
fn attention_bias(tape: &mut Tape, mask: &str) -> Value {
    let axes = tape.graph.ints(&[1, 2]);
    let mask = tape.graph.op("Unsqueeze", &[mask, &axes]);
    let mask = tape.graph.cast(&mask, tape.float());
    let (one, far) = (tape.scalar(1.0), tape.scalar(-10_000.0));
    let padding = tape.graph.op("Sub", &[&one, &mask]);
    tape.graph.op("Mul", &[&padding, &far])
}

/// Padded texts, and weights that are constants.
struct Exporter<'a> {
    tape: Tape,
    config: &'a BertConfig,
    weights: &'a Weights,
    precision: Precision,
    ids: Value,
    mask: Value,
    shapes: Shapes,
    bias: Value,
}

/// Shapes that attention needs, as values of the graph.
struct Shapes {
    /// `[batch, tokens, heads, head]`
    heads: Value,
    /// `[batch, 1, heads, head]`
    heads_of_one: Value,
    /// `[batch, tokens, hidden]`
    tokens: Value,
    /// `[rows, hidden]`
    rows: Value,
}

impl Shapes {
    fn new(tape: &mut Tape, config: &BertConfig, ids: &str) -> Self {
        let (heads, hidden) = (config.heads as i64, config.hidden as i64);
        let g = &mut tape.graph;
        let shape = g.op("Shape", &[ids]);
        let (zero, one) = (g.ints(&[0]), g.ints(&[1]));
        let batch = g.op("Slice", &[&shape, &zero, &one]);
        let split = g.ints(&[heads, hidden / heads]);
        let split_of_one = g.ints(&[1, heads, hidden / heads]);
        let whole = g.ints(&[hidden]);
        let mut concat = |parts: &[&str]| g.op_with("Concat", parts, vec![Attribute::int("axis", 0)]);
        Self {
            heads: concat(&[&shape, &split]),
            heads_of_one: concat(&[&batch, &split_of_one]),
            tokens: concat(&[&shape, &whole]),
            rows: tape.graph.ints(&[-1, hidden]),
        }
    }
}

impl Medium for Exporter<'_> {
    fn tape(&mut self) -> &mut Tape {
        &mut self.tape
    }

    fn embeddings(&mut self) -> Value {
        let hidden = self.config.hidden;
        let words = self.word_embeddings();
        // Every text is one segment, so that its token type is always 0: folded into the positions.
        let type_0 = &self.weights.token_types[..hidden];
        let places: Vec<f32> = self.weights.positions.iter().zip(type_0.iter().cycle()).map(|(p, t)| p + t).collect();
        let places = self.weight("embeddings.positions", &[self.config.positions, hidden], &places);
        let g = &mut self.tape.graph;
        let shape = g.op("Shape", &[&self.ids]);
        let (zero, one, two) = (g.ints(&[0]), g.ints(&[1]), g.ints(&[2]));
        let tokens = g.op("Slice", &[&shape, &one, &two]);
        let places = g.op("Slice", &[&places, &zero, &tokens, &zero]);
        let sum = g.op("Add", &[&words, &places]);
        g.op("Reshape", &[&sum, &self.shapes.rows])
    }

    fn firsts(&mut self, rows: &str) -> Value {
        let tokens = self.tape.graph.op("Reshape", &[rows, &self.shapes.tokens]);
        let first = self.tape.graph.int(0);
        self.tape.graph.op_with("Gather", &[&tokens, &first], vec![Attribute::int("axis", 1)])
    }

    fn means(&mut self, rows: &str) -> Value {
        let tokens = self.tape.graph.op("Reshape", &[rows, &self.shapes.tokens]);
        let last = self.tape.graph.ints(&[2]);
        let mask = self.tape.graph.cast(&self.mask, self.tape.float());
        let mask = self.tape.graph.op("Unsqueeze", &[&mask, &last]);
        self.tape.mean(&tokens, &mask)
    }

    fn projections(&mut self, layer: usize, queried: &str, rows: &str) -> [Value; 3] {
        let name = format!("layer.{layer}");
        let Layer { query, key, value, .. } = &self.weights.layers[layer];
        let scale = ((self.config.hidden / self.config.heads) as f32).sqrt().recip();
        let scaled = |values: &[f32]| values.iter().map(|v| v * scale).collect();
        let query = Linear { weight: scaled(&query.weight), bias: scaled(&query.bias), ..*query };
        if queried == rows {
            self.joined(&format!("{name}.query_key_value"), &join(&[&query, key, value]), rows)
        } else {
            let queries = self.product(&format!("{name}.query"), &query, queried);
            let [keys, values] = self.joined(&format!("{name}.key_value"), &join(&[key, value]), rows);
            [queries, keys, values]
        }
    }

    fn heads(&mut self, rows: &str, firsts: bool) -> Value {
        let shape = if firsts { &self.shapes.heads_of_one } else { &self.shapes.heads };
        self.tape.graph.op("Reshape", &[rows, shape])
    }

    fn rows(&mut self, heads: &str, _: bool) -> Value {
        self.tape.graph.op("Reshape", &[heads, &self.shapes.rows])
    }

    fn bias(&self) -> Value {
        self.bias.clone()
    }

    fn linear(&mut self, layer: usize, part: Part, rows: &str) -> Value {
        let weights = &self.weights.layers[layer];
        let (name, linear) = match part {
            Part::AttentionOutput => ("attention.output", &weights.attention_output),
            Part::Intermediate => ("intermediate", &weights.intermediate),
            Part::Output => ("output", &weights.output),
        };
        self.product(&format!("layer.{layer}.{name}"), linear, rows)
    }

    fn norm(&mut self, place: Place, rows: &str) -> Value {
        let (name, norm) = match place {
            Place::Embeddings => ("embeddings.norm".to_owned(), &self.weights.norm),
            Place::Attention(l) => (format!("layer.{l}.attention.norm"), &self.weights.layers[l].attention_norm),
            Place::Output(l) => (format!("layer.{l}.output.norm"), &self.weights.layers[l].output_norm),
        };
        let weight = self.weight(&format!("{name}.weight"), &[norm.weight.len()], &norm.weight);
        let bias = self.weight(&format!("{name}.bias"), &[norm.bias.len()], &norm.bias);
        self.tape.norm(rows, &weight, &bias, self.config.layer_norm_eps)
    }

    fn dropout(&mut self, value: Value) -> Value {
        value
    }
}

impl Exporter<'_> {
    fn weight(&mut self, name: &str, dims: &[usize], values: &[f32]) -> Value {
        let tensor = self.tape.tensor(dims, values);
        self.tape.graph.weight(name, tensor)
    }

    fn word_embeddings(&mut self) -> Value {
        let (vocab, hidden) = (self.config.vocab, self.config.hidden);
        let (words, ids) = (&self.weights.words, self.ids.clone());
        if self.precision != Precision::Int8 {
            let table = self.weight("embeddings.words", &[vocab, hidden], words);
            return self.tape.look_up(&table, &ids);
        }
        let [values, scales] =
            self.quantized("embeddings.words", &[vocab, hidden], &[vocab, 1], &quantize::by_row(words, hidden));
        let g = &mut self.tape.graph;
        let values = g.op("Gather", &[&values, &ids]);
        let values = g.cast(&values, DataType::Float);
        let scales = g.op("Gather", &[&scales, &ids]);
        g.op("Mul", &[&values, &scales])
    }

    /// int8 values of shape `dims`, and their scales.
    fn quantized(&mut self, name: &str, dims: &[usize], scales: &[usize], weights: &Quantized) -> [Value; 2] {
        let values = Tensor::new(DataType::Int8, dims, bytemuck::cast_slice(&weights.values).to_vec());
        let values = self.tape.graph.weight(name, values);
        [values, self.weight(&format!("{name}.scale"), scales, &weights.scales)]
    }

    /// A product with several matrices side by side, split again.
    fn joined<const N: usize>(&mut self, name: &str, linear: &Linear, rows: &str) -> [Value; N] {
        let product = self.product(name, linear, rows);
        let sizes = self.tape.graph.ints(&[(linear.outputs / N) as i64; N]);
        self.tape.graph.ops("Split", &[&product, &sizes], vec![Attribute::int("axis", 1)])
    }

    fn product(&mut self, name: &str, linear: &Linear, rows: &str) -> Value {
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

    /// int8 product: weights by output channel, activations by row, sums in int32.
    fn quantized_product(&mut self, name: &str, linear: &Linear, rows: &str) -> Value {
        let (inputs, outputs) = (linear.inputs, linear.outputs);
        let quantized = quantize::by_column(&linear.weight, outputs);
        let [matrix, columns] = self.quantized(name, &[inputs, outputs], &[outputs], &quantized);
        let g = &mut self.tape.graph;
        let axis = g.ints(&[1]);
        let size = g.op("Abs", &[rows]);
        let largest = g.op_with("ReduceMax", &[&size, &axis], vec![Attribute::int("keepdims", 0)]);
        let (step, least) = (g.float(1.0 / 127.0), g.float(1e-12));
        let scale = g.op("Mul", &[&largest, &step]);
        let scale = g.op("Max", &[&scale, &least]);
        let shape = g.op("Shape", &[&scale]);
        let zero = g.constant(Tensor::new(DataType::Uint8, &[], vec![128]));
        let zeros = g.op("Expand", &[&zero, &shape]);
        let values = g.op_with("QuantizeLinear", &[rows, &scale, &zeros], vec![Attribute::int("axis", 0)]);
        let sums = g.op("MatMulInteger", &[&values, &matrix, &zero]);
        let sums = g.cast(&sums, DataType::Float);
        let scale = g.op("Unsqueeze", &[&scale, &axis]);
        let product = g.op("Mul", &[&sums, &scale]);
        g.op("Mul", &[&product, &columns])
    }
}

/// Matrices of equal input side by side: `x [A B C] = [xA xB xC]`.
fn join(parts: &[&Linear]) -> Linear {
    let inputs = parts[0].inputs;
    let row = |i: usize| parts.iter().flat_map(move |p| &p.weight[i * p.outputs..(i + 1) * p.outputs]).copied();
    Linear {
        inputs,
        outputs: parts.iter().map(|p| p.outputs).sum(),
        weight: (0..inputs).flat_map(row).collect(),
        bias: parts.iter().flat_map(|p| p.bias.iter().copied()).collect(),
    }
}
