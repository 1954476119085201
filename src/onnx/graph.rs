//! Writes an ONNX graph node by node: constants are shared, every value has a name.
//!
//! Invariant: standard operators of one opset only, so that any ONNX Runtime from 1.19 on, CPU or CUDA, runs the result.

use std::collections::HashMap;

use crate::onnx::message::{self, Attribute, Axis, DataType, Tensor, ValueInfo};

/// Opset of every graph written here; its operators are in each runtime that `api-19` admits.
pub const OPSET: i64 = 18;

/// The name of a value in the graph.
pub type Value = String;

/// A graph under construction.
#[derive(Default)]
pub struct GraphBuilder {
    graph: message::Graph,
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), Value>,
    counter: usize,
}

impl GraphBuilder {
    /// Declares a graph input.
    pub fn input(&mut self, name: &str, data_type: DataType, axes: &[Axis]) -> Value {
        self.graph.input.push(ValueInfo::tensor(name, data_type, axes));
        name.into()
    }

    /// Declares `value` a graph output named `name`.
    pub fn output(&mut self, name: &str, value: &str, data_type: DataType, axes: &[Axis]) {
        self.graph.output.push(ValueInfo::tensor(name, data_type, axes));
        let node = message::Node {
            op_type: "Identity".into(),
            name: format!("output.{name}"),
            input: vec![value.into()],
            output: vec![name.into()],
            ..message::Node::default()
        };
        self.graph.node.push(node);
    }

    /// Adds a node with one output and no attributes.
    pub fn op(&mut self, op: &str, inputs: &[&str]) -> Value {
        self.op_with(op, inputs, vec![])
    }

    /// Adds a node with one output.
    pub fn op_with(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> Value {
        let [value] = self.ops(op, inputs, attributes);
        value
    }

    /// Adds a node with `N` outputs.
    pub fn ops<const N: usize>(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> [Value; N] {
        let name = self.next_name(op);
        let outputs = std::array::from_fn(|i| output_of(&name, i));
        self.node(op, name, inputs, &outputs, attributes);
        outputs
    }

    /// `value` cut along its first axis into parts of these sizes.
    pub fn split(&mut self, value: &str, sizes: &[i64]) -> Vec<Value> {
        let sizes_ = self.ints(sizes);
        let name = self.next_name("Split");
        let outputs: Vec<Value> = (0..sizes.len()).map(|i| output_of(&name, i)).collect();
        self.node("Split", name, &[value, &sizes_], &outputs, vec![Attribute::int("axis", 0)]);
        outputs
    }

    fn next_name(&mut self, op: &str) -> String {
        self.counter += 1;
        format!("{}_{}", op.to_lowercase(), self.counter)
    }

    fn node(&mut self, op: &str, name: String, inputs: &[&str], outputs: &[Value], attribute: Vec<Attribute>) {
        self.graph.node.push(message::Node {
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: outputs.to_vec(),
            op_type: op.into(),
            name,
            attribute,
        });
    }

    /// A named initializer: a weight of the model.
    pub fn weight(&mut self, name: &str, mut tensor: Tensor) -> Value {
        tensor.name = name.into();
        self.graph.initializer.push(tensor);
        name.into()
    }

    /// A constant; equal ones share an initializer.
    pub fn constant(&mut self, tensor: Tensor) -> Value {
        let key = (tensor.data_type, tensor.dims.clone(), tensor.raw_data.clone());
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        let name = format!("const_{}", self.constants.len());
        self.constants.insert(key, name.clone());
        self.weight(&name, tensor)
    }

    /// A list of int64, as shapes and axes are.
    pub fn ints(&mut self, values: &[i64]) -> Value {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(Tensor::new(DataType::Int64, &[values.len()], raw))
    }

    /// A float32 scalar.
    pub fn float(&mut self, value: f32) -> Value {
        self.constant(Tensor::new(DataType::Float, &[], value.to_le_bytes().to_vec()))
    }

    /// An int64 scalar, as numbers of rows are.
    pub fn int(&mut self, value: i64) -> Value {
        self.constant(Tensor::new(DataType::Int64, &[], value.to_le_bytes().to_vec()))
    }

    /// `value` cast to `to`.
    pub fn cast(&mut self, value: &str, to: DataType) -> Value {
        self.op_with("Cast", &[value], vec![Attribute::int("to", to as i64)])
    }

    /// `value` with its axes permuted.
    pub fn transpose(&mut self, value: &str, permutation: &[i64]) -> Value {
        self.op_with("Transpose", &[value], vec![Attribute::ints("perm", permutation)])
    }

    /// The finished model.
    pub fn finish(self, name: &str) -> message::Model {
        message::Model {
            ir_version: 8,
            producer_name: "saplink".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(message::Graph { name: name.into(), ..self.graph }),
            opset_import: vec![message::Opset { domain: String::new(), version: OPSET }],
        }
    }
}

/// The name of a node's output.
fn output_of(node: &str, i: usize) -> Value {
    if i == 0 { node.to_owned() } else { format!("{node}.{i}") }
}
