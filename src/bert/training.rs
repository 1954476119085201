//! A step of training as graphs: a batch of names in, the loss and the gradient of all parameters out.
//!
//! Names are packed: their tokens lie one after another as rows, without padding, and only attention sees them side by side, in cells
//! `[names, tokens]`. Parameters come in one long vector, in the order of [`weights::named`]; what is not learned is another.
//!
//! Either one graph does everything, or, for batches larger than memory (GradCache: Gao et al. 2021, section 3), the names are encoded
//! chunk by chunk, one graph gives the loss and its derivative by the vectors of all names, and the chunks are computed again with that.
//!
//! Invariant: padding has no influence on the loss or any gradient, and a batch in chunks gives what it gives whole.

use std::collections::HashMap;

use crate::{
    bert::{
        BertConfig, Pooling,
        loss::{self, Loss},
        network::{self, Medium, Part, Place},
        optimizer::{GRADIENT, PARAMETERS},
        weights::{self, Named},
    },
    onnx::{
        graph::Value,
        message::{self, Attribute, Axis, DataType},
        tape::Tape,
    },
};

/// Inputs and outputs by name. Of the batch, int64: each row's token and its place in the name, `[rows]`; each cell's row,
/// `[names, tokens]`; each row's cell `[rows]`; each name's first row, `[names]`; each name's concept, `[names]`.
pub const TOKENS: &str = "tokens";
pub const PLACES: &str = "places";
pub const CELL_ROWS: &str = "cell_rows";
pub const ROW_CELLS: &str = "row_cells";
pub const FIRSTS: &str = "firsts";
pub const LABELS: &str = "labels";
/// float32 `[names, tokens]`: 1 where a cell has a token, 0 where it is padding.
pub const MASK: &str = "mask";
/// float32: parameters that are not learned.
pub const FROZEN: &str = "frozen";
/// float32 `[noise]`: what values are multiplied by for dropout.
pub const NOISE: &str = "noise";
/// float32 `[]`: what the gradient is multiplied by, in half precision.
pub const LOSS_SCALE: &str = "loss_scale";
/// float32 `[names, hidden]`: vectors, not normalized, and the derivative of the loss by them.
pub const VECTORS: &str = "vectors";
pub const VECTORS_GRADIENT: &str = "vectors_gradient";
/// Gradient of the chunks before.
pub const GRADIENT_SO_FAR: &str = "gradient_so_far";
/// float32 numbers: the loss, and how many pairs were mined.
pub const LOSS: &str = "loss";
pub const POSITIVES: &str = "positives";
pub const NEGATIVES: &str = "negatives";

/// What is trained, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOptions {
    pub pooling: Pooling,
    pub loss: Loss,
    /// Margin of the miner; none takes all pairs.
    pub mined: Option<f32>,
    pub dropout: bool,
    /// Products of matrices in float16, and a loss that is scaled for it.
    pub half: bool,
    /// The embeddings and so many of the lowest layers stay as they are.
    pub frozen_layers: Option<usize>,
}

/// Places where dropout is done: behind the embeddings, and in each layer the attention's weights, its output and the feed-forward's.
pub fn dropout_sites(config: &BertConfig) -> usize {
    1 + 3 * config.layers
}

/// int64 `[1]`: where in the noise that of a site begins.
pub fn noise_at(site: usize) -> String {
    format!("noise_at_{site}")
}

/// How many of the parameters are not learned: they come first.
pub fn frozen(config: &BertConfig, layers: Option<usize>) -> usize {
    let still = |named: &&Named| match layers {
        None => false,
        Some(layers) => {
            let layer = named.name.strip_prefix("encoder.layer.").and_then(|rest| rest.split('.').next()?.parse().ok());
            layer.is_none_or(|layer: usize| layer < layers)
        }
    };
    weights::named(config).iter().take_while(still).map(Named::len).sum()
}

/// Names in, vectors out. With `dropout` as a step in chunks needs it, else for names that are only to be looked at.
pub fn encode(config: &BertConfig, options: &StepOptions, dropout: bool) -> message::Model {
    let options = StepOptions { dropout, ..*options };
    let mut trainer = Trainer::new(config, &options, false);
    let vectors = network::write(&mut trainer, config, options.pooling);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    trainer.tape.graph.output(VECTORS, &vectors, DataType::Float, &axes);
    trainer.tape.graph.finish("encode")
}

/// Names and their labels in; loss and gradient out.
pub fn whole(config: &BertConfig, options: &StepOptions) -> message::Model {
    let mut trainer = Trainer::new(config, options, true);
    let vectors = network::write(&mut trainer, config, options.pooling);
    write_loss(&mut trainer.tape, &vectors, options);
    trainer.finish(None)
}

