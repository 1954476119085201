//! The files of an ONNX graph that another program exported: the graph, and the files beside it
//! that have its large tensors ("external data").
//!
//! Invariant: a graph names only files of its own directory.

use std::path::{Path, PathBuf};

use prost::Message;

use crate::encoder::{error::EncoderError, manifest::GRAPH_FILE};

/// Where exporters put the graph in the directory of a model.
const PLACES: [&str; 2] = [GRAPH_FILE, "onnx/model.onnx"];
/// Value of `data_location` of tensors in other files.
const EXTERNAL: i32 = 1;

/// The graph in `dir`, relative to it.
pub(super) fn find_graph(dir: &Path) -> Option<&'static str> {
    PLACES.into_iter().find(|place| dir.join(place).is_file())
}

/// The names of the files beside the graph at `path` that have its tensors, sorted.
///
/// # Errors
/// [`EncoderError::Graph`] if the graph is damaged, or names a file of another directory or one
/// that is missing.
pub(super) fn external_data(path: &Path) -> Result<Vec<String>, EncoderError> {
    let fail = |reason: String| EncoderError::Graph { path: path.into(), reason };
    let model = ModelTensors::decode(&*fs_err::read(path)?).map_err(|e| fail(format!("it is no ONNX graph: {e}")))?;
    let graph = model.graph.unwrap_or_default();
    let attributes = graph.nodes.into_iter().flat_map(|node| node.attributes).filter_map(|attribute| attribute.tensor);
    let external = graph.initializers.into_iter().chain(attributes).filter(|tensor| tensor.data_location == EXTERNAL);
    let entries = external.flat_map(|tensor| tensor.external_data).filter(|entry| entry.key == "location");
    let mut names: Vec<String> = entries.map(|entry| entry.value).collect();
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let beside: PathBuf = path.with_file_name(name);
        if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) || name == GRAPH_FILE {
            return Err(fail("its tensors are in a file of another directory: put it beside the graph".into()));
        }
        if !beside.is_file() {
            return Err(fail(format!("its tensors are in {}, which is missing", beside.display())));
        }
    }
    Ok(names)
}

/// The fields of `ModelProto` in `onnx.proto` that lead to tensors; all others are skipped.
#[derive(Clone, PartialEq, Message)]
struct ModelTensors {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphTensors>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphTensors {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<NodeTensors>,
    #[prost(message, repeated, tag = "5")]
    initializers: Vec<TensorPlace>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeTensors {
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<AttributeTensor>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeTensor {
    #[prost(message, optional, tag = "5")]
    tensor: Option<TensorPlace>,
}

/// Where the values of a `TensorProto` are.
#[derive(Clone, PartialEq, Message)]
struct TensorPlace {
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<PlaceEntry>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

/// `StringStringEntryProto`.
#[derive(Clone, PartialEq, Message)]
struct PlaceEntry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_a_graph_are_found_and_others_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(GRAPH_FILE);
        let external = |location: &str| {
            let entry = |key: &str, value: &str| PlaceEntry { key: key.into(), value: value.into() };
            let external_data = vec![entry("offset", "0"), entry("location", location)];
            let tensor = TensorPlace { external_data, data_location: EXTERNAL };
            let graph = GraphTensors { nodes: vec![], initializers: vec![tensor.clone(), tensor] };
            fs_err::write(&path, ModelTensors { graph: Some(graph) }.encode_to_vec()).unwrap();
            external_data_text(&path)
        };
        assert!(external("model.onnx_data").contains("model.onnx_data, which is missing"));
        fs_err::write(dir.path().join("model.onnx_data"), "x").unwrap();
        assert_eq!(external("model.onnx_data"), "model.onnx_data");
        for elsewhere in ["../model.onnx_data", "/etc/hostname", "a/b", "", ".", "..", "model.onnx"] {
            assert!(external(elsewhere).contains("another directory"), "{elsewhere}");
        }
        fs_err::write(&path, "no graph").unwrap();
        assert!(external_data_text(&path).contains("it is no ONNX graph"));
    }

    fn external_data_text(path: &Path) -> String {
        external_data(path).map_or_else(|e| e.to_string(), |names| names.join(" "))
    }
}
