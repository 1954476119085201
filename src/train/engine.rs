//! Runs the graphs of a training step on ONNX Runtime.
//!
//! Parameters, moments and gradient stay in the memory of the device (CPU or CUDA), and the graphs
//! overwrite them in place. A batch goes in, a few numbers come out. To train with another library,
//! replace [`Engine::step`], [`Engine::embed`], [`Engine::state`] and [`Engine::restore`].
//!
//! Invariant: between two steps, only [`Engine::state`] copies parameters to the host.

use ort::value::Tensor;

use crate::train::{
    TrainError,
    batches::TrainingBatch,
    bound_session::{BoundSession, engine_error, to_device, to_host},
    packing::{PackedNames, ROW_MULTIPLE, WIDTH_MULTIPLE},
};
use crate::{
    bert::{
        BertConfig, Pooling,
        optimizer::{self, OptimizerSettings},
        training::{self, StepOptions},
    },
    encoder::{Device, Runtime},
    onnx::message,
    random::Random,
};

/// Offsets at which a dropout site can begin to read the factors: the number of its distinct masks.
const DROPOUT_OFFSETS: usize = 1 << 20;
/// Separates the random numbers of the dropout factors from others of the same seed.
const DROPOUT_STREAM: u64 = u64::MAX;
/// Names that [`Engine::embed`] computes together.
const EMBED_BATCH: usize = 256;

/// How steps are computed.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Where the graphs run.
    pub device: Device,
    /// Threads on the CPU.
    pub threads: usize,
    /// What the graphs contain; its `dropout` is ignored in favor of the probability below.
    pub step: StepOptions,
    /// Probability that dropout zeroes a value; 0 turns dropout off.
    pub dropout: f32,
    /// Seed of dropout.
    pub seed: u64,
    /// Maximum number of names that are computed together: those of a chunk, or of a batch.
    pub max_names: usize,
    /// Maximum number of tokens of a name.
    pub max_tokens: usize,
    /// Whether a batch is computed in chunks (GradCache), for batches larger than memory.
    pub chunked: bool,
}

/// The numbers that a step returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutcome {
    /// Loss of the batch, before loss scaling.
    pub loss: f32,
    /// Mined pairs of names of the same concept, each in both directions.
    pub positives: u64,
    /// Mined pairs of names of different concepts, each in both directions.
    pub negatives: u64,
    /// L2 norm of the gradient, before clipping and without the loss scale.
    pub gradient_norm: f32,
}

/// The values that a checkpoint stores.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineState {
    /// All parameters, in the order of [`crate::bert::weights::parameter_specs`].
    pub parameters: Vec<f32>,
    /// AdamW's moving average of the gradient, for the trained parameters.
    pub first_moments: Vec<f32>,
    /// AdamW's moving average of the squared gradient, for the trained parameters.
    pub second_moments: Vec<f32>,
}

/// The sessions of a run and the tensors that they share.
pub struct Engine {
    config: BertConfig,
    options: EngineOptions,
    device: Device,
    /// Parameters that are not trained: the first ones.
    frozen: Vec<f32>,
    trained: Tensor<f32>,
    first_moments: Tensor<f32>,
    second_moments: Tensor<f32>,
    gradient: Tensor<f32>,
    /// Encodes names without dropout.
    encoder: BoundSession,
    gradient_graphs: GradientGraphs,
    optimizer: BoundSession,
    /// Number of dropout factors; 0 without dropout.
    factors_len: usize,
}

/// How a batch becomes a gradient.
enum GradientGraphs {
    /// One graph for the whole batch.
    Whole(Box<BoundSession>),
    /// Several graphs (GradCache: Gao et al. 2021, section 3).
    Chunked(Box<ChunkedGraphs>),
}

struct ChunkedGraphs {
    /// Encodes a chunk with dropout. `None` without dropout: the engine's encoder is the same then.
    encoder: Option<BoundSession>,
    /// Loss and its derivative by the vectors of all names.
    loss: BoundSession,
    /// Encodes a chunk again and adds its gradient to that of the chunks before.
    backward: BoundSession,
    /// The gradient before the first chunk.
    zeros: Tensor<f32>,
}

/// The inputs of one step, apart from the parameters.
struct StepInputs<'a> {
    batch: &'a TrainingBatch,
    /// For each chunk and dropout site the offset in the dropout factors; `None` without dropout.
    dropout_offsets: Option<Vec<Vec<i64>>>,
    /// Whether the graphs have the input of the first rows.
    first_rows: bool,
    /// The factor of the loss in float16.
    loss_scale: Option<f32>,
}

