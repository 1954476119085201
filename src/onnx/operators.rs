//! Operators with a gradient: sums, products, shapes, softmax, LayerNorm, row lookups and means.
//!
//! Each function writes the forward nodes and records the gradient of its inputs. In the closures
//! `t` is the tape, `g` the gradient of the output, and `x_` the owned name of the input `x`.

use crate::onnx::{graph::ValueName, message::AttributeProto, tape::Tape};

impl Tape {
    /// `a + b`, two values of the same shape.
    pub fn add(&mut self, a: &str, b: &str) -> ValueName {
        let sum = self.graph.op("Add", &[a, b]);
        let inputs = [a.to_owned(), b.to_owned()];
        self.record(&[a, b], &sum, move |t, g| inputs.iter().for_each(|input| t.add_gradient(input, |_| g.into())));
        sum
    }

    /// `x * factor`. `factor` is broadcast to the shape of `x` and gets no gradient.
    pub fn scale(&mut self, x: &str, factor: &str) -> ValueName {
        let product = self.graph.op("Mul", &[x, factor]);
        let (input, factor) = (x.to_owned(), factor.to_owned());
        self.record(&[x], &product, move |t, g| t.add_gradient(&input, |t| t.graph.op("Mul", &[g, &factor])));
        product
    }

    /// Adds `row` `[1, hidden]` to each of `rows` `[rows, hidden]`.
    pub fn add_row(&mut self, rows: &str, row: &str) -> ValueName {
        let sum = self.graph.op("Add", &[rows, row]);
        let [rows_, row_] = [rows, row].map(str::to_owned);
        self.record(&[rows, row], &sum, move |t, g| {
            t.add_gradient(&rows_, |_| g.into());
            t.add_gradient(&row_, |t| t.sum(g, 0, true));
        });
        sum
    }

    /// Reshapes `x` to `shape`, an int64 value `[rank]`.
    pub fn reshape(&mut self, x: &str, shape: &str) -> ValueName {
        let reshaped = self.graph.op("Reshape", &[x, shape]);
        let input = x.to_owned();
        self.record(&[x], &reshaped, move |t, g| {
            t.add_gradient(&input, |t| {
                let shape = t.graph.op("Shape", &[&input]);
                t.graph.op("Reshape", &[g, &shape])
            });
        });
        reshaped
    }

    /// Permutes the axes of `x`: output axis `i` is input axis `permutation[i]`.
    pub fn transpose(&mut self, x: &str, permutation: &[i64]) -> ValueName {
        let transposed = self.graph.transpose(x, permutation);
        let mut inverse = vec![0; permutation.len()];
        permutation.iter().enumerate().for_each(|(i, &axis)| inverse[axis as usize] = i as i64);
        let input = x.to_owned();
        self.record(&[x], &transposed, move |t, g| t.add_gradient(&input, |t| t.graph.transpose(g, &inverse)));
        transposed
    }

    /// Batched matrix product: `a` `[.., .., m, k]` times `b` `[.., .., k, n]` gives
    /// `[.., .., m, n]`.
    pub fn matmul(&mut self, a: &str, b: &str) -> ValueName {
        const SWAP_LAST_AXES: [i64; 4] = [0, 1, 3, 2];
        let product = self.matmul_node(a, b);
        let (left, right) = (a.to_owned(), b.to_owned());
        self.record(&[a, b], &product, move |t, g| {
            t.add_gradient(&left, |t| {
                let right = t.graph.transpose(&right, &SWAP_LAST_AXES);
                t.matmul_node(g, &right)
            });
            t.add_gradient(&right, |t| {
                let left = t.graph.transpose(&left, &SWAP_LAST_AXES);
                t.matmul_node(&left, g)
            });
        });
        product
    }

    /// Linear layer `x W + b`: `x` `[rows, inputs]`, `weight` `[inputs, outputs]`, `bias`
    /// `[outputs]`; gives `[rows, outputs]`.
    pub fn linear(&mut self, x: &str, weight: &str, bias: &str) -> ValueName {
        let product = self.matmul_node(x, weight);
        let sum = self.graph.op("Add", &[&product, bias]);
        let [x_, weight_, bias_] = [x, weight, bias].map(str::to_owned);
        self.record(&[x, weight, bias], &sum, move |t, g| {
            t.add_gradient(&x_, |t| t.gemm_transposed(g, &weight_, "transB"));
            t.add_gradient(&weight_, |t| t.gemm_transposed(&x_, g, "transA"));
            t.add_gradient(&bias_, |t| t.sum(g, 0, false));
        });
        sum
    }

