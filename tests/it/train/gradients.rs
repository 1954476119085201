//! Training graphs, compared with finite differences, brute force, and an independent float64
//! implementation (`tests/golden`).

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ort::value::Tensor;
use prost::Message;
use saplink::{
    bert::{
        self, BertConfig, Pooling,
        loss::{self, Loss},
        optimizer::{self, OptimizerSettings},
        training::{self, StepOptions},
        weights::{self, ParameterSpec},
    },
    encoder::Device,
    onnx::{
        graph::ValueName,
        message::{self, Axis, DataType},
        tape::Tape,
    },
    random::Random,
    train::{Engine, EngineOptions, PackedNames, TrainingBatch},
};

use crate::support::{RUNTIME, fixture, root};

/// Shape and values of an input or output.
type Array = (Vec<usize>, Vec<f32>);

fn array(seed: u64, shape: &[usize]) -> Array {
    let mut random = Random::new(seed);
    (shape.to_vec(), (0..shape.iter().product()).map(|_| 2.0 * random.fraction() - 1.0).collect())
}

/// Runs a graph on float32 and int64 inputs; returns its outputs by name.
fn run(
    model: &message::ModelProto,
    floats: &[(&str, &Array)],
    ints: &[(&str, &[usize], &[i64])],
) -> BTreeMap<String, Vec<f32>> {
    let mut session = RUNTIME.builder(false, 1).unwrap().commit_from_memory(&model.encode_to_vec()).unwrap();
    let mut inputs: Vec<(String, ort::session::SessionInputValue)> = vec![];
    for (name, (shape, values)) in floats {
        inputs.push(((*name).into(), Tensor::from_array((shape.clone(), values.clone())).unwrap().into()));
    }
    for (name, shape, values) in ints {
        inputs.push(((*name).into(), Tensor::from_array((shape.to_vec(), values.to_vec())).unwrap().into()));
    }
    let outputs = session.run(inputs).unwrap();
    outputs
        .iter()
        .map(|(name, value)| (name.to_owned(), value.try_extract_tensor::<f32>().unwrap().1.to_vec()))
        .collect()
}

/// Compares the gradient of the graph that `write` builds with central differences, for each value
/// of each float input. `ints` are inputs without a gradient.
fn check_gradient(
    name: &str,
    shapes: &[&[usize]],
    ints: &[(&str, &[usize], &[i64])],
    write: impl Fn(&mut Tape, &[ValueName]) -> ValueName,
) {
    const STEP: f32 = 4e-3;
    let arrays: Vec<Array> = shapes.iter().enumerate().map(|(i, shape)| array(7 + i as u64, shape)).collect();
    let names: Vec<String> = (0..arrays.len()).map(|i| format!("x{i}")).collect();
    let graph = |learn: bool, weights: Option<&Array>| {
        let mut tape = Tape::new(DataType::Float);
        let axes = |shape: &[usize]| shape.iter().map(|&n| Axis::Fixed(n)).collect::<Vec<_>>();
        let inputs: Vec<ValueName> = names
            .iter()
            .zip(shapes)
            .map(|(name, shape)| tape.graph.input(name, DataType::Float, &axes(shape)))
            .collect();
        for (name, shape, _) in ints {
            tape.graph.input(name, DataType::Int64, &axes(shape));
        }
        if learn {
            inputs.iter().for_each(|input| tape.require_gradient(input));
        }
        let output = write(&mut tape, &inputs);
        if let Some(weights) = weights {
            let slope = tape.tensor(&weights.0, &weights.1);
            let slope = tape.graph.constant(slope);
            tape.add_gradient(&output, |_| slope);
            tape.backward();
            for (i, input) in inputs.iter().enumerate() {
                let gradient = tape.gradient(input).cloned().expect("a gradient");
                tape.graph.output(&format!("g{i}"), &gradient, DataType::Float, &axes(shapes[i]));
            }
        }
        tape.graph.output("y", &output, DataType::Float, &[]);
        tape.graph.finish(name)
    };
    let floats =
        |arrays: &'_ [Array]| -> Vec<(String, Array)> { names.iter().cloned().zip(arrays.iter().cloned()).collect() };
    let evaluate = |model: &message::ModelProto, arrays: &[Array]| {
        let floats = floats(arrays);
        let floats: Vec<(&str, &Array)> = floats.iter().map(|(n, a)| (n.as_str(), a)).collect();
        run(model, &floats, ints)
    };
    let forward = graph(false, None);
    let size = evaluate(&forward, &arrays)["y"].len();
    let weights = (output_shape(&forward, &arrays, &names, ints), array(99, &[size]).1);
    let gradients = evaluate(&graph(true, Some(&weights)), &arrays);
    let total = |arrays: &[Array]| -> f64 {
        let y = &evaluate(&forward, arrays)["y"];
        y.iter().zip(&weights.1).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
    };
    for (i, (_, values)) in arrays.iter().enumerate() {
        let gradient = &gradients[&format!("g{i}")];
        assert_eq!(gradient.len(), values.len(), "{name}");
        let scale = gradient.iter().fold(1f32, |m, g| m.max(g.abs()));
        for (j, &slope) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut arrays = arrays.clone();
                arrays[i].1[j] += by;
                total(&arrays)
            };
            let difference = (moved(STEP) - moved(-STEP)) / (2.0 * f64::from(STEP));
            let error = (f64::from(slope) - difference).abs() / f64::from(scale);
            assert!(error < 2e-3, "{name}: x{i}[{j}]: {slope} where expected {difference}");
        }
    }
}