/// Vectors and labels in; loss and its derivative by the vectors out.
pub fn loss_of_vectors(config: &BertConfig, options: &StepOptions) -> message::Model {
    let mut tape = Tape::new(DataType::Float);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    let vectors = tape.graph.input(VECTORS, DataType::Float, &axes);
    tape.learn(&vectors);
    write_loss(&mut tape, &vectors, options);
    tape.backward();
    let gradient = tape.gradient(&vectors).cloned().unwrap_or(vectors);
    tape.graph.output(VECTORS_GRADIENT, &gradient, DataType::Float, &axes);
    tape.graph.finish("loss")
}

/// Names of a chunk and the derivative of the loss by their vectors in; the gradient with that of the chunks before out.
pub fn chunk(config: &BertConfig, options: &StepOptions) -> message::Model {
    let mut trainer = Trainer::new(config, options, true);
    let vectors = network::write(&mut trainer, config, options.pooling);
    let axes = [Axis::Free("names"), Axis::Fixed(config.hidden)];
    let gradient = trainer.tape.graph.input(VECTORS_GRADIENT, DataType::Float, &axes);
    trainer.tape.pass(&vectors, |_| gradient);
    let before = trainer.tape.graph.input(GRADIENT_SO_FAR, DataType::Float, &[Axis::Free("parameters")]);
    trainer.finish(Some(before))
}

/// Writes the loss of some vectors, and passes its derivative to them.
fn write_loss(tape: &mut Tape, vectors: &str, options: &StepOptions) {
    let labels = tape.graph.input(LABELS, DataType::Int64, &[Axis::Free("names")]);
    let unit = tape.unit(vectors);
    let similarities = tape.similarities(&unit);
    let written = loss::write(tape, &similarities, &labels, options.loss, options.mined);
    let slope = if options.half {
        let scale = tape.graph.input(LOSS_SCALE, DataType::Float, &[]);
        tape.graph.op("Mul", &[&written.slope, &scale])
    } else {
        written.slope
    };
    tape.pass(&similarities, |_| slope);
    for (name, value) in [(LOSS, written.loss), (POSITIVES, written.positives), (NEGATIVES, written.negatives)] {
        tape.graph.output(name, &value, DataType::Float, &[]);
    }
}

/// Packed names, and weights that are inputs.
struct Trainer<'a> {
    tape: Tape,
    config: &'a BertConfig,
    parameters: HashMap<String, Value>,
    /// Those that are learned, in order.
    learned: Vec<Value>,
    cell_rows: Value,
    row_cells: Value,
    firsts: Value,
    /// `[names, tokens, 1]`
    mask: Value,
    bias: Value,
    noise: Option<Value>,
    sites: usize,
}

impl<'a> Trainer<'a> {
    fn new(config: &'a BertConfig, options: &StepOptions, learn: bool) -> Self {
        let mut tape = Tape::new(DataType::Float);
        if options.half {
            tape = tape.with_half_products();
        }
        let (names, tokens) = (Axis::Free("names"), Axis::Free("tokens"));
        let cell_rows = tape.graph.input(CELL_ROWS, DataType::Int64, &[names, tokens]);
        let row_cells = tape.graph.input(ROW_CELLS, DataType::Int64, &[Axis::Free("rows")]);
        let mask = tape.graph.input(MASK, DataType::Float, &[names, tokens]);
        let firsts = match options.pooling {
            Pooling::Cls => tape.graph.input(FIRSTS, DataType::Int64, &[names]),
            Pooling::Mean => String::new(),
        };
        let noise = options.dropout.then(|| tape.graph.input(NOISE, DataType::Float, &[Axis::Free("noise")]));
        let axes = tape.graph.ints(&[1, 2]);
        let row = tape.graph.op("Unsqueeze", &[&mask, &axes]);
        let (one, far) = (tape.scalar(1.0), tape.scalar(-10_000.0));
        let bias = tape.graph.op("Sub", &[&one, &row]);
        let bias = tape.graph.op("Mul", &[&bias, &far]);
        let axis = tape.graph.ints(&[2]);
        let mask = tape.graph.op("Unsqueeze", &[&mask, &axis]);
        let (parameters, learned) = parameters(&mut tape, config, options.frozen_layers, learn);
        Self { tape, config, parameters, learned, cell_rows, row_cells, firsts, mask, bias, noise, sites: 0 }
    }

