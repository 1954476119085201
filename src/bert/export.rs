//! The encoder as an ONNX graph: token ids in, one pooled vector a text out.
//!
//! Inputs `input_ids` and `attention_mask`, int64 `[batch, tokens]`; output `embedding`, float32 `[batch, hidden]`, not
//! normalised. Tokens are kept as rows `[batch * tokens, hidden]` between attentions. With [CLS] pooling the last layer
//! computes only the [CLS] row's query, attention and feed-forward: nothing else of it is read.
//!
//! Invariant: what a text's vector is does not depend on which texts share its batch. That holds for int8 too, since
//! activations are quantised row by row rather than by the batch's largest value.

use serde::{Deserialize, Serialize};

use super::{
    config::{Activation, BertConfig},
    graph::{GraphBuilder, Value},
    onnx::{self, Attribute, Axis, DataType, Tensor},
    quantise,
    weights::{Layer, Linear, Norm, Weights},
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
    /// int8 matrices and word embeddings, activations quantised as they come; for CPUs.
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
pub fn export(config: &BertConfig, weights: &Weights, options: ExportOptions) -> onnx::Model {
    Exporter { g: GraphBuilder::default(), config, options }.run(weights)
}

struct Exporter<'a> {
    g: GraphBuilder,
    config: &'a BertConfig,
    options: ExportOptions,
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

impl Exporter<'_> {
    fn run(mut self, weights: &Weights) -> onnx::Model {
        let axes = [Axis::Free("batch"), Axis::Free("tokens")];
        let ids = self.g.input("input_ids", DataType::Int64, &axes);
        let mask = self.g.input("attention_mask", DataType::Int64, &axes);
        let shapes = self.shapes(&ids);
        let bias = self.attention_bias(&mask);
        let mut rows = self.embeddings(weights, &ids, &shapes);
        for (l, layer) in weights.layers.iter().enumerate() {
            let cls_only = self.options.pooling == Pooling::Cls && l + 1 == weights.layers.len();
            rows = self.layer(&format!("layer.{l}"), layer, &rows, &bias, &shapes, cls_only);
        }
        let pooled = match self.options.pooling {
            Pooling::Cls => rows,
            Pooling::Mean => self.mean(&rows, &mask, &shapes),
        };
        let pooled = if self.float() == DataType::Float { pooled } else { self.g.cast(&pooled, DataType::Float) };
        let axes = [Axis::Free("batch"), Axis::Fixed(self.config.hidden)];
        self.g.output("embedding", &pooled, DataType::Float, &axes);
        self.g.finish("bert")
    }

    fn float(&self) -> DataType {
        match self.options.precision {
            Precision::Fp16 => DataType::Float16,
            Precision::Fp32 | Precision::Int8 => DataType::Float,
        }
    }

    fn tensor(&self, dims: &[usize], values: &[f32]) -> Tensor {
        let raw = match self.float() {
            DataType::Float16 => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        Tensor::new(self.float(), dims, raw)
    }

    fn scalar(&mut self, value: f32) -> Value {
        let tensor = self.tensor(&[], &[value]);
        self.g.constant(tensor)
    }

    fn weight(&mut self, name: &str, dims: &[usize], values: &[f32]) -> Value {
        let tensor = self.tensor(dims, values);
        self.g.weight(name, tensor)
    }

    fn shapes(&mut self, ids: &str) -> Shapes {
        let (heads, hidden) = (self.config.heads as i64, self.config.hidden as i64);
        let g = &mut self.g;
        let shape = g.op("Shape", &[ids]);
        let (zero, one) = (g.ints(&[0]), g.ints(&[1]));
        let batch = g.op("Slice", &[&shape, &zero, &one]);
        let split = g.ints(&[heads, hidden / heads]);
        let split_of_one = g.ints(&[1, heads, hidden / heads]);
        let whole = g.ints(&[hidden]);
        let mut concat = |parts: &[&str]| g.op_with("Concat", parts, vec![Attribute::int("axis", 0)]);
        Shapes {
            heads: concat(&[&shape, &split]),
            heads_of_one: concat(&[&batch, &split_of_one]),
            tokens: concat(&[&shape, &whole]),
            rows: self.g.ints(&[-1, hidden]),
        }
    }

    /// `[batch, 1, 1, tokens]`: 0 where a token is, -10,000 where padding is.
    fn attention_bias(&mut self, mask: &str) -> Value {
        let axes = self.g.ints(&[1, 2]);
        let mask = self.g.op("Unsqueeze", &[mask, &axes]);
        let mask = self.g.cast(&mask, self.float());
        let (one, far) = (self.scalar(1.0), self.scalar(-10_000.0));
        let padding = self.g.op("Sub", &[&one, &mask]);
        self.g.op("Mul", &[&padding, &far])
    }

    fn embeddings(&mut self, weights: &Weights, ids: &str, shapes: &Shapes) -> Value {
        let hidden = self.config.hidden;
        let words = self.word_embeddings(&weights.words, ids);
        // Every text is one segment, so that its token type is always 0: folded into the positions.
        let type_0 = &weights.token_types[..hidden];
        let places: Vec<f32> = weights.positions.iter().zip(type_0.iter().cycle()).map(|(p, t)| p + t).collect();
        let places = self.weight("embeddings.positions", &[self.config.positions, hidden], &places);
        let shape = self.g.op("Shape", &[ids]);
        let (zero, one, two) = (self.g.ints(&[0]), self.g.ints(&[1]), self.g.ints(&[2]));
        let tokens = self.g.op("Slice", &[&shape, &one, &two]);
        let places = self.g.op("Slice", &[&places, &zero, &tokens, &zero]);
        let sum = self.g.op("Add", &[&words, &places]);
        let rows = self.g.op("Reshape", &[&sum, &shapes.rows]);
        self.norm("embeddings.norm", &weights.norm, &rows)
    }

    fn word_embeddings(&mut self, words: &[f32], ids: &str) -> Value {
        let (vocab, hidden) = (self.config.vocab, self.config.hidden);
        if self.options.precision != Precision::Int8 {
            let table = self.weight("embeddings.words", &[vocab, hidden], words);
            return self.g.op("Gather", &[&table, ids]);
        }
        let quantised = quantise::by_row(words, hidden);
        let values = Tensor::new(DataType::Int8, &[vocab, hidden], bytemuck::cast_slice(&quantised.values).to_vec());
        let values = self.g.weight("embeddings.words", values);
        let scales = self.weight("embeddings.words.scale", &[vocab, 1], &quantised.scales);
        let values = self.g.op("Gather", &[&values, ids]);
        let values = self.g.cast(&values, DataType::Float);
        let scales = self.g.op("Gather", &[&scales, ids]);
        self.g.op("Mul", &[&values, &scales])
    }

    fn layer(&mut self, name: &str, layer: &Layer, rows: &str, bias: &str, shapes: &Shapes, cls_only: bool) -> Value {
        let (context, residual) = self.attention(name, layer, rows, bias, shapes, cls_only);
        let projected = self.linear(&format!("{name}.attention.output"), &layer.attention_output, &context);
        let sum = self.g.op("Add", &[&projected, &residual]);
        let attended = self.norm(&format!("{name}.attention.norm"), &layer.attention_norm, &sum);
        let inner = self.linear(&format!("{name}.intermediate"), &layer.intermediate, &attended);
        let inner = self.activation(&inner);
        let outer = self.linear(&format!("{name}.output"), &layer.output, &inner);
        let sum = self.g.op("Add", &[&outer, &attended]);
        self.norm(&format!("{name}.output.norm"), &layer.output_norm, &sum)
    }

    /// Multi-head self-attention before its output projection, and the rows that its residual connection adds.
    fn attention(
        &mut self,
        name: &str,
        layer: &Layer,
        rows: &str,
        bias: &str,
        shapes: &Shapes,
        cls_only: bool,
    ) -> (Value, Value) {
        // The scale 1 / sqrt(head) is folded into the query.
        let scale = ((self.config.hidden / self.config.heads) as f32).sqrt().recip();
        let scaled = |values: &[f32]| values.iter().map(|v| v * scale).collect();
        let query = Linear { weight: scaled(&layer.query.weight), bias: scaled(&layer.query.bias), ..layer.query };
        let (queries, keys, values, residual, query_shape) = if cls_only {
            let cls = self.cls_rows(rows, shapes);
            let q = self.linear(&format!("{name}.query"), &query, &cls);
            let joined = join(&[&layer.key, &layer.value]);
            let [k, v] = self.joined(&format!("{name}.key_value"), &joined, rows);
            (q, k, v, cls, &shapes.heads_of_one)
        } else {
            let joined = join(&[&query, &layer.key, &layer.value]);
            let [q, k, v] = self.joined(&format!("{name}.query_key_value"), &joined, rows);
            (q, k, v, rows.to_owned(), &shapes.heads)
        };
        let g = &mut self.g;
        let mut heads = |value: &str, shape: &str, permutation: &[i64]| {
            let split = g.op("Reshape", &[value, shape]);
            g.transpose(&split, permutation)
        };
        let queries = heads(&queries, query_shape, &[0, 2, 1, 3]);
        let keys = heads(&keys, &shapes.heads, &[0, 2, 3, 1]);
        let values = heads(&values, &shapes.heads, &[0, 2, 1, 3]);
        let scores = g.op("MatMul", &[&queries, &keys]);
        let scores = g.op("Add", &[&scores, bias]);
        let weights = g.op_with("Softmax", &[&scores], vec![Attribute::int("axis", -1)]);
        let context = g.op("MatMul", &[&weights, &values]);
        let context = g.transpose(&context, &[0, 2, 1, 3]);
        (g.op("Reshape", &[&context, &shapes.rows]), residual)
    }

    /// The first row of each text.
    fn cls_rows(&mut self, rows: &str, shapes: &Shapes) -> Value {
        let tokens = self.g.op("Reshape", &[rows, &shapes.tokens]);
        let first = self.g.constant(Tensor::new(DataType::Int64, &[], 0i64.to_le_bytes().to_vec()));
        self.g.op_with("Gather", &[&tokens, &first], vec![Attribute::int("axis", 1)])
    }

    /// A product with several matrices side by side, split again.
    fn joined<const N: usize>(&mut self, name: &str, linear: &Linear, rows: &str) -> [Value; N] {
        let product = self.linear(name, linear, rows);
        let sizes = self.g.ints(&[(linear.outputs / N) as i64; N]);
        self.g.ops("Split", &[&product, &sizes], vec![Attribute::int("axis", 1)])
    }

    fn linear(&mut self, name: &str, linear: &Linear, rows: &str) -> Value {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let product = if self.options.precision == Precision::Int8 {
            self.quantised_product(&weight, linear, rows)
        } else {
            let matrix = self.weight(&weight, &[linear.inputs, linear.outputs], &linear.weight);
            self.g.op("MatMul", &[rows, &matrix])
        };
        let bias = self.weight(&bias, &[linear.outputs], &linear.bias);
        self.g.op("Add", &[&product, &bias])
    }

    /// int8 product: weights by output channel, activations by row, sums in int32.
    fn quantised_product(&mut self, name: &str, linear: &Linear, rows: &str) -> Value {
        let quantised = quantise::by_column(&linear.weight, linear.outputs);
        let dims = [linear.inputs, linear.outputs];
        let matrix =
            self.g.weight(name, Tensor::new(DataType::Int8, &dims, bytemuck::cast_slice(&quantised.values).to_vec()));
        let columns = self.weight(&format!("{name}.scale"), &[linear.outputs], &quantised.scales);
        let axis = self.g.ints(&[1]);
        let size = self.g.op("Abs", &[rows]);
        let largest = self.g.op_with("ReduceMax", &[&size, &axis], vec![Attribute::int("keepdims", 0)]);
        let (step, least) = (self.g.float(1.0 / 127.0), self.g.float(1e-12));
        let scale = self.g.op("Mul", &[&largest, &step]);
        let scale = self.g.op("Max", &[&scale, &least]);
        let shape = self.g.op("Shape", &[&scale]);
        let zero = self.g.constant(Tensor::new(DataType::Uint8, &[], vec![128]));
        let zeros = self.g.op("Expand", &[&zero, &shape]);
        let values = self.g.op_with("QuantizeLinear", &[rows, &scale, &zeros], vec![Attribute::int("axis", 0)]);
        let sums = self.g.op("MatMulInteger", &[&values, &matrix, &zero]);
        let sums = self.g.cast(&sums, DataType::Float);
        let scale = self.g.op("Unsqueeze", &[&scale, &axis]);
        let product = self.g.op("Mul", &[&sums, &scale]);
        self.g.op("Mul", &[&product, &columns])
    }

    fn norm(&mut self, name: &str, norm: &Norm, rows: &str) -> Value {
        let weight = self.weight(&format!("{name}.weight"), &[norm.weight.len()], &norm.weight);
        let bias = self.weight(&format!("{name}.bias"), &[norm.bias.len()], &norm.bias);
        let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", self.config.layer_norm_eps)];
        self.g.op_with("LayerNormalization", &[rows, &weight, &bias], attributes)
    }

    fn activation(&mut self, x: &str) -> Value {
        let (half, one) = (self.scalar(0.5), self.scalar(1.0));
        let sigmoidal = match self.config.activation {
            Activation::Relu => return self.g.op("Relu", &[x]),
            Activation::Gelu => {
                let root = self.scalar(std::f32::consts::SQRT_2);
                let scaled = self.g.op("Div", &[x, &root]);
                self.g.op("Erf", &[&scaled])
            }
            Activation::GeluTanh => {
                let (cubic, root) = (self.scalar(0.044_715), self.scalar((2.0 / std::f32::consts::PI).sqrt()));
                let square = self.g.op("Mul", &[x, x]);
                let cube = self.g.op("Mul", &[&square, x]);
                let bend = self.g.op("Mul", &[&cube, &cubic]);
                let sum = self.g.op("Add", &[x, &bend]);
                let scaled = self.g.op("Mul", &[&sum, &root]);
                self.g.op("Tanh", &[&scaled])
            }
        };
        let shifted = self.g.op("Add", &[&sigmoidal, &one]);
        let product = self.g.op("Mul", &[x, &shifted]);
        self.g.op("Mul", &[&product, &half])
    }

    /// The mean of each text's rows over its mask.
    fn mean(&mut self, rows: &str, mask: &str, shapes: &Shapes) -> Value {
        let tokens = self.g.op("Reshape", &[rows, &shapes.tokens]);
        let (one, last) = (self.g.ints(&[1]), self.g.ints(&[2]));
        let mask = self.g.cast(mask, self.float());
        let mask = self.g.op("Unsqueeze", &[&mask, &last]);
        let masked = self.g.op("Mul", &[&tokens, &mask]);
        let keep = || vec![Attribute::int("keepdims", 0)];
        let sum = self.g.op_with("ReduceSum", &[&masked, &one], keep());
        let count = self.g.op_with("ReduceSum", &[&mask, &one], keep());
        let least = self.scalar(1.0);
        let count = self.g.op("Max", &[&count, &least]);
        self.g.op("Div", &[&sum, &count])
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
