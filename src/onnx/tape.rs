//! The operators that a BERT is made of, and their gradients (reverse-mode differentiation).
//!
//! Operators are written into a graph as they are called. Those that depend on a value that is [`Tape::learn`]t are noted as well, and
//! [`Tape::backward`] writes their gradients behind them, from the last to the first. Where nothing is learned nothing is noted: an export
//! and training are the same code.
//!
//! Invariant: nothing is written for values whose gradient nobody needs.

use std::collections::{HashMap, HashSet};

use crate::{
    bert::config::Activation,
    onnx::{
        graph::{GraphBuilder, Value},
        message::{Attribute, DataType, Tensor},
    },
};

/// Writes the gradients of an operator's inputs, given that of its output.
type Backward = Box<dyn Fn(&mut Tape, &str)>;

/// A graph and what its gradients take.
pub struct Tape {
    pub graph: GraphBuilder,
    float: DataType,
    half: bool,
    needed: HashSet<Value>,
    noted: Vec<(Value, Backward)>,
    gradients: HashMap<Value, Value>,
}

impl Tape {
    /// An empty graph whose values are of type `float`.
    pub fn new(float: DataType) -> Self {
        Self {
            graph: GraphBuilder::default(),
            float,
            half: false,
            needed: HashSet::new(),
            noted: vec![],
            gradients: HashMap::new(),
        }
    }

    /// Computes products of matrices in float16, everything else as it is.
    pub fn with_half_products(mut self) -> Self {
        self.half = true;
        self
    }

    /// Type of the values.
    pub fn float(&self) -> DataType {
        self.float
    }

