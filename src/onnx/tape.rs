//! Reverse-mode automatic differentiation over a graph.
//!
//! Each operator of `operators` and `activations` writes its nodes at once. If one of its inputs
//! needs a gradient ([`Tape::require_gradient`], or computed from such a value), the tape also
//! records how to write the gradients of those inputs. [`Tape::backward`] then writes the recorded
//! gradients from the last operator to the first. An export requires no gradient and so records
//! nothing: export and training share all code.
//!
//! Invariant: no node is written for a gradient that is not needed.

use std::collections::{HashMap, HashSet};

use crate::onnx::{
    graph::{GraphBuilder, ValueName},
    message::{DataType, TensorProto},
};

/// Writes the gradients of an operator's inputs, given the gradient of its output.
type BackwardFn = Box<dyn Fn(&mut Tape, &str)>;

/// A graph under construction and the record of its operators.
pub struct Tape {
    /// Nodes that need no gradient are written here directly.
    pub graph: GraphBuilder,
    float: DataType,
    float16_products: bool,
    needs_gradient: HashSet<ValueName>,
    recorded: Vec<(ValueName, BackwardFn)>,
    gradients: HashMap<ValueName, ValueName>,
}

impl Tape {
    /// An empty graph whose values have the type `float` ([`DataType::Float`] or
    /// [`DataType::Float16`]).
    pub fn new(float: DataType) -> Self {
        Self {
            graph: GraphBuilder::default(),
            float,
            float16_products: false,
            needs_gradient: HashSet::new(),
            recorded: vec![],
            gradients: HashMap::new(),
        }
    }

    /// Computes matrix products in float16 and everything else in the tape's type.
    pub fn with_float16_products(mut self) -> Self {
        self.float16_products = true;
        self
    }

    /// The type of the values.
    pub fn float(&self) -> DataType {
        self.float
    }

    /// A tensor of shape `dims` in the tape's type.
    pub fn tensor(&self, dims: &[usize], values: &[f32]) -> TensorProto {
        let raw = match self.float {
            DataType::Float16 => values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        TensorProto::new(self.float, dims, raw)
    }

    /// A scalar constant in the tape's type.
    pub fn scalar(&mut self, value: f32) -> ValueName {
        let tensor = self.tensor(&[], &[value]);
        self.graph.constant(tensor)
    }

    /// Marks `value` as one whose gradient is needed: a parameter.
    pub fn require_gradient(&mut self, value: &str) {
        self.needs_gradient.insert(value.into());
    }

    /// Whether the gradient of one of these values is needed.
    pub(super) fn needs_gradient(&self, values: &[&str]) -> bool {
        values.iter().any(|&value| self.needs_gradient.contains(value))
    }

    /// Records an operator if one of its inputs needs a gradient. `backward` receives the gradient
    /// of `output` and calls [`Tape::add_gradient`] for each input.
    pub fn record(&mut self, inputs: &[&str], output: &str, backward: impl Fn(&mut Self, &str) + 'static) {
        if self.needs_gradient(inputs) {
            self.needs_gradient.insert(output.into());
            self.recorded.push((output.into(), Box::new(backward)));
        }
    }

    /// Adds the value that `write` writes to the gradient of `value`. Does nothing, and does not
    /// call `write`, if that gradient is not needed.
    pub fn add_gradient(&mut self, value: &str, write: impl FnOnce(&mut Self) -> ValueName) {
        if !self.needs_gradient(&[value]) {
            return;
        }
        let gradient = write(self);
        let sum = match self.gradients.remove(value) {
            Some(before) => self.graph.op("Add", &[&before, &gradient]),
            None => gradient,
        };
        self.gradients.insert(value.into(), sum);
    }

    /// Writes all gradients. The caller has added the gradients of the outputs before.
    pub fn backward(&mut self) {
        while let Some((output, backward)) = self.recorded.pop() {
            if let Some(gradient) = self.gradients.remove(&output) {
                backward(self, &gradient);
            }
        }
    }

    /// After [`Tape::backward`]: the gradient of a value that was marked with
    /// [`Tape::require_gradient`], or `None` if no output depends on it.
    pub fn gradient(&self, value: &str) -> Option<&ValueName> {
        self.gradients.get(value)
    }

    /// The matrix product of `a` and `b`, without a record.
    pub(super) fn matmul_node(&mut self, a: &str, b: &str) -> ValueName {
        self.product_node(a, b, |graph, a, b| graph.op("MatMul", &[a, b]))
    }

    /// Writes a product with `write`, between casts to float16 and back where the tape asks for
    /// them.
    pub(super) fn product_node(
        &mut self,
        a: &str,
        b: &str,
        write: impl Fn(&mut GraphBuilder, &str, &str) -> ValueName,
    ) -> ValueName {
        if !self.float16_products {
            return write(&mut self.graph, a, b);
        }
        let (a, b) = (self.graph.cast(a, DataType::Float16), self.graph.cast(b, DataType::Float16));
        let product = write(&mut self.graph, &a, &b);
        self.graph.cast(&product, self.float)
    }
}