fn output_shape(
    model: &message::ModelProto,
    arrays: &[Array],
    names: &[String],
    ints: &[(&str, &[usize], &[i64])],
) -> Vec<usize> {
    let mut session = RUNTIME.builder(false, 1).unwrap().commit_from_memory(&model.encode_to_vec()).unwrap();
    let mut inputs: Vec<(String, ort::session::SessionInputValue)> = vec![];
    for (name, (shape, values)) in names.iter().zip(arrays) {
        inputs.push((name.clone(), Tensor::from_array((shape.clone(), values.clone())).unwrap().into()));
    }
    for (name, shape, values) in ints {
        inputs.push(((*name).into(), Tensor::from_array((shape.to_vec(), values.to_vec())).unwrap().into()));
    }
    let outputs = session.run(inputs).unwrap();
    outputs["y"].shape().iter().map(|&n| n as usize).collect()
}

#[test]
fn operator_gradients_match_finite_differences() {
    check_gradient("add", &[&[3, 4], &[3, 4]], &[], |t, x| t.add(&x[0], &x[1]));
    check_gradient("add to itself", &[&[3, 4]], &[], |t, x| t.add(&x[0], &x[0]));
    check_gradient("shift", &[&[5, 4], &[1, 4]], &[], |t, x| t.add_row(&x[0], &x[1]));
    check_gradient("times", &[&[2, 5]], &[], |t, x| {
        let half = t.scalar(0.5);
        t.scale(&x[0], &half)
    });
    check_gradient("reshape", &[&[2, 6]], &[], |t, x| {
        let shape = t.graph.ints(&[3, 2, 2]);
        t.reshape(&x[0], &shape)
    });
    check_gradient("transpose", &[&[2, 3, 2, 2]], &[], |t, x| t.transpose(&x[0], &[0, 2, 3, 1]));
    check_gradient("products", &[&[2, 2, 3, 4], &[2, 2, 4, 3]], &[], |t, x| t.matmul(&x[0], &x[1]));
    check_gradient("linear", &[&[3, 4], &[4, 5], &[5]], &[], |t, x| t.linear(&x[0], &x[1], &x[2]));
    check_gradient("softmax", &[&[2, 2, 2, 5]], &[], |t, x| t.softmax(&x[0]));
    check_gradient("norm", &[&[4, 6], &[6], &[6]], &[], |t, x| t.layer_norm(&x[0], &x[1], &x[2], 1e-12));
    check_gradient("gelu", &[&[3, 7]], &[], |t, x| t.gelu(&x[0]));
    check_gradient("gelu by tanh", &[&[3, 7]], &[], |t, x| t.gelu_tanh(&x[0]));
    check_gradient("relu", &[&[3, 7]], &[], |t, x| t.relu(&x[0]));
    check_gradient("look_up", &[&[6, 3]], &[("ids", &[5], &[4, 0, 4, 4, 2])], |t, x| t.lookup_rows(&x[0], "ids"));
    check_gradient("pick", &[&[6, 3]], &[("ids", &[3], &[5, 0, 2])], |t, x| t.select_rows(&x[0], "ids"));
    check_gradient("mean", &[&[2, 3, 4]], &[("mask", &[2, 3, 1], &[1, 1, 0, 1, 1, 1])], |t, x| {
        let mask = t.graph.cast("mask", DataType::Float);
        t.masked_mean(&x[0], &mask)
    });
    check_gradient("unit", &[&[4, 5]], &[], |t, x| t.normalize_rows(&x[0]));
    check_gradient("similarities", &[&[4, 5]], &[], |t, x| t.similarities(&x[0]));
    check_gradient("a chain", &[&[4, 6], &[6, 6], &[6], &[6], &[6]], &[], |t, x| {
        let y = t.linear(&x[0], &x[1], &x[2]);
        let y = t.gelu(&y);
        let y = t.add(&y, &x[0]);
        t.layer_norm(&y, &x[3], &x[4], 1e-12)
    });
}