    /// A tensor of the values' type.
    pub fn tensor(&self, dims: &[usize], values: &[f32]) -> Tensor {
        let raw = match self.float {
            DataType::Float16 => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        Tensor::new(self.float, dims, raw)
    }

    /// A constant number.
    pub fn scalar(&mut self, value: f32) -> Value {
        let tensor = self.tensor(&[], &[value]);
        self.graph.constant(tensor)
    }

    /// Asks for the gradient of `value`.
    pub fn learn(&mut self, value: &str) {
        self.needed.insert(value.into());
    }

    /// Notes an operator with its gradients, if one of its inputs needs one.
    pub fn note(&mut self, inputs: &[&str], output: &str, backward: impl Fn(&mut Self, &str) + 'static) {
        if inputs.iter().any(|&input| self.needed.contains(input)) {
            self.needed.insert(output.into());
            self.noted.push((output.into(), Box::new(backward)));
        }
    }

    /// Adds what `write` writes to the gradient of `value`, if that is needed.
    pub fn pass(&mut self, value: &str, write: impl FnOnce(&mut Self) -> Value) {
        if !self.needed.contains(value) {
            return;
        }
        let gradient = write(self);
        let sum = match self.gradients.remove(value) {
            Some(before) => self.graph.op("Add", &[&before, &gradient]),
            None => gradient,
        };
        self.gradients.insert(value.into(), sum);
    }

    /// Writes all gradients, beginning with those that were passed to outputs.
    pub fn backward(&mut self) {
        while let Some((output, backward)) = self.noted.pop() {
            if let Some(gradient) = self.gradients.remove(&output) {
                backward(self, &gradient);
            }
        }
    }

    /// The gradient of a value that was learned, after [`Tape::backward`]; none if nothing depends on it.
    pub fn gradient(&self, value: &str) -> Option<&Value> {
        self.gradients.get(value)
    }

    /// `a + b`, of one shape.
    pub fn add(&mut self, a: &str, b: &str) -> Value {
        let sum = self.graph.op("Add", &[a, b]);
        let inputs = [a.to_owned(), b.to_owned()];
        self.note(&[a, b], &sum, move |t, g| inputs.iter().for_each(|input| t.pass(input, |_| g.into())));
        sum
    }

    /// `x` times a value that is not learned, of a shape that is broadcast to that of `x`.
    pub fn times(&mut self, x: &str, factor: &str) -> Value {
        let product = self.graph.op("Mul", &[x, factor]);
        let (input, factor) = (x.to_owned(), factor.to_owned());
        self.note(&[x], &product, move |t, g| t.pass(&input, |t| t.graph.op("Mul", &[g, &factor])));
        product
    }

    /// `rows` `[rows, hidden]`, to each of which a `row` `[1, hidden]` is added.
    pub fn shift(&mut self, rows: &str, row: &str) -> Value {
        let sum = self.graph.op("Add", &[rows, row]);
        let [rows_, row_] = [rows, row].map(str::to_owned);
        self.note(&[rows, row], &sum, move |t, g| {
            t.pass(&rows_, |_| g.into());
            t.pass(&row_, |t| t.sum(g, 0, true));
        });
        sum
    }

    /// `x` in another shape of as many values.
    pub fn reshape(&mut self, x: &str, shape: &str) -> Value {
        let reshaped = self.graph.op("Reshape", &[x, shape]);
        let input = x.to_owned();
        self.note(&[x], &reshaped, move |t, g| {
            t.pass(&input, |t| {
                let shape = t.graph.op("Shape", &[&input]);
                t.graph.op("Reshape", &[g, &shape])
            });
        });
        reshaped
    }

    /// `x` with its axes permuted.
    pub fn transpose(&mut self, x: &str, permutation: &[i64]) -> Value {
        let transposed = self.graph.transpose(x, permutation);
        let mut inverse = vec![0; permutation.len()];
        permutation.iter().enumerate().for_each(|(i, &axis)| inverse[axis as usize] = i as i64);
        let input = x.to_owned();
        self.note(&[x], &transposed, move |t, g| t.pass(&input, |t| t.graph.transpose(g, &inverse)));
        transposed
    }

    /// The product of each matrix in `a`, `[.., .., m, k]`, with that in `b`, `[.., .., k, n]`.
    pub fn products(&mut self, a: &str, b: &str) -> Value {
        const FLIPPED: [i64; 4] = [0, 1, 3, 2];
        let product = self.multiply(a, b);
        let (left, right) = (a.to_owned(), b.to_owned());
        self.note(&[a, b], &product, move |t, g| {
            t.pass(&left, |t| {
                let right = t.graph.transpose(&right, &FLIPPED);
                t.multiply(g, &right)
            });
            t.pass(&right, |t| {
                let left = t.graph.transpose(&left, &FLIPPED);
                t.multiply(&left, g)
            });
        });
        product
    }

    /// `x W + b`: rows `[rows, inputs]`, a matrix `[inputs, outputs]` and a bias `[outputs]`.
    pub fn linear(&mut self, x: &str, weight: &str, bias: &str) -> Value {
        let product = self.multiply(x, weight);
        let sum = self.graph.op("Add", &[&product, bias]);
        let [x_, weight_, bias_] = [x, weight, bias].map(str::to_owned);
        self.note(&[x, weight, bias], &sum, move |t, g| {
            t.pass(&x_, |t| t.multiply_transposed(g, &weight_, "transB"));
            t.pass(&weight_, |t| t.multiply_transposed(&x_, g, "transA"));
            t.pass(&bias_, |t| t.sum(g, 0, false));
        });
        sum
    }

    fn multiply(&mut self, a: &str, b: &str) -> Value {
        self.product(a, b, |graph, a, b| graph.op("MatMul", &[a, b]))
    }

    fn multiply_transposed(&mut self, a: &str, b: &str, which: &str) -> Value {
        self.product(a, b, |graph, a, b| graph.op_with("Gemm", &[a, b], vec![Attribute::int(which, 1)]))
    }

    fn product(&mut self, a: &str, b: &str, write: impl Fn(&mut GraphBuilder, &str, &str) -> Value) -> Value {
        if !self.half {
            return write(&mut self.graph, a, b);
        }
        let (a, b) = (self.graph.cast(a, DataType::Float16), self.graph.cast(b, DataType::Float16));
        let product = write(&mut self.graph, &a, &b);
        self.graph.cast(&product, self.float)
    }

    /// The sum over an axis.
    pub fn sum(&mut self, x: &str, axis: i64, keep: bool) -> Value {
        self.reduce("ReduceSum", x, axis, keep)
    }

    fn reduce(&mut self, op: &str, x: &str, axis: i64, keep: bool) -> Value {
        let axis = self.graph.ints(&[axis]);
        self.graph.op_with(op, &[x, &axis], vec![Attribute::int("keepdims", keep.into())])
    }

    /// Shares of 1 along the last axis.
    pub fn softmax(&mut self, x: &str) -> Value {
        let shares = self.graph.op_with("Softmax", &[x], vec![Attribute::int("axis", -1)]);
        let (input, output) = (x.to_owned(), shares.clone());
        self.note(&[x], &shares, move |t, g| {
            t.pass(&input, |t| {
                let weighted = t.graph.op("Mul", &[g, &output]);
                let sum = t.sum(&weighted, -1, true);
                let common = t.graph.op("Mul", &[&output, &sum]);
                t.graph.op("Sub", &[&weighted, &common])
            });
        });
        shares
    }

    /// LayerNorm of each row `[rows, hidden]` (Ba, Kiros and Hinton 2016), with a scale and a shift `[hidden]`.
    pub fn norm(&mut self, x: &str, weight: &str, bias: &str, epsilon: f32) -> Value {
        let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", epsilon)];
        if ![x, weight, bias].iter().any(|&input| self.needed.contains(input)) {
            return self.graph.op_with("LayerNormalization", &[x, weight, bias], attributes);
        }
        let [normed, mean, inverse] = self.graph.ops("LayerNormalization", &[x, weight, bias], attributes);
        let [x_, weight_, bias_] = [x, weight, bias].map(str::to_owned);
        self.note(&[x, weight, bias], &normed, move |t, g| {
            let centered = t.graph.op("Sub", &[&x_, &mean]);
            let unit = t.graph.op("Mul", &[&centered, &inverse]);
            t.pass(&weight_, |t| {
                let products = t.graph.op("Mul", &[g, &unit]);
                t.sum(&products, 0, false)
            });
            t.pass(&bias_, |t| t.sum(g, 0, false));
            t.pass(&x_, |t| {
                let scaled = t.graph.op("Mul", &[g, &weight_]);
                let mean = t.reduce("ReduceMean", &scaled, -1, true);
                let along = t.graph.op("Mul", &[&scaled, &unit]);
                let along = t.reduce("ReduceMean", &along, -1, true);
                let along = t.graph.op("Mul", &[&unit, &along]);
                let rest = t.graph.op("Sub", &[&scaled, &mean]);
                let rest = t.graph.op("Sub", &[&rest, &along]);
                t.graph.op("Mul", &[&rest, &inverse])
            });
        });
        normed
    }

    /// The activation of the feed-forward layers.
    pub fn activation(&mut self, x: &str, kind: Activation) -> Value {
        let (half, one) = (self.scalar(0.5), self.scalar(1.0));
        let sigmoidal = match kind {
            Activation::Relu => return self.relu(x),
            Activation::Gelu => {
                let root = self.scalar(std::f32::consts::SQRT_2);
                let scaled = self.graph.op("Div", &[x, &root]);
                self.graph.op("Erf", &[&scaled])
            }
            Activation::GeluTanh => {
                let (cubic, root) = (self.scalar(CUBIC), self.scalar((2.0 / std::f32::consts::PI).sqrt()));
                let square = self.graph.op("Mul", &[x, x]);
                let cube = self.graph.op("Mul", &[&square, x]);
                let bend = self.graph.op("Mul", &[&cube, &cubic]);
                let sum = self.graph.op("Add", &[x, &bend]);
                let scaled = self.graph.op("Mul", &[&sum, &root]);
                self.graph.op("Tanh", &[&scaled])
            }
        };
        let shifted = self.graph.op("Add", &[&sigmoidal, &one]);
        let product = self.graph.op("Mul", &[x, &shifted]);
        let activated = self.graph.op("Mul", &[&product, &half]);
        let input = x.to_owned();
        // y = x s / 2 with s = 1 + sigmoidal(x), so that y' = s / 2 + x s' / 2.
        self.note(&[x], &activated, move |t, g| {
            t.pass(&input, |t| {
                let rise = match kind {
                    Activation::GeluTanh => t.tanh_rise(&input, &sigmoidal),
                    _ => t.erf_rise(&input),
                };
                let half = t.scalar(0.5);
                let steep = t.graph.op("Mul", &[&input, &rise]);
                let slope = t.graph.op("Mul", &[&shifted, &half]);
                let slope = t.graph.op("Add", &[&slope, &steep]);
                t.graph.op("Mul", &[g, &slope])
            });
        });
        activated
    }

    /// Half the derivative of `erf(x / sqrt 2)`: the normal density.
    fn erf_rise(&mut self, x: &str) -> Value {
        let (exponent, density) = (self.scalar(-0.5), self.scalar((2.0 * std::f32::consts::PI).sqrt().recip()));
        let square = self.graph.op("Mul", &[x, x]);
        let power = self.graph.op("Mul", &[&square, &exponent]);
        let bell = self.graph.op("Exp", &[&power]);
        self.graph.op("Mul", &[&bell, &density])
    }

    /// Half the derivative of `tanh(r (x + c x^3))`: `(1 - tanh^2) r (1 + 3 c x^2) / 2`.
    fn tanh_rise(&mut self, x: &str, tanh: &str) -> Value {
        let root = (2.0 / std::f32::consts::PI).sqrt();
        let (one, constant, quadratic) = (self.scalar(1.0), self.scalar(0.5 * root), self.scalar(1.5 * root * CUBIC));
        let square = self.graph.op("Mul", &[tanh, tanh]);
        let flat = self.graph.op("Sub", &[&one, &square]);
        let square = self.graph.op("Mul", &[x, x]);
        let inner = self.graph.op("Mul", &[&square, &quadratic]);
        let inner = self.graph.op("Add", &[&inner, &constant]);
        self.graph.op("Mul", &[&flat, &inner])
    }

    fn relu(&mut self, x: &str) -> Value {
        let kept = self.graph.op("Relu", &[x]);
        let input = x.to_owned();
        self.note(&[x], &kept, move |t, g| {
            t.pass(&input, |t| {
                let zero = t.scalar(0.0);
                let positive = t.graph.op("Greater", &[&input, &zero]);
                t.graph.op("Where", &[&positive, g, &zero])
            });
        });
        kept
    }

    /// Rows of a `table` `[entries, hidden]` by their numbers `[rows]`.
    pub fn look_up(&mut self, table: &str, numbers: &str) -> Value {
        let rows = self.graph.op("Gather", &[table, numbers]);
        let [table_, numbers_] = [table, numbers].map(str::to_owned);
        self.note(&[table], &rows, move |t, g| {
            t.pass(&table_, |t| {
                let shape = t.graph.op("Shape", &[&table_]);
                let zeros = t.zeros(&shape);
                let axis = t.graph.ints(&[1]);
                let column = t.graph.op("Unsqueeze", &[&numbers_, &axis]);
                let shape = t.graph.op("Shape", &[g]);
                let places = t.graph.op("Expand", &[&column, &shape]);
                // Not ScatterND: on the CPU it adds from several threads at once, so that sums of a number that comes twice are left to chance.
                let attributes = vec![Attribute::int("axis", 0), Attribute::text("reduction", "add")];
                t.graph.op_with("ScatterElements", &[&zeros, &places, g], attributes)
            });
        });
        rows
    }

    /// Some of the `rows` `[rows, hidden]`, by their numbers `[picked]`, each at most once.
    pub fn pick(&mut self, rows: &str, numbers: &str) -> Value {
        let picked = self.graph.op("Gather", &[rows, numbers]);
        let [rows_, numbers_] = [rows, numbers].map(str::to_owned);
        self.note(&[rows], &picked, move |t, g| {
            t.pass(&rows_, |t| {
                let shape = t.graph.op("Shape", &[&rows_]);
                let zeros = t.zeros(&shape);
                let axis = t.graph.ints(&[1]);
                let places = t.graph.op("Unsqueeze", &[&numbers_, &axis]);
                t.graph.op("ScatterND", &[&zeros, &places, g])
            });
        });
        picked
    }

    fn zeros(&mut self, shape: &str) -> Value {
        let zero = self.tensor(&[1], &[0.0]);
        self.graph.op_with("ConstantOfShape", &[shape], vec![Attribute::tensor("value", zero)])
    }

    /// The mean of each text's tokens `[texts, tokens, hidden]`, of those whose `mask` `[texts, tokens, 1]` is 1.
    pub fn mean(&mut self, tokens: &str, mask: &str) -> Value {
        let masked = self.graph.op("Mul", &[tokens, mask]);
        let sum = self.sum(&masked, 1, false);
        let count = self.sum(mask, 1, false);
        let least = self.scalar(1.0);
        let count = self.graph.op("Max", &[&count, &least]);
        let mean = self.graph.op("Div", &[&sum, &count]);
        let [tokens_, mask_] = [tokens, mask].map(str::to_owned);
        self.note(&[tokens], &mean, move |t, g| {
            t.pass(&tokens_, |t| {
                let axis = t.graph.ints(&[1]);
                let shared = t.graph.op("Div", &[g, &count]);
                let shared = t.graph.op("Unsqueeze", &[&shared, &axis]);
                t.graph.op("Mul", &[&shared, &mask_])
            });
        });
        mean
    }

    /// Rows `[rows, hidden]` scaled to length 1.
    pub fn unit(&mut self, rows: &str) -> Value {
        let squares = self.graph.op("Mul", &[rows, rows]);
        let length = self.sum(&squares, 1, true);
        let length = self.graph.op("Sqrt", &[&length]);
        let least = self.scalar(1e-12);
        let length = self.graph.op("Max", &[&length, &least]);
        let unit = self.graph.op("Div", &[rows, &length]);
        let (input, output) = (rows.to_owned(), unit.clone());
        self.note(&[rows], &unit, move |t, g| {
            t.pass(&input, |t| {
                let along = t.graph.op("Mul", &[g, &output]);
                let along = t.sum(&along, 1, true);
                let along = t.graph.op("Mul", &[&output, &along]);
                let rest = t.graph.op("Sub", &[g, &along]);
                t.graph.op("Div", &[&rest, &length])
            });
        });
        unit
    }

    /// The inner products of all `rows` `[rows, hidden]` with each other, `[rows, rows]`.
    pub fn similarities(&mut self, rows: &str) -> Value {
        let flipped = self.graph.transpose(rows, &[1, 0]);
        let similarities = self.graph.op("MatMul", &[rows, &flipped]);
        let input = rows.to_owned();
        self.note(&[rows], &similarities, move |t, g| {
            t.pass(&input, |t| {
                let flipped = t.graph.transpose(g, &[1, 0]);
                let both = t.graph.op("Add", &[g, &flipped]);
                t.graph.op("MatMul", &[&both, &input])
            });
        });
        similarities
    }
}

/// Of GELU's approximation by tanh (Hendrycks and Gimpel 2016).
const CUBIC: f32 = 0.044_715;