    /// Writes all gradients, as one output.
    fn finish(mut self, before: Option<Value>) -> message::Model {
        self.tape.backward();
        let unit = unit(self.config);
        let g = &mut self.tape;
        let (whole, units) = (g.graph.ints(&[-1]), g.graph.ints(&[-1, unit]));
        let mut parts = vec![];
        for value in &self.learned {
            let gradient = match g.gradient(value).cloned() {
                Some(gradient) => gradient,
                // Nothing depends on it.
                None => g.graph.op("Sub", &[value, value]),
            };
            parts.push(g.graph.op("Reshape", &[&gradient, &units]));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let gradient = g.graph.op_with("Concat", &parts, vec![Attribute::int("axis", 0)]);
        let mut gradient = g.graph.op("Reshape", &[&gradient, &whole]);
        if let Some(before) = before {
            gradient = g.graph.op("Add", &[&before, &gradient]);
        }
        g.graph.output(GRADIENT, &gradient, DataType::Float, &[Axis::Free("parameters")]);
        self.tape.graph.finish("step")
    }

    fn parameter(&self, name: &str, part: &str) -> Value {
        self.parameters[&format!("{name}.{part}")].clone()
    }

    fn product(&mut self, name: &str, rows: &str) -> Value {
        let (weight, bias) = (self.parameter(name, "weight"), self.parameter(name, "bias"));
        self.tape.linear(rows, &weight, &bias)
    }

    /// Each cell's row, `[names, tokens, hidden]`. Padding holds some row and has no gradient, so that each row has that of its cell.
    fn cells(&mut self, rows: &str) -> Value {
        let cells = self.tape.graph.op("Gather", &[rows, &self.cell_rows]);
        let (input, row_cells, hidden) = (rows.to_owned(), self.row_cells.clone(), self.config.hidden as i64);
        self.tape.note(&[rows], &cells, move |t, g| {
            t.pass(&input, |t| {
                let shape = t.graph.ints(&[-1, hidden]);
                let cells = t.graph.op("Reshape", &[g, &shape]);
                t.graph.op("Gather", &[&cells, &row_cells])
            });
        });
        cells
    }
}

/// A size that divides that of each parameter; of a BERT mostly `hidden`. Parameters are cut out of one tensor and gradients put into one in
/// units of it, since ONNX Runtime makes and copies a table of the whole axis for each run of a `Split` or `Concat` on CUDA: of single values
/// that took 1.5 of 1.6 seconds of a step.
fn unit(config: &BertConfig) -> i64 {
    fn divisor(a: i64, b: i64) -> i64 {
        if b == 0 { a } else { divisor(b, a % b) }
    }
    weights::named(config).iter().fold(0, |unit, named| divisor(unit, named.len() as i64)).max(1)
}

/// The parameters in their shapes, and the values of those that are learned.
fn parameters(
    tape: &mut Tape,
    config: &BertConfig,
    frozen_layers: Option<usize>,
    learn: bool,
) -> (HashMap<String, Value>, Vec<Value>) {
    let (named, still, unit) = (weights::named(config), frozen(config, frozen_layers), unit(config));
    let mut begin = 0;
    let (frozen, learned): (Vec<&Named>, Vec<&Named>) = named.iter().partition(|named| {
        begin += named.len();
        begin <= still
    });
    let mut all = HashMap::new();
    let mut values = vec![];
    for (input, named, learned) in [(FROZEN, frozen, false), (PARAMETERS, learned, true)] {
        if named.is_empty() {
            continue;
        }
        let count = named.iter().map(|named| named.len()).sum();
        let flat = tape.graph.input(input, DataType::Float, &[Axis::Fixed(count)]);
        let units = tape.graph.ints(&[-1, unit]);
        let units = tape.graph.op("Reshape", &[&flat, &units]);
        let sizes: Vec<i64> = named.iter().map(|named| named.len() as i64 / unit).collect();
        for (part, named) in tape.graph.split(&units, &sizes).into_iter().zip(named) {
            let shape: Vec<i64> = named.shape.iter().map(|&n| n as i64).collect();
            let shape = tape.graph.ints(&shape);
            let value = tape.graph.op("Reshape", &[&part, &shape]);
            if learned && learn {
                tape.learn(&value);
                values.push(value.clone());
            }
            all.insert(named.name.clone(), value);
        }
    }
    (all, values)
}

impl Medium for Trainer<'_> {
    fn tape(&mut self) -> &mut Tape {
        &mut self.tape
    }

