//! The time of a training step, beside the forward pass alone: `make bench-training`, with a
//! checkpoint of another shape `make bench-training BASE=DIR`.
//!
//! 256 names of 25 tokens each, without padding; medians of [`RUNS`] runs. A forward pass counts as
//! two operations for each weight of a matrix and each row, a step as three times as many.

use std::{error::Error, path::Path, time::Instant};

use saplink::{
    bert::{self, Pooling, loss::Loss, optimizer::OptimizerSettings, training::StepOptions, weights},
    encoder::{Device, Runtime},
    random::Random,
    train::{Engine, EngineOptions, PackedNames, TrainError, TrainingBatch},
};

const NAMES: usize = 256;
const TOKENS: usize = 25;
const RUNS: usize = 5;

/// Seconds that `run` takes.
fn seconds<T>(run: impl FnOnce() -> Result<T, TrainError>) -> Result<f64, TrainError> {
    let started = Instant::now();
    run()?;
    Ok(started.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let base = arguments.next().unwrap_or_else(|| ".checkpoints/all-MiniLM-L6-v2".into());
    let device = if arguments.next().as_deref() == Some("cuda") { Device::Cuda } else { Device::Cpu };
    let (config, parameters) = bert::load(Path::new(&base))?;
    let runtime = Runtime::load(None)?;
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let mut random = Random::new(1);
    let names: Vec<Vec<i64>> =
        (0..NAMES).map(|_| (0..TOKENS).map(|_| random.below(config.vocab) as i64).collect()).collect();
    let packed: Vec<&[i64]> = names.iter().map(Vec::as_slice).collect();
    let labels: Vec<i64> = (0..NAMES as i64).map(|i| i / 2).collect();
    let matrices: usize =
        weights::parameter_specs(&config).iter().filter(|named| named.is_matrix).map(weights::ParameterSpec::len).sum();
    let work = 2.0 * matrices as f64 * (NAMES * TOKENS) as f64 / 1e9;
    println!(
        "{base} on {device}, {threads} threads: {NAMES} names of {TOKENS} tokens, {work:.0} GFLOP forward at most"
    );

    for (name, pooling, dropout, chunk) in [
        ("cls", Pooling::Cls, 0.1, None),
        ("cls, no dropout", Pooling::Cls, 0.0, None),
        ("mean", Pooling::Mean, 0.1, None),
        ("cls, chunks of 64", Pooling::Cls, 0.1, Some(64)),
    ] {
        let step = StepOptions {
            pooling,
            loss: Loss::MULTI_SIMILARITY,
            miner_margin: Some(0.2),
            dropout: false,
            half: false,
            frozen_layers: None,
        };
        let options = EngineOptions {
            device,
            threads,
            step,
            dropout,
            seed: 1,
            max_names: chunk.unwrap_or(NAMES),
            max_tokens: TOKENS,
            chunked: chunk.is_some(),
        };
        let mut engine = Engine::new(&runtime, &config, options, &parameters.flatten())?;
        let chunks = packed.chunks(chunk.unwrap_or(NAMES)).map(PackedNames::new).collect();
        let batch = TrainingBatch { step: 0, pairs: NAMES / 2, chunks, labels: labels.clone() };
        let settings =
            OptimizerSettings { learning_rate: 2e-5, weight_decay: 0.01, step: 1, clip: 1.0, loss_scale: 1.0 };
        engine.step(&batch, &settings)?;
        // Alternating, so that both measurements see the same load of the machine.
        let mut runs = [const { Vec::new() }; 4];
        for _ in 0..RUNS {
            let forward = seconds(|| engine.embed(&names))?;
            let gradient = seconds(|| engine.compute_gradient(&batch, &settings))?;
            let update = seconds(|| engine.update_parameters(&settings))?;
            let measured = [forward, gradient, update, (gradient + update) / forward];
            runs.iter_mut().zip(measured).for_each(|(values, value)| values.push(value));
        }
        let [forward, gradient, update, ratio] = runs.map(median);
        let step = gradient + update;
        println!(
            "{name:18} forward {:6.0} ms, gradient {:6.0} ms, AdamW {:4.0} ms, step {:6.0} ms: {:.2} forward passes; {:.0} and {:.0} GFLOP/s",
            forward * 1e3,
            gradient * 1e3,
            update * 1e3,
            step * 1e3,
            ratio,
            work / forward,
            3.0 * work / step
        );
    }
    Ok(())
}
