//! A session of ONNX Runtime with inputs and outputs that stay bound from run to run, and tensors
//! in the memory of its device.
//!
//! Invariant: an output that is bound to a tensor is written in place; other outputs are copied to
//! the host.

use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, Session},
    value::{PrimitiveTensorElementType, Tensor},
};
use prost::Message;

use crate::train::{TrainError, packing::PackedNames};
use crate::{
    bert::training,
    encoder::{Device, Runtime},
    onnx::message,
};

/// A session and its bindings.
pub(super) struct BoundSession {
    session: Session,
    bindings: IoBinding,
}

/// An error of ONNX Runtime, or of what it returned.
pub(super) fn engine_error(e: impl std::fmt::Display) -> TrainError {
    TrainError::Engine(e.to_string())
}

impl BoundSession {
    /// Opens `model` with nothing bound.
    pub(super) fn open(
        runtime: &Runtime,
        model: &message::ModelProto,
        device: Device,
        threads: usize,
    ) -> Result<Self, TrainError> {
        let mut builder = runtime.builder(device == Device::Cuda, threads)?;
        let session = builder.commit_from_memory(&model.encode_to_vec()).map_err(engine_error)?;
        let bindings = session.create_binding().map_err(engine_error)?;
        Ok(Self { session, bindings })
    }

    /// Binds a tensor as an input. The session reads its values at each run.
    pub(super) fn bind_input<T: PrimitiveTensorElementType + std::fmt::Debug + 'static>(
        &mut self,
        name: &str,
        tensor: &Tensor<T>,
    ) -> Result<(), TrainError> {
        self.bindings.bind_input(name, tensor).map_err(engine_error)
    }

    /// Binds a copy of `values` as an input of this shape.
    pub(super) fn set_input<T>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<(), TrainError>
    where
        T: PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static,
    {
        let tensor = Tensor::from_array((shape.to_vec(), values.to_vec())).map_err(engine_error)?;
        self.bind_input(name, &tensor)
    }

    /// Binds packed names; `first_rows` only for graphs with [CLS] pooling, which have that input.
    pub(super) fn set_names(&mut self, packed: &PackedNames, first_rows: bool) -> Result<(), TrainError> {
        let (rows, cells) = ([packed.rows()], [packed.names, packed.width]);
        self.set_input(training::TOKENS, &rows, &packed.tokens)?;
        self.set_input(training::POSITIONS, &rows, &packed.positions)?;
        self.set_input(training::ROW_CELLS, &rows, &packed.row_cells)?;
        self.set_input(training::CELL_ROWS, &cells, &packed.cell_rows)?;
        self.set_input(training::MASK, &cells, &packed.mask)?;
        if first_rows {
            self.set_input(training::FIRST_ROWS, &[packed.names], &packed.first_rows)?;
        }
        Ok(())
    }

    /// Binds a tensor as an output, which each run overwrites.
    pub(super) fn bind_output(&mut self, name: &str, tensor: &mut Tensor<f32>) -> Result<(), TrainError> {
        self.bindings.bind_output(name, tensor).map_err(engine_error)
    }

    /// Runs the graph and returns the values of the named outputs.
    pub(super) fn run<const N: usize>(&mut self, outputs: [&str; N]) -> Result<[Vec<f32>; N], TrainError> {
        let host = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)
            .map_err(engine_error)?;
        for name in outputs {
            // Bound again for each run: the buffer of the last run has the shape of the last batch.
            self.bindings.bind_output_to_device(name, &host).map_err(engine_error)?;
        }
        let results = self.session.run_binding(&self.bindings).map_err(engine_error)?;
        let mut values = [const { Vec::new() }; N];
        for (name, values) in outputs.iter().zip(&mut values) {
            let result = results.get(name).ok_or_else(|| engine_error(format!("there is no output `{name}`")))?;
            *values = result.try_extract_tensor::<f32>().map_err(engine_error)?.1.to_vec();
        }
        Ok(values)
    }
}

/// Copies `values` to a tensor in the memory of `device`. ONNX Runtime allocates it, so that a
/// session may write to it.
pub(super) fn to_device(device: Device, values: &[f32]) -> Result<Tensor<f32>, TrainError> {
    let mut tensor = Tensor::<f32>::new(&Allocator::default(), [values.len()]).map_err(engine_error)?;
    tensor.extract_tensor_mut().1.copy_from_slice(values);
    match device {
        Device::Cuda => tensor.to(AllocationDevice::CUDA, 0).map_err(engine_error),
        _ => Ok(tensor),
    }
}

/// Copies the values of a tensor from its device.
pub(super) fn to_host(tensor: &Tensor<f32>) -> Result<Vec<f32>, TrainError> {
    if tensor.memory_info().is_cpu_accessible() {
        return Ok(tensor.extract_tensor().1.to_vec());
    }
    let host = tensor.to(AllocationDevice::CPU, 0).map_err(engine_error)?;
    Ok(host.extract_tensor().1.to_vec())
}