    fn embeddings(&mut self) -> Value {
        let axes = [Axis::Free("rows")];
        let tokens = self.tape.graph.input(TOKENS, DataType::Int64, &axes);
        let places = self.tape.graph.input(PLACES, DataType::Int64, &axes);
        let [words, positions, types] =
            [weights::WORDS, weights::POSITIONS, weights::TOKEN_TYPES].map(|name| self.parameters[name].clone());
        let words = self.tape.look_up(&words, &tokens);
        let positions = self.tape.look_up(&positions, &places);
        let sum = self.tape.add(&words, &positions);
        // Every name is one segment, so that its token type is always 0.
        let first = self.tape.graph.ints(&[0]);
        let type_0 = self.tape.look_up(&types, &first);
        self.tape.shift(&sum, &type_0)
    }

    fn firsts(&mut self, rows: &str) -> Value {
        let firsts = self.firsts.clone();
        self.tape.pick(rows, &firsts)
    }

    fn means(&mut self, rows: &str) -> Value {
        let cells = self.cells(rows);
        let mask = self.mask.clone();
        self.tape.mean(&cells, &mask)
    }

    fn projections(&mut self, layer: usize, queried: &str, rows: &str) -> [Value; 3] {
        let name = weights::layer_name(layer);
        let queries = self.product(&format!("{name}.{}", weights::QUERY), queried);
        let scale = ((self.config.hidden / self.config.heads) as f32).sqrt().recip();
        let scale = self.tape.scalar(scale);
        let queries = self.tape.times(&queries, &scale);
        let [keys, values] = [weights::KEY, weights::VALUE].map(|part| self.product(&format!("{name}.{part}"), rows));
        [queries, keys, values]
    }

    fn heads(&mut self, rows: &str, firsts: bool) -> Value {
        let (heads, head) = (self.config.heads as i64, (self.config.hidden / self.config.heads) as i64);
        if firsts {
            let shape = self.tape.graph.ints(&[-1, 1, heads, head]);
            return self.tape.reshape(rows, &shape);
        }
        let cells = self.cells(rows);
        let shape = self.tape.graph.ints(&[0, 0, heads, head]);
        self.tape.reshape(&cells, &shape)
    }

    fn rows(&mut self, heads: &str, firsts: bool) -> Value {
        let hidden = self.config.hidden as i64;
        let shape = self.tape.graph.ints(&[-1, hidden]);
        let cells = self.tape.reshape(heads, &shape);
        if firsts {
            return cells;
        }
        let rows = self.tape.graph.op("Gather", &[&cells, &self.row_cells]);
        let (input, cell_rows, mask) = (cells.clone(), self.cell_rows.clone(), self.mask.clone());
        self.tape.note(&[&cells], &rows, move |t, g| {
            t.pass(&input, |t| {
                let gathered = t.graph.op("Gather", &[g, &cell_rows]);
                let kept = t.graph.op("Mul", &[&gathered, &mask]);
                let shape = t.graph.ints(&[-1, hidden]);
                t.graph.op("Reshape", &[&kept, &shape])
            });
        });
        rows
    }

    fn bias(&self) -> Value {
        self.bias.clone()
    }

    fn linear(&mut self, layer: usize, part: Part, rows: &str) -> Value {
        let part = match part {
            Part::AttentionOutput => weights::ATTENTION_OUTPUT,
            Part::Intermediate => weights::INTERMEDIATE,
            Part::Output => weights::OUTPUT,
        };
        self.product(&format!("{}.{part}", weights::layer_name(layer)), rows)
    }

    fn norm(&mut self, place: Place, rows: &str) -> Value {
        let name = match place {
            Place::Embeddings => weights::NORM.to_owned(),
            Place::Attention(layer) => format!("{}.{}", weights::layer_name(layer), weights::ATTENTION_NORM),
            Place::Output(layer) => format!("{}.{}", weights::layer_name(layer), weights::OUTPUT_NORM),
        };
        let (weight, bias) = (self.parameter(&name, "weight"), self.parameter(&name, "bias"));
        self.tape.norm(rows, &weight, &bias, self.config.layer_norm_eps)
    }

    fn dropout(&mut self, value: Value) -> Value {
        let Some(noise) = &self.noise else { return value };
        let g = &mut self.tape.graph;
        let begin = g.input(&noise_at(self.sites), DataType::Int64, &[Axis::Fixed(1)]);
        self.sites += 1;
        let size = g.op("Size", &[&value]);
        let end = g.op("Add", &[&begin, &size]);
        let factors = g.op("Slice", &[noise, &begin, &end]);
        let shape = g.op("Shape", &[&value]);
        let factors = g.op("Reshape", &[&factors, &shape]);
        self.tape.times(&value, &factors)
    }
}
