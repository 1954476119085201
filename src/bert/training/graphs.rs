//! The four graphs of training.

use crate::{
    bert::{
        config::BertConfig,
        loss::write_loss,
        network,
        training::{
            backend::TrainingBackend,
            inputs::{ACCUMULATED_GRADIENT, LABELS, LOSS, LOSS_SCALE, NEGATIVES, POSITIVES, VECTORS, VECTORS_GRADIENT},
            options::StepOptions,
        },
    },
    onnx::{
        message::{Axis, DataType, ModelProto},
        tape::Tape,
    },
};

/// The encoder: names in, [`VECTORS`] out. `dropout` replaces the option of that name: true for the
/// first pass of a step in chunks, false for evaluation.
pub fn encoder_graph(config: &BertConfig, options: &StepOptions, dropout: bool) -> ModelProto {
    let options = StepOptions { dropout, ..*options };
    let mut backend = TrainingBackend::new(config, &options, false);
    let vectors = network::write_encoder(&mut backend, config, options.pooling);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    backend.tape.graph.output(VECTORS, &vectors, DataType::Float, &axes);
    backend.tape.graph.finish("encode")
}

/// A whole step: names and [`LABELS`] in; [`LOSS`], pair counts and
/// [`crate::bert::optimizer::GRADIENT`] out.
pub fn step_graph(config: &BertConfig, options: &StepOptions) -> ModelProto {
    let mut backend = TrainingBackend::new(config, options, true);
    let vectors = network::write_encoder(&mut backend, config, options.pooling);
    write_batch_loss(&mut backend.tape, &vectors, options);
    backend.finish(None)
}

/// The loss of a batch in chunks: [`VECTORS`] and [`LABELS`] in; [`LOSS`], pair counts and
/// [`VECTORS_GRADIENT`] out.
pub fn loss_graph(config: &BertConfig, options: &StepOptions) -> ModelProto {
    let mut tape = Tape::new(DataType::Float);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    let vectors = tape.graph.input(VECTORS, DataType::Float, &axes);
    tape.require_gradient(&vectors);
    write_batch_loss(&mut tape, &vectors, options);
    tape.backward();
    let gradient = tape.gradient(&vectors).cloned().unwrap_or(vectors);
    tape.graph.output(VECTORS_GRADIENT, &gradient, DataType::Float, &axes);
    tape.graph.finish("loss")
}

/// The gradient of a chunk: its names, [`VECTORS_GRADIENT`] of its vectors and
/// [`ACCUMULATED_GRADIENT`] in; [`crate::bert::optimizer::GRADIENT`], the sum, out.
pub fn chunk_gradient_graph(config: &BertConfig, options: &StepOptions) -> ModelProto {
    let mut backend = TrainingBackend::new(config, options, true);
    let vectors = network::write_encoder(&mut backend, config, options.pooling);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    let gradient = backend.tape.graph.input(VECTORS_GRADIENT, DataType::Float, &axes);
    backend.tape.add_gradient(&vectors, |_| gradient);
    let before = backend.tape.graph.input(ACCUMULATED_GRADIENT, DataType::Float, &[Axis::Free("parameters")]);
    backend.finish(Some(before))
}

/// Writes the loss of `vectors` `[names, hidden]` with its outputs, and adds their gradient.
fn write_batch_loss(tape: &mut Tape, vectors: &str, options: &StepOptions) {
    let labels = tape.graph.input(LABELS, DataType::Int64, &[Axis::Free("names")]);
    let unit = tape.normalize_rows(vectors);
    let similarities = tape.similarities(&unit);
    let values = write_loss(tape, &similarities, &labels, options.loss, options.miner_margin);
    let gradient = if options.half {
        let scale = tape.graph.input(LOSS_SCALE, DataType::Float, &[]);
        tape.graph.op("Mul", &[&values.gradient, &scale])
    } else {
        values.gradient
    };
    tape.add_gradient(&similarities, |_| gradient);
    for (name, value) in [(LOSS, values.loss), (POSITIVES, values.positives), (NEGATIVES, values.negatives)] {
        tape.graph.output(name, &value, DataType::Float, &[]);
    }
}