/// Nine names of four concepts; one concept has a single name.
const LABELS: [i64; 9] = [0, 0, 0, 1, 1, 2, 2, 3, 1];

/// Unit vectors; those of one concept are near each other.
fn vectors(seed: u64) -> Vec<Vec<f64>> {
    let (centers, noise) = (array(seed, &[4, 6]).1, array(seed + 1, &[9, 6]).1);
    let rows = LABELS.iter().enumerate().map(|(i, &label)| {
        let row: Vec<f64> =
            (0..6).map(|d| f64::from(centers[label as usize * 6 + d]) + 0.8 * f64::from(noise[i * 6 + d])).collect();
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        row.into_iter().map(|v| v / length).collect()
    });
    rows.collect()
}

/// The positive and negative pairs that a miner keeps, found from all triplets.
fn brute_force(distance: &dyn Fn(usize, usize) -> f64, margin: Option<f32>) -> [Vec<(usize, usize)>; 2] {
    let n = LABELS.len();
    let (mut positives, mut negatives) = (vec![], vec![]);
    for (a, b) in (0..n * n).map(|i| (i / n, i % n)).filter(|(a, b)| a != b) {
        let same = LABELS[a] == LABELS[b];
        let hard = (0..n).filter(|&c| c != a && (LABELS[a] == LABELS[c]) != same).any(|c| {
            let (positive, negative) = if same { (b, c) } else { (c, b) };
            margin.is_none_or(|margin| distance(a, negative) - distance(a, positive) <= f64::from(margin))
        });
        if hard || margin.is_none() {
            if same { positives.push((a, b)) } else { negatives.push((a, b)) }
        }
    }
    [positives, negatives]
}

