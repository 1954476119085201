//! The graphs of a step at work on ONNX Runtime.
//!
//! Parameters, moments and gradient stay where the graphs run, CPU or CUDA, and are written over in place; a batch goes in, and a few numbers
//! come out. It is the seam for another engine: what a run needs is [`Engine::step`], [`Engine::vectors`] and [`Engine::state`].
//!
//! Invariant: nothing is read of parameters between a step and the next but by [`Engine::state`].

use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, Session},
    value::{PrimitiveTensorElementType, Tensor},
};
use prost::Message;

use crate::train::{
    TrainError,
    batches::{Batch, Packed, ROWS, WIDTH},
};
use crate::{
    bert::{
        BertConfig,
        optimizer::{self, OptimizerSettings},
        training::{self, StepOptions},
    },
    encoder::{Device, Runtime},
    onnx::message,
    random::Random,
};

/// Places from which dropout can begin to read its noise: as many masks a site.
const BEGINNINGS: usize = 1 << 20;
/// Names whose vectors are computed together.
const VECTORS_AT_ONCE: usize = 256;

/// How steps are computed.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    pub device: Device,
    pub threads: usize,
    pub step: StepOptions,
    /// Share of values that dropout leaves out; with 0 there is none.
    pub dropout: f32,
    pub seed: u64,
    /// Names that are computed together at most, and their tokens.
    pub names: usize,
    pub max_tokens: usize,
    /// Whether names are computed in chunks of so many, for batches larger than memory.
    pub chunks: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    pub loss: f32,
    pub positives: u64,
    pub negatives: u64,
    /// Of the gradient, before clipping.
    pub gradient_norm: f32,
}

/// What a run goes on from: all parameters, and the moments of those that are learned.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub parameters: Vec<f32>,
    pub means: Vec<f32>,
    pub squares: Vec<f32>,
}

/// Sessions and what they work on.
pub struct Engine {
    config: BertConfig,
    options: EngineOptions,
    device: Device,
    frozen: Vec<f32>,
    learned: Tensor<f32>,
    means: Tensor<f32>,
    squares: Tensor<f32>,
    gradient: Tensor<f32>,
    encode: Bound,
    work: Work,
    optimizer: Bound,
    noise: usize,
}

/// How a batch becomes a gradient.
enum Work {
    Whole(Box<Bound>),
    Chunks(Box<Chunks>),
}

/// The same in chunks: `encode` is apart from the engine's where there is dropout.
struct Chunks {
    encode: Option<Bound>,
    loss: Bound,
    chunk: Bound,
    zeros: Tensor<f32>,
}

/// A session and what is bound to it.
struct Bound {
    session: Session,
    io: IoBinding,
}

fn failed(e: impl std::fmt::Display) -> TrainError {
    TrainError::Engine(e.to_string())
}

impl Bound {
    fn open(
        runtime: &Runtime,
        model: &message::ModelProto,
        device: Device,
        threads: usize,
    ) -> Result<Self, TrainError> {
        let mut builder = runtime.builder(device == Device::Cuda, threads)?;
        let session = builder.commit_from_memory(&model.encode_to_vec()).map_err(failed)?;
        let io = session.create_binding().map_err(failed)?;
        Ok(Self { session, io })
    }

    fn input<T: PrimitiveTensorElementType + std::fmt::Debug + 'static>(
        &mut self,
        name: &str,
        value: &Tensor<T>,
    ) -> Result<(), TrainError> {
        self.io.bind_input(name, value).map_err(failed)
    }

    fn values<T>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<(), TrainError>
    where
        T: PrimitiveTensorElementType + Clone + std::fmt::Debug + 'static,
    {
        let tensor = Tensor::from_array((shape.to_vec(), values.to_vec())).map_err(failed)?;
        self.input(name, &tensor)
    }

    fn output(&mut self, name: &str, value: &mut Tensor<f32>) -> Result<(), TrainError> {
        self.io.bind_output(name, value).map_err(failed)
    }

    /// Runs, and gives the outputs of these names.
    fn run<const N: usize>(&mut self, fetched: [&str; N]) -> Result<[Vec<f32>; N], TrainError> {
        let host =
            MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default).map_err(failed)?;
        for name in fetched {
            // Each time anew: the buffer of the last run has the shape of the last batch.
            self.io.bind_output_to_device(name, &host).map_err(failed)?;
        }
        let outputs = self.session.run_binding(&self.io).map_err(failed)?;
        let mut values = [const { Vec::new() }; N];
        for (name, values) in fetched.iter().zip(&mut values) {
            let output = outputs.get(name).ok_or_else(|| failed(format!("there is no output `{name}`")))?;
            *values = output.try_extract_tensor::<f32>().map_err(failed)?.1.to_vec();
        }
        Ok(values)
    }

    /// Binds packed names.
    fn names(&mut self, packed: &Packed, firsts: bool) -> Result<(), TrainError> {
        let (rows, cells) = ([packed.rows()], [packed.names, packed.width]);
        self.values(training::TOKENS, &rows, &packed.tokens)?;
        self.values(training::POSITIONS, &rows, &packed.places)?;
        self.values(training::ROW_CELLS, &rows, &packed.row_cells)?;
        self.values(training::CELL_ROWS, &cells, &packed.cell_rows)?;
        self.values(training::MASK, &cells, &packed.mask)?;
        if firsts {
            self.values(training::FIRST_ROWS, &[packed.names], &packed.firsts)?;
        }
        Ok(())
    }
}