    /// `Gemm` with one input transposed; `which` is `transA` or `transB`.
    fn gemm_transposed(&mut self, a: &str, b: &str, which: &str) -> ValueName {
        self.product_node(a, b, |graph, a, b| graph.op_with("Gemm", &[a, b], vec![AttributeProto::int(which, 1)]))
    }

    /// The sum of `x` over `axis`, without a gradient; `keep` keeps the axis with size 1.
    fn sum(&mut self, x: &str, axis: i64, keep: bool) -> ValueName {
        self.reduce("ReduceSum", x, axis, keep)
    }

    fn reduce(&mut self, op: &str, x: &str, axis: i64, keep: bool) -> ValueName {
        let axis = self.graph.ints(&[axis]);
        self.graph.op_with(op, &[x, &axis], vec![AttributeProto::int("keepdims", keep.into())])
    }

    /// Softmax along the last axis.
    pub fn softmax(&mut self, x: &str) -> ValueName {
        let softmax = self.graph.op_with("Softmax", &[x], vec![AttributeProto::int("axis", -1)]);
        let (input, output) = (x.to_owned(), softmax.clone());
        self.record(&[x], &softmax, move |t, g| {
            t.add_gradient(&input, |t| {
                let weighted = t.graph.op("Mul", &[g, &output]);
                let sum = t.sum(&weighted, -1, true);
                let correction = t.graph.op("Mul", &[&output, &sum]);
                t.graph.op("Sub", &[&weighted, &correction])
            });
        });
        softmax
    }

    /// LayerNorm (Ba, Kiros and Hinton 2016, section 3) of each row of `x` `[rows, hidden]`, with
    /// the scale `weight` `[hidden]` and the shift `bias` `[hidden]`.
    pub fn layer_norm(&mut self, x: &str, weight: &str, bias: &str, epsilon: f32) -> ValueName {
        let attributes = vec![AttributeProto::int("axis", -1), AttributeProto::float("epsilon", epsilon)];
        if !self.needs_gradient(&[x, weight, bias]) {
            // Without the outputs for mean and deviation, which only the gradient reads.
            return self.graph.op_with("LayerNormalization", &[x, weight, bias], attributes);
        }
        let [normed, mean, inverse_deviation] = self.graph.ops("LayerNormalization", &[x, weight, bias], attributes);
        let [x_, weight_, bias_] = [x, weight, bias].map(str::to_owned);
        self.record(&[x, weight, bias], &normed, move |t, g| {
            let centered = t.graph.op("Sub", &[&x_, &mean]);
            let standardized = t.graph.op("Mul", &[&centered, &inverse_deviation]);
            t.add_gradient(&weight_, |t| {
                let products = t.graph.op("Mul", &[g, &standardized]);
                t.sum(&products, 0, false)
            });
            t.add_gradient(&bias_, |t| t.sum(g, 0, false));
            t.add_gradient(&x_, |t| {
                let scaled = t.graph.op("Mul", &[g, &weight_]);
                let mean = t.reduce("ReduceMean", &scaled, -1, true);
                let along = t.graph.op("Mul", &[&scaled, &standardized]);
                let along = t.reduce("ReduceMean", &along, -1, true);
                let along = t.graph.op("Mul", &[&standardized, &along]);
                let rest = t.graph.op("Sub", &[&scaled, &mean]);
                let rest = t.graph.op("Sub", &[&rest, &along]);
                t.graph.op("Mul", &[&rest, &inverse_deviation])
            });
        });
        normed
    }

    /// Embedding lookup: rows of `table` `[entries, hidden]` at `indices` (int64 `[rows]`),
    /// `[rows, hidden]`. An index may occur several times.
    pub fn lookup_rows(&mut self, table: &str, indices: &str) -> ValueName {
        let rows = self.graph.op("Gather", &[table, indices]);
        let [table_, indices_] = [table, indices].map(str::to_owned);
        self.record(&[table], &rows, move |t, g| {
            t.add_gradient(&table_, |t| {
                let shape = t.graph.op("Shape", &[&table_]);
                let zeros = t.zeros(&shape);
                let axis = t.graph.ints(&[1]);
                let column = t.graph.op("Unsqueeze", &[&indices_, &axis]);
                let shape = t.graph.op("Shape", &[g]);
                let targets = t.graph.op("Expand", &[&column, &shape]);
                // Not ScatterND: on the CPU it adds with several threads, so that the sum for an
                // index that occurs twice would differ from run to run.
                let attributes = vec![AttributeProto::int("axis", 0), AttributeProto::text("reduction", "add")];
                t.graph.op_with("ScatterElements", &[&zeros, &targets, g], attributes)
            });
        });
        rows
    }