/// A loss by the formula of its paper, in float64.
fn reference(
    loss: Loss,
    s: &dyn Fn(usize, usize) -> f64,
    positives: &[(usize, usize)],
    negatives: &[(usize, usize)],
) -> f64 {
    let n = LABELS.len();
    let of = |pairs: &'_ [(usize, usize)], a: usize| -> Vec<usize> {
        pairs.iter().filter(|(anchor, _)| *anchor == a).map(|(_, other)| *other).collect()
    };
    let mean =
        |values: Vec<f64>| if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 };
    match loss {
        Loss::MultiSimilarity { alpha, beta, base } => {
            let (alpha, beta, base) = (f64::from(alpha), f64::from(beta), f64::from(base));
            let of_anchor = |a: usize| {
                let near: f64 = of(positives, a).iter().map(|&p| (-alpha * (s(a, p) - base)).exp()).sum();
                let far: f64 = of(negatives, a).iter().map(|&x| (beta * (s(a, x) - base)).exp()).sum();
                near.ln_1p() / alpha + far.ln_1p() / beta
            };
            mean((0..n).map(of_anchor).collect())
        }
        Loss::Circle { margin, gamma } => {
            let (m, gamma) = (f64::from(margin), f64::from(gamma));
            let of_anchor = |a: usize| {
                let near: f64 = of(positives, a)
                    .iter()
                    .map(|&p| (-gamma * (1.0 + m - s(a, p)).max(0.0) * (s(a, p) - (1.0 - m))).exp())
                    .sum();
                let far: f64 =
                    of(negatives, a).iter().map(|&x| (gamma * (s(a, x) + m).max(0.0) * (s(a, x) - m)).exp()).sum();
                (near * far).ln_1p()
            };
            mean((0..n).map(of_anchor).filter(|&l| l > 0.0).collect())
        }
        Loss::InfoNce { temperature } => {
            let t = f64::from(temperature);
            let of_pair = |&(a, p): &(usize, usize)| {
                let far: f64 = of(negatives, a).iter().map(|&x| (s(a, x) / t).exp()).sum();
                let near = (s(a, p) / t).exp();
                -(near / (near + far)).ln()
            };
            mean(positives.iter().map(of_pair).collect())
        }
        Loss::Triplet { margin } => {
            let d = |a, b| (2.0 - 2.0 * s(a, b)).sqrt();
            let all = positives
                .iter()
                .flat_map(|&(a, p)| of(negatives, a).into_iter().map(move |x| d(a, p) - d(a, x) + f64::from(margin)));
            mean(all.filter(|&l| l > 0.0).collect())
        }
    }
}

fn loss_graph(loss: Loss, mined: Option<f32>) -> message::ModelProto {
    let mut tape = Tape::new(DataType::Float);
    let s = tape.graph.input("s", DataType::Float, &[Axis::Free("n"), Axis::Free("n")]);
    let labels = tape.graph.input("labels", DataType::Int64, &[Axis::Free("n")]);
    let written = loss::write_loss(&mut tape, &s, &labels, loss, mined);
    for (name, value) in [
        ("loss", written.loss),
        ("slope", written.gradient),
        ("positives", written.positives),
        ("negatives", written.negatives),
    ] {
        tape.graph.output(name, &value, DataType::Float, &[]);
    }
    tape.graph.finish("loss")
}