impl StepInputs<'_> {
    /// Binds the names of a chunk and its dropout.
    fn bind_chunk(&self, session: &mut BoundSession, chunk: usize) -> Result<(), TrainError> {
        session.set_names(&self.batch.chunks[chunk], self.first_rows)?;
        match &self.dropout_offsets {
            Some(offsets) => offsets[chunk]
                .iter()
                .enumerate()
                .try_for_each(|(site, offset)| session.set_input(&training::dropout_offset(site), &[1], &[*offset])),
            None => Ok(()),
        }
    }

    /// Binds the labels of the batch and the loss scale.
    fn bind_loss(&self, session: &mut BoundSession) -> Result<(), TrainError> {
        session.set_input(training::LABELS, &[self.batch.labels.len()], &self.batch.labels)?;
        match self.loss_scale {
            Some(scale) => session.set_input(training::LOSS_SCALE, &[], &[scale]),
            None => Ok(()),
        }
    }
}

impl ChunkedGraphs {
    /// Computes loss, positives and negatives of a batch, and its gradient into `gradient`, which
    /// is bound as the output of `backward`.
    fn run(
        &mut self,
        inputs: &StepInputs<'_>,
        plain_encoder: &mut BoundSession,
        gradient: &Tensor<f32>,
        hidden: usize,
    ) -> Result<[Vec<f32>; 3], TrainError> {
        let encoder = self.encoder.as_mut().unwrap_or(plain_encoder);
        let mut vectors = vec![];
        for chunk in 0..inputs.batch.chunks.len() {
            inputs.bind_chunk(encoder, chunk)?;
            let [rows] = encoder.run([training::VECTORS])?;
            vectors.extend(rows);
        }
        self.loss.set_input(training::VECTORS, &[vectors.len() / hidden, hidden], &vectors)?;
        inputs.bind_loss(&mut self.loss)?;
        let [loss, positives, negatives, slope] =
            self.loss.run([training::LOSS, training::POSITIVES, training::NEGATIVES, training::VECTORS_GRADIENT])?;
        let mut begin = 0;
        for (chunk, packed) in inputs.batch.chunks.iter().enumerate() {
            let end = begin + packed.names * hidden;
            inputs.bind_chunk(&mut self.backward, chunk)?;
            self.backward.set_input(training::VECTORS_GRADIENT, &[packed.names, hidden], &slope[begin..end])?;
            let before = if chunk == 0 { &self.zeros } else { gradient };
            self.backward.bind_input(training::ACCUMULATED_GRADIENT, before)?;
            let [] = self.backward.run([])?;
            begin = end;
        }
        Ok([loss, positives, negatives])
    }
}