/// Values where `device` works on them, in memory of ONNX Runtime's own: what a session may write to.
fn placed(device: Device, values: &[f32]) -> Result<Tensor<f32>, TrainError> {
    let mut tensor = Tensor::<f32>::new(&Allocator::default(), [values.len()]).map_err(failed)?;
    tensor.extract_tensor_mut().1.copy_from_slice(values);
    match device {
        Device::Cuda => tensor.to(AllocationDevice::CUDA, 0).map_err(failed),
        _ => Ok(tensor),
    }
}

/// The opposite.
fn fetched(tensor: &Tensor<f32>) -> Result<Vec<f32>, TrainError> {
    if tensor.memory_info().is_cpu_accessible() {
        return Ok(tensor.extract_tensor().1.to_vec());
    }
    let host = tensor.to(AllocationDevice::CPU, 0).map_err(failed)?;
    Ok(host.extract_tensor().1.to_vec())
}

impl Engine {
    /// Opens the graphs of `config` with these parameters, and moments that are 0.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when ONNX Runtime refuses a graph, [`TrainError::Encoder`] when CUDA was asked for and cannot be had.
    pub fn new(
        runtime: &Runtime,
        config: &BertConfig,
        options: EngineOptions,
        parameters: &[f32],
    ) -> Result<Self, TrainError> {
        let step = StepOptions { dropout: options.dropout > 0.0, ..options.step };
        let options = EngineOptions { step, ..options };
        match runtime.device(options.device)? {
            Device::Cuda if options.device == Device::Auto => {
                Self::on(runtime, config, options, Device::Cuda, parameters).or_else(|reason| {
                    tracing::info!(%reason, "CUDA cannot be used, taking the CPU");
                    Self::on(runtime, config, options, Device::Cpu, parameters)
                })
            }
            device => Self::on(runtime, config, options, device, parameters),
        }
    }

    fn on(
        runtime: &Runtime,
        config: &BertConfig,
        options: EngineOptions,
        device: Device,
        parameters: &[f32],
    ) -> Result<Self, TrainError> {
        let step = options.step;
        let open = |model: &message::ModelProto| Bound::open(runtime, model, device, options.threads);
        let still = training::frozen_values(config, step.frozen_layers);
        let (frozen, learned) = parameters.split_at(still);
        let zeros = vec![0.0; learned.len()];
        let mut engine = Self {
            config: config.clone(),
            options,
            device,
            frozen: frozen.to_vec(),
            learned: placed(device, learned)?,
            means: placed(device, &zeros)?,
            squares: placed(device, &zeros)?,
            gradient: placed(device, &zeros)?,
            encode: open(&training::encoder_graph(config, &step, false))?,
            work: if options.chunks {
                Work::Chunks(Box::new(Chunks {
                    encode: step.dropout.then(|| open(&training::encoder_graph(config, &step, true))).transpose()?,
                    loss: open(&training::loss_graph(config, &step))?,
                    chunk: open(&training::chunk_gradient_graph(config, &step))?,
                    zeros: placed(device, &zeros)?,
                }))
            } else {
                Work::Whole(Box::new(open(&training::step_graph(config, &step))?))
            },
            optimizer: open(&optimizer::adamw_graph(step.half))?,
            noise: 0,
        };
        engine.bind()?;
        Ok(engine)
    }