#[test]
fn losses_and_the_miner_match_brute_force() {
    let losses = [Loss::MULTI_SIMILARITY, Loss::CIRCLE, Loss::INFO_NCE, Loss::TRIPLET];
    for (loss, mined, seed) in losses
        .into_iter()
        .flat_map(|loss| [None, Some(0.2)].map(|mined| (loss, mined)))
        .flat_map(|(l, m)| [11, 29, 57].map(|s| (l, m, s)))
    {
        let rows = vectors(seed);
        let dot = |a: usize, b: usize| rows[a].iter().zip(&rows[b]).map(|(a, b)| a * b).sum::<f64>();
        let distance = |a: usize, b: usize| (2.0 - 2.0 * dot(a, b)).max(0.0).sqrt();
        let [positives, negatives] = brute_force(&distance, mined);
        assert!(!positives.is_empty() && !negatives.is_empty(), "{seed}");
        let similarities: Array = (vec![9, 9], (0..81).map(|i| dot(i / 9, i % 9) as f32).collect());
        let model = loss_graph(loss, mined);
        let outputs = run(&model, &[("s", &similarities)], &[("labels", &[9], &LABELS)]);
        let counts = [outputs["positives"][0] as usize, outputs["negatives"][0] as usize];
        assert_eq!(counts, [positives.len(), negatives.len()], "{loss:?} {mined:?} {seed}");
        let expected = reference(loss, &dot, &positives, &negatives);
        let found = f64::from(outputs["loss"][0]);
        assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{loss:?} {mined:?}: {found} {expected}");

        // The derivative of each similarity. Pairs are mined once, and the weights of the circle
        // loss are constants, so the differences do not include them.
        for i in (0..81).filter(|i| i / 9 != i % 9) {
            let (a, b, step) = (i / 9, i % 9, 1e-5);
            let moved = |by: f64| {
                let s = |x: usize, y: usize| dot(x, y) + if (x, y) == (a, b) { by } else { 0.0 };
                match loss {
                    Loss::Circle { margin, gamma } => {
                        circle_with_constant_weights(&s, &dot, margin, gamma, &positives, &negatives)
                    }
                    _ => reference(loss, &s, &positives, &negatives),
                }
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            let slope = f64::from(outputs["slope"][i]);
            assert!(
                (slope - difference).abs() < 1e-4 * difference.abs().max(1.0),
                "{loss:?} {mined:?} {a} {b}: {slope} {difference}"
            );
        }
    }
}

fn circle_with_constant_weights(
    s: &dyn Fn(usize, usize) -> f64,
    before: &dyn Fn(usize, usize) -> f64,
    margin: f32,
    gamma: f32,
    positives: &[(usize, usize)],
    negatives: &[(usize, usize)],
) -> f64 {
    let (m, gamma) = (f64::from(margin), f64::from(gamma));
    let losses: Vec<f64> = (0..LABELS.len())
        .map(|a| {
            let near: f64 = positives
                .iter()
                .filter(|(anchor, _)| *anchor == a)
                .map(|&(a, p)| (-gamma * (1.0 + m - before(a, p)).max(0.0) * (s(a, p) - (1.0 - m))).exp())
                .sum();
            let far: f64 = negatives
                .iter()
                .filter(|(anchor, _)| *anchor == a)
                .map(|&(a, x)| (gamma * (before(a, x) + m).max(0.0) * (s(a, x) - m)).exp())
                .sum();
            (near * far).ln_1p()
        })
        .filter(|&loss| loss > 0.0)
        .collect();
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}

#[test]
fn a_batch_without_pairs_has_zero_loss_and_gradient() {
    let similarities: Array = (vec![9, 9], (0..81).map(|i| if i / 9 == i % 9 { 1.0 } else { 0.3 }).collect());
    let (different, same): (Vec<i64>, Vec<i64>) = ((0..9).collect(), vec![4; 9]);
    for loss in [Loss::MULTI_SIMILARITY, Loss::CIRCLE, Loss::INFO_NCE, Loss::TRIPLET] {
        for labels in [&different, &same] {
            let outputs = run(&loss_graph(loss, Some(0.2)), &[("s", &similarities)], &[("labels", &[9], labels)]);
            assert_eq!(outputs["loss"][0], 0.0, "{loss:?} {labels:?}");
            assert!(outputs["slope"].iter().all(|&slope| slope == 0.0), "{loss:?} {labels:?}");
        }
    }
}

#[test]
fn adamw_matches_its_paper() {
    let n = 50;
    let (mut parameters, gradient) = (array(1, &[n]), array(2, &[n]));
    let (mut means, mut squares) = ((vec![n], vec![0.0; n]), (vec![n], vec![0.0; n]));
    let mut reference: Vec<[f64; 3]> = parameters.1.iter().map(|&p| [f64::from(p), 0.0, 0.0]).collect();
    let norm = gradient.1.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
    for (guarded, clip, scale) in
        [(false, f32::INFINITY, 1.0), (true, f32::INFINITY, 1024.0), (false, 0.5, 1.0), (true, 0.5, 8.0)]
    {
        let model = optimizer::adamw_graph(guarded);
        for step in 1..=20u64 {
            let settings = OptimizerSettings {
                learning_rate: 1e-2 / step as f32,
                weight_decay: 0.01,
                step,
                clip,
                loss_scale: scale,
            };
            let given: Array = (vec![5], settings.values().to_vec());
            let scaled: Array = (vec![n], gradient.1.iter().map(|g| g * scale).collect());
            let outputs = run(
                &model,
                &[
                    ("parameters", &parameters),
                    ("means", &means),
                    ("squares", &squares),
                    ("gradient", &scaled),
                    ("settings", &given),
                ],
                &[],
            );
            let cut = (f64::from(clip) / (norm + 1e-6)).min(1.0);
            for ([p, m, v], g) in reference.iter_mut().zip(&gradient.1) {
                let (g, rate, t) = (f64::from(*g) * cut, f64::from(settings.learning_rate), step as i32);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (m_hat, v_hat) = (*m / (1.0 - 0.9f64.powi(t)), *v / (1.0 - 0.999f64.powi(t)));
                *p = *p * (1.0 - rate * 0.01) - rate * m_hat / (v_hat.sqrt() + 1e-8);
            }
            parameters.1.clone_from(&outputs["new_parameters"]);
            means.1.clone_from(&outputs["new_means"]);
            squares.1.clone_from(&outputs["new_squares"]);
            assert!((f64::from(outputs["norm"][0]) - norm).abs() < 1e-4);
            for (found, [expected, ..]) in parameters.1.iter().zip(&reference) {
                assert!((f64::from(*found) - expected).abs() < 2e-6, "{guarded} {clip} {step}: {found} {expected}");
            }
        }
    }
    // With the guard, a gradient that is not finite changes nothing.
    let mut broken = gradient.clone();
    broken.1[3] = f32::INFINITY;
    broken.1[4] = f32::NAN;
    let settings = OptimizerSettings { learning_rate: 1e-2, weight_decay: 0.01, step: 21, clip: 1.0, loss_scale: 8.0 };
    let given: Array = (vec![5], settings.values().to_vec());
    let outputs = run(
        &optimizer::adamw_graph(true),
        &[
            ("parameters", &parameters),
            ("means", &means),
            ("squares", &squares),
            ("gradient", &broken),
            ("settings", &given),
        ],
        &[],
    );
    assert_eq!(
        (&outputs["new_parameters"], &outputs["new_means"], &outputs["new_squares"]),
        (&parameters.1, &means.1, &squares.1)
    );
    assert!(!outputs["norm"][0].is_finite());
}

/// The tiny BERT and all of its parameters.
fn tiny() -> (BertConfig, Vec<f32>) {
    let (config, weights) = bert::load(&fixture("tiny")).unwrap();
    (config, weights.flatten())
}

fn options(step: StepOptions, names: usize) -> EngineOptions {
    EngineOptions {
        device: Device::Cpu,
        threads: 1,
        step,
        dropout: 0.0,
        seed: 5,
        max_names: names,
        max_tokens: 25,
        chunked: false,
    }
}

fn step_options(pooling: Pooling, loss: Loss, mined: Option<f32>) -> StepOptions {
    StepOptions { pooling, loss, miner_margin: mined, dropout: false, half: false, frozen_layers: None }
}

/// OptimizerSettings of a step that changes no weight.
fn zero_step() -> OptimizerSettings {
    OptimizerSettings { learning_rate: 0.0, weight_decay: 0.0, step: 1, clip: f32::INFINITY, loss_scale: 1.0 }
}

fn batch(ids: &[Vec<i64>], labels: &[i64], chunk: usize) -> TrainingBatch {
    let names: Vec<&[i64]> = ids.iter().map(Vec::as_slice).collect();
    TrainingBatch {
        step: 0,
        pairs: ids.len() / 2,
        chunks: names.chunks(chunk).map(PackedNames::new).collect(),
        labels: labels.to_vec(),
    }
}

/// Norm of the difference, divided by the norm of `expected`.
fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = square(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    difference / square(&mut expected.iter().map(|&v| f64::from(v)))
}

/// The parts of a gradient by the tensor names of a checkpoint.
fn by_name(config: &BertConfig, gradient: &[f32]) -> bert::checkpoint::Tensors {
    weights::to_tensors(config, gradient)
}

#[derive(serde::Deserialize)]
struct Golden {
    ids: Vec<Vec<i64>>,
    labels: Vec<i64>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    pooling: String,
    loss: String,
    mined: bool,
    loss_value: f64,
    positives: u64,
    negatives: u64,
    #[serde(default)]
    gradients: BTreeMap<String, String>,
    #[serde(default)]
    projections: BTreeMap<String, [f64; 4]>,
}

#[test]
fn model_gradients_match_an_independent_implementation() {
    let text = fs_err::read_to_string(root().join("tests/golden/gradients.json")).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    let (config, parameters) = tiny();
    assert!(golden.cases.iter().filter(|case| !case.gradients.is_empty()).count() >= 2 && golden.cases.len() >= 7);
    for case in &golden.cases {
        let what = format!("{} {} {}", case.pooling, case.loss, case.mined);
        let pooling = if case.pooling == "cls" { Pooling::Cls } else { Pooling::Mean };
        let loss = match case.loss.as_str() {
            "ms" => Loss::MULTI_SIMILARITY,
            "circle" => Loss::CIRCLE,
            "infonce" => Loss::INFO_NCE,
            _ => Loss::TRIPLET,
        };
        let step = step_options(pooling, loss, case.mined.then_some(0.2));
        let mut engine = Engine::new(&RUNTIME, &config, options(step, golden.ids.len()), &parameters).unwrap();
        let outcome = engine.step(&batch(&golden.ids, &golden.labels, usize::MAX), &zero_step()).unwrap();
        assert_eq!((outcome.positives, outcome.negatives), (case.positives, case.negatives), "{what}");
        assert!(
            (f64::from(outcome.loss) - case.loss_value).abs() < 1e-5 * case.loss_value.abs(),
            "{what}: {outcome:?}"
        );
        let gradient = by_name(&config, &engine.gradient().unwrap());
        let (mut found, mut expected) = (vec![], vec![]);
        for (name, values) in &case.gradients {
            let bytes = BASE64_STANDARD.decode(values).unwrap();
            found.extend_from_slice(&gradient[name].data);
            expected.extend(bytes.as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)));
        }
        if !case.gradients.is_empty() {
            assert_eq!(found.len(), parameters.len(), "{what}");
            let error = relative_error(&found, &expected);
            assert!(error <= 1e-5, "{what}: {error:e}");
        }
        let length = f64::from(outcome.gradient_norm);
        for (name, expected) in &case.projections {
            for (k, expected) in expected.iter().enumerate() {
                let wave = |i: usize| ((i * (k + 1) + 1) as f64).sin();
                let found: f64 = gradient[name].data.iter().enumerate().map(|(i, g)| f64::from(*g) * wave(i)).sum();
                assert!((found - expected).abs() <= 2e-5 * length, "{what} {name}: {found} {expected}");
            }
        }
    }
}