    /// Rows of `rows` `[rows, hidden]` at `indices` (int64 `[selected]`), `[selected, hidden]`. An
    /// index occurs at most once.
    pub fn select_rows(&mut self, rows: &str, indices: &str) -> ValueName {
        let selected = self.graph.op("Gather", &[rows, indices]);
        let [rows_, indices_] = [rows, indices].map(str::to_owned);
        self.record(&[rows], &selected, move |t, g| {
            t.add_gradient(&rows_, |t| {
                let shape = t.graph.op("Shape", &[&rows_]);
                let zeros = t.zeros(&shape);
                let axis = t.graph.ints(&[1]);
                let targets = t.graph.op("Unsqueeze", &[&indices_, &axis]);
                t.graph.op("ScatterND", &[&zeros, &targets, g])
            });
        });
        selected
    }

    /// Zeros of the shape `shape`, an int64 value `[rank]`.
    fn zeros(&mut self, shape: &str) -> ValueName {
        let zero = self.tensor(&[1], &[0.0]);
        self.graph.op_with("ConstantOfShape", &[shape], vec![AttributeProto::tensor("value", zero)])
    }

    /// The mean over the tokens of each text, `[texts, hidden]`: of `tokens`
    /// `[texts, tokens, hidden]` those whose `mask` `[texts, tokens, 1]` is 1. A text without any
    /// has the mean 0.
    pub fn masked_mean(&mut self, tokens: &str, mask: &str) -> ValueName {
        let masked = self.graph.op("Mul", &[tokens, mask]);
        let sum = self.sum(&masked, 1, false);
        let count = self.sum(mask, 1, false);
        let min_count = self.scalar(1.0);
        let count = self.graph.op("Max", &[&count, &min_count]);
        let mean = self.graph.op("Div", &[&sum, &count]);
        let [tokens_, mask_] = [tokens, mask].map(str::to_owned);
        self.record(&[tokens], &mean, move |t, g| {
            t.add_gradient(&tokens_, |t| {
                let axis = t.graph.ints(&[1]);
                let shared = t.graph.op("Div", &[g, &count]);
                let shared = t.graph.op("Unsqueeze", &[&shared, &axis]);
                t.graph.op("Mul", &[&shared, &mask_])
            });
        });
        mean
    }

    /// Scales each row of `rows` `[rows, hidden]` to length 1.
    pub fn normalize_rows(&mut self, rows: &str) -> ValueName {
        let squares = self.graph.op("Mul", &[rows, rows]);
        let length = self.sum(&squares, 1, true);
        let length = self.graph.op("Sqrt", &[&length]);
        let min_length = self.scalar(1e-12);
        let length = self.graph.op("Max", &[&length, &min_length]);
        let unit = self.graph.op("Div", &[rows, &length]);
        let (input, output) = (rows.to_owned(), unit.clone());
        self.record(&[rows], &unit, move |t, g| {
            t.add_gradient(&input, |t| {
                let along = t.graph.op("Mul", &[g, &output]);
                let along = t.sum(&along, 1, true);
                let along = t.graph.op("Mul", &[&output, &along]);
                let rest = t.graph.op("Sub", &[g, &along]);
                t.graph.op("Div", &[&rest, &length])
            });
        });
        unit
    }

    /// Inner products of all `rows` `[rows, hidden]` with each other, `[rows, rows]`.
    pub fn similarities(&mut self, rows: &str) -> ValueName {
        let transposed = self.graph.transpose(rows, &[1, 0]);
        let similarities = self.graph.op("MatMul", &[rows, &transposed]);
        let input = rows.to_owned();
        self.record(&[rows], &similarities, move |t, g| {
            t.add_gradient(&input, |t| {
                let transposed = t.graph.transpose(g, &[1, 0]);
                let both = t.graph.op("Add", &[g, &transposed]);
                t.graph.op("MatMul", &[&both, &input])
            });
        });
        similarities
    }
}