    /// Binds what stays the same from step to step.
    fn bind(&mut self) -> Result<(), TrainError> {
        let frozen = (!self.frozen.is_empty()).then(|| placed(self.device, &self.frozen)).transpose()?;
        let noise = self.options.step.dropout.then(|| self.make_noise()).transpose()?;
        let forward: Vec<&mut Bound> = match &mut self.work {
            Work::Whole(whole) => vec![&mut **whole],
            Work::Chunks(work) => work.encode.iter_mut().chain([&mut work.chunk]).collect(),
        };
        for bound in forward {
            bound.input(optimizer::PARAMETERS, &self.learned)?;
            if let Some(frozen) = &frozen {
                bound.input(training::FROZEN, frozen)?;
            }
            if let Some(noise) = &noise {
                bound.input(training::DROPOUT_FACTORS, noise)?;
            }
        }
        self.encode.input(optimizer::PARAMETERS, &self.learned)?;
        if let Some(frozen) = &frozen {
            self.encode.input(training::FROZEN, frozen)?;
        }
        match &mut self.work {
            Work::Whole(bound) => bound.output(optimizer::GRADIENT, &mut self.gradient)?,
            Work::Chunks(work) => work.chunk.output(optimizer::GRADIENT, &mut self.gradient)?,
        }
        let bound = &mut self.optimizer;
        bound.input(optimizer::GRADIENT, &self.gradient)?;
        bound.input(optimizer::PARAMETERS, &self.learned)?;
        bound.input(optimizer::FIRST_MOMENTS, &self.means)?;
        bound.input(optimizer::SECOND_MOMENTS, &self.squares)?;
        bound.output(optimizer::NEW_PARAMETERS, &mut self.learned)?;
        bound.output(optimizer::NEW_FIRST_MOMENTS, &mut self.means)?;
        bound.output(optimizer::NEW_SECOND_MOMENTS, &mut self.squares)
    }

    /// What values are multiplied by: 0, or as much more as makes up for those.
    fn make_noise(&mut self) -> Result<Tensor<f32>, TrainError> {
        let EngineOptions { names, max_tokens, dropout, seed, .. } = self.options;
        let width = max_tokens.next_multiple_of(WIDTH);
        self.noise = BEGINNINGS + self.dropped(names, (names * max_tokens).next_multiple_of(ROWS), width);
        let mut random = Random::of(&[seed, u64::MAX]);
        let kept = (1.0 - dropout).recip();
        let noise: Vec<f32> = (0..self.noise).map(|_| if random.share() < dropout { 0.0 } else { kept }).collect();
        placed(self.device, &noise)
    }

    /// Values of the largest site of dropout.
    fn dropped(&self, names: usize, rows: usize, width: usize) -> usize {
        (rows * self.config.hidden).max(names * self.config.heads * width * width)
    }

    /// Where the sites of dropout read their noise, for some names of a step.
    fn noise_at(&self, packed: &Packed, step: u64, chunk: usize) -> Vec<i64> {
        let mut random = Random::of(&[self.options.seed, step, chunk as u64]);
        let beginnings = self.noise - self.dropped(packed.names, packed.rows(), packed.width);
        (0..training::dropout_sites(&self.config)).map(|_| random.below(beginnings) as i64).collect()
    }

    /// The device that was taken, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// Learns from a batch.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when ONNX Runtime fails, as it does when memory is short.
    pub fn step(&mut self, batch: &Batch, settings: &OptimizerSettings) -> Result<Outcome, TrainError> {
        let outcome = self.learn(batch, settings)?;
        Ok(Outcome { gradient_norm: self.update(settings)?, ..outcome })
    }