/// Names of random tokens, two for each concept.
fn names(count: usize) -> (Vec<Vec<i64>>, Vec<i64>) {
    let mut random = Random::new(3);
    let ids = (0..count).map(|_| (0..3 + random.below(9)).map(|_| random.below(300) as i64).collect());
    (ids.collect(), (0..count as i64).map(|i| i / 2).collect())
}

#[test]
fn chunked_gradients_match_the_whole_batch() {
    let (config, parameters) = tiny();
    let (ids, labels) = names(24);
    for pooling in [Pooling::Cls, Pooling::Mean] {
        let step = step_options(pooling, Loss::MULTI_SIMILARITY, Some(0.2));
        let of = |chunk: usize| {
            let chunks = chunk < ids.len();
            let options = EngineOptions { chunked: chunks, ..options(step, ids.len()) };
            let mut engine = Engine::new(&RUNTIME, &config, options, &parameters).unwrap();
            let outcome = engine.step(&batch(&ids, &labels, chunk), &zero_step()).unwrap();
            (outcome, engine.gradient().unwrap())
        };
        let (whole, gradient) = of(usize::MAX);
        assert!(whole.positives > 0 && whole.negatives > 0 && whole.loss > 0.0);
        for chunk in [5, 8, 23] {
            let (chunked, other) = of(chunk);
            assert_eq!((whole.positives, whole.negatives), (chunked.positives, chunked.negatives));
            assert!((whole.loss - chunked.loss).abs() < 1e-6);
            let error = relative_error(&other, &gradient);
            assert!(error <= 1e-5, "{pooling:?} {chunk}: {error:e}");
        }
    }
}

