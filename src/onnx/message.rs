//! The ONNX protobuf messages that a graph writer needs, field numbers as in `onnx.proto` (IR version 8).
//!
//! Invariant: plain data. Nothing here knows BERT or ONNX Runtime.

use prost::Message;

/// `ModelProto`: the file itself.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<Opset>,
}

/// `OperatorSetIdProto`; the empty domain is the standard one.
#[derive(Clone, PartialEq, Message)]
pub struct Opset {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// `GraphProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// `NodeProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// `AttributeProto`, of which one value field is meaningful, as `kind` says.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub t: Option<Tensor>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

impl Attribute {
    /// An integer attribute.
    pub fn int(name: &str, i: i64) -> Self {
        Self { name: name.into(), i, kind: 2, ..Self::default() }
    }

    /// A float attribute.
    pub fn float(name: &str, f: f32) -> Self {
        Self { name: name.into(), f, kind: 1, ..Self::default() }
    }

    /// A text attribute.
    pub fn text(name: &str, s: &str) -> Self {
        Self { name: name.into(), s: s.into(), kind: 3, ..Self::default() }
    }

    /// A tensor attribute.
    pub fn tensor(name: &str, t: Tensor) -> Self {
        Self { name: name.into(), t: Some(t), kind: 4, ..Self::default() }
    }

    /// A list of integers.
    pub fn ints(name: &str, ints: &[i64]) -> Self {
        Self { name: name.into(), ints: ints.to_vec(), kind: 7, ..Self::default() }
    }
}

/// `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum DataType {
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
}

/// `TensorProto` with its values in `raw_data`, little-endian.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

impl Tensor {
    /// A tensor of `dims` whose values are `raw_data`, little-endian.
    pub fn new(data_type: DataType, dims: &[usize], raw_data: Vec<u8>) -> Self {
        let dims = dims.iter().map(|&d| d as i64).collect();
        Self { dims, data_type: data_type as i32, name: String::new(), raw_data }
    }
}

/// `ValueInfoProto`.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
}

/// `TypeProto`, tensors only.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dim>,
}

/// `TensorShapeProto.Dimension`: a number, or the name of a free dimension.
#[derive(Clone, PartialEq, Message)]
pub struct Dim {
    #[prost(oneof = "DimValue", tags = "1, 2")]
    pub value: Option<DimValue>,
}

/// See [`Dim`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum DimValue {
    #[prost(int64, tag = "1")]
    Fixed(i64),
    #[prost(string, tag = "2")]
    Free(String),
}

/// One dimension of a graph input or output.
#[derive(Clone, Copy, Debug)]
pub enum Axis<'a> {
    Free(&'a str),
    Fixed(usize),
}

impl ValueInfo {
    /// A graph input or output named `name`.
    pub fn tensor(name: &str, data_type: DataType, axes: &[Axis]) -> Self {
        let dim = axes
            .iter()
            .map(|axis| match axis {
                Axis::Free(name) => DimValue::Free((*name).into()),
                Axis::Fixed(n) => DimValue::Fixed(*n as i64),
            })
            .map(|value| Dim { value: Some(value) })
            .collect();
        let tensor = TensorType { elem_type: data_type as i32, shape: Some(Shape { dim }) };
        Self { name: name.into(), r#type: Some(Type { tensor_type: Some(tensor) }) }
    }
}
