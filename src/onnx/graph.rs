//! Builds an ONNX graph node by node.
//!
//! Nodes are named after their operator and a counter (`matmul_7`); a value has the name of the
//! node that computes it. Equal constants share one initializer.
//!
//! Invariant: only standard operators of one opset, so that every ONNX Runtime from 1.19 on runs
//! the graph, on CPU and CUDA.

use std::collections::HashMap;

use crate::onnx::message::{
    AttributeProto, Axis, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};

/// Opset of every graph; every runtime that the `ort` feature `api-19` admits has its operators.
pub const OPSET: i64 = 18;

/// The name of a value (tensor) in the graph.
pub type ValueName = String;

/// A graph under construction.
#[derive(Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    /// Name by data type, shape and bytes.
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), ValueName>,
    node_counter: usize,
}

impl GraphBuilder {
    /// Declares a graph input.
    pub fn input(&mut self, name: &str, data_type: DataType, axes: &[Axis]) -> ValueName {
        self.graph.input.push(ValueInfoProto::tensor(name, data_type, axes));
        name.into()
    }

    /// Declares a graph output named `name` with the content of `value`.
    pub fn output(&mut self, name: &str, value: &str, data_type: DataType, axes: &[Axis]) {
        self.graph.output.push(ValueInfoProto::tensor(name, data_type, axes));
        self.push_node("Identity", format!("output.{name}"), &[value], &[name.into()], vec![]);
    }

    /// Adds a node with one output and no attributes.
    pub fn op(&mut self, op: &str, inputs: &[&str]) -> ValueName {
        self.op_with(op, inputs, vec![])
    }

    /// Adds a node with one output and these attributes.
    pub fn op_with(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> ValueName {
        let [value] = self.ops(op, inputs, attributes);
        value
    }

    /// Adds a node with `N` outputs.
    pub fn ops<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> [ValueName; N] {
        let name = self.next_node_name(op);
        let outputs = std::array::from_fn(|i| output_name(&name, i));
        self.push_node(op, name, inputs, &outputs, attributes);
        outputs
    }

    /// Splits `value` along its first axis into parts of these sizes.
    pub fn split(&mut self, value: &str, sizes: &[i64]) -> Vec<ValueName> {
        let size_list = self.ints(sizes);
        let name = self.next_node_name("Split");
        let outputs: Vec<ValueName> = (0..sizes.len()).map(|i| output_name(&name, i)).collect();
        self.push_node("Split", name, &[value, &size_list], &outputs, vec![AttributeProto::int("axis", 0)]);
        outputs
    }

    fn next_node_name(&mut self, op: &str) -> String {
        self.node_counter += 1;
        format!("{}_{}", op.to_lowercase(), self.node_counter)
    }

    fn push_node(
        &mut self,
        op: &str,
        name: String,
        inputs: &[&str],
        outputs: &[ValueName],
        attribute: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: outputs.to_vec(),
            op_type: op.into(),
            name,
            attribute,
        });
    }

    /// Adds an initializer named `name`: a weight of the model.
    pub fn weight(&mut self, name: &str, mut tensor: TensorProto) -> ValueName {
        tensor.name = name.into();
        self.graph.initializer.push(tensor);
        name.into()
    }

    /// Adds a constant, or returns the name of an equal one.
    pub fn constant(&mut self, tensor: TensorProto) -> ValueName {
        let key = (tensor.data_type, tensor.dims.clone(), tensor.raw_data.clone());
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        let name = format!("const_{}", self.constants.len());
        self.constants.insert(key, name.clone());
        self.weight(&name, tensor)
    }

    /// An int64 constant `[values]`, for shapes and axes.
    pub fn ints(&mut self, values: &[i64]) -> ValueName {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(TensorProto::new(DataType::Int64, &[values.len()], raw))
    }

    /// A float32 scalar constant.
    pub fn float(&mut self, value: f32) -> ValueName {
        self.constant(TensorProto::new(DataType::Float, &[], value.to_le_bytes().to_vec()))
    }

    /// An int64 scalar constant, for row numbers.
    pub fn int(&mut self, value: i64) -> ValueName {
        self.constant(TensorProto::new(DataType::Int64, &[], value.to_le_bytes().to_vec()))
    }

    /// Casts `value` to the type `to`.
    pub fn cast(&mut self, value: &str, to: DataType) -> ValueName {
        self.op_with("Cast", &[value], vec![AttributeProto::int("to", to as i64)])
    }

    /// Permutes the axes of `value`: output axis `i` is input axis `permutation[i]`.
    pub fn transpose(&mut self, value: &str, permutation: &[i64]) -> ValueName {
        self.op_with("Transpose", &[value], vec![AttributeProto::ints("perm", permutation)])
    }

    /// Ends the graph and wraps it as a model.
    pub fn finish(self, name: &str) -> ModelProto {
        ModelProto {
            ir_version: 8,
            producer_name: "saplink".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(GraphProto { name: name.into(), ..self.graph }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        }
    }
}

/// The name of output `i` of a node.
fn output_name(node: &str, i: usize) -> ValueName {
    if i == 0 { node.to_owned() } else { format!("{node}.{i}") }
}