#[test]
fn dropout_follows_from_the_seed_and_is_equal_in_both_passes() {
    let (config, parameters) = tiny();
    let (ids, labels) = names(24);
    let step = step_options(Pooling::Cls, Loss::MULTI_SIMILARITY, Some(0.2));
    let engine = |seed, number, chunk: usize, parameters: &[f32]| {
        let options =
            EngineOptions { dropout: 0.2, seed, chunked: chunk < 24, max_names: chunk.min(24), ..options(step, 24) };
        let mut engine = Engine::new(&RUNTIME, &config, options, parameters).unwrap();
        let batch = TrainingBatch { step: number, ..batch(&ids, &labels, chunk) };
        let outcome = engine.step(&batch, &zero_step()).unwrap();
        (outcome, engine.gradient().unwrap())
    };
    let (first, gradient) = engine(1, 0, 100, &parameters);
    assert_eq!((first, gradient.clone()), engine(1, 0, 100, &parameters), "the same seed and step");
    assert_ne!(first.loss, engine(2, 0, 100, &parameters).0.loss, "another seed");
    assert_ne!(first.loss, engine(1, 1, 100, &parameters).0.loss, "another step");
    // A small step against the chunked gradient lowers the chunked loss by the norm of the
    // gradient.
    let (chunked, gradient) = engine(1, 0, 8, &parameters);
    let length = f64::from(chunked.gradient_norm);
    let moved: Vec<f32> =
        parameters.iter().zip(&gradient).map(|(p, g)| p - (1e-3 * f64::from(*g) / length) as f32).collect();
    let fall = f64::from(chunked.loss) - f64::from(engine(1, 0, 8, &moved).0.loss);
    assert!((fall / (1e-3 * length) - 1.0).abs() < 0.05, "{fall} where {} was expected", 1e-3 * length);
}