    /// The first half of a step: the gradient, whose norm is not known yet.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn learn(&mut self, batch: &Batch, settings: &OptimizerSettings) -> Result<Outcome, TrainError> {
        let at: Option<Vec<Vec<i64>>> = self.options.step.dropout.then(|| {
            let at = |(i, packed): (usize, &Packed)| self.noise_at(packed, batch.step, i);
            batch.chunks.iter().enumerate().map(at).collect()
        });
        let firsts = self.firsts();
        let noise = |bound: &mut Bound, i: usize| match &at {
            Some(at) => at[i]
                .iter()
                .enumerate()
                .try_for_each(|(site, at)| bound.values(&training::dropout_offset(site), &[1], &[*at])),
            None => Ok(()),
        };
        let half = self.options.step.half;
        let told = |bound: &mut Bound| {
            bound.values(training::LABELS, &[batch.labels.len()], &batch.labels)?;
            if half { bound.values(training::LOSS_SCALE, &[], &[settings.loss_scale]) } else { Ok(()) }
        };
        let [loss, positives, negatives] = match &mut self.work {
            Work::Whole(whole) => {
                whole.names(&batch.chunks[0], firsts)?;
                noise(whole, 0)?;
                told(whole)?;
                whole.run([training::LOSS, training::POSITIVES, training::NEGATIVES])?
            }
            Work::Chunks(work) => {
                let Chunks { encode, loss, chunk, zeros } = &mut **work;
                let mut vectors = vec![];
                for (i, packed) in batch.chunks.iter().enumerate() {
                    let encode = encode.as_mut().unwrap_or(&mut self.encode);
                    encode.names(packed, firsts)?;
                    noise(encode, i)?;
                    let [some] = encode.run([training::VECTORS])?;
                    vectors.extend(some);
                }
                let hidden = self.config.hidden;
                loss.values(training::VECTORS, &[vectors.len() / hidden, hidden], &vectors)?;
                told(loss)?;
                let [value, positives, negatives, slope] =
                    loss.run([training::LOSS, training::POSITIVES, training::NEGATIVES, training::VECTORS_GRADIENT])?;
                let mut begin = 0;
                for (i, packed) in batch.chunks.iter().enumerate() {
                    let end = begin + packed.names * hidden;
                    chunk.names(packed, firsts)?;
                    noise(chunk, i)?;
                    chunk.values(training::VECTORS_GRADIENT, &[packed.names, hidden], &slope[begin..end])?;
                    chunk.input(training::ACCUMULATED_GRADIENT, if i == 0 { zeros } else { &self.gradient })?;
                    let [] = chunk.run([])?;
                    begin = end;
                }
                [value, positives, negatives]
            }
        };
        let count = |values: &[f32]| values[0] as u64;
        let gradient_norm = f32::NAN;
        Ok(Outcome { loss: loss[0], positives: count(&positives), negatives: count(&negatives), gradient_norm })
    }

    /// The second half: the parameters follow the gradient, whose norm it gives.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn update(&mut self, settings: &OptimizerSettings) -> Result<f32, TrainError> {
        self.optimizer.values(optimizer::SETTINGS, &[5], &settings.values())?;
        let [norm] = self.optimizer.run([optimizer::NORM])?;
        Ok(norm[0])
    }

    fn firsts(&self) -> bool {
        self.options.step.pooling == crate::bert::Pooling::Cls
    }

    /// Vectors of length 1, in the order of the names, without dropout.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn vectors(&mut self, names: &[Vec<i64>]) -> Result<Vec<f32>, TrainError> {
        let hidden = self.config.hidden;
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&i| names[i].len());
        let mut vectors = vec![0.0; names.len() * hidden];
        for some in order.chunks(VECTORS_AT_ONCE) {
            let packed: Vec<&[i64]> = some.iter().map(|&i| names[i].as_slice()).collect();
            let firsts = self.firsts();
            self.encode.names(&Packed::of(&packed), firsts)?;
            let [rows] = self.encode.run([training::VECTORS])?;
            for (row, &i) in rows.chunks_exact(hidden).zip(some) {
                let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
                if !length.is_finite() || length == 0.0 {
                    return Err(failed("the model gives vectors that are zero or not finite"));
                }
                vectors[i * hidden..][..hidden].iter_mut().zip(row).for_each(|(out, v)| *out = v / length);
            }
        }
        Ok(vectors)
    }

    /// The gradient of the last step, of the parameters that are learned.
    pub fn gradient(&self) -> Result<Vec<f32>, TrainError> {
        fetched(&self.gradient)
    }

    /// What a run could go on from.
    pub fn state(&self) -> Result<State, TrainError> {
        let mut parameters = self.frozen.clone();
        parameters.extend(fetched(&self.learned)?);
        Ok(State { parameters, means: fetched(&self.means)?, squares: fetched(&self.squares)? })
    }

    /// Goes on from there.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when the state is of another model.
    pub fn restore(&mut self, state: &State) -> Result<(), TrainError> {
        let learned = self.learned.shape().num_elements();
        if state.parameters.len() != self.frozen.len() + learned
            || [&state.means, &state.squares].iter().any(|m| m.len() != learned)
        {
            return Err(failed("the state is of another model"));
        }
        let (frozen, rest) = state.parameters.split_at(self.frozen.len());
        self.frozen = frozen.to_vec();
        self.learned = placed(self.device, rest)?;
        self.means = placed(self.device, &state.means)?;
        self.squares = placed(self.device, &state.squares)?;
        self.bind()
    }
}