impl Engine {
    /// Opens the graphs of `config` with these parameters and with moments of 0. With
    /// [`Device::Auto`], falls back to the CPU if CUDA fails.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when ONNX Runtime refuses a graph, [`TrainError::Encoder`] when CUDA
    /// was requested and is not available.
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
                Self::on_device(runtime, config, options, Device::Cuda, parameters).or_else(|reason| {
                    tracing::info!(%reason, "CUDA failed, training on the CPU");
                    Self::on_device(runtime, config, options, Device::Cpu, parameters)
                })
            }
            device => Self::on_device(runtime, config, options, device, parameters),
        }
    }

    fn on_device(
        runtime: &Runtime,
        config: &BertConfig,
        options: EngineOptions,
        device: Device,
        parameters: &[f32],
    ) -> Result<Self, TrainError> {
        let step = options.step;
        let open = |model: &message::ModelProto| BoundSession::open(runtime, model, device, options.threads);
        let (frozen, trained) = parameters.split_at(training::frozen_values(config, step.frozen_layers));
        let zeros = vec![0.0; trained.len()];
        let mut engine = Self {
            config: config.clone(),
            options,
            device,
            frozen: frozen.to_vec(),
            trained: to_device(device, trained)?,
            first_moments: to_device(device, &zeros)?,
            second_moments: to_device(device, &zeros)?,
            gradient: to_device(device, &zeros)?,
            encoder: open(&training::encoder_graph(config, &step, false))?,
            gradient_graphs: if options.chunked {
                GradientGraphs::Chunked(Box::new(ChunkedGraphs {
                    encoder: step.dropout.then(|| open(&training::encoder_graph(config, &step, true))).transpose()?,
                    loss: open(&training::loss_graph(config, &step))?,
                    backward: open(&training::chunk_gradient_graph(config, &step))?,
                    zeros: to_device(device, &zeros)?,
                }))
            } else {
                GradientGraphs::Whole(Box::new(open(&training::step_graph(config, &step))?))
            },
            optimizer: open(&optimizer::adamw_graph(step.half))?,
            factors_len: 0,
        };
        engine.bind_shared_tensors()?;
        Ok(engine)
    }

    /// Binds the tensors that stay the same from step to step.
    fn bind_shared_tensors(&mut self) -> Result<(), TrainError> {
        let frozen = (!self.frozen.is_empty()).then(|| to_device(self.device, &self.frozen)).transpose()?;
        let factors = self.options.step.dropout.then(|| self.make_dropout_factors()).transpose()?;
        let with_dropout: Vec<&mut BoundSession> = match &mut self.gradient_graphs {
            GradientGraphs::Whole(graph) => vec![&mut **graph],
            GradientGraphs::Chunked(graphs) => graphs.encoder.iter_mut().chain([&mut graphs.backward]).collect(),
        };
        for session in with_dropout {
            session.bind_input(optimizer::PARAMETERS, &self.trained)?;
            if let Some(frozen) = &frozen {
                session.bind_input(training::FROZEN, frozen)?;
            }
            if let Some(factors) = &factors {
                session.bind_input(training::DROPOUT_FACTORS, factors)?;
            }
        }
        self.encoder.bind_input(optimizer::PARAMETERS, &self.trained)?;
        if let Some(frozen) = &frozen {
            self.encoder.bind_input(training::FROZEN, frozen)?;
        }
        let backward = match &mut self.gradient_graphs {
            GradientGraphs::Whole(graph) => &mut **graph,
            GradientGraphs::Chunked(graphs) => &mut graphs.backward,
        };
        backward.bind_output(optimizer::GRADIENT, &mut self.gradient)?;
        let adamw = &mut self.optimizer;
        adamw.bind_input(optimizer::GRADIENT, &self.gradient)?;
        adamw.bind_input(optimizer::PARAMETERS, &self.trained)?;
        adamw.bind_input(optimizer::FIRST_MOMENTS, &self.first_moments)?;
        adamw.bind_input(optimizer::SECOND_MOMENTS, &self.second_moments)?;
        adamw.bind_output(optimizer::NEW_PARAMETERS, &mut self.trained)?;
        adamw.bind_output(optimizer::NEW_FIRST_MOMENTS, &mut self.first_moments)?;
        adamw.bind_output(optimizer::NEW_SECOND_MOMENTS, &mut self.second_moments)
    }

    /// The dropout factors of the run: 0 for dropped values, `1 / (1 - dropout)` for the
    /// others. Each site of each step reads a part of it.
    fn make_dropout_factors(&mut self) -> Result<Tensor<f32>, TrainError> {
        let EngineOptions { max_names, max_tokens, dropout, seed, .. } = self.options;
        let width = max_tokens.next_multiple_of(WIDTH_MULTIPLE);
        let rows = (max_names * max_tokens).next_multiple_of(ROW_MULTIPLE);
        self.factors_len = DROPOUT_OFFSETS + self.largest_dropout_site(max_names, rows, width);
        let mut random = Random::from_seeds(&[seed, DROPOUT_STREAM]);
        let kept = (1.0 - dropout).recip();
        let factors: Vec<f32> =
            (0..self.factors_len).map(|_| if random.fraction() < dropout { 0.0 } else { kept }).collect();
        to_device(self.device, &factors)
    }

    /// Values of the largest dropout site: hidden states, or attention weights.
    fn largest_dropout_site(&self, names: usize, rows: usize, width: usize) -> usize {
        (rows * self.config.hidden).max(names * self.config.heads * width * width)
    }

    /// The offset in the dropout factors at which each site reads, for a chunk of a step.
    fn dropout_offsets(&self, packed: &PackedNames, step: u64, chunk: usize) -> Vec<i64> {
        let mut random = Random::from_seeds(&[self.options.seed, step, chunk as u64]);
        let offsets = self.factors_len - self.largest_dropout_site(packed.names, packed.rows(), packed.width);
        (0..training::dropout_sites(&self.config)).map(|_| random.below(offsets) as i64).collect()
    }

    /// The device of the graphs, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// Trains on one batch.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when ONNX Runtime fails, for example because memory is short.
    pub fn step(&mut self, batch: &TrainingBatch, settings: &OptimizerSettings) -> Result<StepOutcome, TrainError> {
        let outcome = self.compute_gradient(batch, settings)?;
        Ok(StepOutcome { gradient_norm: self.update_parameters(settings)?, ..outcome })
    }

    /// The first half of a step: computes the gradient of a batch. `gradient_norm` of the outcome
    /// is NaN, since the optimizer computes the norm.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn compute_gradient(
        &mut self,
        batch: &TrainingBatch,
        settings: &OptimizerSettings,
    ) -> Result<StepOutcome, TrainError> {
        let dropout_offsets = self.options.step.dropout.then(|| {
            let offsets = |(chunk, packed): (usize, &PackedNames)| self.dropout_offsets(packed, batch.step, chunk);
            batch.chunks.iter().enumerate().map(offsets).collect()
        });
        let inputs = StepInputs {
            batch,
            dropout_offsets,
            first_rows: self.has_first_rows(),
            loss_scale: self.options.step.half.then_some(settings.loss_scale),
        };
        let [loss, positives, negatives] = match &mut self.gradient_graphs {
            GradientGraphs::Whole(graph) => {
                inputs.bind_chunk(graph, 0)?;
                inputs.bind_loss(graph)?;
                graph.run([training::LOSS, training::POSITIVES, training::NEGATIVES])?
            }
            GradientGraphs::Chunked(graphs) => {
                graphs.run(&inputs, &mut self.encoder, &self.gradient, self.config.hidden)?
            }
        };
        let count = |values: &[f32]| values[0] as u64;
        Ok(StepOutcome {
            loss: loss[0],
            positives: count(&positives),
            negatives: count(&negatives),
            gradient_norm: f32::NAN,
        })
    }

    /// The second half of a step: AdamW updates the parameters. Returns the norm of the gradient.
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn update_parameters(&mut self, settings: &OptimizerSettings) -> Result<f32, TrainError> {
        self.optimizer.set_input(optimizer::SETTINGS, &[5], &settings.values())?;
        let [norm] = self.optimizer.run([optimizer::NORM])?;
        Ok(norm[0])
    }

    /// Whether the graphs have the input of the first rows, which [CLS] pooling reads.
    fn has_first_rows(&self) -> bool {
        self.options.step.pooling == Pooling::Cls
    }

    /// Embeds names without dropout: vectors of length 1, `[names, hidden]`, in the order of
    /// `names` (token ids each).
    ///
    /// # Errors
    /// As [`Engine::step`].
    pub fn embed(&mut self, names: &[Vec<i64>]) -> Result<Vec<f32>, TrainError> {
        let hidden = self.config.hidden;
        let first_rows = self.has_first_rows();
        // By length, so that the names of a batch need little padding.
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&i| names[i].len());
        let mut vectors = vec![0.0; names.len() * hidden];
        for batch in order.chunks(EMBED_BATCH) {
            let packed: Vec<&[i64]> = batch.iter().map(|&i| names[i].as_slice()).collect();
            self.encoder.set_names(&PackedNames::new(&packed), first_rows)?;
            let [rows] = self.encoder.run([training::VECTORS])?;
            for (row, &i) in rows.chunks_exact(hidden).zip(batch) {
                let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
                if !length.is_finite() || length == 0.0 {
                    return Err(engine_error("the model gives vectors that are zero or not finite"));
                }
                vectors[i * hidden..][..hidden].iter_mut().zip(row).for_each(|(out, v)| *out = v / length);
            }
        }
        Ok(vectors)
    }

    /// The gradient of the last step for the trained parameters, with the loss scale, before
    /// clipping.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when ONNX Runtime cannot copy it from the device.
    pub fn gradient(&self) -> Result<Vec<f32>, TrainError> {
        to_host(&self.gradient)
    }

    /// A copy of all values from which training can resume.
    ///
    /// # Errors
    /// As [`Engine::gradient`].
    pub fn state(&self) -> Result<EngineState, TrainError> {
        let mut parameters = self.frozen.clone();
        parameters.extend(to_host(&self.trained)?);
        Ok(EngineState {
            parameters,
            first_moments: to_host(&self.first_moments)?,
            second_moments: to_host(&self.second_moments)?,
        })
    }

    /// Continues from `state`.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when the state belongs to another model.
    pub fn restore(&mut self, state: &EngineState) -> Result<(), TrainError> {
        let trained = self.trained.shape().num_elements();
        if state.parameters.len() != self.frozen.len() + trained
            || [&state.first_moments, &state.second_moments].iter().any(|moments| moments.len() != trained)
        {
            return Err(engine_error("the checkpoint belongs to another model"));
        }
        let (frozen, trained) = state.parameters.split_at(self.frozen.len());
        self.frozen = frozen.to_vec();
        self.trained = to_device(self.device, trained)?;
        self.first_moments = to_device(self.device, &state.first_moments)?;
        self.second_moments = to_device(self.device, &state.second_moments)?;
        self.bind_shared_tensors()
    }
}