#[test]
fn frozen_weights_have_no_gradient_and_do_not_change() {
    let (config, parameters) = tiny();
    let (ids, labels) = names(16);
    let step = step_options(Pooling::Cls, Loss::MULTI_SIMILARITY, None);
    let learn = |frozen_layers| {
        let step = StepOptions { frozen_layers, ..step };
        let mut engine = Engine::new(&RUNTIME, &config, options(step, 16), &parameters).unwrap();
        let settings = OptimizerSettings { learning_rate: 1e-3, ..zero_step() };
        engine.step(&batch(&ids, &labels, usize::MAX), &settings).unwrap();
        (engine.gradient().unwrap(), engine.state().unwrap().parameters)
    };
    let (all, _) = learn(None);
    for layers in [0, 1] {
        let frozen = training::frozen_values(&config, Some(layers));
        let named: usize = weights::parameter_specs(&config).iter().take(5 + 16 * layers).map(ParameterSpec::len).sum();
        assert_eq!(frozen, named);
        let (gradient, after) = learn(Some(layers));
        assert_eq!(gradient.len(), parameters.len() - frozen);
        assert!(relative_error(&gradient, &all[frozen..]) < 1e-6);
        assert_eq!(after[..frozen], parameters[..frozen]);
        assert_ne!(after[frozen..], parameters[frozen..]);
    }
}

#[test]
fn half_precision_gradients_are_close() {
    let (config, parameters) = tiny();
    let (ids, labels) = names(16);
    let of = |half, loss_scale| {
        let step = StepOptions { half, ..step_options(Pooling::Cls, Loss::MULTI_SIMILARITY, Some(0.2)) };
        let mut engine = Engine::new(&RUNTIME, &config, options(step, 16), &parameters).unwrap();
        let outcome =
            engine.step(&batch(&ids, &labels, usize::MAX), &OptimizerSettings { loss_scale, ..zero_step() }).unwrap();
        let gradient: Vec<f32> = engine.gradient().unwrap().iter().map(|g| g / loss_scale).collect();
        (outcome, gradient)
    };
    let (single, reference) = of(false, 1.0);
    let (half, gradient) = of(true, 1024.0);
    assert!((single.loss - half.loss).abs() < 1e-2 * single.loss);
    assert!((single.gradient_norm - half.gradient_norm).abs() < 2e-2 * single.gradient_norm);
    assert!(relative_error(&gradient, &reference) < 5e-2);
}
